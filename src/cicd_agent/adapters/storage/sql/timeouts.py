"""A connection to PostgreSQL whose server is waited for only so long: one may accept it, and never answer."""

import time
from typing import Any, TypeVar

from psycopg import Connection, OperationalError
from psycopg.abc import PQGen
from psycopg.rows import TupleRow

_FIRST_SECONDS = 10.0

T = TypeVar("T")


class WaitingConnection(Connection[TupleRow]):
    """`silence` is how many seconds may pass without a word of the server: its own limits, and the way there."""

    silence: float = _FIRST_SECONDS

    def wait(self, gen: PQGen[T], *more: Any, **named: Any) -> T:
        """As ever; raises OperationalError when the server is silent for too long, and then the connection is over."""
        return super().wait(self._heard(gen), *more, **named)

    def _heard(self, gen: PQGen[T]) -> PQGen[T]:
        last = time.monotonic()
        try:
            wanted = next(gen)
            while True:
                ready = yield wanted
                if ready:
                    last = time.monotonic()
                elif time.monotonic() - last > self.silence:
                    # It waits for an answer, and would again for one to a ROLLBACK.
                    self.close()
                    raise OperationalError(f"timed out: no answer within {self.silence:g} s")
                wanted = gen.send(ready)
        except StopIteration as end:
            found: T = end.value
            return found
