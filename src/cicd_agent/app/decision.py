"""What a mode decided on an event, before anything is done about it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cicd_agent.agent.messages import Action, Answer
from cicd_agent.domain.effects import Plan
from cicd_agent.domain.events.event import Event
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.usage import Usage
from cicd_agent.domain.verdict import ChatReply, Judgement
from cicd_agent.modes.protocol import Account


@dataclass(frozen=True, slots=True)
class Asked:
    """One question that was asked and what came of it: `draft` is the answer as it was understood, None without one.

    `prompt` is the version of the instructions.
    """

    question: str
    prompt: str
    model: str
    rounds: int
    usage: Usage
    failure: str
    complaint: str
    left_out: tuple[str, ...]
    draft: Mapping[str, Any] | None
    actions: tuple[Action, ...] = ()
    escalate: str = ""

    @classmethod
    def of(cls, answer: Answer[Any]) -> "Asked":
        """The account of an answer."""
        draft = None if answer.draft is None else answer.draft.model_dump(mode="json")
        return cls(
            question=answer.question,
            prompt=answer.prompt,
            model=answer.model,
            rounds=answer.rounds,
            usage=answer.usage,
            failure=answer.failure,
            complaint=answer.complaint,
            left_out=answer.left_out,
            draft=draft,
            actions=answer.actions,
            escalate=answer.escalate,
        )


@dataclass(frozen=True, slots=True)
class Decision:
    """Event in, this out: what was decided, on what grounds, and what should be done about it. Nothing is done yet.

    `declined` is the reason why the mode had nothing to do; then there is no evidence, no verdict and an empty plan.
    """

    mode: str
    event: Event
    account: Account
    plan: Plan = Plan()
    evidence: Evidence | None = None
    asked: tuple[Asked, ...] = ()
    result: Any = None
    """One of the mode's RESULTS."""
    declined: str = ""

    @property
    def judgement(self) -> Judgement | None:
        """What the mode came to, None when it declined or only answered somebody."""
        return judgement_of(self.result)


def judgement_of(result: Any) -> Judgement | None:
    return None if isinstance(result, ChatReply) else result
