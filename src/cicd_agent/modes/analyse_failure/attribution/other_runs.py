"""The cascade's steps by other runs: the same job green on the same commit, the same failure without the change."""

from collections.abc import Sequence

from cicd_agent.analysis.logs.extract import Trouble
from cicd_agent.domain.facts import Cause
from cicd_agent.domain.text.words import count
from cicd_agent.modes.analyse_failure.attribution.attribution import Attribution
from cicd_agent.modes.analyse_failure.attribution.change_index import Changed
from cicd_agent.modes.analyse_failure.attribution.overlap import REMOTE
from cicd_agent.modes.analyse_failure.evidence import FailedRun, Trace
from cicd_agent.modes.analyse_failure.groups import Group, job_base, same_test
from cicd_agent.modes.analyse_failure.result import CascadeStep, Ground, Overlap

PROVED, OTHER_BASE, DRIFTED = 0.95, 0.8, 0.5
AT_BASE, STILL_FAILS, COMES_AND_GOES, ELSEWHERE, ENDED = 0.95, 0.9, 0.85, 0.8, 0.7
_MIN_BRANCHES = 2
"""Unrelated branches: one may have been begun from the other."""
_DAY = 86_400
_LINKS = 5
_SHORT_SHA = 7
_PULLS = frozenset({"pull_request", "pull_request_target"})
_EXTERNAL = REMOTE | {Trouble.DISK, Trouble.RUNNER}


def passed_elsewhere(failed: FailedRun, group: Group) -> Attribution | None:
    """The same job passed on the same commit, or the same test within the same run: what failed was not the code."""
    flaked = [
        case for case in failed.cases if case.flaked and group.failure.test and _is_test(group, case.suite, case.name)
    ]
    if flaked:
        text = f"the test failed and passed in the same run, says {flaked[0].source or 'its report'}"
        return _passed(group, PROVED, (Ground(text),))
    names = {group.failure.job, *group.failure.siblings}
    passed = [
        trace
        for trace in failed.traces
        if failed.run is not None and failed.run.sha and trace.sha == failed.run.sha
        if trace.conclusion == "success" and trace.job in names
    ]
    proofs = [(_proof(failed, trace), trace) for trace in passed]
    if not proofs:
        return None
    confidence, trace = max(proofs, key=lambda each: each[0])
    ground = Ground(f"`{trace.job}` passed on the same commit {_where(failed, trace)}", trace.url)
    if confidence <= DRIFTED:
        late = Ground("that was more than a day before: something outside of the repository may have changed since")
        return Attribution(Cause.UNKNOWN, CascadeStep.PASSED_ELSEWHERE, confidence, (ground, late))
    grounds = [ground]
    if confidence < PROVED:
        grounds.append(Ground("that run may have been of a merge with another state of the base branch"))
    return _passed(group, confidence, tuple(grounds))


def _passed(group: Group, confidence: float, grounds: tuple[Ground, ...]) -> Attribution:
    """Flaky; a job that met trouble outside and then passed is no flaky test."""
    top = group.problems[0][1].trouble if group.problems else None
    if top in _EXTERNAL:
        return Attribution(Cause.INFRASTRUCTURE, CascadeStep.PASSED_ELSEWHERE, confidence, grounds, "infrastructure")
    return Attribution(Cause.FLAKY, CascadeStep.PASSED_ELSEWHERE, confidence, grounds, "flaky")


def _is_test(group: Group, suite: str, name: str) -> bool:
    return same_test(group.failure.test, f"{suite}.{name}" if suite else name)


def _proof(failed: FailedRun, trace: Trace) -> float:
    run = failed.run
    if run is None or trace.run == run.id:
        return PROVED
    if run.created and trace.when and run.created - trace.when > _DAY:
        return DRIFTED
    if run.event in _PULLS or trace.event in _PULLS or (trace.event and run.event and trace.event != run.event):
        return OTHER_BASE
    return PROVED


def _where(failed: FailedRun, trace: Trace) -> str:
    if failed.run is not None and trace.run == failed.run.id:
        return f"in attempt {trace.attempt}"
    return f"in run {trace.run}"


def seen_before(failed: FailedRun, group: Group, changed: Changed, overlaps: Sequence[Overlap]) -> Attribution | None:
    """The very same failure where the change is not: on the default branch, or on branches that are unrelated to it.

    A test that is known to be flaky and fails in a new way is a new failure: only strict fingerprints count.
    """
    if not group.is_explained or not group.failure.strict:
        return None
    traces = [trace for trace in failed.traces if _is_without(trace, failed, changed) and _is_job(trace, group)]
    failed_before = [trace for trace in traces if _is_same(trace, group)]
    on_default = sorted(
        (trace for trace in failed_before if trace.is_default), key=lambda trace: (trace.when, trace.run, trace.attempt)
    )
    if on_default:
        return _on_default(on_default, traces, changed, overlaps)
    unrelated = {trace.pull or trace.branch: trace for trace in failed_before if _is_unrelated(trace, failed)}
    if len(unrelated) < _MIN_BRANCHES:
        return None
    text = f"the same failure on {len(unrelated):,} other branches"
    grounds = (Ground(text), *(_link(trace) for trace in list(unrelated.values())[:_LINKS]))
    fixed_by = next((trace.fixed_by for trace in unrelated.values() if trace.fixed_by), "")
    return Attribution(Cause.PRE_EXISTING, CascadeStep.SEEN_BEFORE, ELSEWHERE, grounds, fixed_by=fixed_by)


def _on_default(
    failed_before: Sequence[Trace], traces: Sequence[Trace], changed: Changed, overlaps: Sequence[Overlap]
) -> Attribution | None:
    last = failed_before[-1]
    green = [trace for trace in traces if trace.is_default and trace.conclusion == "success"]
    links = tuple(_link(trace) for trace in reversed(failed_before[-_LINKS:]))
    fixed_by = next((trace.fixed_by for trace in reversed(failed_before) if trace.fixed_by), "")
    on_both = any(one.sha == other.sha and one.sha for one in failed_before for other in green)
    between = any(failed_before[0].when < other.when < last.when for other in green)
    if on_both or between:
        how = "passed on the same commit" if on_both else "comes and goes"
        text = f"on the default branch the same failure {how}, in {count(len(failed_before), 'run')}"
        return Attribution(Cause.FLAKY, CascadeStep.SEEN_BEFORE, COMES_AND_GOES, (Ground(text), *links), "flaky")
    base_sha = changed.change.base if changed.change is not None else ""
    if any(trace.sha == base_sha for trace in failed_before if base_sha):
        ground = Ground("the commit that the change begins from fails in the same way")
        return Attribution(Cause.PRE_EXISTING, CascadeStep.SEEN_BEFORE, AT_BASE, (ground, *links), fixed_by=fixed_by)
    if not fixed_by and all(other.when <= last.when for other in green):
        ground = Ground("the default branch fails in the same way")
        return Attribution(Cause.PRE_EXISTING, CascadeStep.SEEN_BEFORE, STILL_FAILS, (ground, *links))
    if overlaps:
        # It was fixed there, and the change is where it points to: it may well have brought it back.
        return None
    by = f" by {fixed_by[:_SHORT_SHA]}" if fixed_by else ""
    ground = Ground(f"the default branch failed in the same way and was mended{by}; this branch may be older")
    return Attribution(Cause.PRE_EXISTING, CascadeStep.SEEN_BEFORE, ENDED, (ground, *links), fixed_by=fixed_by)


def _is_without(trace: Trace, failed: FailedRun, changed: Changed) -> bool:
    """Whether a run was of a commit that does not hold the change."""
    if not trace.sha or trace.sha in changed.shas:
        return False
    run = failed.run
    if run is None:
        return True
    # What came later on the default branch may hold the change, merged under another name.
    later = trace.is_default and bool(trace.when and run.created) and trace.when > run.created
    return trace.sha != run.sha and not later


def _is_unrelated(trace: Trace, failed: FailedRun) -> bool:
    run = failed.run
    if trace.is_default or not (trace.pull or trace.branch):
        return False
    return run is None or ((trace.pull not in run.pulls if trace.pull else True) and trace.branch != run.branch)


def _is_job(trace: Trace, group: Group) -> bool:
    return not group.failure.job or job_base(trace.job) == job_base(group.failure.job)


def _is_same(trace: Trace, group: Group) -> bool:
    theirs = frozenset(trace.strict)
    return trace.conclusion != "success" and (
        group.failure.strict in theirs or (bool(group.signatures) and group.signatures <= theirs)
    )


def _link(trace: Trace) -> Ground:
    where = f"pull request #{trace.pull}" if trace.pull else f"`{trace.branch}`" if trace.branch else "a run"
    return Ground(f"{where} at {trace.sha[:_SHORT_SHA]}, run {trace.run}", trace.url)
