"""Plays a recorded conversation strictly: what differs from it fails the test."""

from pathlib import Path
from types import TracebackType
from typing import Self

from cicd_agent.adapters.tape import MAX_BYTES, Player, key_of, load_tape
from cicd_agent.agent.messages import Reply, Request
from cicd_agent.domain.text.words import count


class Cassette(Player):
    """A Player for tests: what is not on the tape fails at once, what was not asked for at the end of `with`.

    Record one by running against a server with a Recorder.
    """

    def __init__(self, path: Path, name: str) -> None:
        raw = path.read_bytes()[: MAX_BYTES + 1]
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
