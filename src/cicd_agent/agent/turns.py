"""The words of a conversation with a model: what is asked, what comes back, and what it used."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict

from cicd_agent.core.evidence import Exhibit
from cicd_agent.core.words import count
from cicd_agent.errors import Exit


class Draft(BaseModel):
    """Base of every structured answer: whatever a model says has one of these shapes, or is not an answer."""

    model_config = ConfigDict(frozen=True, extra="forbid")


D = TypeVar("D", bound=Draft)


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one or more requests. None means that the server did not say: unknown is never 0.

    `cached` is a part of `input`, `reasoning` a part of `output`. `from_cache` counts replies that no request was sent
    for, because an earlier run had asked the same.
    """

    requests: int = 0
    input: int | None = 0
    output: int | None = 0
    cached: int | None = 0
    reasoning: int | None = 0
    from_cache: int = 0

    @property
    def words(self) -> str:
        """How often somebody was asked, for a person."""
        kept = f", {count(self.from_cache, 'answer')} from the cache" if self.from_cache else ""
        return f"{count(self.requests, 'request')}{kept}"

    def __add__(self, other: "Usage") -> "Usage":
        """The sum; unknown plus anything is unknown."""

        def plus(left: int | None, right: int | None) -> int | None:
            return None if left is None or right is None else left + right

        return Usage(
            self.requests + other.requests,
            plus(self.input, other.input),
            plus(self.output, other.output),
            plus(self.cached, other.cached),
            plus(self.reasoning, other.reasoning),
            self.from_cache + other.from_cache,
        )


class Stop(StrEnum):
    """Why a reply ended."""

    DONE = "done"
    CUT_OFF = "cut_off"
    FILTERED = "filtered"
    REFUSED = "refused"


class Role(StrEnum):
    """Who said it: the model, or we in a correction."""

    ASSISTANT = "assistant"
    USER = "user"


@dataclass(frozen=True, slots=True)
class Turn:
    """One earlier message. `items` are the dialect's own form of it (encrypted reasoning), sent back verbatim."""

    role: Role
    text: str
    items: tuple[Mapping[str, object], ...] = ()


@dataclass(frozen=True, slots=True)
class Request:
    """One request. `instructions` are stable between runs; `evidence` is untrusted and comes after them.

    `max_output_tokens` includes reasoning. `seconds` bounds the wait for a reply, retries included; None is no bound.
    """

    instructions: str
    evidence: str
    schema_name: str
    schema: Mapping[str, object]
    turns: tuple[Turn, ...] = ()
    cache_key: str = ""
    max_output_tokens: int = 16_000
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back: `text` as it was, nothing repaired. `model` is the name the server reports.

    `items` are what the dialect wants sent back with the next turn (see Turn).
    """

    text: str
    stop: Stop = Stop.DONE
    usage: Usage = Usage(requests=1)
    model: str = ""
    detail: str = ""
    """The refusal's words, or why it was cut off."""
    items: tuple[Mapping[str, object], ...] = ()


class Model(Protocol):
    """Anything that answers. Raises ModelUnavailable when nothing comes back."""

    @property
    def name(self) -> str:
        """The model asked for."""
        ...

    def complete(self, request: Request) -> Reply:
        """Send one request."""
        ...


@dataclass(frozen=True, slots=True)
class Question(Generic[D]):
    """A typed question. `check` is the mode's verification: a complaint to send back to the model, or None."""

    name: str
    instructions: str
    evidence: tuple[Exhibit, ...]
    draft: type[D]
    check: Callable[[D], str | None]


@dataclass(frozen=True, slots=True)
class Answer(Generic[D]):
    """What `ask` made of a question: a draft, or the reason why there is none.

    `failure` says in one line what went wrong, and `exit` what that means for the process; both are empty when
    nothing did. A draft beside a failure is an earlier, valid answer whose correction came to nothing.
    """

    question: str
    draft: D | None
    usage: Usage = Usage()
    rounds: int = 0
    model: str = ""
    failure: str = ""
    exit: Exit = Exit.OK
    complaint: str = ""
    """What `check` still complained about in the draft that was accepted all the same."""
    left_out: tuple[str, ...] = ()
    """What did not fit into the token budget: sources of exhibits, "from line N" where one was cut."""
