"""Machines that share a Redis: what each of them keeps, notes and is spared."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cicd_agent.adapters.cache.answers import ANSWERS, AnswerCache
from cicd_agent.adapters.cache.blob_store import BlobStore, LayeredStore, Limits, Namespace
from cicd_agent.adapters.cache.folder import FolderStore
from cicd_agent.adapters.cache.incremental_state import STATE, StateCache
from cicd_agent.adapters.cache.redis import RedisServer, RedisStore
from cicd_agent.adapters.cache.redis_url import parse_address
from tests.adapters.models.questions import request
from tests.support.fakes.scripted_model import ScriptedModel, Step

NOW = 1_790_000_000.0


@dataclass
class Machine:
    """One run on one machine, with a directory or without; `now` is its clock."""

    server: RedisServer
    folder: Path | None = None
    limits: Limits = field(default_factory=lambda: Limits.of(ANSWERS, 50, 30))
    now: float = NOW
    notes: list[str] = field(default_factory=list)

    def store(self, namespace: Namespace, *, nearest: bool = True) -> LayeredStore:
        stores: list[BlobStore] = []
        if self.folder is not None:
            note = self.notes.append
            stores.append(FolderStore(self.folder, namespace, self.limits, now=lambda: self.now, note=note))
        stores.append(RedisStore(self.server, namespace, self.limits))
        return LayeredStore(stores if nearest else stores[::-1], self.notes.append)

    def cache(self, *steps: Step, **changes: Any) -> AnswerCache:
        own: dict[str, Any] = {
            "secret": b"s",
            "scope": {},
            "seconds": self.limits.seconds,
            "redact": str,
            "now": lambda: self.now,
        }
        return AnswerCache(ScriptedModel(*steps, name="m"), self.store(ANSWERS), **(own | changes))

    def ask(self, text: str, **changes: Any) -> bool:
        """Ask a question whose answer is the text, and keep that; whether the model was asked."""
        cache = self.cache(text, **changes)
        reply = cache.complete(request(evidence=text))
        assert reply.text == text
        cache.save()
        return not reply.usage.from_cache

    @property
    def states(self) -> StateCache:
        return StateCache(self.store(STATE, nearest=False), secret=b"s")


@contextmanager
def machine(
    url: str, folder: Path | None = None, *, ca_bundle: str = "", most: float = 50_000_000, days: float = 30
) -> Iterator[Machine]:
    """A run, with its line to the server."""
    notes: list[str] = []
    server = RedisServer(parse_address(url), ca_bundle=ca_bundle, max_bytes=most, note=notes.append)
    with ExitStack() as closing:
        closing.callback(server.close)
        limits = replace(Limits.of(ANSWERS, 50, days), size=most)
        yield Machine(server, folder, limits, notes=notes)
