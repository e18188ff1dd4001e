"""The diagnosis with no model at all: what failed, whose fault that is as far as it can be shown, and what to do."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from cicd_agent.analysis.logs.extract import Kind
from cicd_agent.analysis.logs.kind import closer
from cicd_agent.analysis.rules.run import ruled
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.facts import Cause
from cicd_agent.domain.text.words import clip, count
from cicd_agent.domain.verdict import Conclusion, Risk
from cicd_agent.modes.analyse_failure.attribution.cascade import NOTHING, Attribution, attribute, rank
from cicd_agent.modes.analyse_failure.evidence import FailedRun, LogSource, Role
from cicd_agent.modes.analyse_failure.failed_tests import failed_tests
from cicd_agent.modes.analyse_failure.groups import groups
from cicd_agent.modes.analyse_failure.result import CascadeStep, Cited, Diagnosis, Failure, Remedy, Suspect
from cicd_agent.modes.analyse_failure.runs.previous_failures import with_saved_traces
from cicd_agent.modes.shared.change_risk import change_risk
from cicd_agent.settings.schema import Settings

MAX_ROOT_CAUSE = 200
MAX_AFFECTED = 20
_TESTS = frozenset({Kind.TEST_FAILURE, Kind.FLAKY_TEST, Kind.TIMEOUT})
_NEXT = {
    Cause.CHANGE: (Remedy.CODE_CHANGE, "Fix the change{where}."),
    Cause.FLAKY: (Remedy.RETRY, "Re-run the failed jobs, and fix {test}: it passes on the same code."),
    Cause.INFRASTRUCTURE: (
        Remedy.RETRY,
        "Re-run the failed jobs once. If they fail the same way, check the runner or the service.",
    ),
    Cause.PRE_EXISTING: (
        Remedy.INVESTIGATE,
        "Fix it on the default branch: this change did not cause it.",
    ),
    Cause.UNKNOWN: (
        Remedy.INVESTIGATE,
        "Read the failing lines: the evidence does not show the cause.",
    ),
}
_FIX = "Fix the code{where}, or update the test if the new behaviour is intended."
_REPAIRS = {
    Kind.TEST_FAILURE: (Remedy.CODE_CHANGE, _FIX),
    Kind.DEPENDENCY: (Remedy.DEPENDENCY_UPDATE, "Check the dependencies that the change installs{where}."),
    Kind.CONFIGURATION: (Remedy.CONFIG_CHANGE, "Check the changed configuration{where}."),
    Kind.LINT_ERROR: (Remedy.CODE_CHANGE, "Fix what the linter reports{where}."),
    Kind.TIMEOUT: (Remedy.CODE_CHANGE, "Find what takes longer since the change{where}."),
}


def rules(evidence: Evidence, settings: Settings) -> Diagnosis:
    failed = with_saved_traces(evidence)
    all_groups = groups(failed)
    attribution = attribute(failed, all_groups, evidence.change)
    first = attribution.group.failure if attribution.group is not None else None
    ranked = [group.failure for group in all_groups]
    # Stable: the one that decides comes first, the others keep their order.
    ranked.sort(key=lambda failure: failure != first)
    if ranked and attribution.trouble is not None:
        ranked[0] = _with_line(ranked[0], attribution.trouble)
    suspects, responsible = rank(failed, attribution.overlaps)
    kind = _kind(first, attribution, is_run=failed.run is not None)
    is_change = attribution.cause is Cause.CHANGE
    remedy, next_step = _next_step(kind, attribution, first)
    unread = sum(
        job.role in {Role.FAILED, Role.TOLERATED} and job.source is LogSource.NONE and not job.extract.total
        for job in failed.jobs
    )
    # Where the failure meets the change, then where it points to otherwise.
    locations = attribution.group.locations if attribution.group is not None else ()
    paths = [*(overlap.path for overlap in attribution.overlaps), *(location.path for location in locations)]
    return Diagnosis(
        conclusion=Conclusion.SUCCESS if ranked else Conclusion.NEUTRAL,
        kind=kind,
        cause=attribution.cause,
        rung=attribution.step,
        confidence=attribution.confidence,
        root_cause=_root_cause(first, attribution.trouble),
        failures=tuple(ranked),
        grounds=attribution.grounds,
        meetings=attribution.overlaps,
        suspects=suspects,
        responsible=responsible if is_change else "",
        affected=tuple(dict.fromkeys(paths))[:MAX_AFFECTED],
        remedy=remedy,
        next_step=next_step,
        innocent=attribution.not_this_change,
        rerun=bool(attribution.rerun_kind) and not is_change,
        rerun_kind="" if is_change else attribution.rerun_kind,
        escalate=tuple(_escalations(evidence, failed, attribution, suspects, unread)),
        risk=_risk(evidence, settings),
        unread=unread,
        tests=failed_tests(failed),
    )


def _risk(evidence: Evidence, settings: Settings) -> Risk | None:
    """The risk of the change that the run was of, None where that is not known."""
    change = evidence.change
    if change is None:
        return None
    return change_risk(ruled(change, settings.config_file, settings.own_rules), evidence, settings)


def _kind(first: Failure | None, attribution: Attribution, *, is_run: bool) -> Kind:
    """The kind of the log; the cascade alone decides on `flaky_test`, and in a run on `infrastructure`.

    What the change's code prints could say that a network was to blame, and later jobs branch on the kind.
    """
    if first is None:
        return Kind.UNKNOWN
    if attribution.cause is Cause.FLAKY and (first.kind in _TESTS or first.test):
        return Kind.FLAKY_TEST
    if attribution.cause is Cause.INFRASTRUCTURE:
        return Kind.INFRASTRUCTURE
    kind = _kind_of_log(first, attribution)
    if kind is Kind.INFRASTRUCTURE and (is_run or attribution.cause is Cause.CHANGE):
        return _unproved(first.kind)
    return kind


def _kind_of_log(first: Failure, attribution: Attribution) -> Kind:
    """The kind of the log, or of the failure alone where the change is blamed for one that is not the log's first."""
    if attribution.group is None or not attribution.group.problems:
        return _unproved(first.kind)
    job, problem = attribution.group.problems[0]
    is_first = attribution.cause is not Cause.CHANGE or problem in job.extract.problems[:1]
    if job.extract.kind is Kind.UNKNOWN or job.job.conclusion == "timed_out" or not is_first:
        return _unproved(first.kind)
    return closer(job.extract.kind, first.kind)


def _unproved(kind: Kind) -> Kind:
    # One message says no such thing of a whole log.
    return Kind.UNKNOWN if kind is Kind.INFRASTRUCTURE else kind


def _with_line(failure: Failure, trouble: Cited) -> Failure:
    """The failure with the line that explains it first among those that prove it."""
    others = [line for line in failure.decisive if (line.job, line.number) != (trouble.job, trouble.number)]
    return replace(failure, decisive=tuple(sorted((trouble, *others), key=lambda line: line.number)))


def _root_cause(first: Failure | None, trouble: Cited | None) -> str:
    if trouble is not None:
        return clip(f"{trouble.text}{f' in `{trouble.step}`' if trouble.step else ''}", MAX_ROOT_CAUSE)
    if first is None:
        return "Nothing that failed could be read"
    name = f"`{first.test}`: " if first.test and first.test not in first.title else ""
    return clip(f"{name}{first.title}", MAX_ROOT_CAUSE)


def _next_step(kind: Kind, attribution: Attribution, first: Failure | None) -> tuple[Remedy, str]:
    where, test = "", "what fails now and then"
    if attribution.overlaps:
        nearest = attribution.overlaps[0]
        where = f" in `{nearest.path}{f':{nearest.line}' if nearest.line and not nearest.via else ''}`"
    if first is not None and first.test:
        test = f"`{clip(first.test, 120)}`"
    remedy, text = _NEXT[attribution.cause]
    if attribution.cause is Cause.CHANGE:
        remedy, text = _REPAIRS.get(kind, (remedy, text))
    elif attribution.cause is Cause.PRE_EXISTING and attribution.fixed_by:
        text = "Bring the branch up to date: {fix} fixed this."
    elif attribution.step is CascadeStep.OUT_OF_REACH:
        remedy, text = Remedy.RETRY, "Re-run the failed jobs: the test reaches nothing that changed."
    return remedy, text.format(where=where, test=test, fix=attribution.fixed_by[:7])


def _escalations(
    evidence: Evidence, failed: FailedRun, attribution: Attribution, suspects: Sequence[Suspect], unread: int
) -> Iterator[str]:
    run = failed.run
    on_default = run is not None and bool(run.branch) and run.branch == evidence.event.default_branch and not run.pulls
    if on_default and attribution.cause is Cause.UNKNOWN:
        yield "the default branch fails, and nothing shows why"
    elif failed.turned_red:
        yield "the default branch turned red"
    if attribution.cause is Cause.UNKNOWN and attribution.confidence < NOTHING:
        yield "nothing that failed could be read"
    if unread:
        yield f"the logs of {count(unread, 'failed job')} could not be read"
    exact = [suspect for suspect in suspects if any(overlap.exact for overlap in suspect.meetings)]
    if attribution.cause is Cause.CHANGE and len(exact) > 1:
        yield f"{count(len(exact), 'commit')} changed the lines that fail"
