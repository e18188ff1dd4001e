"""What a run left in the tree: everything that is not as it was, and nothing of what only looks so."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from cicd_agent.pytest_worker.inventory import Inventory, empty, remove


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/file.txt").write_text("text")
    (tmp_path / "link").symlink_to("sub/file.txt")
    (tmp_path / ".hypothesis").mkdir()
    (tmp_path / ".hypothesis/old").write_text("old")
    return tmp_path


def _turned(link: Path) -> None:
    link.unlink()
    link.symlink_to("sub")


CHANGES: dict[str, tuple[Callable[[Path], object], list[str]]] = {
    "nothing": (lambda _: None, []),
    "a new file": (lambda top: (top / "new").touch(), ["new"]),
    "a new directory": (lambda top: (top / "sub/new").mkdir(), ["sub/new/"]),
    "another text of the same length": (lambda top: (top / "sub/file.txt").write_text("next"), ["sub/file.txt"]),
    "the same text again": (lambda top: (top / "sub/file.txt").write_text("text"), []),
    "another mode": (lambda top: (top / "sub/file.txt").chmod(0o755), ["sub/file.txt"]),
    "a file that is gone": (lambda top: (top / "sub/file.txt").unlink(), ["sub/file.txt"]),
    "a link elsewhere": (lambda top: _turned(top / "link"), ["link"]),
    "a cache": (lambda top: (top / "sub/__pycache__").mkdir(), []),
    "a file in a cache": (lambda top: (top / ".hypothesis/new").touch(), []),
    "coverage's data": (lambda top: (top / ".coverage").touch(), []),
    "coverage's settings": (lambda top: (top / ".coveragerc").touch(), [".coveragerc"]),
    "a name that is no text": (lambda top: (top / "\udcff").mkdir(), ["\udcff/"]),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_is_left(tree: Path, name: str) -> None:
    change, left = CHANGES[name]
    inventory = Inventory(str(tree))
    change(tree)
    assert inventory.left() == left


def test_caches_are_gone_afterwards(tree: Path) -> None:
    inventory = Inventory(str(tree))
    (tree / "sub/__pycache__").mkdir()
    (tree / "sub/__pycache__/planted.pyc").touch()
    (tree / ".hypothesis/new").touch()
    assert inventory.left() == []
    assert sorted(path.name for path in tree.rglob("*")) == [".hypothesis", "file.txt", "link", "old", "sub"]


def test_a_change_of_the_date_alone_is_none(tree: Path) -> None:
    inventory = Inventory(str(tree))
    os.utime(tree / "sub/file.txt", (0, 0))
    assert inventory.left() == []


def test_at_most_two_hundred_are_named(tree: Path) -> None:
    inventory = Inventory(str(tree))
    for number in range(300):
        (tree / f"new{number}").touch()
    assert len(inventory.left()) == 200


def test_emptying_follows_no_link(tree: Path) -> None:
    outside = tree / "sub"
    inside = tree / "inside"
    (inside / "deep").mkdir(parents=True)
    (inside / "link").symlink_to(outside)
    assert empty(str(inside))
    assert (list(inside.iterdir()), (outside / "file.txt").read_text()) == ([], "text")
    assert remove(str(tree / "nowhere"))
