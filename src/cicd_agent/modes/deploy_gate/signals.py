"""The signals as a model may read and quote them: one line for each thing that was read."""

from collections.abc import Iterator

from cicd_agent.core.evidence import Exhibit
from cicd_agent.core.gate import GateEvidence, Match, State
from cicd_agent.core.quote import shown
from cicd_agent.core.words import clip

PRIORITY = 90
LONGEST_LINE = 300
MOST_LINES = 120
_EACH = 20


def signals(gate: GateEvidence) -> Exhibit:
    """The exhibit S1. Names and titles in it are foreign words."""
    lines = [clip(" ".join(shown(line).split()), LONGEST_LINE) for line in _lines(gate)]
    return Exhibit("S1", "signals", "\n".join(lines[:MOST_LINES]), priority=PRIORITY)


def _lines(gate: GateEvidence) -> Iterator[str]:
    yield f"deployment: {gate.sha} to {gate.environment}, from {gate.base or 'an unknown commit'}"
    for reading in gate.readings:
        state = "" if reading.state is State.KNOWN else f"{reading.state} "
        source = f" ({reading.source})" if reading.source else ""
        yield f"{reading.name}: {state}{reading.words or reading.problem or 'known'}{source}"
    if gate.traffic is not None:
        yield f"traffic: {gate.traffic:g} requests a minute"
    bad = [
        check for check in gate.checks if not check.own and check.conclusion not in {"success", "neutral", "skipped"}
    ]
    for check in bad[:_EACH]:
        yield f"check {check.name}: {check.conclusion or check.status}"
    for incident in gate.incidents[:_EACH]:
        yield f"incident #{incident.number}: {incident.title}"
    for past in gate.deployments[:_EACH]:
        yield f"earlier deployment of {past.sha[:7]}: {past.state or 'no status'}"
    for commit in gate.commits[:_EACH]:
        origin = f"pull request {commit.pull}" if commit.pull else "no pull request"
        match = "not what was reviewed" if commit.match is Match.NONE else f"as reviewed ({commit.match})"
        yield f"commit {commit.sha[:7]}: {commit.subject} ({origin}, {match})"
