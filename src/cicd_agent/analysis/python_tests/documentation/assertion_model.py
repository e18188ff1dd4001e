"""Reads what a test asserts: its conditions and expected exceptions, with local names and parameters filled in."""

import ast
import copy
import itertools
import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType
from typing import Any

from cicd_agent.analysis.python_tests.syntax import UNREADABLE, FunctionNode, definitions, parsed

MAX_ITEMS = 300
"""Rows of parameters for which a test is read."""

Names = Mapping[str, ast.expr]


@dataclass(frozen=True, slots=True)
class Claim:
    """`condition` is asserted; or else `call` is expected to raise one of `raises`."""

    condition: ast.expr | None = None
    call: ast.expr | None = None
    raises: tuple[str, ...] = ()


def claims(code: str, name: str) -> Iterator[Claim]:
    """What the test function of this name claims, once for each row of its parameters; may raise RecursionError."""
    tree = parsed(code)
    if tree is None:
        return
    for node in definitions(tree.body):
        if node.name == name and not isinstance(node, ast.ClassDef):
            local = _assigned(node)
            for row in itertools.islice(_rows(node), MAX_ITEMS):
                yield from _claimed(node.body, {**local, **row})


def filled(node: ast.expr, names: Names) -> ast.expr:
    return ast.fix_missing_locations(_Filled(names).visit_expression(copy.deepcopy(node)))


class _Filled(ast.NodeTransformer):
    """Puts expressions in the place of names; what they name in turn is filled in too, each name once on the way."""

    def __init__(self, names: Names) -> None:
        self._names = names

    def visit_expression(self, node: ast.expr) -> ast.expr:
        done = self.visit(node)
        return done if isinstance(done, ast.expr) else node

    def visit_Name(self, node: ast.Name) -> ast.expr:
        known = self._names.get(node.id)
        if known is None or not isinstance(node.ctx, ast.Load):
            return node
        rest = {name: value for name, value in self._names.items() if name != node.id}
        return _Filled(rest).visit_expression(copy.deepcopy(known))


def _assigned(node: FunctionNode) -> dict[str, ast.expr]:
    """Local names that are assigned once and never changed after that."""
    values: dict[str, list[ast.expr]] = {}
    changed: set[str] = set()
    for each in ast.walk(node):
        match each:
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=value)
                | ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value)
                | ast.NamedExpr(target=ast.Name(id=name), value=value)
            ):
                values.setdefault(name, []).append(value)
            case ast.Expr(value=ast.Call() as call):
                # A call for its own sake may change whatever it is given.
                changed |= {inner.id for inner in ast.walk(call) if isinstance(inner, ast.Name)}
            case ast.AugAssign(target=target) | ast.Delete(targets=[target]):
                changed |= {inner.id for inner in ast.walk(target) if isinstance(inner, ast.Name)}
            case ast.Subscript(value=ast.Name(id=name), ctx=ast.Store()):
                changed.add(name)
            case ast.Attribute(value=ast.Name(id=name), ctx=ast.Store()):
                changed.add(name)
            case _:
                pass
    return {name: each[0] for name, each in values.items() if len(each) == 1 and name not in changed}


def _rows(node: FunctionNode) -> Iterator[dict[str, ast.expr]]:
    tables = [table for table in (_table(each) for each in node.decorator_list) if table]
    for rows in itertools.product(*tables):
        joined: dict[str, ast.expr] = {}
        for row in rows:
            joined |= row
        yield joined


def _table(node: ast.expr) -> list[dict[str, ast.expr]]:
    """The rows of one `parametrize`, empty when it is none or not written out."""
    match node:
        case ast.Call(func=ast.Attribute(attr="parametrize"), args=[names, ast.List() | ast.Tuple() as values, *_]):
            pass
        case _:
            return []
    match names:
        case ast.Constant(value=str() as text):
            requested = [name.strip() for name in text.split(",") if name.strip()]
        case ast.List(elts=parts) | ast.Tuple(elts=parts):
            requested = [str(part.value) for part in parts if isinstance(part, ast.Constant)]
        case _:
            return []
    return [row for row in (_row(requested, value) for value in values.elts[:MAX_ITEMS]) if row]


def _row(names: list[str], value: ast.expr) -> dict[str, ast.expr]:
    match value:
        case ast.Call(func=ast.Attribute(attr="param") | ast.Name(id="param"), args=parts):
            pass
        case ast.Tuple(elts=parts) | ast.List(elts=parts) if len(names) > 1:
            pass
        case _:
            parts = [value]
    return dict(zip(names, parts, strict=True)) if len(names) == len(parts) else {}


def _claimed(body: list[ast.stmt], names: Names) -> Iterator[Claim]:
    for statement in body:
        match statement:
            case ast.Assert(test=test):
                yield Claim(condition=filled(test, names))
            case ast.With(items=items, body=inner) | ast.AsyncWith(items=items, body=inner):
                expected = [each for item in items for each in _expected(item.context_expr)]
                if expected:
                    yield from (Claim(call=call, raises=tuple(expected)) for call in _calls(inner, names))
                else:
                    yield from _claimed(inner, names)
            case ast.Expr(
                value=ast.Call(func=ast.Attribute(attr="raises"), args=[kind, function, *args], keywords=more)
            ):
                call = ast.Call(function, args, [each for each in more if each.arg != "match"])
                yield Claim(call=filled(call, names), raises=tuple(_types(kind)))
            case ast.For(target=target, iter=ast.List(elts=rows) | ast.Tuple(elts=rows), body=inner):
                requested = target.elts if isinstance(target, ast.Tuple) else [target]
                loop = [each.id for each in requested if isinstance(each, ast.Name)]
                for value in rows[:MAX_ITEMS]:
                    yield from _claimed(inner, {**names, **_row(loop, value)})
            case ast.If(body=inner, orelse=other):
                yield from _claimed([*inner, *other], names)
            case ast.Try(body=inner, orelse=other, finalbody=final):
                yield from _claimed([*inner, *other, *final], names)
            case _:
                pass


def _expected(node: ast.expr) -> list[str]:
    """The types in `pytest.raises(…)`."""
    match node:
        case ast.Call(func=ast.Attribute(attr="raises") | ast.Name(id="raises"), args=[kind, *_]):
            return _types(kind)
        case _:
            return []


def _types(node: ast.expr) -> list[str]:
    parts = node.elts if isinstance(node, ast.Tuple) else [node]
    return [ast.unparse(part).rpartition(".")[2] for part in parts]


def _calls(body: list[ast.stmt], names: Names) -> Iterator[ast.expr]:
    """The calls of a block that is expected to raise, when it is one statement: of more, any may be the one."""
    match body:
        case [ast.Expr(value=value)] | [ast.Assign(value=value)] | [ast.Return(value=ast.expr() as value)]:
            yield from (each for each in ast.walk(filled(value, names)) if isinstance(each, ast.Call))
        case _:
            pass


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
