"""What is known of a run at its end: everything that is written or sent about a run is made of its record."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any, Final, Literal

from cicd_agent.agent.budget import Budget
from cicd_agent.agent.messages import Action, Answer
from cicd_agent.domain.effects import Artifact, Output, Plan, Receipt
from cicd_agent.domain.events.event import Event, EventKind
from cicd_agent.domain.evidence import Evidence, Gap
from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.usage import Usage
from cicd_agent.domain.verdict import ChatReply, Conclusion, Judgement
from cicd_agent.errors import Exit
from cicd_agent.modes.protocol import Account, Mode

REPORT: Final = "report.json"


@dataclass(frozen=True, slots=True)
class Seen:
    """The change in numbers: which commits, how large, and read from where."""

    base: str
    head: str
    source: str
    files: int
    added_lines: int
    deleted_lines: int


@dataclass(frozen=True, slots=True)
class Audit:
    """Where the run stands in the account book: the end of its chain after it, which anchors all before.

    `why` says what went wrong when it `failed`; `off` is where nothing is kept.
    """

    state: Literal["recorded", "failed", "off"] = "off"
    repository: str = ""
    seq: int = 0
    hash: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class RunRecord:
    """All that is known of a run at its end, failed ones too: the decision without the diff, and what became of it.

    The JSON report, step outputs, audit entries, metrics and traces are made of it.

    `exit` is the exit code, `error` the line that explains it; `event` is None when the run failed before it was read.
    """

    mode: str
    exit: int
    error: str = ""
    declined: str = ""
    event: Event | None = None
    seen: Seen | None = None
    gaps: tuple[Gap, ...] = ()
    result: Any = None
    """One of the mode's RESULTS."""
    asked: tuple[Asked, ...] = ()
    account: Account = Account()
    outputs: Mapping[str, str] = field(default_factory=dict)
    receipts: tuple[Receipt, ...] = ()
    tape: str = ""
    """Path of the account of what was asked and answered, "" when nobody could have been asked."""
    audit: Audit = Audit()

    @property
    def judgement(self) -> Judgement | None:
        return judgement_of(self.result)


def record_decision(mode: Mode[Any], decision: Decision, folder: PurePath, tape: str) -> RunRecord:
    """The record of a run that came to a decision, whose files will be in `folder`."""
    evidence = decision.evidence
    change = evidence.change if evidence else None
    return RunRecord(
        mode=decision.mode,
        exit=exit_of(decision),
        declined=decision.declined,
        event=decision.event,
        seen=_seen(change) if change else None,
        gaps=evidence.gaps if evidence else (),
        result=decision.result,
        asked=decision.asked,
        account=decision.account,
        outputs={
            **common_outputs(decision, str(folder / REPORT)),
            **({} if decision.judgement else mode.unproved),
            **own_outputs(decision.plan, folder),
        },
        tape=tape,
    )


def record_failure(
    mode: Mode[Any] | None, name: str, error: str, code: int, *, budget: Budget | None, folder: PurePath, tape: str
) -> RunRecord:
    """The record of a run of the mode `name` that failed for the reason `error`."""
    account = _spent(budget)
    values = {
        **dict.fromkeys(COMMON_OUTPUTS, ""),
        **(mode.unproved if mode else {}),
        "conclusion": Conclusion.NEUTRAL if code == Exit.OK else Conclusion.FAILURE,
        "degraded": "true",
        "summary": error,
        "report_file": str(folder / REPORT),
        **(spending(account) if account.usage.requests else {}),
    }
    return RunRecord(name, code, error, account=account, outputs=values, tape=tape)


def exit_of(decision: Decision) -> Exit:
    result = decision.result
    return Exit.STOP if result is not None and result.conclusion is Conclusion.FAILURE else Exit.OK


def _seen(change: Change) -> Seen:
    return Seen(change.base, change.head, change.source, len(change.files), change.added_lines, change.deleted_lines)


def common_outputs(decision: Decision, report_file: str) -> dict[str, str]:
    """The step outputs that every mode has, the risk first. What is not known is empty, never a guess or 0."""
    account = decision.account
    verdict = decision.judgement
    risk = verdict.risk if verdict else None
    return {
        "risk_level": risk.level if risk else "",
        "risk_score": str(risk.score) if risk else "",
        "conclusion": decision.result.conclusion if decision.result else Conclusion.SKIPPED,
        "confidence": _known(verdict.confidence if verdict else None, "{:.2f}"),
        "escalate_to_human": _flag(bool(verdict.escalate)) if verdict else "",
        "degraded": _flag(bool(account.degraded)),
        "config_status": account.config_status,
        "summary": f"nothing to do: {decision.declined}" if decision.declined else "",
        "report_file": report_file,
        "model": account.model,
        **spending(account),
    }


def spending(account: Account) -> dict[str, str]:
    """The step outputs that say what was asked and what it cost."""
    return {
        "requests": str(account.usage.requests),
        "tokens_used": _known(account.usage.total, "{}"),
        "cached_tokens": _known(account.usage.cached, "{}"),
        "cost_usd": _known(account.cost_usd, "{:.4f}"),
    }


def _known(value: float | None, form: str) -> str:
    return "" if value is None else form.format(value)


def _flag(value: bool) -> str:  # noqa: FBT001  it is the value
    return "true" if value else "false"


def own_outputs(plan: Plan, folder: PurePath) -> dict[str, str]:
    """The mode's own outputs, as they stand in the report."""
    found: dict[str, str] = {}
    for effect in plan.effects:
        if isinstance(effect, Output):
            found[effect.name] = effect.value
        elif isinstance(effect, Artifact) and effect.output:
            found[effect.output] = str(folder / effect.name)
    return found


def _spent(budget: Budget | None) -> Account:
    """What a run has spent that came to nothing, as far as it asked anybody."""
    if budget is None:
        return Account(cost_usd=0.0)  # it did not come to the point where somebody could have been asked
    if not budget.usage.requests:
        return Account()  # a request may have been under way
    return Account(usage=budget.usage, cost_usd=budget.cost_usd)


COMMON_OUTPUTS: Final = tuple(common_outputs(Decision("", Event(EventKind.OTHER), Account()), ""))
"""The step outputs that every mode has, the risk first."""


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
