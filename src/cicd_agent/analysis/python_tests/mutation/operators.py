"""What small fault could be made of one expression or statement: the operators of mutation, as edits of its text."""

import ast
import math
import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import NamedTuple

from cicd_agent.analysis.python_tests.mutation.source_map import NEWLINE, Source

OPERATORS = (
    *("relational", "boolean", "negate", "arithmetic", "bitwise", "unary"),
    *("slice", "constant", "statement", "raise", "return"),
)
"""Every operator, the most telling first."""

TRIVIAL = frozenset({"raise", "return"})
"""Operators whose mutants nearly any test notices that executes them."""

_RELATIONAL = {
    "<": ("<=", ">="),
    "<=": ("<", ">"),
    ">": (">=", "<="),
    ">=": (">", "<"),
    "==": ("!=",),
    "!=": ("==",),
    "in": ("not in",),
    "not in": ("in",),
    "is": ("is not",),
    "is not": ("is",),
}
_ARITHMETIC = {"+": "-", "-": "+", "*": "/", "/": "*", "//": "/", "%": "*", "**": "*"}
_BITWISE = {"&": "|", "|": "&", "^": "&", "<<": ">>", ">>": "<<"}
_UNARY: Mapping[type[ast.unaryop], tuple[str, str]] = {
    ast.Not: ("not", "negate"),
    ast.USub: ("-", "unary"),
    ast.Invert: ("~", "bitwise"),
}
_OPERATOR = re.compile(
    r"#[^\r\n]*|not[ \t]+in\b|is[ \t]+not\b|is\b|in\b|and\b|or\b|\*\*=?|//=?|<<=?|>>=?|[-+*/%&|^]=?|[<>=!]=|[<>]"
)
_MAX_INT = 10**18
_TRUTHS = frozenset(
    {"isinstance", "issubclass", "callable", "hasattr", "all", "any", "bool", "startswith", "endswith", "is_file"}
    | {"exists", "is_dir", "isdigit", "isalpha", "isspace", "issubset", "issuperset", "isdisjoint", "is_relative_to"}
)


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

    def of(self, node: ast.AST) -> Iterator[Edit]:
        """Those that a node allows for what it is."""
        match node:
            case ast.Compare(left=left, ops=_, comparators=comparators):
                yield from self._chain(node, [left, *comparators], _RELATIONAL, "relational")
            case ast.BoolOp(values=values):
                yield from self._chain(node, values, {"and": ("or",), "or": ("and",)}, "boolean")
            case ast.BinOp(left=left, right=right):
                yield from self._binary(node, left, right)
            case ast.AugAssign(target=target, value=value):
                yield from self._binary(node, target, value)
                yield from self.dropped(node, "statement")
            case ast.UnaryOp():
                yield from self._unary(node)
            case ast.Slice(lower=lower, upper=upper):
                yield from self._bound(node, lower)
                yield from self._bound(node, upper)
            case ast.Constant() | ast.JoinedStr():
                yield from self._constant(node)
            case ast.Expr(value=ast.Call() | ast.Await(value=ast.Call())) | ast.Delete():
                yield from self.dropped(node, "statement")
            case _:
                return

    def negated(self, test: ast.expr) -> Iterator[Edit]:
        """A condition turned round, unless an edit of what it is does that."""
        match test:
            case ast.Compare(ops=[_]) | ast.UnaryOp(op=ast.Not()) | ast.Constant():
                return
            case _:
                start, end = self._source.span(test)
                yield self._edit(test, start, end, f"not ({self._source.text[start:end]})", "negate")

    def returned(self, node: ast.Return, *, truth: bool) -> Iterator[Edit]:
        """What is returned left out, or turned round where it is a truth: by the function's annotation, or its form."""
        value = node.value
        if value is None:
            return
        start, end = self._source.span(value)
        if isinstance(value, ast.Constant):
            if value.value is None:
                yield self._edit(node, start, end, "0", "constant")
            return
        if truth or _is_truth(value):
            yield from self.negated(value)
        yield self._edit(node, start, end, "None" + self._newlines(start, end), "return")

    def dropped(self, node: ast.stmt, operator: str) -> Iterator[Edit]:
        start, end = self._source.span(node)
        yield self._edit(node, start, end, "pass" + self._newlines(start, end), operator)

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

    def _chain(
        self, node: ast.expr, operands: list[ast.expr], others: dict[str, tuple[str, ...]], operator: str
    ) -> Iterator[Edit]:
        for left, right in pairwise(operands):
            if location := self._between(left, right):
                was = " ".join(self._source.text[slice(*location)].split())
                for other in others.get(was, ()):
                    yield self._edit(node, *location, other, operator)

    def _binary(self, node: ast.BinOp | ast.AugAssign, left: ast.expr, right: ast.expr) -> Iterator[Edit]:
        location = self._between(left, right)
        if location is None or _is_text(left) or _is_text(right):
            return
        was = self._source.text[slice(*location)]
        sign, equals = (was[:-1], "=") if was.endswith("=") else (was, "")
        if sign in _ARITHMETIC and not _is_neutral(sign, right):
            yield self._edit(node, *location, _ARITHMETIC[sign] + equals, "arithmetic")
        elif sign in _BITWISE and not any(getattr(part, "value", ...) is None for part in (left, right)):
            yield self._edit(node, *location, _BITWISE[sign] + equals, "bitwise")

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
            return name in _TRUTHS
        case _:
            return False
