"""What holds of the ladder whatever was read: it never fails, and less evidence never makes the same cause surer."""

from collections.abc import Iterator
from dataclasses import replace

from hypothesis import example, given
from hypothesis import strategies as st

from cicd_agent.analysis.logs.extract import Extract, ExtractLine, Frame, Kind, Problem, Trouble
from cicd_agent.analysis.test_reports.cases import Case, Outcome
from cicd_agent.domain.events.event import Event, EventKind
from cicd_agent.domain.events.workflow_run import JobRun, RunNote, RunState, StepRun
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.facts import Cause
from cicd_agent.domain.repository.change import Change, Commit
from cicd_agent.modes.analyse_failure.evidence import (
    FAILED_RUN,
    Candidate,
    FailedJob,
    FailedRun,
    LogLocation,
    LogSource,
    Role,
    Trace,
)
from cicd_agent.modes.analyse_failure.groups import Group
from cicd_agent.modes.analyse_failure.result import CascadeStep
from cicd_agent.modes.analyse_failure.rules import rules
from cicd_agent.settings.schema import Settings
from tests.modes.analyse_failure.attribution.cascade_rows import stand
from tests.modes.analyse_failure.builders import HEAD, change, change_text, failed_run

PATHS = ("src/client.py", "src/codec.py", "src/unrelated.py", "tests/test_client.py", "requirements.txt", "README.md")
NAMES = st.sampled_from(["", "unit", "unit (1)", "lint"])
SIGNATURES = st.sampled_from(["", "5" * 16, "6" * 16])
SHAS = st.sampled_from(["", HEAD, "b" * 40, "c" * 40, "d" * 40])
WORDS = st.sampled_from(
    [
        "",
        "E  assert 1 == 2",
        "The runner has received a shutdown signal",
        "lost communication with the server",
        "flaky",
        "No module named 'x'",
        "connect ECONNREFUSED 10.0.0.1:443",
        "Process completed with exit code 1.",
        "\u202e\x00`",
        "a\nb",
    ]
)
SMALL = st.integers(-3, 60)
SCORES = st.floats(0, 1)
TESTS = st.sampled_from(
    ["", "test_retry", "tests/test_client.py::test_retry", "test_x (tests.test_client.T)", "a::b[", "("]
)
FRAMES = st.builds(Frame, st.sampled_from(PATHS), SMALL)
PROBLEMS = st.builds(
    Problem,
    tool=st.sampled_from(["", "pytest", "npm", "docker"]),
    kind=st.sampled_from(Kind),
    line=SMALL,
    first=SMALL,
    last=SMALL,
    text=WORDS,
    score=SCORES,
    step=NAMES,
    trouble=st.none() | st.sampled_from(Trouble),
    wraps=st.booleans(),
    novel=st.booleans(),
    test=TESTS,
    frames=st.lists(FRAMES, max_size=2).map(tuple),
    strict=SIGNATURES,
    loose=SIGNATURES,
)
EXTRACTS = st.builds(
    Extract,
    kept=st.lists(st.builds(ExtractLine, SMALL, WORDS, SCORES), max_size=3).map(tuple),
    problems=st.lists(PROBLEMS, max_size=4).map(tuple),
    total=st.integers(0, 100),
)
STATES = st.sampled_from(["", "failure", "cancelled", "timed_out", "startup_failure", "success"])
JOBS = st.builds(
    FailedJob,
    job=st.builds(
        JobRun,
        st.just(1),
        NAMES,
        st.sampled_from(["", "completed"]),
        STATES,
        steps=st.lists(st.builds(StepRun, NAMES, st.just(1), STATES), max_size=2).map(tuple),
    ),
    role=st.sampled_from(Role),
    step=NAMES,
    extract=EXTRACTS,
    source=st.sampled_from(LogSource),
    notes=st.lists(
        st.builds(
            RunNote, st.sampled_from(["failure", "notice"]), WORDS, path=st.sampled_from(["", ".github", *PATHS])
        ),
        max_size=2,
    ).map(tuple),
    places=st.lists(st.builds(LogLocation, st.sampled_from(PATHS), SMALL, SMALL, SMALL, st.booleans()), max_size=3).map(
        tuple
    ),
)
TRACES = st.builds(
    Trace,
    st.integers(1, 9),
    st.integers(1, 3),
    NAMES,
    STATES,
    SHAS,
    branch=NAMES,
    is_default=st.booleans(),
    pull=st.integers(0, 3),
    strict=st.lists(SIGNATURES, max_size=2).map(tuple),
    when=st.integers(0, 10**6),
    fixed_by=SHAS,
    event=st.sampled_from(["", "push", "pull_request"]),
)
CASES = st.builds(
    Case,
    TESTS,
    suite=NAMES,
    outcome=st.sampled_from(Outcome),
    file=st.sampled_from(["", *PATHS]),
    line=SMALL,
    message=WORDS,
    flaked=st.booleans(),
)
CANDIDATES = st.builds(
    Candidate,
    st.builds(Commit, SHAS, WORDS),
    st.dictionaries(
        st.sampled_from(PATHS), st.none() | st.lists(st.tuples(SMALL, SMALL), max_size=2).map(tuple), max_size=2
    ),
)
RUNS = st.builds(
    FailedRun,
    run=st.none()
    | st.builds(
        RunState, st.integers(1, 9), conclusion=STATES, sha=SHAS, branch=NAMES, event=st.sampled_from(["", "push"])
    ),
    jobs=st.lists(JOBS, max_size=3).map(tuple),
    cases=st.lists(CASES, max_size=2).map(tuple),
    traces=st.lists(TRACES, max_size=4).map(tuple),
    candidates=st.lists(CANDIDATES, max_size=2).map(tuple),
    imports=st.dictionaries(
        st.sampled_from(PATHS), st.lists(st.sampled_from(PATHS), max_size=2).map(tuple), max_size=4
    ),
)
CHANGES = st.none() | st.sampled_from(
    [
        change("src/client.py"),
        change("src/unrelated.py"),
        change("README.md"),
        change("requirements.txt", "src/codec.py"),
        change(".github/workflows/ci.yml"),
        change_text("src/codec.py", "a\n", "HOST = '10.0.0.1:443'\n"),
        change(),
    ]
)
EVENT = Event(EventKind.WORKFLOW_RUN, default_branch="unit")


@given(RUNS, CHANGES)
def test_whatever_was_read_there_is_a_diagnosis_that_agrees_with_itself(failed: FailedRun, of: Change | None) -> None:
    found = rules(Evidence(EVENT, of).put(FAILED_RUN, failed), Settings())
    assert 0 <= found.confidence <= 0.95
    assert found.grounds
    assert found.next_step
    assert found.rerun == bool(found.rerun_kind)
    assert not (found.rerun and found.cause is Cause.CHANGE)
    assert not (found.innocent and found.cause is Cause.CHANGE)
    assert found.cause is Cause.CHANGE or not found.responsible
    assert (found.kind is Kind.FLAKY_TEST) <= (found.cause is Cause.FLAKY)
    assert found.cause is not Cause.FLAKY or found.rung in {CascadeStep.PASSED_ELSEWHERE, CascadeStep.SEEN_BEFORE}
    assert {meeting.path for meeting in found.meetings} <= set(found.affected)


def _with_less(failed: FailedRun) -> Iterator[FailedRun]:
    """The run without one piece of what was known beside its failures."""
    for at in range(len(failed.traces)):
        if failed.traces[at].conclusion != "success" or failed.traces[at].sha == (failed.run.sha if failed.run else ""):
            yield replace(failed, traces=(*failed.traces[:at], *failed.traces[at + 1 :]))
    for path in failed.imports:
        yield replace(failed, imports={each: known for each, known in failed.imports.items() if each != path})
    for at, job in enumerate(failed.jobs):
        for less in (replace(job, notes=()), replace(job, places=())) if job.extract.problems else ():
            yield replace(failed, jobs=(*failed.jobs[:at], less, *failed.jobs[at + 1 :]))


def _lost(*messages: str) -> FailedJob:
    """A job that ended without a conclusion, with what GitHub notes on it."""
    notes = tuple(RunNote("failure", message) for message in messages)
    return FailedJob(JobRun(1, "unit", "completed"), notes=notes)


# A note that leaves a doubt came before the states, and before a later note, that leave none.
STARVED_AND_ENDED = failed_run(_lost("lost communication with the server"))
STARVED_AND_SHUT_DOWN = failed_run(
    _lost("lost communication with the server", "The runner has received a shutdown signal")
)
# A test that reaches what was changed over two other files was believed less than one that is only called like it.
FAR_AWAY = failed_run(
    imports={
        "tests/test_client.py": ("src/codec.py",),
        "src/codec.py": ("src/unrelated.py",),
        "src/unrelated.py": ("src/client.py",),
    }
)


@example(STARVED_AND_ENDED, None)
@example(STARVED_AND_SHUT_DOWN, None)
@example(FAR_AWAY, change("src/client.py"))
@given(RUNS, CHANGES)
def test_less_evidence_never_makes_the_same_cause_surer(failed: FailedRun, of: Change | None) -> None:
    whole = stand(failed, of)
    for less in _with_less(failed):
        fewer = stand(less, of)
        if fewer.cause is whole.cause and _same_failure(whole.group, fewer.group):
            assert fewer.confidence <= whole.confidence


def test_the_surest_sign_of_a_lost_runner_is_the_one_that_counts() -> None:
    assert stand(STARVED_AND_ENDED, None).confidence == 0.9
    assert stand(STARVED_AND_SHUT_DOWN, None).confidence == 0.95
    assert stand(failed_run(_lost()), None).confidence == 0.9


def _same_failure(one: Group | None, other: Group | None) -> bool:
    return one is not None and other is not None and one.failure == other.failure


@given(RUNS)
def test_words_of_the_log_alone_never_make_a_runner_lost(failed: FailedRun) -> None:
    """Without notes, and with states that say nothing of it, there is no such rung."""
    silent = tuple(replace(job, notes=(), job=replace(job.job, conclusion="failure")) for job in failed.jobs)
    run = replace(failed.run, conclusion="failure") if failed.run else None
    assert stand(replace(failed, jobs=silent, run=run), None).step is not CascadeStep.RUNNER
