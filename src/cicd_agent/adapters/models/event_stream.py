"""What a server answers, whole or as a stream of events, read into the one document that a whole answer would be."""

import codecs
import io
import itertools
import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Protocol

from cicd_agent.adapters.models.errors import ExchangeError, Trouble
from cicd_agent.adapters.models.json_reader import load
from cicd_agent.domain.usage import Usage

if TYPE_CHECKING:
    from cicd_agent.adapters.models.transport import Deadline

MAX_ANSWER_BYTES = 16_000_000
# Around every token of a stream there are some hundred bytes of JSON, which are not kept.
_FRAMING = 4
# A stream that has begun may be silent for so long. One went on after 8.5 minutes, when clients that give up after 5
# had long asked again and paid twice: https://github.com/openai/codex/issues/39771. The SDK's own limit is as long.
# Before the first event nothing is guessed: vLLM sends none while a request waits or its prompt is being read
# (https://github.com/vllm-project/vllm/issues/47647), and a host that is dead is found by TCP.
MAX_SILENCE = 600.0
# When an answer is whole, only the count of its tokens is still to come.
_AFTERMATH = 30.0

_FIELD = re.compile(rb"(?:data|event|id|retry)?:")
_LONGEST_FIELD = len(b"event:")


class Assembly(Protocol):
    """The parts of one streamed answer, put together by a dialect."""

    @property
    def begun(self) -> bool:
        """Whether an event of the answer has arrived: the question was taken up, and is paid in part."""
        ...

    @property
    def tokens(self) -> int:
        """How many tokens of it have arrived, by estimate. Hidden reasoning is not among them."""
        ...

    @property
    def usage(self) -> Usage | None:
        """What the server said it used, None when it has not."""
        ...

    def add(self, name: str, data: str) -> bool:
        """Take one event; whether it is the last."""
        ...

    @property
    def whole(self) -> bool:
        """Whether nothing is missing, but perhaps what it cost."""
        ...

    def document(self) -> object:
        """The same as an answer that was not streamed."""
        ...


def receive(chunks: Iterable[bytes], parts: Assembly, deadline: "Deadline") -> object:
    """The document of an answer. Raises ExchangeError when it is none, or not whole."""
    chunks = bounded(chunks, MAX_ANSWER_BYTES, framing=_FRAMING)
    start, streamed = b"", None
    for chunk in chunks:
        start = (start + chunk).lstrip()
        if (streamed := is_event_stream(start)) is not None:
            break
    chunks = itertools.chain([start], chunks)
    if not streamed:
        return _whole(b"".join(bounded(chunks, MAX_ANSWER_BYTES)))
    _assemble(chunks, parts, deadline)
    try:
        return parts.document()
    except (ValueError, RecursionError):
        raise ExchangeError(Trouble.UNREADABLE, "nested too deeply") from None


def _assemble(chunks: Iterable[bytes], parts: Assembly, deadline: "Deadline") -> None:
    seen = False
    try:
        for name, data in events(chunks):
            seen = True
            if parts.add(name, data):
                break
            deadline.idle = _AFTERMATH if parts.whole else MAX_SILENCE
    except ExchangeError:
        if not parts.whole:
            raise
    if not parts.whole and seen and not parts.begun:
        raise ExchangeError(Trouble.UNREADABLE, "a stream of other events")
    if not parts.whole:
        raise ExchangeError(Trouble.BROKEN, "it ended in the middle")


def _whole(answer: bytes) -> object:
    try:
        return load(answer)
    except ValueError as error:
        what = "an HTML page" if answer.lstrip()[:1] == b"<" else f"not JSON: {error}"
        raise ExchangeError(Trouble.UNREADABLE, what) from None


def bounded(chunks: Iterable[bytes], limit: int, *, framing: int = 1) -> Iterator[bytes]:
    """The chunks of no more than `limit` bytes, `framing` times as many with what is around. Raises ExchangeError."""
    total = 0
    for chunk in chunks:
        total += len(chunk)
        if total > limit * framing:
            raise ExchangeError(Trouble.UNREADABLE, f"over {limit:,} bytes")
        yield chunk


def is_event_stream(start: bytes) -> bool | None:
    """Whether a body that starts like this is a stream of events, None when more of it is needed to tell.

    Its content type is not asked: some servers stream as application/json, others send JSON as text/event-stream.
    """
    start = start.removeprefix(codecs.BOM_UTF8).lstrip()
    if _FIELD.match(start):
        return True
    return None if len(start) < _LONGEST_FIELD and start[:1] not in (b"{", b"[", b"<") else False


def events(chunks: Iterable[bytes]) -> Iterator[tuple[str, str]]:
    """The name ("" for none) and data of each event, the last one also without its blank line.

    https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
    """
    name, data = "", list[str]()
    for line in _lines(chunks):
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if not line:
            if data:
                yield name, "\n".join(data)
            name, data = "", []
        elif field == "event":
            name = value
        elif field == "data":
            data.append(value)
    if data:
        yield name, "\n".join(data)


def _lines(chunks: Iterable[bytes]) -> Iterator[str]:
    decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder("utf-8-sig")("replace"), translate=True)
    begun: list[str] = []
    for chunk in chunks:
        first, *others = decoder.decode(chunk).split("\n")
        begun.append(first)
        for piece in others:
            yield "".join(begun)
            begun = [piece]
    yield from "".join([*begun, decoder.decode(b"", final=True)]).split("\n")
