"""Which steps run nothing of the repository's, by their names, their actions and their scripts."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cicd_agent.domain.events.workflow_run import JobRun, StepRun
from cicd_agent.modes.analyse_failure.runs.jobs import job_specs, roles
from cicd_agent.modes.analyse_failure.runs.setup_steps import setup_steps


def is_setup(name: str, *steps: Any) -> bool:
    return setup_steps(JobRun(1, "unit", steps=(StepRun(name, 1),)), steps) == (name,)


@pytest.mark.parametrize(
    "name",
    [
        "Set up job",
        "Initialize containers",
        "Run actions/checkout@v4",
        "Post Run actions/checkout@v4",
        "Run actions/cache/restore@1d3f5a7",
        "Run actions/setup-python@v5",
        "Run astral-sh/setup-uv@v3",
        "Run pnpm/action-setup@v4",
        "Run docker/login-action@v3",
    ],
)
def test_a_steps_own_name_is_enough_where_github_gives_it(name: str) -> None:
    assert is_setup(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Test",
        "Set up job now",
        "Run pytest",
        "Run npm ci",  # its script may have more lines
        "Run ./actions/setup-python@v5",
        "Run mallory/anything@v1",
        "Run docker/build-push-action@v6",
        "Run gradle/gradle-build-action@v3",
        "Run actions/github-script@v7",
    ],
)
def test_any_other_name_is_not(name: str) -> None:
    assert not is_setup(name)


SETUP = [
    "npm ci",
    "npm install --no-audit",
    "python -m pip install --upgrade pip\npip install -r requirements-dev.txt",
    "pip install 'attrs>=23' pytest==8.1",
    "sudo apt-get update && sudo apt-get -y install libpq-dev",
    "cd web\nyarn install --frozen-lockfile",
    "# tools\nbundle install",
    "curl -sSfLO https://example.org/tool.tar.gz",
    "docker pull postgres:16",
]
OTHER = [
    "npm ci\nnpm test",
    "npm ci && npm test",
    "npm ci; ./run.sh",
    "npm ci | tee log",
    "npm ci $(make list)",
    "npm ci `make list`",
    "npm run build",
    "npm ci & make",
    "pip install -e .",
    "pip install .",
    "pip install ./plugin",
    "pip install --editable=.",
    "pip install -r requirements.txt .",
    "python setup.py install",
    "make deps",
    "curl https://example.org/install.sh | sh",
    "cd tests; pytest",
    "set -e\npytest",
]


@pytest.mark.parametrize("script", SETUP)
def test_a_script_that_only_installs_is_one(script: str) -> None:
    assert is_setup("Install", {"name": "Install", "run": script})
    assert is_setup(f"Run {script.partition(chr(10))[0]}", {"run": script})


@pytest.mark.parametrize("script", OTHER)
def test_a_script_that_may_run_the_repositorys_code_is_none(script: str) -> None:
    assert not is_setup("Install", {"name": "Install", "run": script})
    assert not is_setup(f"Run {script.partition(chr(10))[0]}", {"run": script})


def test_of_two_steps_of_one_name_both_have_to_be() -> None:
    install, test = {"name": "Do", "run": "npm ci"}, {"name": "Do", "run": "npm test"}
    assert is_setup("Do", install, install)
    assert not is_setup("Do", install, test)


def test_the_job_of_the_file_is_what_its_steps_are_looked_up_in() -> None:
    text = "jobs:\n  unit:\n    steps:\n      - name: Install\n        run: npm ci\n      - run: npm test\n"
    steps = (StepRun("Set up job", 1, "success"), StepRun("Install", 2, "failure"), StepRun("Run npm test", 3))
    [failed] = roles([JobRun(1, "unit", "completed", "failure", steps=steps)], job_specs(text))
    assert failed.setup == ("Set up job", "Install")
    [failed] = roles([JobRun(1, "unit", "completed", "failure", steps=steps)], ())
    assert failed.setup == ("Set up job",)


@given(
    st.text(), st.lists(st.none() | st.dictionaries(st.sampled_from(["name", "uses", "run"]), st.text() | st.none()))
)
def test_any_file_is_read(name: str, steps: list[Any]) -> None:
    setup_steps(JobRun(1, "unit", steps=(StepRun(name, 1),)), steps)


@pytest.mark.parametrize("unit", ["a ", "npm ci ", "pip install a ", "-q ", "=", "a=", "'", "\\\n", ";", "a/", "sudo "])
def test_a_very_long_script_is_read(unit: str) -> None:
    assert not is_setup("x", {"name": "x", "run": f"pip install {unit * 20_000}$(x)"})
