from dataclasses import replace

import pytest

from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.repository.diff import ChangeKind
from cicd_agent.modes.route.table import area_runs, outside
from tests.modes.route.routing import evidence, route, settings
from tests.support.samples.changes import change_of


def touching(*paths: str) -> Change:
    return change_of(*((path, "a\n", "b\n") for path in paths))


def running(change: Change, areas: dict[str, list[str]] | None = None) -> list[str]:
    return [area.name for area in area_runs(change, settings(areas=areas or {}), everything=False) if area.run]


@pytest.mark.parametrize(
    ("path", "areas"),
    [
        ("src/app.py", ["code"]),
        ("web/logo.svg", ["code"]),
        ("what/ever.xyz", ["code"]),
        ("docs/guide.md", ["docs"]),
        ("tests/test_app.py", ["tests"]),
        ("pyproject.toml", ["dependencies"]),
        ("setup.py", ["code", "dependencies"]),
        ("vendor/lib/a.go", ["dependencies"]),
        ("Dockerfile", ["infrastructure"]),
        ("deploy/main.tf", ["infrastructure"]),
        ("db/migrations/0001_a.py", ["code", "migrations"]),
        (".github/workflows/ci.yml", ["workflows"]),
        (".github/cicd-agent.yml", ["workflows"]),
    ],
)
def test_without_a_config_every_file_lies_in_some_area(path: str, areas: list[str]) -> None:
    assert running(touching(path)) == areas
    assert outside(touching(path), area_runs(touching(path), settings(), everything=False)) == ()


@pytest.mark.parametrize(
    ("patterns", "path", "runs"),
    [
        (["src/"], "src/a.py", True),
        (["src/"], "lib/src/a.py", True),
        (["/src/"], "lib/src/a.py", False),
        (["src/**", "!src/docs/"], "src/docs/a.md", False),
        (["src/", "!src/docs/"], "src/docs/a.md", False),
        (["src/**", "!src/docs/*.md", "src/docs/a.md"], "src/docs/a.md", True),
        (["!src/docs/", "src/"], "src/docs/a.md", True),
        (["\\!src/"], "!src/a.py", True),
        (["*.py", "!test_*.py", "test_x.py"], "test_x.py", True),
        (["*.py", "!test_*.py", "test_x.py"], "test_y.py", False),
        (["!src/"], "src/a.py", False),
        (["# src/", ""], "src/a.py", False),
        ([], "src/a.py", False),
    ],
)
def test_patterns_are_those_of_gitignore_and_the_last_that_matches_counts(
    patterns: list[str], path: str, *, runs: bool
) -> None:
    assert running(touching(path), {"api": patterns}) == (["api"] if runs else [])


def test_a_renamed_file_counts_in_the_area_that_it_left_too() -> None:
    moved = touching("web/a.ts")
    moved = replace(moved, files=(replace(moved.files[0], old_path="api/a.ts", kind=ChangeKind.RENAMED),))
    assert running(moved, {"api": ["/api/"], "web": ["/web/"], "db": ["/db/"]}) == ["api", "web"]


def test_a_deleted_file_counts() -> None:
    assert running(change_of(("api/a.py", "a\n", None)), {"api": ["/api/"]}) == ["api"]


def test_files_in_no_area_are_named() -> None:
    known = settings(areas={"api": ["/api/"]})
    change = touching("api/a.py", "other/b.py")
    assert outside(change, area_runs(change, known, everything=False)) == ("other/b.py",)


@pytest.mark.parametrize("pattern", ["!", "\\"])
def test_an_area_whose_patterns_cannot_be_read_runs_and_makes_the_plan_full(pattern: str) -> None:
    found = route(evidence(("README.md", "a\n", "b\n")), settings(areas={"api": [pattern], "web": ["/web/"]}))
    assert [area.run for area in found.areas] == [True, True]
    assert found.doubts == ("the patterns of the area `api` cannot be read, fix them in .github/cicd-agent.yml",)
    assert found.cells.tests == "full"
