"""What a diff edits of what can fail: the numbers of its lines, the names around them, and those that it removes."""

from collections.abc import Iterable, Iterator

from cicd_agent.analysis.risk.comment_only import is_remark
from cicd_agent.domain.repository.diff import ChangeKind, DiffLine, FileDiff, LineKind
from cicd_agent.domain.repository.paths import PathKind, kinds
from cicd_agent.domain.text.patterns import load_patterns

_PATTERNS = load_patterns(__package__, "edits")
_MAX_LINES = 20_000
_ANYTHING = frozenset({"", "__init__", "index", "install", "main", "mod", "setup", "test", "tests"})
"""Stems of files that say nothing of what is meant by the word."""
_LONGEST = 500
"""Characters of a line in which a definition is looked for."""


def changed_lines(file: FileDiff) -> Iterator[tuple[int, DiffLine]]:
    """The lines that are neither blank nor a comment, each with its number now: that of the next where it is gone."""
    for hunk in file.hunks:
        after = hunk.new_start
        for line in hunk.lines:
            if line.kind is not LineKind.CONTEXT and not is_remark(file.path, line.text):
                yield after if line.new is None else line.new, line
            if line.new is not None:
                after = line.new + 1


def is_silent(file: FileDiff) -> bool:
    """Whether all that was changed is blank or looks like a comment, or the file only has another name."""
    is_kept = file.kind in {ChangeKind.MODIFIED, ChangeKind.RENAMED} and file.old_mode == file.new_mode
    return is_kept and file.is_whole and not file.is_submodule and next(changed_lines(file), None) is None


def defined(file: FileDiff) -> Iterator[str]:
    """The functions and classes around the lines that were changed, of each the innermost."""
    for hunk in file.hunks:
        match = _PATTERNS["defines"].search(hunk.section[:_LONGEST])
        around = [(0, match[1])] if match else []
        for line in hunk.lines[:_MAX_LINES]:
            if not line.text.strip():
                continue
            depth = indent(line.text)
            around = [(at, name) for at, name in around if at < depth]
            if match := _PATTERNS["defines"].search(line.text[:_LONGEST]):
                around.append((depth, match[1]))
            if line.kind is not LineKind.CONTEXT and not is_remark(file.path, line.text):
                yield from (name for _, name in around[-1:])


def definitions(line: str) -> Iterator[str]:
    yield from _PATTERNS["defines"].findall(line[:_LONGEST])


def gone(files: Iterable[FileDiff]) -> frozenset[str]:
    """Names that were there before and are not now: of definitions that nothing replaces, and of files."""
    removed, kept = set[str](), set[str]()
    for file in files:
        own = stem(file.old_path)
        is_named = own not in _ANYTHING and PathKind.DOCS not in kinds(file.old_path)
        if is_named and file.kind in {ChangeKind.DELETED, ChangeKind.RENAMED}:
            removed.add(own)
        if file.kind is not ChangeKind.DELETED:
            kept.add(stem(file.path))
        for names, lines in ((removed, file.deleted), (kept, file.added)):
            names.update(_bound(lines))
    return frozenset(removed - kept)


def is_aside(file: FileDiff) -> bool:
    """Whether definitions came or went as a whole, beside imports, and nothing else was changed."""
    if file.kind is not ChangeKind.MODIFIED and file.kind is not ChangeKind.RENAMED:
        return False
    bound = {
        kind: set(_bound(lines)) for kind, lines in ((LineKind.ADDED, file.added), (LineKind.DELETED, file.deleted))
    }
    both = bound[LineKind.ADDED] & bound[LineKind.DELETED]
    for hunk in file.hunks:
        whole: tuple[int, LineKind] | None = None
        for line in hunk.lines[:_MAX_LINES]:
            if is_remark(file.path, line.text) or _PATTERNS["beside"].match(line.text[:_LONGEST]):
                continue
            if whole and indent(line.text) <= whole[0]:
                whole = None
            if whole is None and (name := next(_bound([line]), "")) and name not in both:
                whole = indent(line.text), line.kind
            if line.kind is not LineKind.CONTEXT and (whole is None or whole[1] is not line.kind):
                return False
    return file.is_whole and bool(file.hunks)


def _bound(lines: Iterable[DiffLine]) -> Iterator[str]:
    matches = (_PATTERNS["binds"].match(line.text[:_LONGEST]) for line in lines)
    return (match[1] or match[2] for match in matches if match)


def stem(path: str) -> str:
    return path.rpartition("/")[2].partition(".")[0]


def indent(line: str) -> int:
    return len(line) - len(line.lstrip())
