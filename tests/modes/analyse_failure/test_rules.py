"""The whole diagnosis without a model."""

from dataclasses import replace
from typing import Any

import pytest

from cicd_agent.analysis.logs.extract import Extract, Frame, Kind, Problem, Trouble
from cicd_agent.domain.events.event import Event, EventKind
from cicd_agent.domain.events.workflow_run import RunState
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.facts import Cause
from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.verdict import Conclusion
from cicd_agent.modes.analyse_failure.evidence import FAILED_RUN, FailedJob, FailedRun, LogSource
from cicd_agent.modes.analyse_failure.result import CascadeStep, Diagnosis, Remedy
from cicd_agent.modes.analyse_failure.rules import rules
from cicd_agent.settings.schema import Settings
from tests.modes.analyse_failure.builders import (
    HEAD,
    RUN,
    candidate,
    change,
    failed_run,
    install,
    job,
    lost,
    problem,
    trace,
    trouble,
)  # fmt: skip

EVENT = Event(EventKind.WORKFLOW_RUN, default_branch="main")
INNER = problem(frames=(Frame("src/client.py", 3), Frame("tests/test_client.py", 57)))


def diagnose(failed: FailedRun | None, of: Change | None = None) -> Diagnosis:
    return rules(Evidence(EVENT, of).put(FAILED_RUN, failed), Settings())


def test_a_failure_of_the_change_is_told_with_its_commit_its_files_and_what_to_do() -> None:
    commits = (candidate("1", {"src/client.py": ((3, 3),)}), candidate("2", {"README.md": ((1, 1),)}))
    found = diagnose(failed_run(job(INNER), candidates=commits, green=RunState(6)), change("src/client.py"))
    assert (found.conclusion, found.kind, found.cause) == (Conclusion.SUCCESS, Kind.TEST_FAILURE, Cause.CHANGE)
    assert found.root_cause == "`test_retry_limit`: assert 5 == 3"
    assert found.responsible == "1" * 40
    assert found.affected == ("src/client.py", "tests/test_client.py")
    assert (found.remedy, found.rerun, found.rerun_kind, found.innocent) == (Remedy.CODE_CHANGE, False, "", False)
    assert "`src/client.py:3`" in found.next_step
    assert found.risk is not None
    assert found.fingerprint


def test_a_flaky_test_is_called_so_only_by_proof() -> None:
    passed = trace(run=7, attempt=2, sha=HEAD, conclusion="success")
    proved = diagnose(failed_run(traces=(passed,)), change("src/client.py"))
    assert (proved.kind, proved.cause, proved.rerun_kind, proved.innocent) == (
        Kind.FLAKY_TEST,
        Cause.FLAKY,
        "flaky",
        True,
    )
    suspected = diagnose(failed_run(), change("src/unrelated.py"))
    assert (suspected.kind, suspected.cause, suspected.innocent) == (Kind.TEST_FAILURE, Cause.UNKNOWN, True)
    assert (suspected.rerun, suspected.rerun_kind, suspected.remedy) == (True, "flaky", Remedy.RETRY)


def test_a_build_that_passes_on_the_same_commit_is_no_flaky_test() -> None:
    passed = trace(run=7, attempt=2, sha=HEAD, conclusion="success")
    broken = problem(kind=Kind.BUILD_ERROR, test="", tool="gcc")
    assert diagnose(failed_run(job(broken), traces=(passed,))).kind is Kind.BUILD_ERROR


def test_nobody_is_responsible_for_what_the_change_did_not_do() -> None:
    commits = (candidate("1", {"src/client.py": ((3, 3),)}),)
    old = failed_run(job(INNER), candidates=commits, green=RunState(6), traces=(trace(is_default=True),))
    found = diagnose(old, change("src/client.py"))
    assert (found.cause, found.responsible) == (Cause.PRE_EXISTING, "")
    assert found.suspects, "they are listed all the same"


def test_the_commit_that_mended_it_elsewhere_is_named() -> None:
    mended = trace(is_default=True, fixed_by="f" * 40)
    assert "fffffff" in diagnose(failed_run(traces=(mended,)), change("src/unrelated.py")).next_step


def of_kind(kind: Kind, *problems: Problem, **fields: Any) -> FailedJob:
    """A job of which the log as a whole is of this kind."""
    known = job(*problems, **fields)
    return replace(known, extract=replace(known.extract, kind=kind))


def test_the_type_is_that_of_the_log_of_which_the_failure_comes_first() -> None:
    missing = problem(kind=Kind.CONFIGURATION, test="")
    assert diagnose(failed_run(of_kind(Kind.LINT_ERROR, missing))).kind is Kind.LINT_ERROR
    assert diagnose(failed_run(of_kind(Kind.BUILD_ERROR, missing))).kind is Kind.CONFIGURATION
    nothing = replace(of_kind(Kind.LINT_ERROR, missing), extract=Extract(kind=Kind.LINT_ERROR))
    assert diagnose(failed_run(nothing)).kind is Kind.UNKNOWN
    apart = replace(missing, line=20, first=20, last=20, frames=(), strict="0" * 16, loose="0" * 16)
    second = of_kind(Kind.LINT_ERROR, apart, INNER)
    assert diagnose(failed_run(second), change("src/client.py")).kind is Kind.TEST_FAILURE
    late = of_kind(Kind.TEST_FAILURE, missing)
    late = replace(late, job=replace(late.job, conclusion="timed_out"))
    assert diagnose(failed_run(late)).kind is Kind.TIMEOUT


def test_infrastructure_is_a_type_that_excuses_nothing_and_never_stands_beside_the_change_as_the_cause() -> None:
    network = of_kind(Kind.INFRASTRUCTURE, problem(kind=Kind.DEPENDENCY, test=""))
    unknown = diagnose(failed_run(network, run=None))
    assert (unknown.kind, unknown.cause, unknown.rerun) == (Kind.INFRASTRUCTURE, Cause.UNKNOWN, False)
    # In a run the words may be those of the change's code, and other jobs branch on the type.
    assert diagnose(failed_run(network)).kind is Kind.DEPENDENCY
    blamed = diagnose(failed_run(of_kind(Kind.INFRASTRUCTURE, INNER)), change("src/client.py"))
    assert (blamed.kind, blamed.cause) == (Kind.TEST_FAILURE, Cause.CHANGE)


def test_infrastructure_is_worth_one_more_run() -> None:
    found = diagnose(failed_run(install(trouble(Trouble.NETWORK, "read ECONNRESET"))), change("src/unrelated.py"))
    assert (found.kind, found.remedy, found.rerun, found.rerun_kind) == (
        Kind.INFRASTRUCTURE, Remedy.RETRY, True, "infrastructure",
    )  # fmt: skip


@pytest.mark.parametrize("failed", [None, FailedRun(), failed_run(jobs=())])
def test_nothing_read_is_neutral_and_asks_for_a_person(failed: FailedRun | None) -> None:
    found = diagnose(failed)
    assert (found.conclusion, found.cause, found.confidence) == (Conclusion.NEUTRAL, Cause.UNKNOWN, 0.0)
    assert found.escalate


def test_an_unknown_failure_of_the_default_branch_asks_for_a_person() -> None:
    on_main = failed_run(run=replace(RUN, branch="main", event="push", pulls=()))
    assert diagnose(on_main).escalate == ("the default branch fails, and nothing shows why",)
    assert diagnose(
        replace(on_main, candidates=(candidate("1", {"src/client.py": ((3, 3),)}),), turned_red=True)
    ).escalate == ("the default branch turned red",)


def test_a_log_that_could_not_be_read_is_counted() -> None:
    unread = replace(lost(), source=LogSource.NONE, extract=Extract())
    found = diagnose(failed_run(job(INNER), unread), change("src/client.py"))
    assert found.unread == 1
    assert any("1 failed job" in reason for reason in found.escalate)


def test_what_decides_comes_first() -> None:
    apart = problem(line=5, first=5, last=6, test="test_codec", frames=(), strict="8" * 16, score=1.0)
    found = diagnose(failed_run(job(apart, INNER, places=job(INNER).places)), change("src/client.py"))
    assert [failure.test for failure in found.failures] == ["test_retry_limit", "test_codec"]
    assert found.rung is CascadeStep.MEETS_CHANGE


def test_the_root_cause_is_one_short_line() -> None:
    long = diagnose(failed_run(job(problem(text="E  " + "word " * 400, test="t" * 400))))
    assert len(long.root_cause) == 200
    assert "\n" not in long.root_cause
