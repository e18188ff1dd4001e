"""Who failed by himself, and who only fell with others: by GitHub's states and by what the workflow's file says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cicd_agent.domain.events.workflow_run import JobRun, RunNote, StepRun
from cicd_agent.modes.analyse_failure.evidence import Role
from cicd_agent.modes.analyse_failure.runs.jobs import (
    failing_step,
    family,
    job_specs,
    roles,
    spec_of,
    took_too_long,
)

WORKFLOW = """\
jobs:
  lint: {runs-on: x}
  unit: {name: "unit tests", strategy: {matrix: {python: [3.12]}}, needs: lint}
  nightly: {continue-on-error: true}
  maybe: {continue-on-error: "${{ matrix.experimental }}"}
  named: {name: "${{ matrix.name }}"}
  deploy: {needs: [unit, lint]}
  announce: {needs: deploy}
"""
SPECS = job_specs(WORKFLOW)


def job(name: str, conclusion: str = "failure", status: str = "completed", number: int = 1) -> JobRun:
    return JobRun(number, name, status, conclusion)


def cast(*jobs: JobRun) -> dict[str, Role]:
    return {each.job.name: each.role for each in roles(jobs, SPECS)}


@pytest.mark.parametrize("conclusion", ["failure", "timed_out", "startup_failure", "action_required", ""])
def test_a_job_that_ended_badly_or_without_a_word_has_failed(conclusion: str) -> None:
    assert cast(job("lint", conclusion)) == {"lint": Role.FAILED}


@pytest.mark.parametrize("conclusion", ["success", "neutral", "skipped", "cancelled", "failed", "stale"])
def test_any_other_job_has_not(conclusion: str) -> None:
    """GitHub's word is `failure`: there is none like `failed`."""
    assert cast(job("lint", conclusion)) == {}


def test_a_job_that_goes_on_is_none_of_them() -> None:
    assert cast(job("explain", "", "in_progress"), job("later", "", "queued")) == {}


def test_those_that_fell_with_others_are_told_apart_and_come_last() -> None:
    found = roles(
        (
            job("announce", "skipped"),
            job("deploy", "skipped"),
            job("unit tests (3.13)", "cancelled"),
            job("nightly"),
            job("other (3.13)", "cancelled"),
            job("unit tests (3.12)"),
        ),
        SPECS,
    )
    assert [(each.job.name, each.role) for each in found] == [
        ("unit tests (3.12)", Role.FAILED),
        ("nightly", Role.TOLERATED),
        ("unit tests (3.13)", Role.VICTIM),
        ("announce", Role.UNREACHED),
        ("deploy", Role.UNREACHED),
    ]


def test_a_skipped_job_that_needs_no_failed_one_is_left_alone() -> None:
    assert cast(job("unit tests (3.12)"), job("nightly", "skipped")) == {"unit tests (3.12)": Role.FAILED}


def test_without_the_file_nothing_is_said_of_skipped_jobs() -> None:
    assert [each.job.name for each in roles((job("a"), job("b", "skipped")), ())] == ["a"]


@pytest.mark.parametrize(
    ("shown", "found"),
    [
        ("lint", "lint"),
        ("unit tests (3.12, ubuntu)", "unit"),
        ("unit tests", "unit"),
        ("unit", "unit"),
        ("deploy / call it", "deploy"),
        ("${{ matrix.name }}", ""),
        ("nobody", ""),
    ],
)
def test_a_job_is_found_in_the_file_by_the_name_that_it_is_shown_under(shown: str, found: str) -> None:
    spec = spec_of(shown, SPECS)
    assert (spec.id if spec else "") == found


def test_an_expression_is_no_permission_to_fail() -> None:
    assert {spec.id for spec in SPECS if spec.tolerant} == {"nightly"}


ODD = [
    "jobs: [1]",
    "jobs: {a: 1}",
    "jobs: {a: {needs: {b: 1}}}",
    "&a [*a]",
    "? ? :",
    "{" * 5_000,
    "jobs: {1: {name: 2}}",
]


@given(st.text() | st.sampled_from(ODD))
def test_any_text_is_a_workflow_or_none(text: str) -> None:
    specs = job_specs(text)
    assert len(specs) <= len(text)
    assert all(spec_of(spec.id, (spec,)) is spec for spec in specs if " (" not in spec.id and " / " not in spec.id)


def test_aliases_make_no_small_file_a_huge_one() -> None:
    layers = "\n".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 60))
    assert job_specs(f"a0: &a0 [x]\n{layers}\njobs: {{a: {{}}}}") == ()


def test_a_matrix_is_a_family() -> None:
    assert family("unit (3.12, ubuntu)") == family("unit (3.13, macos)") == "unit"
    assert family("build (x) docs") == "build (x) docs"


def test_githubs_notes_say_who_took_too_long_and_who_was_felled() -> None:
    slow = RunNote("failure", "The job has exceeded the maximum execution time of 10m0s")
    fast = RunNote("failure", "The strategy configuration was canceled because 'unit' failed")
    assert took_too_long([slow])
    assert not took_too_long([fast])
    assert not took_too_long([slow, fast])


def test_the_step_that_failed_is_the_first_that_did() -> None:
    steps = (StepRun("a", 1, "success"), StepRun("b", 2, "failure"), StepRun("c", 3, "failure"))
    assert failing_step(JobRun(1, "x", steps=steps)) == steps[1]
    assert failing_step(JobRun(1, "x")) is None
