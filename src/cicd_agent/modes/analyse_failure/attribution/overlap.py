"""Where the log of a failure and the change overlap, and how strongly each such location suggests the change."""

import re
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from cicd_agent.analysis.logs.extract import Kind, Trouble
from cicd_agent.analysis.risk.comment_only import is_comment_only
from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.repository.diff import ChangeKind, FileDiff, LineKind
from cicd_agent.domain.repository.paths import PathKind, kinds
from cicd_agent.domain.text.patterns import load_patterns
from cicd_agent.modes.analyse_failure.attribution.edits import (
    changed_lines,
    defined,
    definitions,
    gone,
    indent,
    is_aside,
    is_silent,
)
from cicd_agent.modes.analyse_failure.attribution.path_match import Tree, is_test
from cicd_agent.modes.analyse_failure.evidence import Candidate, FailedRun, LogLocation
from cicd_agent.modes.analyse_failure.groups import Group
from cicd_agent.modes.analyse_failure.result import Overlap

_PATTERNS = load_patterns(__package__, "overlap")

EXACT, EXACT_DEEP, INNERMOST, DEEPER, APART = 0.95, 0.9, 0.9, 0.8, 0.75
"""The line itself; its function, or a file of which no more is known; those of frames farther out; another function."""
IMPORTED, FARTHER, FARTHEST, NAMED_LIKE = 0.7, 0.6, 0.5, 0.42
GONE, NAMED, TEST_NAMED = 0.85, 0.5, 0.42
"""A name that the change took away; where nothing else leads to the change, one that it edited, or the test's own."""
"""The last with `_NAMED` is no more than the one before it: not to know the imports never makes a file more suspect."""
SUPPLIED, SUPPLIED_BY_NAME, SUPPLIED_IN_TROUBLE, BUILT = 0.75, 0.85, 0.6, 0.7
_NAMED, _ASIDE = 0.08, 0.85
_GUESSED, _MAX_UNEXPLAINED = 0.85, 0.55
"""The share that is left where no tool's message points there; the maximum where no message says what is wrong."""

MAX_OVERLAPS = 30
_BESIDE = 1
"""The depth of a test's file that no frame names: the error itself may lie elsewhere."""
_FAR = 2
_BUILDS = frozenset({Kind.CONFIGURATION, Kind.BUILD_ERROR, Kind.LINT_ERROR})
REMOTE = frozenset({Trouble.NETWORK, Trouble.SERVICE, Trouble.RATE_LIMIT, Trouble.REGISTRY})
SUPPLY = frozenset({PathKind.DEPENDENCY_MANIFEST, PathKind.LOCK_FILE})
PIPELINE = frozenset({PathKind.WORKFLOW, PathKind.CI_CONFIG})
MACHINE = SUPPLY | PIPELINE | {PathKind.DOCKERFILE, PathKind.INFRASTRUCTURE}
_GLOBAL = MACHINE | {PathKind.ENV_CONFIG, PathKind.MIGRATION, PathKind.API_CONTRACT, PathKind.DATA}
_MAX_SCOPE = 2_000
_MAX_LINE = 500
_COMMON = frozenset({"test", "should", "when", "with", "the", "get", "set", "new", "for", "and", "not"})


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
            return {path: None for candidate in self.candidates for path in candidate.paths}
        files: dict[str, FileDiff | None] = {file.path: file for file in self.change.files}
        for file in self.change.files:
            files.setdefault(file.old_path, file)
        return files

    @cached_property
    def silent(self) -> frozenset[str]:
        """Changed files that run as before: comments and blank lines, as far as they look like that, and new names."""
        if self.change is None:
            return frozenset()
        files = [(path, file) for path, file in self.files.items() if file is not None and path == file.path]
        return frozenset(path for path, file in files if is_silent(file) or is_comment_only(file, self.change))

    def is_proved_silent(self, path: str) -> bool:
        file = self.files.get(path)
        return file is not None and self.change is not None and is_comment_only(file, self.change)

    @cached_property
    def gone(self) -> Mapping[str, frozenset[str]]:
        """The names that the change took away, by the file that had them; none that stands elsewhere now."""
        if self.change is None:
            # Of commits alone only their own diffs are known.
            return {path: frozenset(each.gone) for each in self.candidates for path in each.paths if each.gone}
        removed = gone(self.change.files)
        return {file.old_path: gone([file]) & removed for file in self.change.files}

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
        if around is None or file is None or not file.is_whole:
            return True
        first, last = around
        return any(first <= number <= last for number, _ in changed_lines(file))

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
        if self.change is None:
            return {path: frozenset(names) for each in self.candidates for path, names in each.names.items()}
        return {path: frozenset(defined(file)) for path, file in self.files.items() if file is not None}

    @property
    def reaches_all(self) -> bool:
        named = (_PATTERNS["build_names"], _PATTERNS["shared_dirs"])
        return any(
            kinds(path) & _GLOBAL or any(pattern.search(path.lower()) for pattern in named) for path in self.files
        )

    def all_names(self, path: str) -> frozenset[str]:
        return self.names.get(path, frozenset()) | self.gone.get(path, frozenset())

    def around(self, path: str, line: int) -> frozenset[str]:
        """The name of the definition around a line, as far as the text is known."""
        text = self.change.texts.get(path) if self.change is not None else None
        within = scope(text, line) if text is not None and line > 0 else None
        return frozenset(definitions(text.split("\n")[within[0] - 1])) if text and within else frozenset()

    def is_missing(self, path: str) -> bool:
        file = self.files.get(path)
        return file is not None and (file.kind is ChangeKind.DELETED or path != file.path)

    def is_aside(self, path: str) -> bool:
        file = self.files.get(path)
        return file is not None and is_aside(file)

    def is_mute(self, overlap: Overlap) -> bool:
        """Whether nothing that runs was changed there. A file with a new name may miss what was beside the old one."""
        file = self.files.get(overlap.path)
        is_moved = file is not None and file.old_path != overlap.path
        return overlap.path in self.silent and not (is_moved and not overlap.via)

    def commit_of(self, path: str, line: int) -> str:
        touching = [candidate for candidate in self.candidates if path in candidate.paths]
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


def find_overlaps(failed: FailedRun, group: Group, changed: Changed) -> tuple[Overlap, ...]:
    if not changed.files:
        return ()
    begun, names, text = starts(group, changed), _names_of(group), _text(group).lower()
    called = frozenset(name for each in begun for name in failed.called.get(f"{each.path}:{each.line}", ()))
    found = [
        *_at_locations(begun, changed),
        *_by_import(failed, begun, changed),
        *_by_file(group, changed, text),
        *_by_gone(group, changed, names),
    ]
    if group.failure.kind is not Kind.LINT_ERROR:
        found = [overlap for overlap in found if overlap.exact or not changed.is_mute(overlap)]
    weighed = []
    is_known = bool(found) or any(each.path in failed.imports for each in begun)
    for overlap in found if is_known else _by_name(group, changed, names):
        strength = overlap.strength
        named = (names | called | changed.around(overlap.path, overlap.line)) & changed.all_names(overlap.path)
        named |= {*overlap.named}
        if strength < INNERMOST and named & (names | called):
            strength += _NAMED
        elif strength < INNERMOST and not named and not overlap.exact and changed.is_aside(overlap.path):
            strength *= _ASIDE
        strength = _dampened(min(strength, EXACT), group)
        sha = changed.commit_of(overlap.path, overlap.line)
        weighed.append(replace(overlap, strength=round(strength, 3), sha=sha, named=tuple(sorted(named))))
    best: dict[str, Overlap] = {}
    for overlap in sorted(weighed, key=lambda each: (-each.strength, not each.exact, bool(each.via), each.path)):
        # A file that the log itself names is not repeated as one that another imports.
        best.setdefault(overlap.path, overlap)
    return tuple(best.values())[:MAX_OVERLAPS]


def starts(group: Group, changed: Changed) -> tuple[LogLocation, ...]:
    """Where a failure begins: its places, and the file of its test, as far as that is found among the known paths."""
    result = list(group.locations)
    tree = changed.tree
    number = group.problems[0][1].line if group.problems else 0
    tests = dict.fromkeys([group.failure.test, *(problem.test for _, problem in group.problems)])
    named = [(tree.find(case.file), case.line) for case in group.cases if case.file]
    named += [(tree.test(test), 0) for test in tests if test]
    result += [LogLocation(path, max(line, 0), number, _BESIDE, is_test(path)) for path, line in named if path]
    result += [LogLocation(note.path, max(note.line, 0), 0) for note in group.notes if note.path in tree]
    return tuple(dict.fromkeys(result))


def reached(failed: FailedRun, start: str) -> Mapping[str, int]:
    distances = {start: 0}
    queue = deque([start])
    while queue:
        path = queue.popleft()
        for imported in failed.imports.get(path, ()):
            if imported not in distances:
                distances[imported] = distances[path] + 1
                queue.append(imported)
    return distances


def _at_locations(begun: Sequence[LogLocation], changed: Changed) -> Iterator[Overlap]:
    for location in begun:
        if location.path in changed.files:
            exact, deep = changed.holds_line(location.path, location.line), location.depth > 0
            strength = (EXACT_DEEP if deep else EXACT) if exact else DEEPER if deep else INNERMOST
            if exact and deep and changed.is_aside(location.path):
                # An import that leads on to the error.
                strength = DEEPER
            if not exact and not changed.touches(location.path, location.line):
                strength = APART
            yield Overlap(location.path, location.line, location.number, exact=exact, strength=strength)


def _by_import(failed: FailedRun, begun: Sequence[LogLocation], changed: Changed) -> Iterator[Overlap]:
    firsts: dict[str, LogLocation] = {}
    for each in begun:
        firsts.setdefault(each.path, each)
    for location in firsts.values():
        for path, away in reached(failed, location.path).items():
            if away and path in changed.files:
                strength = IMPORTED if away == 1 else FARTHER if away == _FAR else FARTHEST
                if changed.is_missing(path):
                    strength = GONE
                yield Overlap(path, 0, location.number, via=location.path, strength=strength)
        if location.is_test and location.path not in failed.imports:
            # A file is tested by the one that is called after it: all there is where no import is known.
            subject = _stem(location.path)
            for path in changed.files:
                if subject and path != location.path and not is_test(path) and _stem(path) == subject:
                    yield Overlap(path, 0, location.number, via=location.path, strength=NAMED_LIKE)


def _stem(path: str) -> str:
    stem = path.rpartition("/")[2].partition(".")[0]
    while (shorter := _PATTERNS["test_word"].sub("", stem)) != stem:
        stem = shorter
    return stem.lower()


def _by_file(group: Group, changed: Changed, text: str) -> Iterator[Overlap]:
    """Changed files that no frame names: what is installed, how the job runs, how the tool is set up."""
    number = group.problems[0][1].line if group.problems else 0
    kind = group.failure.kind
    remote = any(problem.trouble in REMOTE for _, problem in group.problems)
    for path in changed.files:
        of, name = kinds(path), path.lower().rpartition("/")[2]
        strength = 0.0
        if of & SUPPLY and (kind is Kind.DEPENDENCY or name in text):
            edited = set(_PATTERNS["package"].findall(changed.edited_text(path)[:50_000].lower()))
            named = edited & {word.lower() for word in _PATTERNS["package"].findall(text)}
            names = [name for name in named if not _PATTERNS["no_package"].fullmatch(name)]
            strength = SUPPLIED_BY_NAME if names else SUPPLIED
            if remote:
                # A registry that is down says nothing of what is asked of it, but for the name that it does not know.
                strength = SUPPLIED_IN_TROUBLE if names else 0.0
        elif _runs_it(group, changed, path, of):
            strength = SUPPLIED
        elif (name in text and len(name) > len("a.py") and kind in _BUILDS) or (
            kind is Kind.LINT_ERROR and _PATTERNS["linter"].search(name)
        ):
            strength = BUILT
        if strength:
            yield Overlap(path, 0, number, strength=strength)


def _by_gone(group: Group, changed: Changed, names: Collection[str]) -> Iterator[Overlap]:
    """Names that the change took away, where the message says that something is missing or uses just this word."""
    number = group.problems[0][1].line if group.problems else 0
    is_missing = _PATTERNS["missing"].search(_text(group)) is not None
    jobs = {job.job.id: job for job, _ in group.problems}
    lines = [line.text[:_MAX_LINE] for job in jobs.values() for line in job.extract.kept]
    missed = {word for text in lines if _PATTERNS["missing"].search(text) for word in _PATTERNS["word"].findall(text)}
    for path, taken in changed.gone.items():
        telling = [name for name in taken & frozenset(names) if is_missing or _PATTERNS["distinct"].search(name)]
        if telling or taken & missed:
            named = tuple({*telling, *(taken & missed)})
            yield Overlap(path, 0, number, strength=GONE, named=named)


def _by_name(group: Group, changed: Changed, names: Collection[str]) -> Iterator[Overlap]:
    """Where nothing else leads anywhere: files in which a definition was edited that the message or the test names."""
    number = group.problems[0][1].line if group.problems else 0
    tests = [problem.test for _, problem in group.problems] + [group.failure.test]
    words = frozenset(word for test in tests for word in _name_parts(test)) - _COMMON
    for path, edited in changed.names.items():
        if is_test(path) or PathKind.DOCS in kinds(path):
            continue
        if any(_PATTERNS["distinct"].search(name) for name in edited & frozenset(names)):
            yield Overlap(path, 0, number, strength=NAMED)
        elif any(own and own <= words for own in (frozenset(_name_parts(name)) - _COMMON for name in edited)):
            yield Overlap(path, 0, number, strength=TEST_NAMED)


def _name_parts(name: str) -> Sequence[str]:
    """What a name is made of: `route` and `match` of `TestRouteMatch`; a plural is taken for one."""
    return [word.lower().removesuffix("s") for word in _PATTERNS["part"].findall(name)]


def _runs_it(group: Group, changed: Changed, path: str, of: Collection[PathKind]) -> bool:
    if PIPELINE.intersection(of):
        edits = changed.edited_text(path)
        step = group.failure.step.removeprefix("Run ").strip()
        # `sh` is no name.
        return group.failure.kind is Kind.CONFIGURATION or (len(step) > len("sh") and step in edits)
    tools = [problem.tool for _, problem in group.problems]
    return PathKind.DOCKERFILE in of and any("docker" in tool or "buildkit" in tool for tool in tools)


def _text(group: Group) -> str:
    cited = [line.text for line in group.failure.decisive]
    return "\n".join([group.failure.title, group.failure.test, *cited, *(case.detail for case in group.cases)])[:50_000]


def _names_of(group: Group) -> frozenset[str]:
    """The names that the failure names, and those that its test's name is made of: `total` of `test_total`."""
    words = set(_PATTERNS["word"].findall(_text(group)))
    tests = {re.sub(r"^test_?|_?test$", "", word) for word in words if word.lower().startswith("test")}
    return frozenset(words | tests)


def _dampened(strength: float, group: Group) -> float:
    problems = [problem for _, problem in group.problems]
    # The same may be in the log of a run that passed.
    if problems and not (group.is_explained and any(problem.novel for problem in problems)):
        return min(strength, _MAX_UNEXPLAINED)
    if problems and not group.cases and not any(problem.tool for problem in problems):
        return strength * _GUESSED
    return strength


def scope(text: str, line: int) -> tuple[int, int] | None:
    """The first and last line of the innermost definition around a line, by indentation; None when there is none."""
    lines = text.split("\n")[: line + _MAX_SCOPE]
    if not 0 < line <= len(lines):
        return None
    depth = indent(lines[line - 1])
    for at in range(line - 1, max(-1, line - _MAX_SCOPE), -1):
        here = indent(lines[at])
        if not lines[at].strip() or (here >= depth and at != line - 1):
            continue
        depth = min(depth, here)
        if _PATTERNS["function"].search(lines[at][:500]):
            rest = range(at + 1, len(lines))
            # A closing brace stands as far out as what it closes.
            end = next((k for k in rest if lines[k].strip(" \t\r)}];,") and indent(lines[k]) <= here), len(lines))
            while not lines[end - 1].strip():
                end -= 1
            return at + 1, end
    return None


def names_around(text: str, line: int) -> tuple[str, ...]:
    """The names that stand in the function around a line; of line 0, those of the whole file."""
    within = scope(text, line) if line else (1, _MAX_SCOPE)
    lines = text.split("\n")[within[0] - 1 : within[1]][:_MAX_SCOPE] if within else ()
    return tuple(dict.fromkeys(name for row in lines for name in _PATTERNS["word"].findall(row[:_MAX_LINE])))[
        :_MAX_SCOPE
    ]


def _within(ranges: Iterable[tuple[int, int]] | None, line: int) -> bool:
    return any(first <= line <= last for first, last in ranges or ())
