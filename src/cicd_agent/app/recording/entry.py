"""The audit entries of a run: one of what was decided, and one of its outcome."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, assert_never

from cicd_agent import __version__
from cicd_agent.app.run_record import Audit, RunRecord
from cicd_agent.app.serialization import body_of
from cicd_agent.domain.audit_entry import Kind, Link
from cicd_agent.domain.effects import Annotation, Artifact, Effect, Output, Receipt, Summary
from cicd_agent.domain.text.markdown import code, prose
from cicd_agent.domain.timeline import Timeline
from cicd_agent.domain.verdict import ChatReply
from cicd_agent.settings.environment import Environment

_HERE = Annotation | Artifact | Output | Summary
"""What concerns nobody but this job."""


@dataclass(frozen=True, slots=True)
class EntryContext:
    """What is recorded beside the report: the effects that are about to be carried out, and what led here."""

    effects: Sequence[Effect] = ()
    stage: str = "all"
    timeline: Timeline | None = None
    tape: str = ""


def run_entry(
    report: RunRecord, context: EntryContext, environment: Environment, event_id: str, at: int
) -> dict[str, Any]:
    """The entry of a run, nothing of it redacted yet; `at` is in seconds since the epoch."""
    event, run = report.event, environment.run
    judged = report.judgement
    risk = judged.risk if judged else None
    cost = report.account.cost_usd
    return {
        "kind": Kind.RUN,
        "event_id": event_id,
        "at": at,
        "tool": f"cicd-agent {__version__}",
        "event": event.name or event.kind if event else environment.event_name,
        "action": event.action if event else "",
        "actor": event.actor.login if event else run.actor,
        "server": environment.server_url,
        "ref": event.head.name if event else run.ref,
        "base": event.base.sha if event else "",
        "sha": _sha(report) if event else run.sha,
        "pull": event.pull.number if event and event.pull else None,
        "mode": report.mode,
        "stage": context.stage,
        "decision": decision_name(report),
        "conclusion": report.outputs.get("conclusion", ""),
        "risk_level": risk.level if risk else "",
        "risk_score": risk.score if risk else None,
        "confidence": report.outputs.get("confidence") or None,
        "iterations": sum(each.rounds for each in report.asked),
        "escalated": bool(judged and judged.escalate),
        "escalate": list(judged.escalate) if judged else [],
        "actions": [{"kind": each.kind, "key": each.key} for each in context.effects if not isinstance(each, _HERE)],
        "models": list(dict.fromkeys(each.model for each in report.asked if each.model)),
        "prompts": {each.question: each.prompt for each in report.asked},
        "usage": asdict(report.account.usage),
        "cost_usd": None if cost is None else f"{cost:.6f}",
        "degraded": report.account.degraded,
        "exit": int(report.exit),
        "error": report.error,
        **_times(context.timeline),
        "tape": _tape(context.tape),
        "output": body_of(report),
    }


def receipts_entry(
    audit: Audit, report: RunRecord, receipts: Sequence[Receipt], event_id: str, at: int
) -> dict[str, Any]:
    """The entry of the outcome of the run that `audit` names; outputs are left out, the run's entry has them."""
    event = report.event
    return {
        "kind": Kind.RECEIPTS,
        "of": audit.seq,
        "event_id": event_id,
        "at": at,
        "tool": f"cicd-agent {__version__}",
        "mode": report.mode,
        "sha": _sha(report),
        "pull": event.pull.number if event and event.pull else None,
        "exit": int(report.exit),
        "receipts": [asdict(each) for each in receipts if each.kind != "output"],
    }


def anchor_summary(audit: Audit) -> tuple[Summary, ...]:
    """The line of the step summary by which the entry, and all before it, can be proved later on."""
    match audit.state:
        case "recorded":
            link = Link(audit.repository, audit.seq, audit.hash)
            return (Summary("audit", f"<sub>Account book: {code(link.anchor)}</sub>\n"),)
        case "failed":
            return (Summary("audit", f"**Not entered in the account book:** {prose(audit.why)}\n"),)
        case "off":
            return ()
        case _:
            assert_never(audit.state)


def decision_name(report: RunRecord) -> str:
    """What a run came to, in one word of its mode."""
    outputs = report.outputs
    if report.error:
        return "failed"
    if report.declined:
        return "declined"
    if isinstance(report.result, ChatReply):
        return report.result.manner.value
    return outputs.get("decision") or outputs.get("cause") or outputs.get("tests") or outputs.get("conclusion", "")


def _sha(report: RunRecord) -> str:
    return getattr(report.result, "sha", "") or (report.event.sha if report.event else "")


def _times(timeline: Timeline | None) -> Mapping[str, Any]:
    """Seconds of the whole run so far, and of each of its stages."""
    if timeline is None:
        return {}
    stages: dict[str, float] = {}
    for span in timeline.spans:
        stages[span.name] = stages.get(span.name, 0.0) + span.seconds
    return {
        "seconds": f"{timeline.clock() - timeline.origin:.3f}",
        "stages": {name: f"{seconds:.3f}" for name, seconds in stages.items()},
    }


def _tape(name: str) -> Mapping[str, str]:
    """Where the account of what was asked is, and what it holds by now."""
    if not name:
        return {}
    try:
        return {"path": name, "sha256": hashlib.sha256(Path(name).read_bytes()).hexdigest()}
    except OSError:
        return {"path": name, "sha256": ""}
