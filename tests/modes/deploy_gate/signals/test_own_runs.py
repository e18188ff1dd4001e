"""Which failures and checks are a gate's own holds."""

from dataclasses import replace

import pytest

from cicd_agent.domain.events.workflow_run import JobRun, RunState
from cicd_agent.errors import ForgeRefused, RateLimited
from cicd_agent.modes.deploy_gate.signals.own_runs import MAX_READ, gate_job, without_holds
from tests.modes.deploy_gate.gate_world import NOW, RUN, check
from tests.support.fakes.ports import FakeForge, FakeRepository

FILE = ".github/workflows/deploy.yml"
JOB = "gate"


def failed(ident: int, *jobs: tuple[str, str], path: str = FILE) -> tuple[RunState, tuple[JobRun, ...]]:
    run = RunState(ident, conclusion="failure", path=f"{path}@refs/heads/main", attempt=2)
    return run, tuple(JobRun(ident * 10 + at, name, conclusion=word) for at, (name, word) in enumerate(jobs))


def left(
    *of: tuple[RunState, tuple[JobRun, ...]],
    job: str = JOB,
    forge: FakeForge | None = None,
    repository: FakeRepository | None = None,
) -> list[int]:
    """The runs that count, by their ids."""
    forge = forge or FakeForge()
    forge.ran.job_lists |= {(run.id, run.attempt): jobs for run, jobs in of}
    return [run.id for run in without_holds(forge, repository, [run for run, _ in of], FILE, job)]


HELD = (("test", "success"), ("gate", "failure"), ("deploy", "skipped"))


@pytest.mark.parametrize(
    ("jobs", "counts"),
    [
        (HELD, False),
        ((("gate (production)", "failure"), ("gate (staging)", "failure")), False),
        ((("test", "failure"), ("gate", "failure")), True),
        ((("gate", "success"), ("deploy", "failure")), True),
        ((("test", "failure"), ("gate", "skipped")), True),
        ((), True),
    ],
)
def test_a_run_is_a_hold_where_nothing_failed_but_the_gates_job(
    jobs: tuple[tuple[str, str], ...],
    counts: bool,  # noqa: FBT001  a table
) -> None:
    assert left(failed(5, *jobs)) == ([5] if counts else [])


def test_tests_with_the_name_of_the_gate_are_failures_where_the_workflow_shows_them() -> None:
    texts = {"a": "run: make test", "b": "uses: org/cicd-agent/deploy-gate@v1"}
    files = {(sha, FILE): f"jobs: {{gate: {{steps: [{{{step}}}]}}}}".encode() for sha, step in texts.items()}
    runs = [(replace(run, sha=sha), jobs) for sha in "abc" for run, jobs in [failed(ord(sha), *HELD)]]
    assert left(*runs, repository=FakeRepository(blobs=files)) == [ord("a")]


def test_jobs_of_other_workflows_and_of_green_runs_are_not_read() -> None:
    forge = FakeForge()
    other = failed(5, *HELD, path=".github/workflows/ci.yml")
    green = replace(failed(6)[0], conclusion="success"), ()
    assert left(other, green, forge=forge) == [5, 6]
    assert forge.ran.calls == []


def test_without_the_name_of_its_job_nothing_is_taken_for_a_hold() -> None:
    assert left(failed(5, *HELD), job="") == [5]


def test_a_week_of_holds_costs_few_requests_and_counts_neither_way() -> None:
    forge = FakeForge()
    assert left(*(failed(each, *HELD) for each in range(1, 4 * MAX_READ)), forge=forge) == []
    assert forge.ran.calls == ["jobs"] * MAX_READ


def test_what_nobody_could_look_at_counts_as_a_failure() -> None:
    forge = FakeForge()
    forge.ran.refusals["jobs"] = ForgeRefused("GitHub refused to list the jobs", status=404)
    of = [failed(each, *HELD) for each in range(1, 2 * MAX_READ)]
    assert left(*of, forge=forge) == [run.id for run, _ in of]


def test_a_rate_limit_is_no_word_about_the_runs() -> None:
    forge = FakeForge()
    forge.ran.refusals["jobs"] = RateLimited("refused", why="403", remedy="wait", seconds=60, reset=NOW)
    with pytest.raises(RateLimited):
        left(failed(5, *HELD), forge=forge)


def test_the_gates_job_is_the_only_one_of_its_run_that_goes_on() -> None:
    own = replace(check("gate", "", RUN), own=True)
    assert gate_job([check("unit"), own, replace(check("build", "success", RUN))]) == "gate"
    assert gate_job([own, replace(own, name="gate (eu)")]) == "gate"
    assert gate_job([own, replace(own, name="lint")]) == ""
    assert gate_job([check("unit")]) == ""
