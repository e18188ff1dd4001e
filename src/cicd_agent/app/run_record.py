"""What a mode decided, and what is known of a run at its end: all that is written or sent about a run is made of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import PurePath
from typing import Any, Final, Literal

from cicd_agent.agent.budget import Budget
from cicd_agent.agent.messages import Action, Answer
from cicd_agent.domain.effects import Artifact, Output, Plan, Receipt
from cicd_agent.domain.events.event import Event, EventKind
from cicd_agent.domain.evidence import Evidence, Gap
from cicd_agent.domain.usage import Usage
from cicd_agent.domain.verdict import ChatReply, Conclusion, Judgement
from cicd_agent.errors import AgentError, Exit
from cicd_agent.modes.protocol import Account, Mode

REPORT: Final = "report.json"


@dataclass(frozen=True, slots=True)
class AnswerRecord:
    """A question and its answer; `draft` is None without one, `prompt` is the version of the instructions."""

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
    def of(cls, answer: Answer[Any]) -> "AnswerRecord":
        values = {each.name: getattr(answer, each.name) for each in fields(cls)}
        draft = None if answer.draft is None else answer.draft.model_dump(mode="json")
        return cls(**values | {"draft": draft})


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided on an event; nothing is done yet. When it `declined`, there is no evidence and no result."""

    mode: str
    event: Event
    account: Account
    plan: Plan = Plan()
    evidence: Evidence | None = None
    asked: tuple[AnswerRecord, ...] = ()
    result: Any = None
    """One of the mode's RESULTS."""
    declined: str = ""

    @property
    def judgement(self) -> Judgement | None:
        """What the mode came to, None when it declined or only answered somebody."""
        return judgement_of(self.result)


def judgement_of(result: Any) -> Judgement | None:
    return None if isinstance(result, ChatReply) else result


@dataclass(frozen=True, slots=True)
class ChangeSummary:
    """The change in numbers: which commits, how large, and read from where."""

    base: str
    head: str
    source: str
    files: int
    added_lines: int
    deleted_lines: int


@dataclass(frozen=True, slots=True)
class Audit:
    """The end of the run's chain in the audit log, which anchors all before; `why` says what `failed`."""

    state: Literal["recorded", "failed", "off"] = "off"
    repository: str = ""
    seq: int = 0
    hash: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class RunRecord:
    """All that is known of a run at its end, failed ones too: the decision without the diff, and its outcome.

    `exit` is the exit code, `error` the line that explains it; `event` is None when the run failed before it was read.
    """

    mode: str
    exit: int
    error: str = ""
    declined: str = ""
    event: Event | None = None
    seen: ChangeSummary | None = None
    gaps: tuple[Gap, ...] = ()
    result: Any = None
    """One of the mode's RESULTS."""
    asked: tuple[AnswerRecord, ...] = ()
    account: Account = Account()
    outputs: Mapping[str, str] = field(default_factory=dict)
    receipts: tuple[Receipt, ...] = ()
    tape: str = ""
    """Path of the recording of questions and answers, "" when nobody could have been asked."""
    audit: Audit = Audit()

    @property
    def judgement(self) -> Judgement | None:
        return judgement_of(self.result)


def record_decision(mode: Mode[Any], decision: Decision, folder: PurePath, tape: str) -> RunRecord:
    """The record of a run that came to a decision, whose files will be in `folder`."""
    unproved = {} if decision.judgement else mode.unproved
    outputs = {**common_outputs(decision, folder), **unproved, **own_outputs(decision.plan, folder)}
    return _record(decision, outputs, tape)


def record_outcome(
    record: RunRecord, receipts: tuple[Receipt, ...], ending: Mapping[str, str], failure: AgentError | None
) -> RunRecord:
    """The record with what became of the plan; the verdict's own exit code goes before that of the `failure`."""
    code = record.exit or (failure.exit if failure else Exit.OK)
    error = record.error or (str(failure) if failure else "")
    return replace(record, receipts=receipts, outputs={**record.outputs, **ending}, exit=code, error=error)


def record_gathering(decision: Decision, summary: str, folder: PurePath) -> RunRecord:
    return _record(decision, common_outputs(decision, folder) | {"summary": summary})


def _record(decision: Decision, outputs: Mapping[str, str], tape: str = "") -> RunRecord:
    evidence = decision.evidence
    change = evidence.change if evidence else None
    return RunRecord(
        mode=decision.mode,
        exit=exit_of(decision),
        declined=decision.declined,
        event=decision.event,
        seen=ChangeSummary(
            change.base, change.head, change.source, len(change.files), change.added_lines, change.deleted_lines
        )
        if change
        else None,
        gaps=evidence.gaps if evidence else (),
        result=decision.result,
        asked=decision.asked,
        account=decision.account,
        outputs=outputs,
        tape=tape,
    )


def record_failure(
    mode: Mode[Any] | None, name: str, error: str, code: int, *, budget: Budget | None, folder: PurePath, tape: str
) -> RunRecord:
    """The record of a run of the mode `name` that failed for the reason `error`."""
    if budget is None:
        account = Account(cost_usd=0.0)  # it did not come to the point where somebody could have been asked
    elif not budget.usage.requests:
        account = Account()  # a request may have been under way
    else:
        account = Account(usage=budget.usage, cost_usd=budget.cost_usd, at_most_usd=budget.at_most_usd)
    # A mode that fails closed ends well after a failure only in shadow.
    unproved = "unproved_in_shadow" if mode and mode.fails_closed and code == Exit.OK else "unproved"
    values = {
        **dict.fromkeys(COMMON_OUTPUTS, ""),
        **(getattr(mode, unproved) if mode else {}),
        "conclusion": Conclusion.NEUTRAL if code == Exit.OK else Conclusion.FAILURE,
        "degraded": "true",
        "summary": error,
        "report_file": str(folder / REPORT),
        **({"cost_usd": _dollars(account.cost_usd)} if account.usage.requests else {}),
    }
    return RunRecord(name, code, error, account=account, outputs=values, tape=tape)


def exit_of(decision: Decision) -> Exit:
    result = decision.result
    stops = result is not None and result.conclusion is Conclusion.FAILURE
    return Exit.STOP if stops else Exit(decision.account.unavailable)


def common_outputs(decision: Decision, folder: PurePath) -> dict[str, str]:
    """The step outputs that every mode has, the risk first. What is not known is empty, never a guess or 0."""
    account, judgement = decision.account, decision.judgement
    risk = judgement.risk if judgement else None
    return {
        "risk_level": risk.level if risk else "",
        "risk_score": str(risk.score) if risk else "",
        "conclusion": decision.result.conclusion if decision.result else Conclusion.SKIPPED,
        "escalate_to_human": str(bool(judgement.escalate)).lower() if judgement else "",
        "degraded": str(account.is_degraded).lower(),
        "summary": f"nothing to do: {decision.declined}" if decision.declined else "",
        "report_file": str(folder / REPORT),
        "cost_usd": _dollars(account.cost_usd),
    }


def _dollars(cost: float | None) -> str:
    return "" if cost is None else f"{cost:.4f}"


def own_outputs(plan: Plan, folder: PurePath) -> dict[str, str]:
    """The mode's own outputs, as they stand in the report."""
    outputs: dict[str, str] = {}
    for effect in plan.effects:
        if isinstance(effect, Output):
            outputs[effect.name] = effect.value
        elif isinstance(effect, Artifact) and effect.output:
            outputs[effect.output] = str(folder / effect.name)
    return outputs


COMMON_OUTPUTS: Final = tuple(common_outputs(Decision("", Event(EventKind.OTHER), Account()), PurePath()))
"""The step outputs that every mode has, the risk first."""
