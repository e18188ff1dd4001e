"""Which changed lines no test executes, by a coverage report that an earlier step of the job has left: a hint."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath

from cicd_agent.analysis.test_reports.coverage import USUAL_PATHS, FileCoverage, is_coverage, read_coverage
from cicd_agent.domain.evidence import Exhibit
from cicd_agent.domain.ports.forge import Left, Workspace
from cicd_agent.domain.repository.change import Change, ChangeSource
from cicd_agent.domain.repository.diff import FileDiff
from cicd_agent.domain.repository.paths import PathKind
from cicd_agent.domain.text.words import line_ranges
from cicd_agent.modes.shared.change_reader import showable
from cicd_agent.settings.schema import Settings

MAX_REPORT_BYTES = 20_000_000
MAX_FILES = 30
"""Files of the change that are told of."""
_MAX_SOURCE_BYTES = 2_000_000
_SKEW = 3_600
"""Seconds by which the clock of whoever committed may be ahead of that of whoever measured."""
_SOURCE = "coverage: changed lines that no test executes, by a report of an earlier step (a hint)"


def coverage_exhibit(change: Change, workspace: Workspace | None, settings: Settings) -> Exhibit | None:
    """None where no report says anything of the changed lines as they are in this commit.

    Left out are reports that are files of the repository or older than the commit, and files of which the workspace
    holds another text than the commit (in a pull request it holds the merge): their lines have other numbers.
    """
    if workspace is None or change.source is not ChangeSource.GIT:
        return None
    measured = {each.path: each for left in _reports(change, workspace) for each in read_coverage(left.content)[0]}
    if not measured:
        return None
    files = [file for file in showable(change, settings) if PathKind.SOURCE in (kinds := change.kinds_of(file))
             and PathKind.TEST not in kinds][:MAX_FILES]  # fmt: skip
    same = _as_committed(change, files, workspace)
    rows = [row for file in files if file.path in same for row in _rows(file, measured)]
    return Exhibit("coverage", _SOURCE, "\n".join(rows)) if rows else None


def _reports(change: Change, workspace: Workspace) -> Iterator[Left]:
    committed = max((each.when for each in change.commits), default=0)
    for left in workspace.files(USUAL_PATHS, most=len(USUAL_PATHS), limit=MAX_REPORT_BYTES):
        is_old = 0 < left.modified < committed - _SKEW
        if not left.problem and left.path not in change.paths and not is_old and is_coverage(left.content):
            yield left


def _as_committed(change: Change, files: Iterable[FileDiff], workspace: Workspace) -> frozenset[str]:
    """The paths whose text in the workspace is that of the commit."""
    texts = {file.path: change.texts[file.path] for file in files if file.path in change.texts}
    return frozenset(
        left.path
        for left in workspace.files(tuple(texts), most=len(texts), limit=_MAX_SOURCE_BYTES)
        if not left.problem and left.content.decode("utf-8", "replace") == texts.get(left.path)
    )


def _rows(file: FileDiff, measured: Mapping[str, FileCoverage]) -> Iterator[str]:
    """One line, where a report measures any changed line of the file."""
    report = _of_file(file.path, measured)
    changed = {line.new for line in file.added if line.new}
    if report and (missed := sorted(changed & report.missed)):
        yield f"{file.path}: {', '.join(line_ranges(missed))}"
    elif report and changed & report.covered:
        yield f"{file.path}: none, tests execute them all"


def _of_file(path: str, measured: Mapping[str, FileCoverage]) -> FileCoverage | None:
    """What reports say of a file: under its path, or the only one whose path ends with it or that it ends with."""
    if path in measured:
        return measured[path]
    parts = PurePosixPath(path).parts
    named = [
        report
        for name, report in measured.items()
        if (theirs := PurePosixPath(name).parts)[-len(parts) :] == parts or parts[-len(theirs) :] == theirs
    ]
    return named[0] if len(named) == 1 else None
