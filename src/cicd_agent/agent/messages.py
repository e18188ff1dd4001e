"""What is sent to a model and what comes back."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Generic, Protocol, TypeVar

from pydantic import AfterValidator

from cicd_agent.agent.tools.tool import Tool
from cicd_agent.domain.evidence import Evidence, Exhibit
from cicd_agent.domain.usage import Usage
from cicd_agent.domain.verdict import Draft
from cicd_agent.errors import Exit


def _share(value: float) -> float:
    # A validator and not Field(ge=0, le=1): the strict dialect has no words for bounds.
    if not 0 <= value <= 1:
        raise ValueError("must be between 0 and 1")
    return value


Share = Annotated[float, AfterValidator(_share)]
"""A number from 0 to 1: how sure a model says it is."""

D = TypeVar("D", bound=Draft)


class Stop(StrEnum):
    """Why a reply ended."""

    DONE = "done"
    CUT_OFF = "cut_off"
    FILTERED = "filtered"
    REFUSED = "refused"


class Role(StrEnum):
    """Who said it: the model, we in a correction, or a tool."""

    ASSISTANT = "assistant"
    USER = "user"
    TOOL = "tool"


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call as the model made it: `arguments` are JSON, if the model kept to it; `id` is unique in its reply."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Message:
    """One earlier message. `items` are the dialect's own form of it (encrypted reasoning), sent back verbatim.

    `calls` are what the model called in it; each is answered by a turn of the tool, whose `answers` is the call's id.
    """

    role: Role
    text: str
    items: tuple[Mapping[str, object], ...] = ()
    calls: tuple[Call, ...] = ()
    answers: str = ""


@dataclass(frozen=True, slots=True)
class Signature:
    """A tool as the model sees it; `schema` is of its arguments, in the strict dialect."""

    name: str
    description: str
    schema: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Request:
    """One request. `instructions` are stable between runs; `evidence` is untrusted and comes after them.

    `max_output_tokens` includes reasoning. `seconds` bounds the wait for a reply, retries included; None is no bound.
    `tools` may be called unless it is `closing`; they are listed all the same, as a part of the prefix that is cached.
    """

    instructions: str
    evidence: str
    schema_name: str
    schema: Mapping[str, object]
    turns: tuple[Message, ...] = ()
    cache_key: str = ""
    max_output_tokens: int = 16_000
    seconds: float | None = None
    tools: tuple[Signature, ...] = ()
    closing: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back, nothing repaired: `model` is the server's name of it, `items` are for the next Message."""

    text: str
    stop: Stop = Stop.DONE
    usage: Usage = Usage(requests=1)
    model: str = ""
    detail: str = ""
    """The refusal's words, or why it was cut off."""
    items: tuple[Mapping[str, object], ...] = ()
    calls: tuple[Call, ...] = ()
    toolless: bool = False
    """Whether tools were left out of the request, because the server takes none."""
    lost: int = 0
    """Of the requests in `usage`, those of which nobody knows what they cost, where several were sent."""
    known: tuple[int, int] = (0, 0)
    """Tokens, in and out, that the server counted for the others of them."""


class Model(Protocol):
    """Anything that answers. Raises ModelUnavailable when nothing comes back."""

    @property
    def name(self) -> str: ...

    def complete(self, request: Request) -> Reply: ...


class Tier(StrEnum):
    """Which model a question is worth."""

    JUDGEMENT = "judgement"
    FAST = "fast"


@dataclass(frozen=True, slots=True)
class Question(Generic[D]):
    """A typed question. `check` is the mode's verification: a complaint to send back to the model, or None."""

    name: str
    instructions: str
    evidence: tuple[Exhibit, ...]
    draft: type[D]
    check: Callable[[D], str | None]
    tools: tuple[Tool[Any], ...] = ()
    tier: Tier = Tier.JUDGEMENT
    optional: bool = False
    """Whether the run loses nothing but a refinement when there is no answer."""
    looks: bool = True
    """Whether it is worth looking things up for: to offer that costs tokens each time."""
    weigh: Callable[[D, Evidence], str | None] | None = None
    """What there is to correct once what a draft proposes was tried out; the evidence holds what came of that."""


@dataclass(frozen=True, slots=True)
class Action:
    """One look-up as it was made: its arguments on one line, the characters of its result, and what went wrong."""

    tool: str
    arguments: str
    result_size: int
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Answer(Generic[D]):
    """A draft, or in `failure` the reason for none. With both, the draft is valid and a correction of it failed."""

    question: str
    draft: D | None
    prompt: str = ""
    """Version of the instructions, as they name it."""
    usage: Usage = Usage()
    rounds: int = 0
    model: str = ""
    failure: str = ""
    exit: Exit = Exit.OK
    superseded: tuple[D, ...] = ()
    """Earlier drafts of the same conversation that `check` complained about, oldest first."""
    complaint: str = ""
    """What `check` still complained about in the draft that was accepted all the same."""
    left_out: tuple[str, ...] = ()
    """What did not fit into the token budget: sources of exhibits, "from line N" where one was cut."""
    actions: tuple[Action, ...] = ()
    lookups: tuple[Exhibit, ...] = ()
    """What the tools returned, as the model saw it: a draft may quote it as it quotes the evidence."""
    evidence: tuple[Exhibit, ...] = ()
    """What the question was put over, less `left_out`: of a divided question, the part of it."""
    toolless: bool = False
    """Whether nothing could be looked up, because the server takes no tools."""
    instead_of: str = ""
    """Why the model that should have been asked was not heard, when this is another's answer."""
    optional: bool = False
    escalate: str = ""
    """Why a person has to decide: by the model, or because no answer was accepted. "" when neither."""
