"""What a model is shown of a deployment beside its diff: what was measured, and what rules say of the change."""

from collections.abc import Iterator

from cicd_agent.analysis.rules.run import ruled
from cicd_agent.domain.evidence import Evidence, Exhibit
from cicd_agent.domain.gate_evidence import GateEvidence, State
from cicd_agent.domain.text.words import clip, count
from cicd_agent.modes.deploy_gate.evidence import GATE
from cicd_agent.modes.shared.diff_exhibits import pieces
from cicd_agent.settings.schema import Settings

SIGNALS, FOUND, HOUSE_RULES = "SIGNALS", "FOUND", "house-rules"
MOST_LINES = 40


def exhibits(evidence: Evidence, settings: Settings) -> tuple[Exhibit, ...]:
    """All that is shown, none when there is nothing to judge."""
    gate = evidence.get(GATE)
    if gate is None:
        return ()
    found = [Exhibit(SIGNALS, "what was measured", "\n".join(_signals(gate)), priority=9)]
    if lines := list(_found(evidence, settings))[:MOST_LINES]:
        found.append(Exhibit(FOUND, "what rules say of the change", "\n".join(lines), priority=8))
    if settings.instructions:
        found.insert(0, Exhibit(HOUSE_RULES, "what this repository says of itself", settings.instructions, priority=9))
    return (*found, *(pieces(evidence.change, settings) if evidence.change else ()))


def _signals(gate: GateEvidence) -> Iterator[str]:
    yield f"deploy {gate.sha} to {_line(gate.environment)}; it runs {gate.base or 'an unknown commit'} now"
    for reading in gate.readings:
        known = reading.words if reading.state is State.KNOWN else f"{reading.state} {reading.problem}"
        yield f"{reading.name}: {_line(known)}"
    for check in gate.checks[:MOST_LINES]:
        yield f"check {_line(check.name)}: {_line(check.conclusion or check.status)}"
    for commit in gate.commits[:MOST_LINES]:
        came = f"pull request {commit.pull}" if commit.pull else "no pull request"
        yield f"commit {commit.sha[:12]} {_line(commit.subject)} ({came}, reviewed: {commit.match})"
    for incident in gate.incidents[:10]:
        yield f"open incident {incident.number}: {_line(incident.title)}"
    for past in gate.deployments[:5]:
        yield f"earlier deployment of {past.sha[:12]}: {_line(past.state or 'no status')}"
    if gate.error_budget is not None:
        yield f"error budget: {gate.error_budget:.0%} left"


def _found(evidence: Evidence, settings: Settings) -> Iterator[str]:
    if evidence.change is None:
        return
    draft = ruled(evidence.change, settings.config_file)
    for area in draft.areas:
        yield f"it {area.reason}: {_line(', '.join(area.paths[:5]))}"
    for finding in draft.findings:
        where = finding.location
        yield f"{finding.severity} {finding.id} {_line(where.path)}:{where.line} {_line(finding.title)}"
    for trouble in evidence.history.troubles if evidence.history else ():
        yield f"{_line(trouble.path)} was {trouble.kind} {count(trouble.times, 'time')} in 90 days"


def _line(text: str) -> str:
    return clip(" ".join(text.split()), 200)
