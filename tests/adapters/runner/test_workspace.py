"""Files that other steps left: regular ones inside the workspace, by path or pattern, and nothing else."""

import os
from pathlib import Path

import pytest

from cicd_agent.adapters.runner.workspace import Folder


def read(place: Path, *patterns: str, most: int = 5, limit: int = 100) -> list[tuple[str, bytes | str]]:
    found = Folder(place, place).files(patterns, most=most, limit=limit)
    return [(each.path, each.problem or each.content) for each in found]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "outside.sarif").write_bytes(b"outside")
    place = tmp_path / "workspace"
    (place / "out").mkdir(parents=True)
    for name in ("b.sarif", "a.sarif"):
        (place / "out" / name).write_bytes(name.encode())
    return place


def test_files_are_found_by_path_and_by_pattern_each_once(place: Path) -> None:
    a, b = ("out/a.sarif", b"a.sarif"), ("out/b.sarif", b"b.sarif")
    assert read(place, "out/*.sarif", "out/a.sarif") == [a, b]
    assert read(place, str(place / "out/b.sarif")) == [b]
    assert read(place, "**/*.sarif") == [a, b]


def test_what_is_not_there_is_told(place: Path) -> None:
    assert read(place, "none.sarif", "*.none") == [
        ("none.sarif", "there is no such file"),
        ("*.none", "there is no such file"),
    ]


@pytest.mark.parametrize("pattern", ["../outside.sarif", "/etc/passwd", "out/../../*.sarif", "a\0b", "**x/**y"])
def test_a_pattern_does_not_lead_out_of_the_workspace(place: Path, pattern: str) -> None:
    ((_, problem),) = read(place, pattern)
    assert isinstance(problem, str)


def test_a_link_that_leads_out_of_the_workspace_is_not_followed(place: Path) -> None:
    (place / "link.sarif").symlink_to(place.parent / "outside.sarif")
    (place / "folder").symlink_to(place.parent)
    (place / "loop.sarif").symlink_to("loop.sarif")
    (place / "inside.sarif").symlink_to("out/a.sarif")
    assert read(place, "link.sarif") == [("link.sarif", "it leads out of the workspace")]
    assert read(place, "folder/outside.sarif") == [("folder/outside.sarif", "it leads out of the workspace")]
    assert read(place, "inside.sarif") == [("inside.sarif", b"a.sarif")]
    ((_, problem),) = read(place, "loop.sarif")
    assert isinstance(problem, str)


def test_pipes_folders_and_large_files_are_not_read(place: Path) -> None:
    os.mkfifo(place / "pipe.sarif")
    (place / "large.sarif").write_bytes(b"x" * 101)
    assert read(place, "pipe.sarif", "out", "large.sarif") == [
        ("pipe.sarif", "it is not a regular file"),
        ("out", "it is not a regular file"),
        ("large.sarif", "it is larger than 100 bytes"),
    ]


def test_more_files_than_are_read_are_counted(place: Path) -> None:
    assert read(place, "out/*", most=1) == [
        ("out/*", "1 file beyond the first 1 were left out"),
        ("out/a.sarif", b"a.sarif"),
    ]


def test_the_checkout_goes_by_its_names_on_the_runner_and_in_a_container(place: Path) -> None:
    assert Folder(place, place / "out").roots == ((place / "out").as_posix(), "/github/workspace/out")
