"""What earlier runs have left of the same failure. Causes of then are shown, and excuse nothing today."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Final

from pydantic import TypeAdapter, ValidationError

from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.fact_trust import merge_facts, newest_fact, parse_commit, parse_number, valid_facts
from cicd_agent.domain.facts import Cause, Fact, FactKind, FactSet
from cicd_agent.domain.text.words import count
from cicd_agent.modes.analyse_failure.evidence import FAILED_RUN, FailedRun, Role, Trace, failed_run
from cicd_agent.modes.analyse_failure.groups import failures, fingerprints
from cicd_agent.modes.analyse_failure.runs.history import History
from cicd_agent.modes.protocol import Ports

MAX_FINGERPRINTS: Final = 3
MAX_FACTS: Final = 50
GITHUB: Final = "github"
"""Stands for the mode where GitHub's own runs show what fixed it."""
MAX_TRACES: Final = 300
_SHAPE: TypeAdapter[Trace] = TypeAdapter(Trace)
_LATEST = 4_102_444_800


@dataclass(frozen=True, slots=True)
class PreviousFailure:
    """How often a failure was explained before: on how many commits, since when, and the last cause.

    `fixed_by` is the commit on which it had passed again, "" when that is not known; `patch` the digest of a patch that
    was proved to fix it, and `run` where that lies.
    """

    times: int
    since: int
    cause: str = ""
    fixed_by: str = ""
    patch: str = ""
    run: str = ""


def read_previous_failures(world: Ports, failed: FailedRun, repository: str, history: History | None) -> FactSet:
    """The facts about what has failed; where none says what fixed it, GitHub's runs of the same workflow may."""
    state = world.state
    fingerprints = tuple(dict.fromkeys(each.strict for each in failures(failed) if each.strict))[:MAX_FINGERPRINTS]
    if state is None or not repository or not fingerprints:
        return FactSet()
    kinds = (FactKind.FAILURE, FactKind.FIX)
    read = [state.find(kind, each, limit=MAX_FACTS) for each in fingerprints for kind in kinds]
    known = valid_facts(merge_facts(read), repository, world.now())
    own = str(failed.run.id) if failed.run else ""
    known = replace(known, facts=tuple(fact for fact in known.facts if not own or fact.values.get("run") != own))
    fix = _fix_by_github(known, fingerprints[0], history)
    return replace(known, facts=(*known.facts, fix)) if fix is not None else known


def previous_failure(evidence: Evidence, fingerprint: str) -> PreviousFailure | None:
    known = evidence.known
    before = known.of(FactKind.FAILURE, fingerprint) if fingerprint else ()
    if not before:
        return None
    last = max(before, key=lambda fact: fact.at)
    fixes = known.of(FactKind.FIX, fingerprint)
    by_github = max((fact for fact in fixes if fact.mode == GITHUB), key=lambda fact: fact.at, default=None)
    by_patch = max((fact for fact in fixes if fact.mode != GITHUB), key=lambda fact: fact.at, default=None)
    cause = last.values.get("cause", "")
    return PreviousFailure(
        times=len({fact.sha or fact.event_id for fact in before}),
        since=min(fact.at for fact in before),
        cause=cause if cause in frozenset(Cause) else "",
        fixed_by=parse_commit(by_github.values.get("commit", "")) if by_github is not None else "",
        patch=by_patch.values.get("patch", "")[:12] if by_patch is not None else "",
        run=by_patch.event_id if by_patch is not None else "",
    )


def previous_lines(evidence: Evidence, fingerprint: str) -> Iterator[str]:
    """The same as plain text, a line each, of which nothing was written by others."""
    failure = previous_failure(evidence, fingerprint)
    if failure is None:
        return
    cause = f", the last time with the cause {failure.cause}" if failure.cause else ""
    yield f"the same failure was analysed on {count(failure.times, 'commit')} since {day(failure.since)}{cause}"
    if failure.fixed_by:
        yield f"it passed again from {failure.fixed_by[:12]} on"


def day(when: int) -> str:
    return datetime.fromtimestamp(min(max(when, 0), _LATEST), UTC).date().isoformat()


def _fix_by_github(known: FactSet, fingerprint: str, history: History | None) -> Fact | None:
    last = newest_fact(known, FactKind.FAILURE, (fingerprint,))
    if last is None or history is None or not last.ref:
        return None
    if last.values.get("workflow", history.run.workflow) != history.run.workflow:
        return None
    since = int(parse_number(last.values.get("run_created", ""), 1, last.at) or last.at)
    passed = history.passed_after(last.ref, since)
    if passed is None:
        return None
    values = {"commit": passed.sha, "run": str(passed.id)}
    return replace(last, kind=FactKind.FIX, at=passed.created, mode=GITHUB, event_id=str(passed.id), values=values)


def with_saved_traces(evidence: Evidence) -> FailedRun:
    """The failed run with saved traces of others, where GitHub was not asked about them; empty without one."""
    failed = failed_run(evidence)
    known = {trace.key for trace in failed.traces}
    own = failed.run.id if failed.run else 0
    loaded = _load_traces(evidence.memory)
    fresh = tuple(trace for trace in loaded if trace.run != own and trace.key not in known)
    return replace(failed, traces=(*failed.traces, *fresh)) if fresh else failed


def save_traces(evidence: Evidence) -> Sequence[str]:
    """What the next run in this repository may know of this one's failures, and of those before; a line each."""
    failed, event = evidence.get(FAILED_RUN), evidence.event
    run = failed.run if failed else None
    if failed is None or run is None:
        return ()
    own = [
        replace(
            Trace.of(run, job.job, event.default_branch),
            conclusion=job.job.conclusion or "failure",
            pull=event.pull.number if event.pull else 0,
            strict=strict,
        )
        for job in failed.jobs
        if job.role is Role.FAILED and (strict := fingerprints(job))
    ]
    current = {trace.key for trace in own}
    before = [trace for trace in _load_traces(evidence.memory) if trace.key not in current]
    return [json.dumps(asdict(trace), sort_keys=True) for trace in (*own, *before)[:MAX_TRACES]]


def _load_traces(memory: str) -> Iterator[Trace]:
    for line in memory.split("\n")[:MAX_TRACES] if memory else ():
        try:
            yield _SHAPE.validate_json(line, strict=True)
        except (ValidationError, RecursionError):
            continue
