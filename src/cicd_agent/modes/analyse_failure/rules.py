"""The diagnosis with no model at all: what failed, whose fault that is as far as it can be shown, and what to do."""

from collections.abc import Iterator, Sequence
from typing import assert_never

from cicd_agent.analysis.logs.extract import Kind
from cicd_agent.analysis.risk.assessment import assess
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.facts import Cause
from cicd_agent.domain.text.words import clip, count
from cicd_agent.domain.verdict import Conclusion
from cicd_agent.modes.analyse_failure.attribution.cascade import NOTHING, attribute
from cicd_agent.modes.analyse_failure.attribution.other_runs import Attribution, rank
from cicd_agent.modes.analyse_failure.evidence import FailedJob, FailedRun, LogSource, Role
from cicd_agent.modes.analyse_failure.groups import failures
from cicd_agent.modes.analyse_failure.result import CascadeStep, Diagnosis, Failure, Overlap, Remedy, Suspect
from cicd_agent.modes.analyse_failure.runs.previous_failures import with_saved_traces
from cicd_agent.settings.schema import Settings

MAX_ROOT_CAUSE = 200
"""Characters of the root cause."""
MAX_AFFECTED = 20
_SHORT_SHA = 7
_RUN_AGAIN = "Run the failed jobs again: the test reaches nothing that was changed."
_READ_LINES = "Read the lines that failed: what is known does not say whose fault this is."
_TESTS = frozenset({Kind.TEST_FAILURE, Kind.FLAKY_TEST, Kind.TIMEOUT})


def rules(evidence: Evidence, settings: Settings) -> Diagnosis:  # noqa: ARG001  every mode's rules are given settings
    """Attribute the failure, rank the commits, and phrase what follows."""
    failed = with_saved_traces(evidence)
    failed_things = failures(failed)
    attribution = attribute(failed, failed_things, evidence.change)
    first = attribution.group.failure if attribution.group is not None else None
    ranked = (
        (first, *(failure for failure in failed_things if failure != first)) if first is not None else failed_things
    )
    suspects, responsible = rank(failed, attribution.overlaps)
    kind = _kind(first, attribution)
    is_change = attribution.cause is Cause.CHANGE
    unread = sum(1 for job in failed.jobs if _is_unread(job))
    return Diagnosis(
        conclusion=Conclusion.SUCCESS if failed_things else Conclusion.NEUTRAL,
        kind=kind,
        cause=attribution.cause,
        rung=attribution.step,
        confidence=attribution.confidence,
        root_cause=_root_cause(first),
        failures=ranked,
        grounds=attribution.grounds,
        meetings=attribution.overlaps,
        suspects=suspects,
        responsible=responsible if is_change else "",
        affected=_affected(attribution),
        remedy=_remedy(kind, attribution),
        next_step=_next_step(kind, attribution, first),
        innocent=attribution.not_this_change,
        rerun=bool(attribution.rerun_kind) and not is_change,
        rerun_kind="" if is_change else attribution.rerun_kind,
        escalate=tuple(_escalations(evidence, failed, attribution, suspects, unread)),
        risk=assess(evidence.change, (), evidence.history, evidence.learnt) if evidence.change is not None else None,
        unread=unread,
    )


def _kind(first: Failure | None, attribution: Attribution) -> Kind:
    """The tool's kind; `flaky_test` and `infrastructure` are decided by the cascade."""
    if first is None:
        return Kind.UNKNOWN
    if attribution.cause is Cause.FLAKY and (first.kind in _TESTS or first.test):
        return Kind.FLAKY_TEST
    return Kind.INFRASTRUCTURE if attribution.cause is Cause.INFRASTRUCTURE else first.kind


def _root_cause(first: Failure | None) -> str:
    """One line of the tool's own message."""
    if first is None:
        return "Nothing that failed could be read"
    if first.test and first.test not in first.title:
        return clip(f"`{first.test}`: {first.title}", MAX_ROOT_CAUSE)
    return clip(first.title, MAX_ROOT_CAUSE)


def _affected(attribution: Attribution) -> tuple[str, ...]:
    """Where the failure meets the change, then where it points to otherwise."""
    locations = attribution.group.locations if attribution.group is not None else ()
    paths = [*(overlap.path for overlap in attribution.overlaps), *(location.path for location in locations)]
    return tuple(dict.fromkeys(paths))[:MAX_AFFECTED]


def _remedy(kind: Kind, attribution: Attribution) -> Remedy:
    match attribution.cause:
        case Cause.CHANGE if kind is Kind.DEPENDENCY:
            return Remedy.DEPENDENCY_UPDATE
        case Cause.CHANGE if kind is Kind.CONFIGURATION:
            return Remedy.CONFIG_CHANGE
        case Cause.CHANGE:
            return Remedy.CODE_CHANGE
        case Cause.FLAKY | Cause.INFRASTRUCTURE:
            return Remedy.RETRY
        case Cause.PRE_EXISTING:
            return Remedy.INVESTIGATE
        case Cause.UNKNOWN:
            return Remedy.RETRY if attribution.step is CascadeStep.OUT_OF_REACH else Remedy.INVESTIGATE
        case _ as never:
            assert_never(never)


def _next_step(kind: Kind, attribution: Attribution, first: Failure | None) -> str:
    match attribution.cause:
        case Cause.CHANGE:
            return _repair(kind, attribution.overlaps)
        case Cause.FLAKY:
            flaky = f"`{clip(first.test, 120)}`" if first is not None and first.test else "what fails now and then"
            return f"Run the failed jobs again, and mend {flaky}: it passes on the same code."
        case Cause.INFRASTRUCTURE:
            return "Run the failed jobs again once; if they fail in the same way, look at the machine or the service."
        case Cause.PRE_EXISTING:
            if attribution.fixed_by:
                return f"Bring the branch up to date: {attribution.fixed_by[:_SHORT_SHA]} mended this."
            return "Mend it where it began, on the default branch; this change did not bring it."
        case Cause.UNKNOWN:
            is_apart = attribution.step is CascadeStep.OUT_OF_REACH
            return _RUN_AGAIN if is_apart else _READ_LINES
        case _ as never:
            assert_never(never)


def _repair(kind: Kind, meetings: Sequence[Overlap]) -> str:
    where = ""
    if meetings:
        line = f":{meetings[0].line}" if meetings[0].line and not meetings[0].via else ""
        where = f" in `{meetings[0].path}{line}`"
    match kind:
        case Kind.TEST_FAILURE:
            return f"Look at the change{where}: mend the code, or the test if it is meant to behave so now."
        case Kind.DEPENDENCY:
            return f"Look at what the change makes the build install{where}."
        case Kind.CONFIGURATION:
            return f"Look at the configuration that was changed{where}."
        case Kind.LINT_ERROR:
            return f"Do what the linter asks for{where}."
        case Kind.TIMEOUT:
            return f"Look for what takes so long since the change{where}."
        case _:
            return f"Mend what was changed{where}."


def _is_unread(job: FailedJob) -> bool:
    return job.role in {Role.FAILED, Role.TOLERATED} and job.source is LogSource.NONE and not job.extract.total


def _escalations(
    evidence: Evidence, failed: FailedRun, attribution: Attribution, suspects: Sequence[Suspect], unread: int
) -> Iterator[str]:
    run = failed.run
    on_default = run is not None and bool(run.branch) and run.branch == evidence.event.default_branch and not run.pulls
    if on_default and attribution.cause is Cause.UNKNOWN:
        yield "the default branch fails, and nothing shows why"
    elif failed.turned_red:
        yield "the default branch has turned red"
    if attribution.cause is Cause.UNKNOWN and attribution.confidence < NOTHING:
        yield "nothing that failed could be read"
    if unread:
        yield f"the logs of {count(unread, 'failed job')} could not be read"
    exact = [suspect for suspect in suspects if any(overlap.exact for overlap in suspect.meetings)]
    if attribution.cause is Cause.CHANGE and len(exact) > 1:
        yield f"{count(len(exact), 'commit')} changed the lines that fail"
