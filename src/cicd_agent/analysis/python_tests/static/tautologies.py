"""Finds assertions that hold whatever the code under test does."""

import ast
from collections.abc import Mapping, Sequence
from itertools import pairwise, permutations

from cicd_agent.analysis.python_tests.syntax import dotted_name, parsed

_ALWAYS = frozenset({"type", "repr", "object", "id", "callable", "hasattr"})
_COMPLEMENTS = frozenset(
    {(ast.Eq, ast.NotEq), (ast.Is, ast.IsNot), (ast.In, ast.NotIn), (ast.Lt, ast.GtE), (ast.Gt, ast.LtE)}
)
_NEVER_NONE = frozenset(
    {"str", "repr", "len", "bool", "int", "float", "list", "tuple", "dict", "set", "type", "sorted"}
)
_REFLEXIVE = (ast.Eq, ast.LtE, ast.GtE)
_TOLERANCES = {"rel": 0.5, "abs": 1_000_000}
"""The largest of `approx` that tells numbers apart."""


def is_tautology(test: ast.expr) -> bool:
    """Whether an expression is true whatever happens."""
    match test:
        case ast.Constant(value=value):
            return bool(value)
        case ast.Tuple(elts=items):
            return bool(items)
        case ast.BoolOp(op=ast.Or(), values=values):
            return any(is_tautology(value) for value in values)
        case ast.Compare(left=ast.Constant(value=left), ops=[ast.Eq()], comparators=[ast.Constant(value=right)]):
            return bool(left == right)
        case _:
            return False


def vain_assertions(text: str) -> int:
    """How many `assert` statements of a file can never fail; 0 for what does not parse."""
    nodes = ast.walk(parsed(text) or ast.Module([], []))
    return sum(isinstance(node, ast.Assert) and is_tautology(node.test) for node in nodes)


def tautology_reason(  # noqa: C901, PLR0911  one case for each kind of expression
    test: ast.expr, values: Mapping[str, ast.expr]
) -> str:
    """Why an assertion can never fail, "" when it can. `values` are names that were assigned once before it."""
    match _unfolded(test, values):
        case ast.Constant() | ast.Tuple() as node if is_tautology(node):
            return "it asserts a constant"
        case ast.List(elts=[_, *_]) | ast.Set() | ast.JoinedStr(values=[_, *_]) | ast.Dict(keys=[_, *_]):
            return "what it asserts is never empty"
        case ast.Lambda() | ast.GeneratorExp():
            return "it asserts a function or a generator, which is always true"
        case ast.UnaryOp(op=ast.Not(), operand=operand) if _is_falsy(_unfolded(operand, values)):
            return "it asserts a constant"
        case ast.BoolOp(op=ast.And(), values=parts):
            return _all_of(parts, values)
        case ast.BoolOp(op=ast.Or(), values=parts):
            if reason := _any_of(parts, values):
                return f"one of its alternatives always holds: {reason}"
            complements = (_are_complements(one, other) for one, other in permutations(parts, 2))
            return "one of its alternatives always holds" if any(complements) else ""
        case ast.IfExp(test=test, body=body, orelse=orelse):
            chosen = _unfolded(test, values)
            if isinstance(chosen, ast.Constant):
                return tautology_reason(body if chosen.value else orelse, values)
            return _all_of([orelse, body], values)
        case ast.Compare(left=left, ops=operators, comparators=others):
            pairs = zip(operators, pairwise([left, *others]), strict=True)
            reasons = [_comparison(one, operator, other, values) for operator, (one, other) in pairs]
            return reasons[0] if all(reasons) else ""
        case ast.Call() as call:
            return _call(call, values)
        case _:
            return ""


def _all_of(parts: Sequence[ast.expr], values: Mapping[str, ast.expr]) -> str:
    reasons = [tautology_reason(part, values) for part in parts]
    return reasons[0] if reasons and all(reasons) else ""


def _any_of(parts: Sequence[ast.expr], values: Mapping[str, ast.expr]) -> str:
    return next((reason for part in parts if (reason := tautology_reason(part, values))), "")


def _unfolded(node: ast.expr, values: Mapping[str, ast.expr]) -> ast.expr:
    """What a name stands for; what `approx` and an assignment expression hold."""
    for _ in range(5):
        match node:
            case ast.Name(id=name) if name in values:
                node = values[name]
            case ast.Call(func=ast.Attribute(attr="approx") | ast.Name(id="approx"), args=[inner, *_]):
                node = inner
            case ast.NamedExpr(value=inner):
                node = inner
            case _:
                break
    return node


def _is_falsy(node: ast.expr) -> bool:
    try:
        return not ast.literal_eval(node)
    except (ValueError, TypeError):
        return False


def _are_complements(one: ast.expr, other: ast.expr) -> bool:
    match one, other:
        case _, ast.UnaryOp(op=ast.Not(), operand=operand):
            return _same(one, operand)
        case ast.Compare(left=a, ops=[first], comparators=[b]), ast.Compare(left=c, ops=[second], comparators=[d]):
            return (type(first), type(second)) in _COMPLEMENTS and _same(a, c) and _same(b, d)
        case _:
            return False


def _same(one: ast.expr, other: ast.expr) -> bool:
    return ast.dump(one) == ast.dump(other)


def _comparison(  # noqa: PLR0911  one case for each kind of comparison
    left: ast.expr, operator: ast.cmpop, right: ast.expr, values: Mapping[str, ast.expr]
) -> str:
    if isinstance(operator, ast.Eq) and "ANY" in {dotted_name(side).rpartition(".")[2] for side in (left, right)}:
        return "`ANY` equals everything"
    if _is_tolerant(left) or _is_tolerant(right):
        return "its tolerance takes nearly every number"
    if _same(left, right) and isinstance(operator, (*_REFLEXIVE, ast.Is)) and not isinstance(left, ast.Call):
        return "it compares a value with itself"
    one, other = _unfolded(left, values), _unfolded(right, values)
    if _same(one, other) and isinstance(operator, _REFLEXIVE):
        return "it compares a value with itself: write down what is expected"
    match operator, one, other:
        case ast.Eq(), ast.Constant(value=a), ast.Constant(value=b) if a == b:
            return "it compares constants"
        case ast.In(), _, ast.List(elts=elements) | ast.Tuple(elts=elements) | ast.Set(elts=elements):
            if any(_same(left, each) for each in elements):
                return "it compares a value with itself"
            both = {each.value for each in elements if isinstance(each, ast.Constant)} >= {True, False}
            return "it takes both truth values" if both else ""
        case (ast.GtE(), ast.Call(func=ast.Name(id="len" | "abs")), ast.Constant(value=0)) | (
            ast.Gt(),
            ast.Call(func=ast.Name(id="len" | "abs")),
            ast.UnaryOp(ast.USub(), ast.Constant()),
        ):
            return "a length is never negative"
        case ast.IsNot(), ast.Call(func=ast.Name(id=name)), ast.Constant(value=None) if name in _NEVER_NONE:
            return f"`{name}` never gives None"
        case _:
            return ""


def _is_tolerant(node: ast.expr) -> bool:
    match node:
        case ast.Call(func=ast.Attribute(attr="approx") | ast.Name(id="approx"), args=arguments, keywords=keywords):
            named = dict(zip(("expected", "rel", "abs"), arguments, strict=False))
            named |= {keyword.arg: keyword.value for keyword in keywords if keyword.arg}
            return any(name in named and _exceeds(named[name], maximum) for name, maximum in _TOLERANCES.items())
        case _:
            return False


def _exceeds(node: ast.expr, maximum: float) -> bool:
    match node:
        case ast.Constant(value=int() | float() | None as value):
            return value is not None and value > maximum
        case ast.UnaryOp(operand=ast.Constant(value=int() | float())):
            return False
        case _:
            # A tolerance that is computed may be anything (`float("inf")`).
            return True


def _call(node: ast.Call, values: Mapping[str, ast.expr]) -> str:  # noqa: PLR0911  one case for each function
    match node:
        case ast.Call(func=ast.Name(id=name)) if name in _ALWAYS:
            return f"`{name}(…)` says nothing of what the code does"
        case ast.Call(func=ast.Name(id="isinstance"), args=[one, kind]):
            kinds = kind.elts if isinstance(kind, ast.Tuple) else [kind]
            if any(isinstance(each, ast.Name) and each.id == "object" for each in kinds):
                return "everything is an `object`"
            types = [each for each in kinds if isinstance(each, ast.Call)]
            own = any(_same(one, argument) for each in types for argument in each.args)
            return "a value has the type that it has" if own else ""
        case ast.Call(func=ast.Name(id="bool"), args=[inner]):
            return tautology_reason(inner, values)
        case ast.Call(func=ast.Name(id="any"), args=[ast.List(elts=parts) | ast.Tuple(elts=parts)]):
            return _any_of(parts, values)
        case ast.Call(func=ast.Name(id="all"), args=[ast.List(elts=parts) | ast.Tuple(elts=parts)]):
            return "it asserts a constant" if not parts or _all_of(parts, values) else ""
        case _:
            return ""
