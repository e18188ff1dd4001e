"""What a run spent its time on: named stretches of it, for metrics and traces. No decision rests on it."""

import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

Value = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a run, in seconds of the timeline's clock, which never goes back.

    `name` is one of a few ("gather", "ask", "model", "perform", …); what differs between runs is in `attributes`.
    `parent` is the number of the span that it lies in, by the order of their beginnings, -1 for none. `failed` says in
    one word why it did not come to its end, "" when it did.
    """

    name: str
    began: float
    ended: float
    number: int = 0
    parent: int = -1
    attributes: Mapping[str, Value] = field(default_factory=dict)
    failed: str = ""

    @property
    def seconds(self) -> float:
        return max(0.0, self.ended - self.began)


class Timeline:
    """The spans of one run; threads that are started meanwhile may add to it.

    `epoch` is what the wall clock said (seconds since 1970) when the other clock said `origin`.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, epoch: float = 0.0) -> None:
        self.clock = clock
        self.origin = clock()
        self.epoch = epoch
        self._lock = threading.Lock()
        self._spans: list[Span] = []
        self._count = 0
        self._within = threading.local()

    @property
    def spans(self) -> tuple[Span, ...]:
        with self._lock:
            return tuple(sorted(self._spans, key=lambda span: span.number))

    @contextmanager
    def stage(self, name: str, **attributes: Value) -> Iterator[dict[str, Value]]:
        """Time what is done within; more attributes may be put into what it yields."""
        with self._lock:
            number, self._count = self._count, self._count + 1
        parent = getattr(self._within, "number", -1)
        self._within.number = number
        began = self.clock()
        try:
            yield attributes
        finally:
            raised = sys.exc_info()[0]
            failed = raised.__name__ if raised else ""
            self._within.number = parent
            span = Span(name, began, self.clock(), number, parent, attributes, failed)
            with self._lock:
                self._spans.append(span)
