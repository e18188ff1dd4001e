"""The test runner of a run: none where nothing is checked out, looked for late, and what is missing said each time."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cicd_agent.app.context import RunContext
from cicd_agent.app.test_runner import LazyPytestRunner, after, before, local_sandbox, pytest_runners
from cicd_agent.domain.events.event import Event, EventKind
from cicd_agent.domain.ports.test_runner import PytestRunner, PytestUnavailable
from cicd_agent.domain.repository.change import Change, ChangeSource
from cicd_agent.domain.repository.diff import ChangeKind, FileDiff
from cicd_agent.modes.protocol import Ports
from cicd_agent.settings.environment import Environment
from cicd_agent.settings.loader import load


def change(*files: FileDiff, **old: str) -> Change:
    texts = {name.replace("_", "."): text for name, text in old.items()}
    return Change("a" * 40, "b" * 40, ChangeSource.GIT, files, old_texts=texts)


def pytest_runner(top: Path | None, inputs: dict[str, str], kind: EventKind = EventKind.PUSH) -> PytestRunner | None:
    scene = RunContext(Event(kind=kind), load(inputs, None), Ports(), top=top)
    return pytest_runners(scene, Environment(inputs=inputs), lambda text: text, lambda: 100.0, 10)(change())


def test_there_is_none_where_nothing_is_checked_out_or_nothing_of_it_may_run(tmp_path: Path) -> None:
    assert pytest_runner(None, {}) is None
    assert pytest_runner(tmp_path, {}, EventKind.WORKFLOW_RUN) is None


@pytest.mark.parametrize(
    ("inputs", "why"),
    [
        ({"test-command": "make test"}, "must be a pytest command"),
        ({"python": "./missing"}, "no interpreter"),
        ({}, "Python is not found"),
    ],
)
def test_what_is_missing_is_said_when_it_is_used_and_each_time(
    inputs: dict[str, str], why: str, tmp_path: Path
) -> None:
    found = pytest_runner(tmp_path, inputs)
    assert found is not None
    assert found.seconds_left == 480.0
    uses: list[Callable[[PytestRunner], Any]] = [
        lambda it: it.interpreter,
        lambda it: it.run([]),
        lambda it: it.style({}),
        lambda it: it.with_loopback(),
    ]
    for use in uses:
        with pytest.raises(PytestUnavailable, match=why):
            use(found)


@pytest.mark.parametrize(
    ("variables", "program"),
    [
        ({"GITHUB_ACTIONS": "true", "RUNNER_ENVIRONMENT": "github-hosted"}, Path("/usr/bin/sudo")),
        ({"GITHUB_ACTIONS": "true", "RUNNER_ENVIRONMENT": "self-hosted"}, None),
        ({"GITHUB_ACTIONS": "true"}, None),
        ({"RUNNER_ENVIRONMENT": "github-hosted"}, None),
        ({}, None),
    ],
)
def test_sudo_is_for_runners_that_github_hosts(
    variables: dict[str, str], program: Path | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[Path | None] = []
    monkeypatch.setattr("cicd_agent.app.test_runner.LocalSandbox", lambda *, sudo, **_: given.append(sudo))
    local_sandbox(Environment.read(variables))
    assert given == [program]


def test_it_is_set_up_once() -> None:
    made = []

    def make() -> PytestRunner:
        made.append(1)
        raise PytestUnavailable("no")

    late = LazyPytestRunner(make, lambda: 1.0)
    for _ in range(3):
        with pytest.raises(PytestUnavailable):
            late.probe([])
    assert made == [1]


def test_the_base_of_a_change_is_its_files_as_they_were() -> None:
    files = [
        FileDiff("a.py", "a.py", ChangeKind.MODIFIED),
        FileDiff("b.py", "b.py", ChangeKind.ADDED),
        FileDiff("c.py", "c.py", ChangeKind.DELETED),
        FileDiff("e.py", "d.py", ChangeKind.RENAMED),
        FileDiff("f.py", "a.py", ChangeKind.COPIED),
        FileDiff("data.bin", "data.bin", ChangeKind.MODIFIED, binary=True),
        FileDiff("module", "module", ChangeKind.ADDED, new_mode="160000"),
    ]
    assert before(change(*files, a_py="A", c_py="C", d_py="D")) == {
        "a.py": "A",
        "b.py": None,
        "c.py": "C",
        "d.py": "D",
        "e.py": None,
        "f.py": None,
    }


def test_a_name_that_another_file_took_over_is_what_it_was() -> None:
    swapped = [FileDiff("b.py", "a.py", ChangeKind.RENAMED), FileDiff("a.py", "b.py", ChangeKind.RENAMED)]
    assert before(change(*swapped, a_py="A", b_py="B")) == {"a.py": "A", "b.py": "B"}


def test_of_a_merge_the_changed_files_are_put_in_as_the_change_has_them(tmp_path: Path) -> None:
    (tmp_path / "same.py").write_text("x = 1\n")
    (tmp_path / "merged.py").write_text("import os\n\nx = 1\n")
    (tmp_path / "latin.py").write_bytes("# é\n".encode("latin-1"))
    texts = {"same.py": "x = 1\n", "merged.py": "x = 1\n", "gone.py": "x = 1\n", "latin.py": "# \ufffd\n"}
    seen = Change("a" * 40, "b" * 40, ChangeSource.GIT, (), texts=texts)
    assert after(seen, tmp_path) == {"merged.py": "x = 1\n", "gone.py": "x = 1\n"}
    assert after(Change("a" * 40, "", ChangeSource.WORKTREE, (), texts=texts), tmp_path) == {}
