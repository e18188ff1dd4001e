"""Coverage of the changed lines as evidence: what is told, and when a report says nothing of this commit."""

from dataclasses import replace

import pytest

from cicd_agent.domain.repository.change import Change, ChangeSource, Commit
from cicd_agent.modes.review.exhibits.line_coverage import coverage_exhibit
from cicd_agent.settings.schema import Settings
from tests.support.fakes.ports import FakeWorkspace
from tests.support.samples.changes import change_of

BEFORE = "def charge(order):\n    return order.total\n"
AFTER = (
    "def charge(order):\n    if order.gift:\n        return 0\n    if order.large:\n"
    "        notify(order)\n        wait()\n    return order.total\n"
)
LCOV = b"TN:\nSF:{path}\nDA:1,1\nDA:2,4\nDA:3,0\nDA:4,4\nDA:5,0\nDA:6,0\nDA:7,4\nend_of_record\n"
MODIFIED = 1_790_000_000


def change(path: str = "src/till.py") -> Change:
    made = change_of((path, BEFORE, AFTER), ("tests/test_till.py", None, "def test():\n    assert charge(1)\n"))
    return replace(made, commits=(Commit("c" * 40, "Charge gifts", when=MODIFIED - 60),))


def shown(
    changed: Change, report: bytes = LCOV, *, path: str = "src/till.py", place: str = "lcov.info", now: int = MODIFIED,
    text: str = AFTER,
) -> str:  # fmt: skip
    files = {place: report.replace(b"{path}", path.encode()), "src/till.py": text.encode()}
    exhibit = coverage_exhibit(changed, FakeWorkspace(files, modified=now), Settings())
    return exhibit.text if exhibit else ""


@pytest.mark.parametrize("path", ["src/till.py", "/home/runner/work/app/app/src/till.py", "till.py"])
def test_changed_lines_that_nothing_executes_are_named(path: str) -> None:
    assert shown(change(), path=path) == "src/till.py: 3, 5-6"


def test_that_all_changed_lines_are_executed_is_worth_a_line() -> None:
    every = LCOV.replace(b",0\n", b",2\n")
    assert shown(change(), every) == "src/till.py: none, tests execute them all"


@pytest.mark.parametrize(
    "given",
    [
        {"path": "src/other.py"},
        {"now": MODIFIED - 90_000},
        {"text": f"# merged\n{AFTER}"},
        {"report": b"not a report"},
        {"report": b"SF:"},
        {"report": b"\xff\xfe{"},
        {"place": "somewhere.info"},
    ],
    ids=["of another file", "older than the commit", "of another text", "none", "cut", "binary", "in no usual place"],
)
def test_a_report_that_says_nothing_of_this_commit_is_left_out(given: dict[str, object]) -> None:
    assert shown(change(), **given) == ""  # type: ignore[arg-type]


def test_a_report_that_the_repository_brings_or_that_fits_two_files_is_left_out() -> None:
    assert shown(replace(change(), paths=(*change().paths, "lcov.info"))) == ""
    twice = LCOV.replace(b"{path}", b"a/till.py") + LCOV.replace(b"{path}", b"b/till.py")
    assert shown(change("till.py"), twice) == ""


def test_without_a_workspace_or_a_commit_there_is_none() -> None:
    assert coverage_exhibit(change(), None, Settings()) is None
    assert shown(replace(change(), source=ChangeSource.WORKTREE)) == ""


def test_what_may_not_be_shown_is_not_told_of() -> None:
    files = {"lcov.info": LCOV.replace(b"{path}", b"src/till.py"), "src/till.py": AFTER.encode()}
    assert coverage_exhibit(change(), FakeWorkspace(files), Settings(deny_paths=("src/**",))) is None
