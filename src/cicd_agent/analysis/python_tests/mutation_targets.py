"""Which parts of a text are worth a fault: those that run when a function is called, and that somebody relies on."""

import ast
import math
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from importlib.resources import files
from itertools import pairwise
from typing import NamedTuple

from cicd_agent.analysis.python_tests.syntax import NEWLINE, FunctionNode, Source

OPERATORS = (
    *("relational", "boolean", "negate", "arithmetic", "bitwise", "unary"),
    *("slice", "constant", "statement", "raise", "return"),
)
"""Every operator, the most telling first."""

TRIVIAL = frozenset({"raise", "return"})
"""Operators whose mutants nearly any test notices that executes them."""

_TABLES = tomllib.loads(files(__package__).joinpath("mutation.toml").read_text("utf-8"))
_NAMES = {name: frozenset(names.split()) for name, names in _TABLES["names"].items()}
_UNARY: Mapping[type[ast.unaryop], tuple[str, str]] = {
    ast.Not: ("not", "negate"),
    ast.USub: ("-", "unary"),
    ast.Invert: ("~", "bitwise"),
}
_OPERATOR = re.compile(
    r"#[^\r\n]*|not[ \t]+in\b|is[ \t]+not\b|is\b|in\b|and\b|or\b|\*\*=?|//=?|<<=?|>>=?|[-+*/%&|^]=?|[<>=!]=|[<>]"
)
_MAX_INT = 10**18
_WAITS = re.compile(r"timeout|delay|sleep|interval|backoff", re.IGNORECASE)
_IRRELEVANT = re.compile(r"strict|encoding|errors", re.IGNORECASE)
"""Arguments by name that fail at once when they are another, or never make a difference."""
_UNCOVERED = re.compile(r"#\s*pragma:\s*no[\s-]?cover", re.IGNORECASE)


class Edit(NamedTuple):
    """`replacement` for the characters from `start` to `end`; `whole` is the text that it is a part of."""

    start: int
    end: int
    operator: str
    replacement: str
    whole: str


class Edits:
    """Edits of the nodes of one text; each node is looked at by itself, what is in it is not."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def of(self, node: ast.AST, *, truth: bool) -> Iterator[Edit]:  # noqa: C901, PLR0912  one case for each kind
        """Those that a node allows for what it is; `truth` is whether the function around it returns a bool."""
        match node:
            case ast.Compare(left=left, comparators=comparators):
                yield from self._chain(node, [left, *comparators], "relational")
            case ast.BoolOp(values=values):
                yield from self._chain(node, values, "boolean")
            case ast.BinOp(left=left, right=right):
                yield from self._binary(node, left, right)
            case ast.AugAssign(target=target, value=value):
                yield from self._binary(node, target, value)
                yield self._dropped(node, "statement")
            case ast.UnaryOp():
                yield from self._unary(node)
            case ast.Slice(lower=lower, upper=upper):
                yield from self._bound(node, lower)
                yield from self._bound(node, upper)
            case ast.Constant() | ast.JoinedStr():
                yield from self._constant(node)
            case ast.If(test=test) if _is_only_typing(test):
                return
            case ast.If(test=test) | ast.While(test=test) | ast.IfExp(test=test):
                yield from self._negated(test)
            case ast.comprehension(ifs=tests):
                for test in tests:
                    yield from self._negated(test)
            case ast.match_case(guard=ast.expr() as guard):
                yield from self._negated(guard)
            case ast.Return(value=ast.expr() as value):
                yield from self._returned(node, value, truth=truth)
            case ast.Raise():
                yield self._dropped(node, "raise")
            case ast.Expr(value=ast.Call() as call) if _is_logging(call):
                return
            case ast.Expr(value=ast.Call() | ast.Await(value=ast.Call())) | ast.Delete():
                yield self._dropped(node, "statement")
            case _:
                return

    def _negated(self, test: ast.expr) -> Iterator[Edit]:
        """A condition turned round, unless an edit of what it is does that."""
        match test:
            case ast.Compare(ops=[_]) | ast.UnaryOp(op=ast.Not()) | ast.Constant():
                return
            case _:
                start, end = self._source.span(test)
                yield self._edit(test, start, end, f"not ({self._source.text[start:end]})", "negate")

    def _returned(self, node: ast.Return, value: ast.expr, *, truth: bool) -> Iterator[Edit]:
        """What is returned left out, or turned round where it is a truth: by the function's annotation, or its form."""
        start, end = self._source.span(value)
        if isinstance(value, ast.Constant):
            if value.value is None:
                yield self._edit(node, start, end, "0", "constant")
            return
        if truth or _is_truth(value):
            yield from self._negated(value)
        yield self._edit(node, start, end, "None" + self._newlines(start, end), "return")

    def _dropped(self, node: ast.stmt, operator: str) -> Edit:
        start, end = self._source.span(node)
        return self._edit(node, start, end, "pass" + self._newlines(start, end), operator)

    def _edit(self, node: ast.stmt | ast.expr, start: int, end: int, replacement: str, operator: str) -> Edit:
        text = self._source.text
        # As in `return-a`, where a word would run into the one before it.
        touches = text[max(0, start - 1) : start].isalnum() and replacement[:1].isalnum()
        return Edit(start, end, operator, " " * touches + replacement, text[slice(*self._source.span(node))])

    def _newlines(self, start: int, end: int) -> str:
        return "".join(NEWLINE.findall(self._source.text[start:end]))

    def _between(self, left: ast.expr, right: ast.expr) -> tuple[int, int] | None:
        """The operator that stands between two operands."""
        start, end = self._source.span(left)[1], self._source.span(right)[0]
        results = [match.span() for match in _OPERATOR.finditer(self._source.text, start, end) if match[0][0] != "#"]
        return results[0] if len(results) == 1 else None

    def _chain(self, node: ast.expr, operands: list[ast.expr], operator: str) -> Iterator[Edit]:
        for left, right in pairwise(operands):
            if location := self._between(left, right):
                was = " ".join(self._source.text[slice(*location)].split())
                for other in _TABLES[operator].get(was, ()):
                    yield self._edit(node, *location, other, operator)

    def _binary(self, node: ast.BinOp | ast.AugAssign, left: ast.expr, right: ast.expr) -> Iterator[Edit]:
        location = self._between(left, right)
        if location is None or _is_text(left) or _is_text(right):
            return
        was = self._source.text[slice(*location)]
        sign, equals = (was[:-1], "=") if was.endswith("=") else (was, "")
        if sign in _TABLES["arithmetic"] and not _is_neutral(sign, right):
            yield self._edit(node, *location, _TABLES["arithmetic"][sign] + equals, "arithmetic")
        elif sign in _TABLES["bitwise"] and not any(getattr(part, "value", ...) is None for part in (left, right)):
            yield self._edit(node, *location, _TABLES["bitwise"][sign] + equals, "bitwise")

    def _unary(self, node: ast.UnaryOp) -> Iterator[Edit]:
        if type(node.op) not in _UNARY:
            return
        sign, operator = _UNARY[type(node.op)]
        text, start = self._source.text, self._source.span(node)[0]
        end = start + len(sign)
        while text[end : end + 1] in {" ", "\t"}:
            end += 1
        yield self._edit(node, start, end, " " if text[start - 1 : start].isalnum() else "", operator)

    def _bound(self, node: ast.Slice, bound: ast.expr | None) -> Iterator[Edit]:
        match bound:
            # Of a number there are others, and up to its length is all of it anyway.
            case None | ast.Constant() | ast.UnaryOp() | ast.Call(func=ast.Name("len")):
                return
            case _:
                start, end = self._source.span(bound)
        before, after = self._source.text[:start].rstrip()[-1:], self._source.text[end : end + 80].lstrip()[:1]
        if before and before in "[:," and after and after in ":],":
            yield self._edit(node, start, end, self._newlines(start, end), "slice")

    def _constant(self, node: ast.Constant | ast.JoinedStr) -> Iterator[Edit]:
        start, end = self._source.span(node)
        if not self._newlines(start, end):
            for other in _others(node.value) if isinstance(node, ast.Constant) else ['"xx"']:
                yield self._edit(node, start, end, other, "constant")


def _others(value: object) -> list[str]:
    """Other constants of the same type, as they are written."""
    match value:
        case bool():
            return [str(not value)]
        case int() if value < _MAX_INT:
            return ["1"] if value == 0 else [str(value + 1), str(value - 1)]
        case float() if math.isfinite(value + 1) and value + 1 != value:
            return [repr(value + 1)]
        case str():
            return [('"xx"' if value != "xx" else '"xxx"') if value else '"x"']
        case bytes():
            return ['b""' if value else 'b"x"']
        case _:
            return []


def _is_text(node: ast.expr) -> bool:
    """Whether arithmetic with it is about texts or lists, where another sign fails at once."""
    match node:
        case ast.Constant(value=value):
            return isinstance(value, str | bytes)
        case ast.JoinedStr() | ast.List() | ast.Tuple() | ast.ListComp():
            return True
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            # Of a longer sum the two at its end tell: looking deeper would go as deep as the sum is long.
            return any(not isinstance(part, ast.BinOp) and _is_text(part) for part in (left, right))
        case _:
            return False


def _is_neutral(sign: str, right: ast.expr) -> bool:
    if not isinstance(right, ast.Constant) or isinstance(right.value, str | bytes):
        return False
    return right.value == (0 if sign in {"+", "-"} else 1)


def _is_truth(node: ast.expr) -> bool:
    match node:
        case ast.Compare():
            return True
        case ast.BoolOp(values=values):
            return all(map(_is_truth, values))
        case ast.Call(func=ast.Name(id=name)) | ast.Call(func=ast.Attribute(attr=name)):
            return name in _NAMES["truths"]
        case _:
            return False


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
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                location = _inside(node, location)
            case ast.ClassDef(name=name):
                location = replace(location, prefix=f"{location.prefix}{name}.")
            case _ if location.function:
                yield from ((location, edit) for edit in makes.of(node, truth=location.truth))
            case _:
                pass
        waiting += [(part, location) for part in _parts(node) if not isinstance(part, ast.expr_context)]


def _inside(node: FunctionNode, location: Location) -> Location:
    name = f"{location.prefix}{node.name}"
    return Location(
        prefix=f"{name}.",
        function=name,
        first=location.first or node.lineno,
        last=location.last or node.end_lineno or node.lineno,
        truth=isinstance(node.returns, ast.Name) and node.returns.id == "bool",
    )


def _parts(node: ast.AST) -> Iterable[ast.AST]:  # noqa: PLR0911  one case for each kind
    """What in a node is looked at next."""
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            # Decorators, defaults and annotations run when it is defined. What is shown to people is no behaviour.
            return node.body if node.name != "__repr__" else ()
        case ast.Raise() | ast.Assert() | ast.Expr(value=ast.Constant()) | ast.Return(value=ast.Constant(value=None)):
            return ()
        case ast.If(test=test, orelse=orelse) if _is_only_typing(test):
            return orelse
        case ast.Assign(targets=[target], value=value) if _waits(target, value):
            return ()
        case ast.AnnAssign(target=target, value=value):
            return [target] if value is None or _waits(target, value) else [target, value]
        case ast.Lambda(body=body):
            return [body]
        case ast.JoinedStr() | ast.pattern():
            return ()
        case ast.Call():
            return _parts_of_call(node)
        case ast.Subscript(value=value, slice=ast.Constant(value=str())):
            return [value]
        case _:
            return ast.iter_child_nodes(node)


def _parts_of_call(node: ast.Call) -> Iterator[ast.AST]:
    name = "".join(_names(node.func)[-1:])
    if _is_logging(node) or name in _NAMES["typing"]:
        return
    yield node.func
    yield from node.args[1:] if name == "cast" else node.args
    for keyword in node.keywords:
        if not _WAITS.search(keyword.arg or "") and not _IRRELEVANT.fullmatch(keyword.arg or ""):
            yield keyword.value


def _is_logging(call: ast.Call) -> bool:
    """Whether a call only says something to somebody, or waits."""
    names = _names(call.func)
    if not names or names[-1] in _NAMES["reporting"]:
        return bool(names)
    return names[-1] in _NAMES["log_levels"] and any("log" in name.lower() for name in names[:-1])


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
