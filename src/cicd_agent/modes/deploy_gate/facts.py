"""What earlier runs have left of a deployment: it may hold or slow it, and speak for it only from a guarded store."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from cicd_agent.domain.events.event import Event
from cicd_agent.domain.evidence import Evidence, Gap
from cicd_agent.domain.fact_trust import LOG_SOURCE, merge_facts, newest_fact, parse_level, parse_number, valid_facts
from cicd_agent.domain.facts import Fact, FactKind, FactSet, number, risk_values
from cicd_agent.domain.gate_evidence import GateEvidence, Reading, State
from cicd_agent.domain.ports.storage import State as Left
from cicd_agent.domain.text.words import count
from cicd_agent.domain.verdict import RiskLevel
from cicd_agent.modes.deploy_gate.evidence import GATE
from cicd_agent.modes.deploy_gate.result import Gated, Hold, LiftedBy, Strategy

MOST_PULLS = 10
"""Pull requests of a deployment whose reviews and routes are looked up."""
MODE = "deploy-gate"
"""Whose coverage counts: that of another mode is of a few files alone."""

_CANARY = 10
_LONGEST_WATCH = 1_440
_CARE: tuple[Strategy, ...] = ("direct", "rolling", "blue_green", "canary")
"""The ways out that a route knows, the least careful first."""
_ROUNDED = 0.1
"""Points by which the difference of two rounded shares may be too good."""


@dataclass(frozen=True, slots=True)
class Way:
    """How it goes out: the strategy, the percentage of a canary (0 without one), and the minutes that it is watched."""

    strategy: Strategy
    percentage: int
    minutes: int


def read_known(state: Left | None, gate: GateEvidence, event: Event) -> FactSet:
    """What is left of the commit, of what runs now, and of the pull requests that it came from."""
    if state is None or not event.repo:
        return FactSet()
    commits = subjects(gate)
    asked = [(FactKind.COVERAGE, sha) for sha in dict.fromkeys((gate.sha, gate.base)) if sha]
    asked += [(kind, sha) for kind in (FactKind.REVIEW, FactKind.ROUTE) for sha in commits]
    return valid_facts(merge_facts([state.find(kind, sha) for kind, sha in asked]), event.repo, gate.at)


def subjects(gate: GateEvidence) -> tuple[str, ...]:
    """The commits that were looked at when this was reviewed: itself, and the last ones of its pull requests."""
    heads = (pull.head for pull in gate.pulls[:MOST_PULLS])
    return tuple(sha for sha in dict.fromkeys((gate.sha, *heads)) if sha)


def filled(reading: Reading, known: FactSet, gate: GateEvidence, max_age: float) -> tuple[Reading, tuple[Gap, ...]]:
    """The reading of the coverage, from a fact where this job has none; and why a fact does not count.

    `max_age` is in seconds.
    """
    if reading.state is not State.MISSING:
        return reading, ()
    fact = _measured(known, gate.sha)
    if fact is None:
        return reading, ()
    if not known.trusted:
        why = (
            "coverage: what an earlier run left speaks for a change only where no step of a job can write (PostgreSQL)"
        )
        return reading, (Gap("", why),)
    measured = int(min(fact.at, parse_number(fact.values.get("measured", ""), 1, fact.at) or fact.at))
    if gate.at - measured > max_age:
        return reading, (Gap("", f"coverage: an earlier run has left it, more than {max_age / 3600:g} hours ago"),)
    value = _delta(fact, known, gate)
    if value is None:
        why = "coverage: an earlier run has left it beside another commit than the one that runs now"
        return reading, (Gap("", why),)
    source = f"{LOG_SOURCE}, run {fact.event_id}" if fact.event_id else LOG_SOURCE
    return Reading(reading.name, State.KNOWN, value, f"{value:+.1f} points", source, measured), ()


def about_review(evidence: Evidence, gate: GateEvidence) -> Iterator[Hold]:
    """Our own reviews of what would be deployed that said no, whoever has left them."""
    known = valid_facts(evidence.known, evidence.event.repo, gate.at)
    bad = []
    for sha in subjects(gate):
        fact = newest_fact(known, FactKind.REVIEW, (sha,))
        if fact is not None and (why := _said_no(fact)):
            bad.append((sha, why))
    if bad:
        sha, why = bad[0]
        more = f", and {count(len(bad) - 1, 'more review')}" if len(bad) > 1 else ""
        text = f"our own review of {sha[:7]} {why}{more}"
        about = tuple(part for each in bad for part in each)
        yield Hold(
            "own-review", text, LiftedBy.APPROVAL, "mend what it found, or have somebody look at it", about=about
        )


def careful(way: Way, evidence: Evidence, gate: GateEvidence) -> Way:
    """The way out, or what a route of the same change asked for where that is more careful."""
    for fact in routes(evidence, gate):
        way = _more_careful(way, fact)
    return way


def routes(evidence: Evidence, gate: GateEvidence) -> Iterator[Fact]:
    """The newest route of each commit that was looked at."""
    known = valid_facts(evidence.known, evidence.event.repo, gate.at)
    found = (newest_fact(known, FactKind.ROUTE, (sha,)) for sha in subjects(gate))
    return (fact for fact in found if fact is not None)


def _more_careful(way: Way, fact: Fact) -> Way:
    said = fact.values
    minutes = int(parse_number(said.get("monitor_minutes", ""), 1, _LONGEST_WATCH) or 0)
    way = replace(way, minutes=max(way.minutes, minutes))
    asked = next((each for each in _CARE if each == said.get("strategy")), None)
    # What repairs does not wait for a canary, whatever was asked when nobody knew that it was urgent.
    if asked is None or way.strategy == "hotfix" or _CARE.index(asked) < _CARE.index(way.strategy):
        return way
    if asked != "canary":
        return replace(way, strategy=asked, percentage=0)
    share = int(parse_number(said.get("canary_percentage", ""), 1, 100) or _CANARY)
    return replace(way, strategy=asked, percentage=min(share, way.percentage) if way.percentage else share)


def _said_no(fact: Fact) -> str:
    """What a review has said against it, "" for nothing."""
    told = []
    if fact.values.get("decision") == "request_changes":
        told.append("asked for changes")
    if parse_level(fact.values.get("risk_level", "")) is RiskLevel.CRITICAL:
        told.append("found its risk critical")
    return " and ".join(told)


def _delta(fact: Fact, known: FactSet, gate: GateEvidence) -> float | None:
    """The points gained since what runs now, None when that is not known."""
    delta = parse_number(fact.values.get("delta", ""), -100, 100)
    if delta is not None and gate.base and fact.values.get("base") == gate.base:
        return delta
    before = _measured(known, gate.base)
    then = parse_number(before.values.get("after", ""), 0, 100) if before is not None else None
    now = parse_number(fact.values.get("after", ""), 0, 100)
    return None if then is None or now is None else max(round(now - then - _ROUNDED, 6), -100.0)


def _measured(known: FactSet, sha: str) -> Fact | None:
    ours = tuple(fact for fact in known.facts if fact.mode == MODE)
    return newest_fact(replace(known, facts=ours), FactKind.COVERAGE, (sha,))


_SHARES = re.compile(r"(\d{1,3}(?:\.\d+)?) % → (\d{1,3}(?:\.\d+)?) % of lines")


def facts(gated: Gated, evidence: Evidence) -> Iterator[Fact]:
    gate = evidence.get(GATE)
    if gate is None or not gated.sha or gate.unserved:
        return
    values = {
        "decision": str(gated.decision),
        "score": f"{gated.score:g}",
        "review_match": str(gated.review_match),
        "strategy": gated.strategy,
        "hash": gated.hash,
        "enforced": "true" if gated.enforced else "false",
        "base": gate.base,
        **risk_values(gated.risk),
        **{each.name: number(each.value) for each in gated.factors if each.name in {"review", "failures"}},
    }
    yield Fact("", FactKind.DEPLOYMENT, gated.environment, 0, sha=gated.sha, ref=gate.ref, values=values)
    # What came from the audit log itself is no finding of this run.
    for reading in gate.readings:
        if reading.state is not State.KNOWN or reading.source.startswith(LOG_SOURCE):
            continue
        if reading.name == "tests":
            tests = {"percent": number(reading.value), "measured": _time_of(reading), "words": reading.words}
            yield Fact("", FactKind.TESTS, gated.sha, 0, sha=gated.sha, ref=gate.ref, values=tests)
        elif reading.name == "coverage":
            yield Fact(
                "", FactKind.COVERAGE, gated.sha, 0, sha=gated.sha, ref=gate.ref, values=_coverage(reading, gate)
            )


def _coverage(reading: Reading, gate: GateEvidence) -> Mapping[str, str]:
    shares = _SHARES.fullmatch(reading.words)
    before, after = shares.groups() if shares else ("", "")
    return {
        "delta": number(reading.value),
        "base": gate.base,
        "before": before,
        "after": after,
        "measured": _time_of(reading),
    }


def _time_of(reading: Reading) -> str:
    """When, as far as that is known."""
    return str(reading.measured) if reading.measured else ""
