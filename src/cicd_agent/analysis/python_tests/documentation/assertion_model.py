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

from cicd_agent.analysis.python_tests.syntax import UNREADABLE, FunctionNode, definitions, names_in, parsed

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


def replaced(node: ast.expr, substitute: Callable[[ast.expr], ast.expr | None]) -> ast.expr:
    """A copy of an expression with what `substitute` gives for its parts, the outermost first."""
    return ast.fix_missing_locations(_Replacer(substitute).visit_expression(copy.deepcopy(node)))


class _Replacer(ast.NodeTransformer):
    def __init__(self, substitute: Callable[[ast.expr], ast.expr | None]) -> None:
        self._substitute = substitute

    def visit_expression(self, node: ast.expr) -> ast.expr:
        result = self.visit(node)
        return result if isinstance(result, ast.expr) else node

    def visit(self, node: ast.AST) -> ast.AST:
        result = self._substitute(node) if isinstance(node, ast.expr) else None
        return self.generic_visit(node) if result is None else result


def _filled(node: ast.expr, names: Names) -> ast.expr:
    """With expressions in the place of names; what they name in turn is filled in too, each name once on the way."""

    def named(part: ast.expr) -> ast.expr | None:
        if not isinstance(part, ast.Name) or part.id not in names or not isinstance(part.ctx, ast.Load):
            return None
        return _filled(names[part.id], {name: value for name, value in names.items() if name != part.id})

    return replaced(node, named)


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
                changed |= names_in(call)
            case ast.AugAssign(target=target) | ast.Delete(targets=[target]):
                changed |= names_in(target)
            case ast.Subscript(value=ast.Name(id=name)) | ast.Attribute(value=ast.Name(id=name)):
                if isinstance(each.ctx, ast.Store):
                    changed.add(name)
            case _:
                pass
    return {name: each[0] for name, each in values.items() if len(each) == 1 and name not in changed}


def _rows(node: FunctionNode) -> Iterator[dict[str, ast.expr]]:
    """Every combination of the rows of its `parametrize`s, as far as these are written out."""
    tables = [table for table in map(_table, node.decorator_list) if table]
    for rows in itertools.product(*tables):
        yield {name: value for row in rows for name, value in row.items()}


def _table(node: ast.expr) -> list[dict[str, ast.expr]]:
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
                yield Claim(condition=_filled(test, names))
            case ast.With(items=items, body=inner) | ast.AsyncWith(items=items, body=inner):
                expected = [each for item in items for each in _raised(item.context_expr)]
                if expected:
                    yield from (Claim(call=call, raises=tuple(expected)) for call in _calls(inner, names))
                else:
                    yield from _claimed(inner, names)
            case ast.Expr(
                value=ast.Call(func=ast.Attribute(attr="raises"), args=[_, function, *args], keywords=more) as raising
            ):
                call = ast.Call(function, args, [each for each in more if each.arg != "match"])
                yield Claim(call=_filled(call, names), raises=tuple(_raised(raising)))
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


def _raised(node: ast.expr) -> list[str]:
    """The types in `pytest.raises(…)`."""
    match node:
        case ast.Call(func=ast.Attribute(attr="raises") | ast.Name(id="raises"), args=[kind, *_]):
            parts = kind.elts if isinstance(kind, ast.Tuple) else [kind]
            return [ast.unparse(part).rpartition(".")[2] for part in parts]
        case _:
            return []


def _calls(body: list[ast.stmt], names: Names) -> Iterator[ast.expr]:
    """The calls of a block that is expected to raise, when it is one statement: of more, any may be the one."""
    match body:
        case [ast.Expr(value=value)] | [ast.Assign(value=value)] | [ast.Return(value=ast.expr() as value)]:
            yield from (each for each in ast.walk(_filled(value, names)) if isinstance(each, ast.Call))
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


def evaluate(node: ast.expr) -> tuple[object] | None:
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
            holder: Any = _value(inner)
            return holder[index]
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
