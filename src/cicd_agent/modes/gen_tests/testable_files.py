"""Which files of a change tests can be written for, and which of their lines it has changed."""

from collections.abc import Iterator
from dataclasses import dataclass

from cicd_agent.domain.change import Change
from cicd_agent.domain.diff import ChangeKind, FileDiff
from cicd_agent.domain.evidence import Gap
from cicd_agent.domain.paths import PathKind, kinds
from cicd_agent.modes.shared.change_reader import showable
from cicd_agent.settings.schema import Settings

_NO_SUBJECT = {
    PathKind.TEST: "a test itself",
    PathKind.GENERATED: "generated",
    PathKind.VENDORED: "vendored",
    PathKind.DOCS: "documentation",
    PathKind.EXAMPLE: "an example",
    PathKind.MIGRATION: "a migration",
}
_SET_UP = frozenset({"setup.py", "noxfile.py", "conftest.py", "conf.py"})


@dataclass(frozen=True, slots=True)
class Subject:
    """A Python file of the change: its text after it, and the numbers of the lines that are new in it."""

    path: str
    text: str
    lines: tuple[int, ...]


def subjects(change: Change, settings: Settings) -> tuple[Subject, ...]:
    """The files for which tests are written, in the order of the diff."""
    return tuple(
        Subject(file.path, change.texts[file.path], tuple(line.new for line in file.added if line.new))
        for file in showable(change, settings)
        if not _objection(file, change)
    )


def passed_over(change: Change, settings: Settings) -> Iterator[Gap]:
    """The changed Python files that are no subjects though they are no tests, and why."""
    shown = {file.path for file in showable(change, settings)}
    for file in change.files:
        if not file.path.endswith(".py") or file.path not in shown or PathKind.TEST in kinds(file.path):
            continue
        if why := _objection(file, change):
            yield Gap(file.path, f"no tests are written for it: {why}")


def _objection(file: FileDiff, change: Change) -> str:
    """Why no tests are written for a file, "" when they are."""
    if not file.path.endswith(".py"):
        return "not Python"
    if file.kind is ChangeKind.DELETED:
        return "deleted"
    found = kinds(file.path)
    for kind, why in _NO_SUBJECT.items():
        if kind in found:
            return why
    if file.path.rpartition("/")[2] in _SET_UP:
        return "configuration"
    if file.path not in change.texts:
        return "its text is not known"
    return "" if any(True for _ in file.added) else "nothing was added"
