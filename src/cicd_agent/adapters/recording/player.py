"""Models that answer from a tape: the replay of a run, and the strict cassette of a test."""

from collections import defaultdict, deque
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from cicd_agent.adapters.recording.tape import MOST_BYTES, Exchange, canonical, key_of, load_tape
from cicd_agent.agent.messages import Reply, Request
from cicd_agent.domain.json_difference import differences
from cicd_agent.domain.text.words import count
from cicd_agent.errors import ModelUnavailable


class Player:
    """Answers each request as the tape has it, known by its key; the same request twice gets the replies in order."""

    def __init__(self, exchanges: Sequence[Exchange], name: str) -> None:
        self.name = name
        self.ended = 0.0
        """When the last of the replies that were played was there, in seconds since 1970."""
        self.missed: list[str] = []
        """How each request that the tape does not hold differs from what it holds."""
        self._exchanges = exchanges
        self._left: dict[str, deque[Exchange]] = defaultdict(deque)
        for exchange in exchanges:
            self._left[exchange.key].append(exchange)

    def complete(self, request: Request) -> Reply:
        """The recorded reply or failure. ModelUnavailable when the tape does not hold this request."""
        left = self._left[key_of(request, self.name)]
        if not left:
            self.missed.append(self._nearest(request))
            raise ModelUnavailable("the tape does not hold this request", why=self.missed[-1])
        exchange = left.popleft()
        self.ended = max(self.ended, sent_at(exchange) + exchange.seconds)
        if exchange.failure:
            raise exchange.failure.error()
        if exchange.reply is None:
            raise ModelUnavailable("the tape holds no reply to this request")
        return exchange.reply

    def unused(self) -> int:
        """How many exchanges were not asked for."""
        return sum(map(len, self._left.values()))

    def _nearest(self, request: Request) -> str:
        """How it differs from the recorded request that is most like it."""
        asked = canonical(request, self.name)
        found = [list(differences(canonical(each.request, each.model), asked)) for each in self._exchanges]
        if not found:
            return "it is empty"
        nearest = min(range(len(found)), key=lambda index: len(found[index]))
        if not found[nearest]:
            return f"request {nearest + 1} reads the same, but was played already or held what is redacted"
        return f"request {nearest + 1} is nearest, and differs in {found[nearest][0]}"


def sent_at(exchange: Exchange) -> float:
    """When it was sent, in seconds since 1970; a tape is not ours to trust, and 0 stands for what is no time."""
    try:
        return datetime.fromisoformat(exchange.at).timestamp()
    except (ValueError, OverflowError):
        return 0.0


class Cassette(Player):
    """A Player for tests: what is not on the tape fails at once, what was not asked for at the end of `with`.

    Record one by running against a server with a Recorder.
    """

    def __init__(self, path: Path, name: str) -> None:
        raw = path.read_bytes()[: MOST_BYTES + 1]
        super().__init__(load_tape(raw, path.name)[1], name)

    def complete(self, request: Request) -> Reply:
        """The recorded reply or failure; an AssertionError that names the first difference when there is none."""
        if not self._left[key_of(request, self.name)]:
            raise AssertionError(f"a request is not on the cassette: {self._nearest(request)}")
        return super().complete(request)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None and self.unused():
            raise AssertionError(f"{count(self.unused(), 'exchange')} of the cassette not asked for")
