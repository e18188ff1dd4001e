"""Which of the Python files of a change import each other at module level, and the circles that the change closes.

Files that the change leaves alone are not read: a circle through one of them is not seen.
"""

import re
from collections import deque
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from cicd_agent.domain.repository.change import Change

_IMPORT = re.compile(
    r"^(?:from[ \t]+([\w.]+)[ \t]+import[ \t]+(\([^()]{0,5000}\)|[^\n(]*)|import[ \t]+([^\n]*))", re.MULTILINE
)
_NAME = re.compile(r"(\w[\w.]*)(?:\s+as\s+\w+)?")
_COMMENT = re.compile(r"#[^\n]*")
_MAX_EDGES, _MAX_FILES = 500, 2_000
_MAX_STEPS = 300
"""Files that are gone through for one import: a longer circle nobody would read."""


class Circle(NamedTuple):
    """Files that import each other, from the one with the new import, and the line of that."""

    line: int
    paths: tuple[str, ...]
    is_plain: bool
    """Whether the new import is `import module`, which uses nothing of it before both are loaded."""


class _Import(NamedTuple):
    target: str
    line: int
    is_plain: bool


def circles(change: Change) -> Mapping[str, list[Circle]]:
    """The circles that imports on added lines close, each once, by the file with the import."""
    modules = _modules(change)
    if len(modules) < 2:  # noqa: PLR2004  nobody imports himself
        return {}
    graph = {path: list(_edges(path, change.texts[path], modules)) for path in dict.fromkeys(modules.values())}
    result: dict[str, list[Circle]] = {}
    met: set[frozenset[str]] = set()
    for file in change.files:
        added = {line.new for line in file.added}
        new = [edge for edge in graph.get(file.path, ()) if edge.line in added]
        old_text = change.old_texts.get(file.old_path)
        old = {edge.target for edge in _edges(file.path, old_text, modules)} if new and old_text else set()
        for edge in new[:_MAX_EDGES]:
            way = _way(graph, edge.target, file.path) if edge.target not in old else ()
            if way and frozenset(way) not in met:
                met.add(frozenset(way))
                result.setdefault(file.path, []).append(Circle(edge.line, (file.path, *way), edge.is_plain))
    return result


def _modules(change: Change) -> dict[str, str]:
    """The changed Python files by the names that they may be imported by."""
    modules: dict[str, str] = {}
    present = frozenset(change.paths)
    for path in list(change.texts)[:_MAX_FILES]:
        if not path.endswith(".py"):
            continue
        parts = path.removesuffix(".py").removesuffix("/__init__").split("/")
        roots = [0, *(at + 1 for at, part in enumerate(parts[:-1]) if part in {"src", "lib", "python"})]
        packages = (at for at in range(len(parts) - 1) if "/".join([*parts[: at + 1], "__init__.py"]) in present)
        roots += [next(packages, 0)]
        modules.update({".".join(parts[root:]): path for root in roots})
    return modules


def _edges(path: str, text: str, modules: Mapping[str, str]) -> Iterator[_Import]:
    lines = at = 0
    for match in _IMPORT.finditer(text):
        lines += text.count("\n", at, match.start())
        at = match.start()
        for name in _imported(path, match):
            target = modules.get(name) or modules.get(name.rpartition(".")[0] if match[1] else name)
            # That a package is there goes without saying.
            if target and target != path and not _is_package_of(target, path) and not _is_package_of(path, target):
                yield _Import(target, lines + 1, match[1] is None)


def _imported(path: str, match: re.Match[str]) -> Iterator[str]:
    names = [name[1] for name in _NAME.finditer(_COMMENT.sub("", match[2] or match[3] or ""))]
    if match[1] is None:
        yield from names
        return
    module = match[1]
    if module.startswith("."):
        dots = len(module) - len(module.lstrip("."))
        folders = path.split("/")[:-dots]
        module = ".".join([*folders, *filter(None, [module.lstrip(".")])])
    yield from (f"{module}.{name}" for name in names)


def _is_package_of(package: str, path: str) -> bool:
    return package.endswith("__init__.py") and path.startswith(package.removesuffix("__init__.py"))


def _way(graph: Mapping[str, list[_Import]], start: str, end: str) -> tuple[str, ...]:
    """The shortest way from one file to another, both included; empty when there is none."""
    before: dict[str, str] = {start: ""}
    queue = deque([start])
    while queue and len(before) < _MAX_STEPS:
        path = queue.popleft()
        if path == end:
            way = [path]
            while way[-1] != start:
                way.append(before[way[-1]])
            return tuple(reversed(way))
        for edge in graph.get(path, ()):
            if edge.target not in before:
                before[edge.target] = path
                queue.append(edge.target)
    return ()
