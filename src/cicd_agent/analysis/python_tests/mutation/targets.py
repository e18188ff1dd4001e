"""Which parts of a text are worth a fault: those that run when a function is called, and that somebody relies on."""

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from cicd_agent.analysis.python_tests.mutation.operators import Edit, Edits
from cicd_agent.analysis.python_tests.mutation.source_map import Source
from cicd_agent.analysis.python_tests.syntax import FunctionNode

_LOG_LEVELS = frozenset({"debug", "info", "warn", "warning", "error", "exception", "critical", "log"})
_REPORTING = frozenset({"print", "pprint", "warn", "warn_explicit", "print_exc", "print_stack", "sleep", "breakpoint"})
_TYPING = frozenset({"TypeVar", "ParamSpec", "NewType", "TypeVarTuple", "reveal_type", "assert_never"})
_WAITS = re.compile(r"timeout|delay|sleep|interval|backoff", re.IGNORECASE)
_IRRELEVANT = re.compile(r"strict|encoding|errors", re.IGNORECASE)
"""Arguments by name that fail at once when they are another, or never make a difference."""
_UNCOVERED = re.compile(r"#\s*pragma:\s*no[\s-]?cover", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Location:
    """Where a node stands: the qualified name of the function, and the lines of the outermost one around it."""

    prefix: str = ""
    function: str = ""
    first: int = 0
    last: int = 0
    truth: bool = False
    """Whether the function says that it returns a bool."""


def edits(tree: ast.Module, source: Source) -> Iterator[tuple[Location, Edit]]:
    """Every edit of a text that is worth trying, in no particular order."""
    makes = Edits(source)
    waiting: list[tuple[ast.AST, Location]] = [(tree, Location())]
    while waiting:
        node, location = waiting.pop()
        if isinstance(node, ast.stmt) and _is_uncovered(node, source):
            continue
        if location.function and not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from ((location, edit) for edit in _own(node, location, makes))
        waiting.extend(_parts(node, location))


def _own(node: ast.AST, location: Location, makes: Edits) -> Iterator[Edit]:
    match node:
        case ast.If() if _is_only_typing(node.test):
            return
        case ast.If(test=test) | ast.While(test=test) | ast.IfExp(test=test):
            yield from makes.negated(test)
        case ast.comprehension(ifs=tests):
            for test in tests:
                yield from makes.negated(test)
        case ast.match_case(guard=ast.expr() as guard):
            yield from makes.negated(guard)
        case ast.Return():
            yield from makes.returned(node, truth=location.truth)
        case ast.Raise():
            yield from makes.dropped(node, "raise")
        case ast.Expr(value=ast.Call() as call) if _is_logging(call):
            return
        case _:
            yield from makes.of(node)


def _parts(node: ast.AST, location: Location) -> Iterator[tuple[ast.AST, Location]]:
    """What in a node is looked at next, and where that stands."""
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            # Decorators, defaults and annotations run when it is defined. What is shown to people is no behaviour.
            yield from _of(node.body if node.name != "__repr__" else (), _inside(node, location))
        case ast.ClassDef():
            yield from _of(node.body, replace(location, prefix=f"{location.prefix}{node.name}."))
        case ast.stmt() | ast.Module():
            yield from _of(_of_statement(node), location)
        case _:
            yield from _of(_of_expression(node), location)


def _of_statement(node: ast.stmt | ast.Module) -> Iterable[ast.AST]:
    match node:
        case ast.Raise() | ast.Assert() | ast.Expr(value=ast.Constant()) | ast.Return(value=ast.Constant(value=None)):
            return ()
        case ast.If(test=test, orelse=orelse) if _is_only_typing(test):
            return orelse
        case ast.Assign(targets=[target], value=value) if _waits(target, value):
            return ()
        case ast.AnnAssign(target=target, value=value):
            return [target] if value is None or _waits(target, value) else [target, value]
        case _:
            return ast.iter_child_nodes(node)


def _of_expression(node: ast.AST) -> Iterable[ast.AST]:
    match node:
        case ast.Lambda(body=body):
            return [body]
        case ast.JoinedStr() | ast.pattern():
            return ()
        case ast.Call():
            return _of_call(node)
        case ast.Subscript(value=value, slice=ast.Constant(value=str())):
            return [value]
        case _:
            return ast.iter_child_nodes(node)


def _of(nodes: Iterable[ast.AST], location: Location) -> Iterator[tuple[ast.AST, Location]]:
    yield from ((node, location) for node in nodes if not isinstance(node, ast.expr_context | ast.operator | ast.cmpop))


def _inside(node: FunctionNode, location: Location) -> Location:
    name = f"{location.prefix}{node.name}"
    return Location(
        prefix=f"{name}.",
        function=name,
        first=location.first or node.lineno,
        last=location.last or node.end_lineno or node.lineno,
        truth=isinstance(node.returns, ast.Name) and node.returns.id == "bool",
    )


def _of_call(node: ast.Call) -> Iterator[ast.AST]:
    name = _names(node.func)[-1:]
    if _is_logging(node) or name in [[known] for known in _TYPING]:
        return
    yield node.func
    yield from node.args[1:] if name == ["cast"] else node.args
    for keyword in node.keywords:
        name_given = keyword.arg or ""
        if not _WAITS.search(name_given) and not _IRRELEVANT.fullmatch(name_given):
            yield keyword.value


def _is_logging(call: ast.Call) -> bool:
    """Whether a call only says something to somebody, or waits."""
    names = _names(call.func)
    if not names or names[-1] in _REPORTING:
        return bool(names)
    return names[-1] in _LOG_LEVELS and any("log" in name.lower() for name in names[:-1])


def _names(node: ast.expr) -> list[str]:
    """The parts of a dotted name, as far as it is one; of `a.b().c` all."""
    parts: list[str] = []
    while True:
        match node:
            case ast.Attribute(value=inner, attr=name):
                parts.append(name)
                node = inner
            case ast.Call(func=ast.Name() | ast.Attribute() as inner):
                node = inner
            case ast.Name(id=name):
                return [name, *reversed(parts)]
            case _:
                return parts[::-1]


def _waits(target: ast.expr, value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and bool(_WAITS.search("".join(_names(target)[-1:])))


def _is_only_typing(test: ast.expr) -> bool:
    """Whether a condition is about type checkers, or about being a program."""
    if isinstance(test, ast.Compare):
        return _names(test.left) == ["__name__"]
    return _names(test)[-1:] == ["TYPE_CHECKING"]


def _is_uncovered(node: ast.stmt, source: Source) -> bool:
    """Whether its first line says that no test has to execute it; that of a decorator counts for what is decorated."""
    lines = {node.lineno, *(decorator.lineno for decorator in getattr(node, "decorator_list", ()))}
    return any(_UNCOVERED.search(source.line(line)) for line in lines)
