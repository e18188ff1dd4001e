"""Answers kept between runs, so that a question that was asked before costs nothing.

An entry is named by everything that was sent, and signed under a secret of whoever asks: a place that somebody else has
filled holds no answers for us.
"""

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from pydantic import TypeAdapter

from cicd_agent.adapters.cache.blob_store import MAX_BLOB, LayeredStore, Namespace, Unusable, mac, sign, verify
from cicd_agent.adapters.tape import canonical
from cicd_agent.agent.messages import Model, Reply, Request, Stop
from cicd_agent.domain.usage import Usage

ANSWERS: Final = Namespace("answers", "answers", r"[0-9a-f]{64}\.json", 1_000)

_SIGNED = 100
"""Bytes for the signature and the time."""
_AHEAD = 3600.0
"""Seconds by which the clock of another machine may be ahead."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """`at` is when it was answered, in seconds since 1970."""

    at: float
    reply: Reply


_ENTRY: TypeAdapter[_Entry] = TypeAdapter(_Entry)


class _Fresh(threading.local):
    """What was answered to the question that this thread asks, by the name of its entry."""

    def __init__(self) -> None:
        self.replies: dict[str, Reply] = {}


class AnswerCache:
    """A Model that asks another one only what no run has asked in the last `seconds`.

    What was answered in this run is stored by `save`, when the question has come to a good end: an answer that was not
    accepted would be the same in every run. A question is asked in one thread: of others, `save` knows nothing.
    """

    def __init__(
        self,
        model: Model,
        store: LayeredStore,
        *,
        secret: bytes,
        scope: Mapping[str, str],
        seconds: float,
        redact: Callable[[str], str],
        now: Callable[[], float],
    ) -> None:
        self._model = model
        self._store = store
        self._secret = secret
        self._scope = dict(scope)
        self._seconds = seconds
        self._redact = redact
        self._now = now
        self._fresh = _Fresh()

    @property
    def name(self) -> str:
        return self._model.name

    def complete(self, request: Request) -> Reply:
        """The cached answer, which cost nothing now; else the model's."""
        question = json.dumps({"scope": self._scope, **canonical(request, self.name)})
        name = f"{mac(self._secret, 'question', question.encode())}.json"
        if cached := self._store.load(name, lambda blob: self._decode(name, blob)):
            usage = Usage(from_cache=1, spared_input=cached.usage.input, spared_output=cached.usage.output)
            return replace(cached, usage=usage)
        reply = self._model.complete(request)
        # What holds a secret is not for the cache; what is not whole might be so the next time.
        text = _text(_Entry(0, reply))
        if reply.stop is Stop.DONE and len(text) + _SIGNED < MAX_BLOB and self._redact(text) == text:
            self._fresh.replies[name] = reply
        return reply

    def save(self) -> None:
        """Write what was answered since the last time, and remove what is too old or too much."""
        bodies = {name: _text(_Entry(self._now(), reply)).encode() for name, reply in self._fresh.replies.items()}
        self._store.save({name: sign(self._secret, name, body) for name, body in bodies.items()})
        self._fresh.replies.clear()

    def discard(self) -> None:
        self._fresh.replies.clear()

    def _decode(self, name: str, blob: bytes) -> Reply | Unusable:
        body = verify(self._secret, name, blob)
        try:
            entry = _ENTRY.validate_json(body or b"", strict=True)
        except ValueError:
            return Unusable.DAMAGED
        return entry.reply if -_AHEAD <= self._now() - entry.at <= self._seconds else Unusable.OLD


def _text(entry: _Entry) -> str:
    return json.dumps(_ENTRY.dump_python(entry))
