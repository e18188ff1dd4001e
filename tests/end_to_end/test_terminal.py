"""What a person at a terminal meets: the result first, a base that is found, and a slip that costs nothing."""

import io
import json
import os
from pathlib import Path

import click
import pytest

from cicd_agent.app.console import Streams
from cicd_agent.app.main import run
from cicd_agent.app.session import Invocation
from cicd_agent.cli.parser import parse
from cicd_agent.errors import ConfigError
from tests.support.repos import TempRepo


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TempRepo:
    repo = TempRepo(tmp_path / "repo")
    repo.commit({"app.py": "import requests\n"}, "Begin")
    repo.branch("topic")
    repo.switch("topic")
    repo.commit({"app.py": "import requests\n\n\ndef get(url):\n    return requests.get(url)\n"}, "Get")
    monkeypatch.chdir(repo.path)
    return repo


def typed(*words: str) -> tuple[int, str, str]:
    """The exit code, the result and what is said about the run."""
    out, err = io.StringIO(), io.StringIO()
    invocation: Invocation | ConfigError
    try:
        invocation = parse(words)
    except ConfigError as error:
        invocation = error
    code = run(invocation, {name: os.environ[name] for name in ("PATH", "HOME")}, Streams(out, err))
    return code, out.getvalue(), err.getvalue()


@pytest.mark.usefixtures("repo")
@pytest.mark.parametrize("words", [("review",), ("review", "--base", "main"), ("route",)])
def test_the_usual_branch_is_what_a_change_is_compared_with(words: tuple[str, ...]) -> None:
    code, out, _ = typed(*words)
    assert code == 0
    assert "1 file" in out or "app.py" in out
    assert "step outputs" not in out


@pytest.mark.usefixtures("repo")
def test_step_outputs_are_shown_to_who_asks_for_them() -> None:
    assert "step outputs\n  risk_level" in typed("review", "--verbose")[1]


def test_a_repository_without_a_commit_is_said_to_be_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(TempRepo(tmp_path / "unborn").path)
    code, _, err = typed("review")
    assert (code, "the repository has no commit yet. Commit something" in err) == (2, True)


@pytest.mark.usefixtures("repo")
@pytest.mark.parametrize("mode", ["review", "route"])
def test_an_empty_range_is_said_to_be_one(mode: str) -> None:
    code, out, err = typed(mode, "--base", "topic")
    assert (code, out) == (0, "")
    assert "nothing to do: HEAD is already in topic: give another --base or --head" in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("review", "--bsae", "main"), "Did you mean"),
        (("review", "--base", "nowhere"), "no commit called `nowhere`"),
        (("review", "--input", "comment=loud"), "`comment` must be"),
        (("reveiw",), "did you mean `review`?"),
    ],
)
def test_a_slip_leaves_the_last_report_as_it_was(repo: TempRepo, words: tuple[str, ...], said: str) -> None:
    report = repo.path / ".cicd-agent/report.json"
    assert typed("review")[0] == 0
    before = report.read_text("utf-8")
    code, _, err = typed(*words)
    assert (code, report.read_text("utf-8")) == (2, before)
    assert said in err


def test_a_mode_goes_by_its_other_names(repo: TempRepo) -> None:
    log = repo.write("ci.log", "E   assert 1 == 2\nFAILED tests/test_a.py::test_b - assert 1 == 2\n1 failed in 0.1s\n")
    code, out, _ = typed("analyze-failure", "--log", str(log))
    assert (code, "assert 1 == 2" in out) == (0, True)
    assert json.loads((repo.path / ".cicd-agent/report.json").read_text("utf-8"))["body"]["mode"] == "analyse-failure"
    assert parse(["gather", "test-gen", "--out", "x"]).options.mode == "gen-tests"


def test_a_log_needs_no_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ci.log").write_text("main.c:3:5: error: expected ';' before 'return'\n")
    monkeypatch.chdir(tmp_path)
    code, out, err = typed("analyse-failure", "--log", "ci.log")
    assert (code, "expected ';' before 'return'" in out, "git" in err) == (0, True, False)


def test_the_bare_command_prints_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(click.exceptions.Exit) as ended:
        parse([])
    assert ended.value.exit_code == 0
    assert "Usage: cicd-agent" in capsys.readouterr().out
    with pytest.raises(ConfigError):
        parse([""])  # what the action passes on for a mode that is not set


@pytest.mark.usefixtures("repo")
def test_only_what_is_set_is_explained_to_who_asks_for_that() -> None:
    assert typed("config", "explain", "--changed")[1] == "Nothing is set: every value is the default.\n"
    out = typed("config", "explain", "--changed", "--input", "fail-on=high")[1]
    assert out.split() == ["fail-on", "high", "input"]
