"""Every failure a user can meet, in one place: what it means, its exit code, and what to do about it."""

from enum import IntEnum
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from pydantic import ValidationError


class Exit(IntEnum):
    """Exit codes of the process; the table in docs/explanation/architecture.md says which mode uses which."""

    OK = 0
    STOP = 1
    CONFIG = 2
    FORGE = 3
    MODEL = 4
    BUDGET = 5
    MISBEHAVED = 6
    BUG = 70
    CANCELLED = 130


class AgentError(Exception):
    """A failure that is not a bug of ours. `str()` is one line: what happened (why). What to do."""

    exit: ClassVar[Exit] = Exit.BUG

    def __init__(self, what: str, *, why: str = "", remedy: str = "") -> None:
        self.what = what
        self.why = why
        self.remedy = remedy
        super().__init__(what, why, remedy)

    def __str__(self) -> str:
        line = self.what.rstrip(". ")
        if self.why:
            line += f" ({self.why.rstrip('. ')})"
        if self.remedy:
            line += f"{'' if line.endswith('?') else '.'} {self.remedy.rstrip('. ')}"
        # One line whatever the parts hold: foreign text must not start a second one.
        return " ".join(f"{line}.".split())


class Cancelled(AgentError):
    """Somebody ended the run: the runner's SIGTERM, or Ctrl-C at a terminal."""

    exit = Exit.CANCELLED


class ConfigError(AgentError):
    """An input, an option, the event or the checkout is wrong: nothing can be done before it is fixed."""

    exit = Exit.CONFIG


class StoreRefused(AgentError):
    """The audit log cannot be used: locked, read-only, full, damaged, or of another version."""

    exit = Exit.CONFIG


class NotifierRefused(AgentError):
    """A message could not be delivered; nothing else suffers by it."""

    exit = Exit.FORGE


class ForgeRefused(AgentError):
    """GitHub said no, or could not be reached: permission, fork, rate limit, outage.

    `status` is the HTTP status, 0 when there was no answer.
    """

    exit = Exit.FORGE

    def __init__(self, what: str, *, why: str = "", remedy: str = "", status: int = 0) -> None:
        super().__init__(what, why=why, remedy=remedy)
        self.status = status

    @property
    def is_unauthorized(self) -> bool:
        """Whether the token is wrong or has expired, which no later run fixes."""
        return self.status == 401  # noqa: PLR2004


class RateLimited(ForgeRefused):
    """GitHub's rate limit turned a request away, which says nothing of what the token may do: `status` is always 429.

    It is lifted in `seconds`, at `reset` (seconds since the epoch, by GitHub's clock).
    """

    def __init__(self, what: str, *, why: str, remedy: str, seconds: float, reset: float) -> None:
        super().__init__(what, why=why, remedy=remedy, status=429)
        self.seconds = seconds
        self.reset = reset


class ModelUnavailable(AgentError):
    """No model answered: no key, wrong key, server down, long rate limit.

    `requests` were sent for nothing; of these `lost` got no whole response, so that nobody knows what they cost.
    `known` are the tokens, in and out, that the server counted for the others.
    """

    exit = Exit.MODEL

    def __init__(
        self,
        what: str,
        *,
        why: str = "",
        remedy: str = "",
        requests: int = 0,
        lost: int = 0,
        known: tuple[int, int] = (0, 0),
    ) -> None:
        super().__init__(what, why=why, remedy=remedy)
        self.requests = requests
        self.lost = lost
        self.known = known


class BudgetExhausted(AgentError):
    """A ceiling on requests, tokens, seconds or money was reached; what is proven so far stands."""

    exit = Exit.BUDGET


class TimeLimitReached(BaseException):
    """The time limit of a run, or the grace after it, is over: raised by a signal, wherever the run is.

    No Exception, so that nobody swallows it: the SDK of a model server would take it for a broken connection.
    """

    @property
    def failure(self) -> BudgetExhausted:
        return BudgetExhausted("the time limit of the run is over", remedy="Raise `timeout-minutes`")


class ModelMisbehaved(AgentError):
    """The model answered, but never with something that could be checked."""

    exit = Exit.MISBEHAVED


def first_problem(error: "ValidationError") -> str:
    """The first thing that is wrong with foreign data, on one line: where in it, and what."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    location = ".".join(str(part)[:60] for part in first["loc"])
    return f"{location}: {first['msg']}" if location else first["msg"]
