import os
import subprocess
import sys
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

from scripts.demo import MOST_COMMITS, ROOT, judged, recent
from scripts.sample_pull_request import BASE, HEAD, PLANTED, build, commit, git, token


def finding(path: str, quote: str) -> dict[str, Any]:
    return {"id": "some-rule", "location": {"path": path}, "quote": quote}


def history(place: Path, *lines: int) -> Path:
    """A repository with a commit for each number, which adds so many lines."""
    place.mkdir()
    git(place, "init", "--quiet", "--template=", "--initial-branch=main")
    for number, count in enumerate(lines):
        commit(place, {f"{number}.txt": "line\n" * count}, f"Add {number}", day=number + 1)
    return place


def behind(place: Path, commits: int) -> str:
    return git(place, "rev-parse", f"HEAD~{commits}")


def test_the_newest_commits_that_are_small_enough_are_reviewed(tmp_path: Path) -> None:
    place = history(tmp_path / "r", 1, 900, 800, 600, 3)
    assert recent(place) == (behind(place, 3), behind(place, 0))


def test_a_huge_last_commit_is_passed_over(tmp_path: Path) -> None:
    place = history(tmp_path / "r", 1, 2, 3, 9_000)
    assert recent(place) == (behind(place, 3), behind(place, 1))


def test_a_long_history_is_cut(tmp_path: Path) -> None:
    place = history(tmp_path / "r", *([1] * (MOST_COMMITS + 5)))
    assert recent(place) == (behind(place, MOST_COMMITS), behind(place, 0))


def test_without_a_range_there_is_none(tmp_path: Path) -> None:
    assert recent(tmp_path) is None
    assert recent(history(tmp_path / "none")) is None
    assert recent(history(tmp_path / "one", 5)) is None
    assert recent(history(tmp_path / "only-huge", 5, 9_000)) is None


def test_a_planted_problem_counts_as_found_only_where_it_is() -> None:
    token_in_readme = finding("README.md", PLANTED[0].needle)
    assert judged([token_in_readme]) == ([], ["some-rule"])
    assert judged([finding(PLANTED[0].path, "x = 1")]) == ([], [])
    assert judged([finding(planted.path, f"  {planted.needle} …") for planted in PLANTED]) == (
        [planted.what for planted in PLANTED],
        [],
    )


def test_the_sample_is_the_same_everywhere_and_holds_what_is_planted(tmp_path: Path) -> None:
    build(tmp_path / "one")
    build(tmp_path / "two")
    assert git(tmp_path / "one", "rev-parse", HEAD) == git(tmp_path / "two", "rev-parse", HEAD)
    diff = git(tmp_path / "one", "diff", f"{BASE}...{HEAD}")
    assert all(planted.needle in diff for planted in PLANTED)
    assert token() in diff


def test_no_token_stands_in_the_repository() -> None:
    assert token() not in (ROOT / "scripts/sample_pull_request.py").read_text()


@pytest.mark.parametrize("has_history", [True, False])
def test_the_demo_finds_everything_it_planted_and_nothing_else(tmp_path: Path, *, has_history: bool) -> None:
    place = history(tmp_path / "clone", 3, 4) if has_history else tmp_path / "archive"
    for folder in ("src", "scripts"):
        copytree(ROOT / folder, place / folder)
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "OPENAI_API_KEY": "sk-not-to-be-used"}
    # What takes longest is shown once: history makes no difference to it.
    command = (
        "scripts/demo.py"
        if has_history
        else "import scripts.demo as demo; demo.tests = lambda _: True; demo.account = lambda: True; exit(demo.main())"
    )
    ran = subprocess.run(
        [sys.executable, *([] if has_history else ["-c"]), command],
        cwd=place,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "8 of 8 planted problems found, 0 findings on the harmless files" in ran.stdout
    assert ("No range of commits here" in ran.stdout) is not has_history
    assert token() not in ran.stdout + ran.stderr
    assert ("holds   local  10 entries" in ran.stdout) is has_history
    assert ("$0.00: no model was asked in 5 runs" in ran.stdout) is has_history
