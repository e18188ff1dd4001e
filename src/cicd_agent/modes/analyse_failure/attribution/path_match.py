"""What a log calls a file, found among the repository's own paths: only a file of ours can have been changed."""

import re
from collections.abc import Collection, Iterator, Sequence
from itertools import takewhile

from cicd_agent.analysis.logs.extract import Extract, ExtractLine, Problem
from cicd_agent.analysis.logs.problems import relative
from cicd_agent.domain.repository.paths import PathKind, kinds
from cicd_agent.domain.text.patterns import load_patterns
from cicd_agent.modes.analyse_failure.evidence import LogLocation

_PATTERNS = load_patterns(__package__, "path_match")

MAX_LOCATIONS = 200
_MAX_OF_PROBLEM = 20
_MAX_NAME = 400

_JVM = (".java", ".kt", ".scala", ".groovy", ".clj")
_INNERMOST_LAST = (".py", ".pyx", ".pyi")


class Tree:
    """The files of a repository, by their last names; `roots` are folders that a log's paths may begin with."""

    __slots__ = ("_by_name", "_paths", "_roots")

    def __init__(self, paths: Collection[str], roots: Sequence[str] = ()) -> None:
        self._paths = frozenset(paths)
        self._roots = tuple(f"{_plain(root).rstrip('/')}/" for root in roots if root.strip("/."))
        self._by_name: dict[str, list[str]] = {}
        for path in sorted(self._paths):
            self._by_name.setdefault(path.rpartition("/")[2], []).append(path)

    def __contains__(self, path: object) -> bool:
        return path in self._paths

    def find(self, raw: str) -> str:
        """The file that is meant, "" when none is, or when several may be."""
        named = _plain(raw)
        inner = relative(named)
        if not inner or len(named) > _MAX_NAME or _PATTERNS["foreign"].search(inner):
            return ""
        for candidate in [inner] if inner != named else [named.removeprefix(root) for root in (*self._roots, "")]:
            if candidate in self._paths and not candidate.startswith("/"):
                return candidate
        return self._alike(inner, absolute=named.startswith("/") or named[1:2] == ":")

    def test(self, name: str) -> str:
        """The file of a test, as far as the tool's name for it shows: `tests/test_x.py::test_y`, `pkg.test_x.TestY`."""
        name = name[:_MAX_NAME].strip()
        if ("::" in name or "/" in name) and (file := self.find(name.partition("::")[0])):
            return file
        if match := _PATTERNS["unittest"].match(name):
            name = match[1]
        parts = [part for part in name.partition("[")[0].split(".") if part]
        for end in range(len(parts), 1, -1):
            stem = "/".join(parts[:end])
            for suffix in (".py", *_JVM):
                if file := self.find(stem + suffix):
                    return file
        return ""

    def _alike(self, named: str, *, absolute: bool) -> str:
        """The one file whose path ends as the name does, over the most folders."""
        parts = named.strip("/").split("/")
        best: list[str] = []
        depth = 0
        for path in self._by_name.get(parts[-1], ()):
            pairs = zip(reversed(parts), reversed(path.split("/")), strict=False)
            same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
            best = [path] if same > depth else [*best, path] if same == depth else best
            depth = max(depth, same)
        whole = depth == len(parts)
        # An absolute name that shares its last part alone is any file of that name: a settings.py of somebody else.
        return best[0] if len(best) == 1 and (depth > 1 or (whole and not absolute)) else ""


def find_locations(extract: Extract, paths: Collection[str]) -> tuple[LogLocation, ...]:
    """Where the problems of a log point to in the repository, those of the first problem first, innermost first."""
    lines = {line.number: line for line in extract.kept}
    tree = Tree(paths, [match[1] for line in extract.kept if (match := _PATTERNS["rootdir"].match(line.text))])
    result: dict[tuple[int, str, int], LogLocation] = {}
    for problem in extract.problems:
        for location in _of(problem, tree, lines):
            result.setdefault((problem.line, location.path, location.line), location)
        if len(result) >= MAX_LOCATIONS:
            break
    return tuple(result.values())[:MAX_LOCATIONS]


def _of(problem: Problem, tree: Tree, lines: dict[int, ExtractLine]) -> Iterator[LogLocation]:
    # A block is short; a hostile extract may say otherwise.
    first, last = min(problem.first, problem.line), max(problem.last, problem.line)
    within = [lines[number] for number in range(first, min(last, first + 2_000) + 1) if number in lines]
    frames = list(problem.frames)
    own = [frame for frame in frames if not _PATTERNS["foreign"].search(frame.path)]
    if all(frame.path.endswith(_INNERMOST_LAST) for frame in own):
        frames.reverse()
    depth = 0
    for frame in frames[:_MAX_OF_PROBLEM]:
        where = _line_of(frame.path, frame.line, within) or problem.line
        path = tree.find(frame.path) or _of_package(frame.path, where, lines, tree)
        if path:
            yield LogLocation(path, max(frame.line, 0), where, depth, is_test(path))
            depth += 1
    if problem.test and (path := tree.test(problem.test)):
        # Where no frame says so, the error itself may lie elsewhere.
        yield LogLocation(path, 0, problem.line, max(depth, 1), is_test(path))


def is_test(path: str) -> bool:
    return PathKind.TEST in kinds(path)


def _line_of(path: str, line: int, within: Sequence[ExtractLine]) -> int:
    """The number of the log's line that names this location, 0 when it is not shown."""
    name = path.replace("\\", "/").rpartition("/")[2]
    for shown in within:
        at = shown.text.find(name)
        if at >= 0 and (not line or str(line) in shown.text[at + len(name) :]):
            return shown.number
    return 0


def _of_package(path: str, where: int, lines: dict[int, ExtractLine], tree: Tree) -> str:
    name = path.rpartition("/")[2]
    if not name.endswith(_JVM) or where not in lines:
        return ""
    named = re.search(r"([\w.]{1,300})\.\w+\.[\w$<>]+\(" + re.escape(name), lines[where].text)
    return tree.find(f"{named[1].replace('.', '/')}/{name}") if named else ""


def _plain(raw: str) -> str:
    path = raw.strip().strip("\"'()[]").replace("\\", "/").removeprefix("file://")
    while path.startswith("./"):
        path = path[2:]
    return path
