"""The tree for the Marketplace has one action at its root, no workflow, and all that its actions run."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.actions import sub_actions
from scripts.marketplace import make


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("marketplace") / "tree"
    make(place)
    return place


def test_it_has_one_action_at_its_root_and_no_workflow(tree: Path) -> None:
    assert [each.name for each in tree.glob("action.y*ml")] == ["action.yml"]
    assert not (tree / ".github").exists()
    assert {each.parent.name for each in tree.glob("*/action.yml")} == {*sub_actions()}


def test_whatever_its_actions_run_is_there(tree: Path) -> None:
    for action in tree.rglob("action.yml"):
        for path in re.findall(r"\$GITHUB_ACTION_PATH/([\w./-]+)", action.read_text("utf-8")):
            assert (action.parent / path).resolve().is_file(), (action, path)
    for script in (tree / "launch").glob("*.sh"):
        for path in re.findall(r"requirements[\w-]*\.lock|launch/[\w.]+", script.read_text("utf-8")):
            assert (tree / path).is_file(), (script, path)


def test_its_program_runs(tree: Path) -> None:
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(tree / "src")}
    ran = subprocess.run(
        [sys.executable, "-m", "cicd_agent", "review", "--help"],
        env=environ,
        cwd=tree,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "Usage: cicd-agent review" in ran.stdout


def test_its_readme_leads_nowhere_that_is_not_there(tree: Path) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", (tree / "README.md").read_text("utf-8"))
    assert links
    assert [each for each in links if not each.startswith(("http", "#")) and not (tree / each).exists()] == []


def test_nothing_is_overwritten(tree: Path) -> None:
    with pytest.raises(SystemExit, match="is not empty"):
        make(tree)
