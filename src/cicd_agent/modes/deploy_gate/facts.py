"""What a gate leaves for later runs, and what it takes from earlier ones.

A fact may hold a deployment or slow it, and speaks for one only where it comes from a guarded store.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from cicd_agent.domain.events.event import Event
from cicd_agent.domain.evidence import Evidence, Gap
from cicd_agent.domain.fact_trust import LOG_SOURCE, merge_facts, newest_fact, parse_level, parse_number, valid_facts
from cicd_agent.domain.facts import Fact, FactKind, FactSet, number, risk_values
from cicd_agent.domain.gate_evidence import GateEvidence, Reading, State
from cicd_agent.domain.ports.storage import State as StateStore
from cicd_agent.domain.text.words import count
from cicd_agent.domain.verdict import RiskLevel
from cicd_agent.modes.deploy_gate.evidence import GATE
from cicd_agent.modes.deploy_gate.result import GateResult, Hold, LiftedBy
from cicd_agent.modes.shared.rollout import Rollout, RouteStrategy

_MAX_PULLS = 10
"""Pull requests of a deployment whose reviews and routes are looked up."""
_MODE = "deploy-gate"
"""Whose coverage counts: that of another mode is of a few files alone."""
_SHARES = re.compile(r"(\d{1,3}(?:\.\d+)?) % → (\d{1,3}(?:\.\d+)?) % of lines")
_MAX_MINUTES = 1_440
_CANARY = 10
"""The percentage of a canary of which nobody says how large it is."""
_CARE: tuple[RouteStrategy, ...] = ("direct", "rolling", "blue_green", "canary")
"""The strategies that a route knows, the least careful first."""
_ROUNDED = 0.1
"""Points by which the difference of two rounded shares may be too good."""


def facts(result: GateResult, evidence: Evidence, _outputs: Mapping[str, str]) -> Iterator[Fact]:
    """What the decision proves for later runs."""
    gate = evidence.get(GATE)
    if gate is None or not result.sha or gate.unserved:
        return
    values = {
        "decision": str(result.decision),
        "score": f"{result.score:g}",
        "review_match": str(result.review_match),
        "strategy": result.strategy,
        "hash": result.hash,
        "enforced": "true" if result.enforced else "false",
        "base": gate.base,
        **risk_values(result.risk),
        **{each.name: number(each.value) for each in result.factors if each.name in {"review", "failures"}},
    }
    yield Fact("", FactKind.DEPLOYMENT, result.environment, 0, sha=result.sha, ref=gate.ref, values=values)
    for reading in gate.readings:
        # What came from the audit log itself is no finding of this run.
        if reading.state is not State.KNOWN or reading.source.startswith(LOG_SOURCE):
            continue
        measured = str(reading.measured or "")
        if reading.name == "tests":
            values = {"percent": number(reading.value), "measured": measured, "words": reading.words}
            yield Fact("", FactKind.TESTS, result.sha, 0, sha=result.sha, ref=gate.ref, values=values)
        elif reading.name == "coverage":
            shares = _SHARES.fullmatch(reading.words)
            before, after = shares.groups() if shares else ("", "")
            values = {"delta": number(reading.value), "base": gate.base, "before": before, "after": after}
            values["measured"] = measured
            yield Fact("", FactKind.COVERAGE, result.sha, 0, sha=result.sha, ref=gate.ref, values=values)


def read_facts(store: StateStore | None, gate: GateEvidence, event: Event) -> FactSet:
    """What is left of the commit, of what runs now, and of the pull requests that it came from."""
    if store is None or not event.repo:
        return FactSet()
    keys = [(FactKind.COVERAGE, sha) for sha in dict.fromkeys((gate.sha, gate.base)) if sha]
    keys += [(kind, sha) for kind in (FactKind.REVIEW, FactKind.ROUTE) for sha in _reviewed_commits(gate)]
    return valid_facts(merge_facts([store.find(kind, sha) for kind, sha in keys]), event.repo, gate.at)


def fill_coverage(
    reading: Reading, known: FactSet, gate: GateEvidence, max_age: float
) -> tuple[Reading, tuple[Gap, ...]]:
    """The coverage, from a fact where this job has none, and why a fact does not count; `max_age` is in seconds."""
    fact = _coverage(known, gate.sha)
    if reading.state is not State.MISSING or fact is None:
        return reading, ()
    measured = int(min(fact.at, parse_number(fact.values.get("measured", ""), 1, fact.at) or fact.at))
    delta = _delta(fact, known, gate)
    if not known.trusted:
        reason = "what an earlier run left speaks for a change only where no step of a job can write (PostgreSQL)"
    elif gate.at - measured > max_age:
        reason = f"an earlier run has left it, more than {max_age / 3600:g} hours ago"
    elif delta is None:
        reason = "an earlier run has left it beside another commit than the one that runs now"
    else:
        source = f"{LOG_SOURCE}, run {fact.event_id}" if fact.event_id else LOG_SOURCE
        return Reading(reading.name, State.KNOWN, delta, f"{delta:+.1f} points", source, measured), ()
    return reading, (Gap("", f"coverage: {reason}"),)


def has_coverage(known: FactSet) -> str:
    """Why there has to be coverage by what earlier runs of a gate have left, "" for nothing."""
    return next((f"an earlier run ({fact.event_id or fact.sha[:7]}) had coverage" for fact in _coverages(known)), "")


def review_holds(evidence: Evidence, gate: GateEvidence) -> Iterator[Hold]:
    objections = [(fact.subject, reason) for fact in _newest(FactKind.REVIEW, evidence, gate) if (reason := _no(fact))]
    if objections:
        sha, reason = objections[0]
        more = f", and {count(len(objections) - 1, 'more review')}" if len(objections) > 1 else ""
        yield Hold(
            "own-review",
            f"our own review of {sha[:7]} {reason}{more}",
            LiftedBy.APPROVAL,
            "fix what it found, or have somebody look at it",
            about=tuple(part for each in objections for part in each),
        )


def more_careful(rollout: Rollout, evidence: Evidence, gate: GateEvidence) -> Rollout:
    for fact in routes(evidence, gate):
        minutes = int(parse_number(fact.values.get("monitor_minutes", ""), 1, _MAX_MINUTES) or 0)
        rollout = replace(rollout, minutes=max(rollout.minutes, minutes))
        requested = next((each for each in _CARE if each == fact.values.get("strategy")), None)
        if requested is not None and _CARE.index(requested) >= _CARE.index(rollout.strategy):
            percentage = 0
            if requested == "canary":
                percentage = int(parse_number(fact.values.get("canary_percentage", ""), 1, 100) or _CANARY)
                percentage = min(percentage, rollout.percentage or percentage)
            rollout = replace(rollout, strategy=requested, percentage=percentage)
    return rollout


def routes(evidence: Evidence, gate: GateEvidence) -> list[Fact]:
    return _newest(FactKind.ROUTE, evidence, gate)


def _newest(kind: FactKind, evidence: Evidence, gate: GateEvidence) -> list[Fact]:
    known = valid_facts(evidence.known, evidence.event.repo, gate.at)
    newest = (newest_fact(known, kind, (sha,)) for sha in _reviewed_commits(gate))
    return [fact for fact in newest if fact is not None]


def _reviewed_commits(gate: GateEvidence) -> list[str]:
    """The commits that were looked at when this was reviewed: itself, and the last ones of its pull requests."""
    heads = (pull.head for pull in gate.pulls[:_MAX_PULLS])
    return [sha for sha in dict.fromkeys((gate.sha, *heads)) if sha]


def _no(review: Fact) -> str:
    parts = (
        "asked for changes" if review.values.get("decision") == "request_changes" else "",
        "found its risk critical" if parse_level(review.values.get("risk_level", "")) is RiskLevel.CRITICAL else "",
    )
    return " and ".join(filter(None, parts))


def _delta(fact: Fact, known: FactSet, gate: GateEvidence) -> float | None:
    """The points gained since what runs now, None when that is not known."""
    delta = parse_number(fact.values.get("delta", ""), -100, 100)
    if delta is not None and gate.base and fact.values.get("base") == gate.base:
        return delta
    base = _coverage(known, gate.base)
    before = parse_number(base.values.get("after", ""), 0, 100) if base is not None else None
    after = parse_number(fact.values.get("after", ""), 0, 100)
    return None if before is None or after is None else max(round(after - before - _ROUNDED, 6), -100.0)


def _coverage(known: FactSet, sha: str) -> Fact | None:
    return newest_fact(replace(known, facts=_coverages(known)), FactKind.COVERAGE, (sha,))


def _coverages(known: FactSet) -> tuple[Fact, ...]:
    return tuple(fact for fact in known.facts if fact.mode == _MODE and fact.kind is FactKind.COVERAGE)
