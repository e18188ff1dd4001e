"""A newcomer's path, step by step as the pages say it: a repository of one's own, reviewed, set up, and found right."""

import io
import os
from pathlib import Path

import pytest
import yaml

from cicd_agent.app.console import Streams
from cicd_agent.app.main import run
from cicd_agent.cli.parser import parse
from tests.support.jobs.pull_request import AFTER, BEFORE
from tests.support.repos import TempRepo

ROOT = Path(__file__).parents[2]


def step(*words: str) -> tuple[int, str]:
    """One command at a terminal."""
    out = io.StringIO()
    environ = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return run(parse(words), environ, Streams(out, out)), out.getvalue()


def test_a_newcomer_is_there_in_four_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repo = TempRepo(tmp_path / "mine")
    repo.commit(dict(BEFORE), "Begin")
    repo.git("checkout", "--quiet", "-b", "topic")
    (repo.path / "app.py").write_text(AFTER["app.py"])
    monkeypatch.chdir(repo.path)
    steps = []

    def take(*words: str) -> str:
        code, told = step(*words)
        assert code == 0, told
        steps.append(words[0])
        return told

    assert "app.py:5" in take("review", "--base", "main")  # what is not committed yet, too
    assert "wrote .github/workflows/cicd-agent-review.yml" in take("init", "--yes")
    repo.git("add", ".github")
    assert "ready: " in take("doctor")
    assert "min-severity" in take("config", "explain", "--base", "main")
    assert steps == ["review", "init", "doctor", "config"]
    workflow = yaml.safe_load((repo.path / ".github/workflows/cicd-agent-review.yml").read_text())
    assert [*workflow["jobs"]] == ["review"]


def test_the_page_says_these_steps() -> None:
    page = (ROOT / "docs/tutorials/first-review.md").read_text("utf-8")
    for command in ("make demo", "cicd-agent review --base main", "cicd-agent init", "cicd-agent doctor"):
        assert command in page
