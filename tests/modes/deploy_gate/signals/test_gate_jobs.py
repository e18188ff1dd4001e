"""Which jobs are gates is read from workflows that the change does not touch: a name proves nothing."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cicd_agent.domain.events.workflow_run import JobRun, StepRun
from cicd_agent.domain.gate_evidence import CheckState, GateEvidence
from cicd_agent.modes.deploy_gate.score import policy
from cicd_agent.modes.deploy_gate.signals.checks import still_running
from cicd_agent.modes.deploy_gate.signals.gate_jobs import are_holds, jobs_called, mark_gates
from cicd_agent.settings.schema import Settings
from tests.modes.deploy_gate.gate_world import BASE, NOW, RUN, SHA
from tests.support.fakes.ports import FakeRepository

STAGING, DEPLOY = ".github/workflows/staging.yml", ".github/workflows/deploy.yml"
SET_UP = ("uses: actions/checkout@v5", "uses: astral-sh/setup-uv@v7", "uses: actions/download-artifact@v5")
GATE = "uses: org/cicd-agent@v1\n        with: {mode: deploy-gate}"
SUB = "uses: org/cicd-agent/deploy-gate@0123abc"
LOCAL = "uses: ./\n        with: {mode: deploy-gate}"
TESTS = "run: make test"


def workflow(*steps: str, name: str = "gate", more: str = "") -> str:
    listed = "".join(f"      - {step}\n" for step in steps)
    return f"jobs:\n  one:\n    name: {name}\n    steps:\n{listed}{more}"


def going(name: str = "gate", *, run: int = 98, path: str = STAGING, own: bool = False) -> CheckState:
    app, number = "github-actions", 15_368
    return CheckState(name, "in_progress", run=run, own=own, app=app, app_id=number, workflow=path, event="push")


def waited(*checks: CheckState, at_base: str, at_sha: str = "", base: str = BASE, path: str = STAGING) -> list[str]:
    """The names of the checks that are waited for, `path` being as given at both commits."""
    action = {(commit, "action.yml"): b"the same" for commit in (BASE, SHA)}
    files = {(BASE, path): at_base.encode(), (SHA, path): (at_sha or at_base).encode()} | action
    marked = mark_gates(checks, FakeRepository(blobs=files), base, SHA, DEPLOY)
    return [one.name for one in still_running(GateEvidence(SHA, "production", NOW, checks=marked), policy(Settings()))]


@pytest.mark.parametrize("steps", [(*SET_UP, GATE), (SUB,), (LOCAL,)])
def test_gates_of_other_workflows_are_not_waited_for(steps: tuple[str, ...]) -> None:
    assert waited(going(), going("gate (eu)"), at_base=workflow(*steps)) == []
    assert waited(going("gate eu"), at_base=workflow(*steps, name="gate ${{ matrix.region }}")) == []


@pytest.mark.parametrize(
    "text",
    [
        workflow(TESTS),
        workflow(GATE, TESTS),
        workflow("uses: org/cicd-agent@v1\n        with: {mode: review}"),
        workflow("uses: org/cicd-agent@v1"),
        workflow("uses: evil/pretends-to-be-cicd-agent@v1\n        with: {mode: deploy-gate}"),
        workflow("uses: ./tests\n        with: {mode: deploy-gate}"),
        workflow(GATE, more=f"  two:\n    name: gate\n    steps:\n      - {TESTS}\n"),
        workflow(GATE, more=f"  two:\n    name: ${{{{ matrix.name }}}}\n    steps:\n      - {TESTS}\n"),
        workflow(GATE, name="release"),
        "jobs: [",
        "",
    ],
)
def test_a_job_that_has_only_the_name_of_a_gate_is_waited_for(text: str) -> None:
    assert waited(going(), at_base=text) == ["gate"]


def test_a_change_cannot_make_its_job_a_gate() -> None:
    gate = workflow(GATE)
    assert waited(going(), at_base=workflow(TESTS), at_sha=gate) == ["gate"]
    assert waited(going(), at_base=gate, at_sha=f"{gate}#") == ["gate"]
    assert waited(going(), at_base=gate, base="") == ["gate"]
    named_by_a_leg = workflow(GATE, more=f"  two:\n    name: gate (unit)\n    steps:\n      - {TESTS}\n")
    assert waited(going("gate (unit)"), going(), at_base=named_by_a_leg) == ["gate (unit)"]
    assert waited(replace(going(), app="other", app_id=0), at_base=gate) == ["gate"]


def test_a_job_beside_the_gate_with_its_name_is_waited_for_and_its_legs_are_not() -> None:
    legs = (going("gate (eu)", run=RUN, path=DEPLOY, own=True), going("gate (us)", run=RUN, path=DEPLOY, own=True))
    assert waited(*legs, at_base=workflow("run: ./scripts/signals", GATE), path=DEPLOY) == []
    assert waited(legs[0], at_base=workflow(TESTS), path=DEPLOY) == []
    two = workflow(GATE, more=f"  two:\n    name: gate (us)\n    steps:\n      - {TESTS}\n")
    assert waited(*legs, at_base=two, path=DEPLOY) == ["gate (eu)", "gate (us)"]


def failed(*steps: tuple[str, str], name: str = "gate") -> JobRun:
    return JobRun(1, name, conclusion="failure", steps=tuple(StepRun(each, 1, result) for each, result in steps))


@pytest.mark.parametrize(
    ("text", "job", "expected"),
    [
        (workflow(*SET_UP, GATE), failed(), True),
        (workflow(TESTS), failed(), False),
        (workflow(TESTS, GATE), failed(), False),
        (workflow(TESTS, GATE), failed(("Run make test", "success"), ("Run org/cicd-agent@v1", "failure")), True),
        (workflow(TESTS, GATE), failed(("Run make test", "failure"), ("Run org/cicd-agent@v1", "skipped")), False),
        (workflow(TESTS, "run: cicd-agent deploy-gate"), failed(("Run cicd-agent deploy-gate", "failure")), True),
        (workflow("run: cicd-agent deploy-gate; make test"), failed(), False),
        (workflow(f"name: go\n        {TESTS}", f"name: go\n        {GATE}"), failed(("go", "failure")), False),
        (workflow(GATE), failed(name="other"), False),
    ],
)
def test_a_failed_job_is_a_hold_where_only_the_gate_failed_in_it(
    text: str,
    job: JobRun,
    expected: bool,  # noqa: FBT001  a table
) -> None:
    assert are_holds(text, [job]) is expected


@given(st.text(alphabet="jobs: \n-{}[]${&*!gateuswithrn'\"", max_size=200), st.text(max_size=20))
def test_any_text_is_read(text: str, name: str) -> None:
    assert not [each for each in jobs_called(f"jobs:\n  a: {text}", name) if each.is_gate and "cicd" not in text]
