"""Where a Python file defines a name and where it uses it, by its syntax tree: text and comments do not count."""

import ast
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


@dataclass(frozen=True, slots=True)
class Place:
    """One line; `what` is the kind of definition or use, `inside` the function or class around it ("" for none)."""

    line: int
    what: str
    inside: str


def parse(text: str) -> ast.Module | None:
    """The tree, None when the text has none (another version of Python, a template, an attack)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None


def definitions(tree: ast.Module, name: str) -> list[Place]:
    """Where `name`, or the last part of `Class.name`, is defined: functions and classes before assignments."""
    ranked = [
        (rank, Place(_line(node), what, inside))
        for node, inside in _walk(tree)
        for rank, what, defined in _defined(node)
        if _ends_with(_qualified(node, inside, defined), name)
    ]
    return [occurrence for _, occurrence in sorted(ranked, key=lambda one: (one[0], one[1].line))]


def uses(tree: ast.Module, name: str) -> list[Place]:
    """Where `name`, or the last part of `Class.name`, is read, called, imported, or given as an argument's name."""
    last = name.rpartition(".")[2]
    by_line: dict[int, Place] = {}
    for node, inside in _walk(tree):
        for what in _used(node, last):
            # The walk comes to a call before it comes to the name that is called: one line is told once.
            by_line.setdefault(_line(node), Place(_line(node), what, inside))
    return sorted(by_line.values(), key=lambda occurrence: occurrence.line)


def _defined(node: ast.AST) -> Iterator[tuple[int, str, str]]:
    match node:
        case ast.ClassDef(name=name):
            yield 0, "class", name
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            yield 0, "function", name
        case ast.Name(id=name, ctx=ast.Store()):
            yield 1, "assignment", name
        case ast.Attribute(attr=name, ctx=ast.Store()):
            yield 1, "assignment", name
        case _:
            pass


def _used(node: ast.AST, name: str) -> Iterator[str]:
    match node:
        case ast.Call(func=ast.Name(id=used) | ast.Attribute(attr=used)) if used == name:
            yield "call"
        case ast.Name(id=used, ctx=ast.Load() | ast.Del()) if used == name:
            yield "use"
        case ast.Attribute(attr=used, ctx=ast.Load() | ast.Del()) if used == name:
            yield "use"
        case ast.keyword(arg=used) if used == name:
            yield "argument"
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            if any(name in {*alias.name.split("."), alias.asname} for alias in names):
                yield "import"
        case _:
            pass


def _walk(tree: ast.Module) -> Iterator[tuple[ast.AST, str]]:
    """Every node with the dotted name of what it stands in; without recursion, since the depth is the author's."""
    todo: list[tuple[ast.AST, str]] = [(tree, "")]
    while todo:
        node, inside = todo.pop()
        yield node, inside
        if isinstance(node, _DEFINITIONS):
            inside = f"{inside}.{node.name}".lstrip(".")
        todo.extend((child, inside) for child in ast.iter_child_nodes(node))


def _line(node: ast.AST) -> int:
    """The line on which the name stands: of `a.b.c` over several lines, the last one."""
    match node:
        case ast.Attribute(end_lineno=int(line)) | ast.Call(func=ast.expr(end_lineno=int(line))):
            return line
        case ast.stmt(lineno=line) | ast.expr(lineno=line) | ast.keyword(lineno=line):
            return line
        case _:
            return 0


def _qualified(node: ast.AST, inside: str, name: str) -> str:
    if isinstance(node, ast.Attribute):
        # `self.limit = 1` in Client.send defines Client.limit.
        inside = inside.rpartition(".")[0]
    return f"{inside}.{name}"


def _ends_with(qualified: str, name: str) -> bool:
    return f".{qualified}".endswith(f".{name}")
