"""Finds what users call to reach a function: public functions and classes through which a call of theirs goes."""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath

from cicd_agent.analysis.python_tests.syntax import Definition, defined_by, definitions, docstring, parsed, signature

_DEEPEST = 3
"""Private steps between a function and what users call."""
MAX_CALLERS = 4


@dataclass(frozen=True, slots=True)
class Caller:
    """A public function, method or class, with its signature as it is written."""

    path: str
    name: str
    head: str
    docstring: str


@dataclass(frozen=True, slots=True)
class _Unit:
    """A definition or an assignment, and the names in it. `entry` is the public one that a call of it begins at."""

    path: str
    name: str
    uses: frozenset[str]
    entry: str


def callers(path: str, function: str, texts: Mapping[str, str]) -> tuple[Caller, ...]:
    """The nearest public callers of a function (qualified name) of the file at `path`, those of that file first.

    `texts` are the modules that are looked through, that of the file among them. A private method is reached by its
    class. None for what users call themselves and nothing else calls.
    """
    order = sorted(texts, key=lambda each: (each != path, PurePosixPath(each).name.startswith("_"), each))
    units = [unit for each in order for unit in _units(each, texts[each])]
    found: dict[tuple[str, str], None] = {}
    around, _, last = function.rpartition(".")
    if around and not _is_public(last) and all(map(_is_public, around.split("."))):
        found[path, around] = None
    frontier, seen = [(path, function)], {(path, function)}
    for _ in range(_DEEPEST):
        reached = []
        for unit in units:
            if any(_names(unit, *each) for each in frontier) and (unit.path, unit.name) not in seen:
                seen.add((unit.path, unit.name))
                if unit.entry:
                    found[unit.path, unit.entry] = None
                else:
                    reached.append((unit.path, unit.name))
        frontier = reached
    found.pop((path, function), None)
    every = (_caller(where, name, texts.get(where, "")) for where, name in found)
    return tuple(each for each in every if each is not None)[:MAX_CALLERS]


def _names(unit: _Unit, path: str, name: str) -> bool:
    """Whether a unit names a definition: by its own name in its file, elsewhere beside its class or its module."""
    around, _, last = name.rpartition(".")
    if unit.path == path:
        return (f".{last}" if around else last) in unit.uses
    stem = PurePosixPath(path).parent.name if path.endswith("__init__.py") else PurePosixPath(path).stem
    return around in unit.uses and f".{last}" in unit.uses if around else f"{stem}.{last}" in unit.uses


@lru_cache(maxsize=256)
def _units(path: str, text: str) -> tuple[_Unit, ...]:
    tree = parsed(text)
    if tree is None:
        return ()
    bound: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            stem = (node.module or "").rpartition(".")[2]
            bound |= {alias.asname or alias.name: f"{stem}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            bound |= {alias.asname: f".{alias.name}" for alias in node.names if alias.asname}
    return tuple(
        _Unit(path, name, frozenset(_used(part, bound)), entry) for name, part, entry in _parts(tree.body, "", "")
    )


def _parts(body: list[ast.stmt], prefix: str, entry: str) -> Iterator[tuple[str, ast.stmt, str]]:
    """Definitions and assignments with their names; `entry` is the public class around them."""
    known = {*definitions(body)}
    for node in [*known, *(each for each in body if not isinstance(each, Definition) and defined_by(each))]:
        name = f"{prefix}{node.name}" if isinstance(node, Definition) else prefix + defined_by(node)[0]
        last = name.rpartition(".")[2]
        if isinstance(node, ast.ClassDef):
            inner = name if _is_public(last) and (entry or not prefix) else ""
            yield from _parts(node.body, f"{name}.", inner)
        elif not isinstance(node, Definition):
            yield name, node, entry
        elif prefix:
            yield name, node, name if entry and _is_public(last) and not last.startswith("__") else entry
        else:
            yield name, node, name if _is_public(last) else ""


def _used(node: ast.stmt, bound: Mapping[str, str]) -> Iterator[str]:
    """Names in a definition: `name`, `.attribute`, and `module.name` by the last part of the module's name."""
    for each in ast.walk(node):
        match each:
            case ast.Name(id=name):
                yield from (name, bound.get(name, name))
            case ast.Attribute(value=ast.Name(id=root), attr=name):
                yield from (f".{name}", f"{bound.get(root, root).rpartition('.')[2]}.{name}")
            case ast.Attribute(attr=name):
                yield f".{name}"
            case _:
                pass


def _caller(path: str, name: str, text: str) -> Caller | None:
    tree = parsed(text)
    body = tree.body if tree is not None else []
    node: Definition | None = None
    for part in name.split("."):
        node = next((each for each in definitions(body) if each.name == part), None)
        if node is None:
            return None
        body = node.body
    if node is None:
        return None
    head, words = signature(node, text), docstring(node)
    made = next((each for each in definitions(body) if each.name == "__init__"), None)
    if isinstance(node, ast.ClassDef) and made is not None:
        head = f"class {node.name}:\n{signature(made, text)}"
        words = words or docstring(made)
    return Caller(path, name, head, words)


def _is_public(part: str) -> bool:
    return not part.startswith("_") or (part.startswith("__") and part.endswith("__"))
