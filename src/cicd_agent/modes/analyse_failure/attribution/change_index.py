"""The change as the cascade looks it up: which files, which lines, and what may have an effect on everything."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.repository.diff import FileDiff, LineKind
from cicd_agent.domain.repository.paths import PathKind, kinds
from cicd_agent.domain.text.patterns import load_patterns
from cicd_agent.modes.analyse_failure.attribution.path_match import Tree
from cicd_agent.modes.analyse_failure.evidence import Candidate

_PATTERNS = load_patterns(__package__, "change_index")

SUPPLY = frozenset({PathKind.DEPENDENCY_MANIFEST, PathKind.LOCK_FILE})
PIPELINE = frozenset({PathKind.WORKFLOW, PathKind.CI_CONFIG})
MACHINE = SUPPLY | PIPELINE | {PathKind.DOCKERFILE, PathKind.INFRASTRUCTURE}
_GLOBAL = MACHINE | {PathKind.ENV_CONFIG, PathKind.MIGRATION, PathKind.API_CONTRACT, PathKind.DATA}
_MAX_SCOPE = 2_000
_MAX_LINES = 20_000


@dataclass(frozen=True, eq=False)
class Changed:
    """What is known to be changed: a change's files, or without one those of the commits since the last green run."""

    change: Change | None
    candidates: tuple[Candidate, ...] = ()
    imports: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @cached_property
    def tree(self) -> Tree:
        return Tree({*self.imports, *self.files, *(self.change.paths if self.change is not None else ())})

    @property
    def is_known(self) -> bool:
        return self.change is not None or any(candidate.lines for candidate in self.candidates)

    @cached_property
    def files(self) -> Mapping[str, FileDiff | None]:
        if self.change is None:
            return {path: None for candidate in self.candidates for path in candidate.lines}
        files: dict[str, FileDiff | None] = {file.path: file for file in self.change.files}
        for file in self.change.files:
            files.setdefault(file.old_path, file)
        return files

    @cached_property
    def kinds(self) -> frozenset[PathKind]:
        return frozenset().union(*(kinds(path) for path in self.files))

    def holds_line(self, path: str, line: int) -> bool:
        if line <= 0:
            return False
        if self.change is None:
            return any(_within(candidate.lines.get(path), line) for candidate in self.candidates)
        file = self.files.get(path)
        return file is not None and any(each.new == line for each in file.added)

    def touches(self, path: str, line: int) -> bool:
        """Whether the function around a line was changed; true as well where that is not known."""
        file = self.files.get(path)
        text = self.change.texts.get(path) if self.change is not None else None
        around = scope(text, line) if text is not None and line > 0 else None
        if around is None or file is None or file.omitted:
            return True
        first, last = around
        return any(first <= number <= last for number in _changed_numbers(file))

    @cached_property
    def added_text(self) -> str:
        files = self.change.files if self.change is not None else ()
        return "\n".join(line.text for file in files for line in file.added).lower()

    def edited_text(self, path: str) -> str:
        file = self.files.get(path)
        return "\n".join(line.text for line in file.lines if line.kind is not LineKind.CONTEXT) if file else ""

    @cached_property
    def names(self) -> Mapping[str, frozenset[str]]:
        """What is defined where a file is changed, by its path: the functions and classes around its edited lines."""
        return {path: frozenset(_defined(file)) for path, file in self.files.items() if file is not None}

    @property
    def reaches_all(self) -> bool:
        named = (_PATTERNS["build_names"], _PATTERNS["shared_dirs"])
        return any(
            kinds(path) & _GLOBAL or any(pattern.search(path.lower()) for pattern in named) for path in self.files
        )

    def commit_of(self, path: str, line: int) -> str:
        """The commit that has changed the line, or that alone has changed the file; "" when that is not known."""
        touching = [candidate for candidate in self.candidates if path in candidate.lines]
        exact = [candidate for candidate in touching if line > 0 and _within(candidate.lines[path], line)]
        for commits in (exact, touching):
            if len(commits) == 1:
                return commits[0].commit.sha
        if not self.candidates and self.change is not None and len(self.change.commits) == 1:
            return self.change.commits[0].sha
        return ""

    @property
    def shas(self) -> frozenset[str]:
        if self.change is None:
            return frozenset()
        return frozenset({self.change.head, *(commit.sha for commit in self.change.commits)} - {""})


def scope(text: str, line: int) -> tuple[int, int] | None:
    """The first and last line of the innermost definition around a line, by indentation; None when there is none."""
    lines = text.split("\n")[: line + _MAX_SCOPE]
    if not 0 < line <= len(lines):
        return None
    depth = _indent(lines[line - 1])
    for at in range(line - 1, max(-1, line - _MAX_SCOPE), -1):
        here = _indent(lines[at])
        if not lines[at].strip() or (here >= depth and at != line - 1):
            continue
        depth = min(depth, here)
        if _PATTERNS["function"].search(lines[at][:500]):
            rest = range(at + 1, len(lines))
            # A closing brace stands as far out as what it closes.
            end = next((k for k in rest if lines[k].strip(" \t\r)}];,") and _indent(lines[k]) <= here), len(lines))
            while not lines[end - 1].strip():
                end -= 1
            return at + 1, end
    return None


def _defined(file: FileDiff) -> Iterator[str]:
    for hunk in file.hunks:
        match = _PATTERNS["defines"].search(hunk.section[:500])
        around = [(0, match[1])] if match else []
        for line in hunk.lines[:_MAX_LINES]:
            if not line.text.strip():
                continue
            depth = _indent(line.text)
            around = [(at, name) for at, name in around if at < depth]
            if match := _PATTERNS["defines"].search(line.text[:500]):
                around.append((depth, match[1]))
            if line.kind is not LineKind.CONTEXT:
                yield from (name for _, name in around[-1:])


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _changed_numbers(file: FileDiff) -> Iterator[int]:
    """Where a file was changed, in the numbers of its lines now: what was deleted counts at the line after it."""
    for hunk in file.hunks:
        after = hunk.new_start
        for line in hunk.lines:
            if line.kind is not LineKind.CONTEXT:
                yield after if line.new is None else line.new
            if line.new is not None:
                after = line.new + 1


def _within(ranges: Iterable[tuple[int, int]] | None, line: int) -> bool:
    return any(first <= line <= last for first, last in ranges or ())
