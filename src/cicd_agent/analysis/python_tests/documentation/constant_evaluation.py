"""Works out conditions over plain values, so that an assertion can be judged without running anything."""

import ast
import operator
from collections.abc import Callable, Mapping
from itertools import pairwise
from types import MappingProxyType
from typing import Any

from cicd_agent.analysis.python_tests.documentation.definition import UNREADABLE

_PURE: Mapping[str, Callable[[Any], object]] = MappingProxyType(
    {each.__name__: each for each in (len, bool, sorted, list, tuple, set, frozenset, dict, str, repr)}
)
_TYPES: Mapping[str, type] = MappingProxyType(
    {each.__name__: each for each in (bool, int, float, str, bytes, list, tuple, set, frozenset, dict)}
)


def _same(one: object, other: object) -> bool:
    """As `is` among constants; which other values are one and the same is not told by their text."""
    return one is other or (type(one) is type(other) and one == other)


_COMPARED: Mapping[type[ast.cmpop], Callable[[Any, Any], object]] = MappingProxyType(
    {
        ast.Eq: operator.eq,
        ast.NotEq: operator.ne,
        ast.Is: _same,
        ast.IsNot: lambda one, other: not _same(one, other),
        ast.In: lambda one, other: one in other,
        ast.NotIn: lambda one, other: one not in other,
        ast.Lt: operator.lt,
        ast.LtE: operator.le,
        ast.Gt: operator.gt,
        ast.GtE: operator.ge,
    }
)


def evaluated(node: ast.expr) -> tuple[object] | None:
    """The value of an expression of literals, comparisons and pure built-in functions, in a tuple; else None."""
    try:
        return (_value(node),)
    except (TypeError, LookupError, AttributeError, OverflowError, *UNREADABLE):
        return None


def _value(node: ast.expr) -> object:
    match node:
        case ast.BoolOp(op=op, values=values):
            parts = (_value(each) for each in values)
            return all(parts) if isinstance(op, ast.And) else any(parts)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return not _value(operand)
        case ast.Compare(left=left, ops=ops, comparators=others):
            pairs = pairwise([_value(each) for each in (left, *others)])
            return all(_COMPARED[type(op)](*pair) for op, pair in zip(ops, pairs, strict=True))
        case ast.Call(func=ast.Name(id=name), args=[one, *more], keywords=[]):
            return _called(name, _value(one), more)
        case ast.Subscript(value=inner, slice=ast.Constant(value=index)):
            return _item(_value(inner), index)
        case _:
            return ast.literal_eval(node)


def _called(name: str, value: Any, more: list[ast.expr]) -> object:
    match name, more:
        case "isinstance", [kinds]:
            names = kinds.elts if isinstance(kinds, ast.Tuple) else [kinds]
            return isinstance(value, tuple(_TYPES[ast.unparse(each)] for each in names))
        case _, []:
            return _PURE[name](value)
        case _:
            raise LookupError(name)


def _item(holder: Any, index: object) -> object:
    return holder[index]
