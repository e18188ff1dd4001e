"""Finds assertions that hold whatever the code under test does."""

import ast
import warnings
from collections.abc import Mapping

_ALWAYS = frozenset({"type", "repr", "object", "id", "callable", "hasattr"})
_COMPLEMENTS = frozenset(
    {(ast.Eq, ast.NotEq), (ast.Is, ast.IsNot), (ast.In, ast.NotIn), (ast.Lt, ast.GtE), (ast.Gt, ast.LtE)}
)
_REFLEXIVE = (ast.Eq, ast.LtE, ast.GtE)
_MAX_RELATIVE = 0.5
_MAX_ABSOLUTE = 1_000_000


def is_always_true(test: ast.expr) -> bool:
    """Whether an expression is true whatever happens."""
    match test:
        case ast.Constant(value=value):
            return bool(value)
        case ast.Tuple(elts=items):
            return bool(items)
        case ast.BoolOp(op=ast.Or(), values=values):
            return any(is_always_true(value) for value in values)
        case ast.Compare(left=ast.Constant(value=left), ops=[ast.Eq()], comparators=[ast.Constant(value=right)]):
            return bool(left == right)
        case _:
            return False


def vain_assertions(text: str) -> int:
    """How many `assert` statements of a file can never fail; 0 for what does not parse."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return 0
    return sum(isinstance(node, ast.Assert) and is_always_true(node.test) for node in ast.walk(tree))


def why_vacuous(  # noqa: C901, PLR0911, PLR0912  one case for each kind of expression
    test: ast.expr, values: Mapping[str, ast.expr]
) -> str:
    """Why an assertion can never fail, "" when it can. `values` are names that were assigned once before it."""
    match _unfolded(test, values):
        case ast.Constant() | ast.Tuple() as node if is_always_true(node):
            return "it asserts a constant"
        case ast.List(elts=elements) | ast.Set(elts=elements) | ast.JoinedStr(values=elements) if elements:
            return "what it asserts is never empty"
        case ast.Dict(keys=keys) if keys:
            return "what it asserts is never empty"
        case ast.Lambda() | ast.GeneratorExp():
            return "it asserts a function or a generator, which is always true"
        case ast.UnaryOp(op=ast.Not(), operand=operand) if _always_false(_unfolded(operand, values)):
            return "it asserts a constant"
        case ast.NamedExpr(value=value):
            return why_vacuous(value, values)
        case ast.BoolOp(op=ast.And(), values=parts) if all(why_vacuous(part, values) for part in parts):
            return why_vacuous(parts[0], values)
        case ast.BoolOp(op=ast.Or(), values=parts):
            return _alternatives(parts, values)
        case ast.IfExp(test=test, body=body, orelse=orelse):
            chosen = _unfolded(test, values)
            if isinstance(chosen, ast.Constant):
                return why_vacuous(body if chosen.value else orelse, values)
            return why_vacuous(body, values) and why_vacuous(orelse, values)
        case ast.Compare() as comparison:
            return _comparison(comparison, values)
        case ast.Call() as call:
            return _call(call, values)
        case _:
            return ""


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


def _always_false(node: ast.expr) -> bool:
    match node:
        case ast.Constant(value=value):
            return not value
        case ast.List(elts=elements) | ast.Tuple(elts=elements):
            return not elements
        case ast.Dict(keys=keys):
            return not keys
        case _:
            return False


def _alternatives(parts: list[ast.expr], values: Mapping[str, ast.expr]) -> str:
    for part in parts:
        if reason := why_vacuous(part, values):
            return f"one of its alternatives always holds: {reason}"
    for at, one in enumerate(parts):
        for other in parts[at + 1 :]:
            if _complement(one, other) or _complement(other, one):
                return "one of its alternatives always holds"
    return ""


def _complement(one: ast.expr, other: ast.expr) -> bool:
    match one, other:
        case _, ast.UnaryOp(op=ast.Not(), operand=operand):
            return _same(one, operand)
        case ast.Compare(left=a, ops=[first], comparators=[b]), ast.Compare(left=c, ops=[second], comparators=[d]):
            return (type(first), type(second)) in _COMPLEMENTS and _same(a, c) and _same(b, d)
        case _:
            return False


def _same(one: ast.expr, other: ast.expr) -> bool:
    return ast.dump(one) == ast.dump(other)


def _comparison(node: ast.Compare, values: Mapping[str, ast.expr]) -> str:
    reasons = []
    left = node.left
    for operator, right in zip(node.ops, node.comparators, strict=True):
        reasons.append(_pair(left, operator, right, values))
        left = right
    return reasons[0] if all(reasons) else ""


def _pair(  # noqa: C901, PLR0911  one case for each kind of comparison
    left: ast.expr, operator: ast.cmpop, right: ast.expr, values: Mapping[str, ast.expr]
) -> str:
    if any(_is_any(side) for side in (left, right)) and isinstance(operator, ast.Eq):
        return "`ANY` equals everything"
    if any(_is_loose(side) for side in (left, right)):
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
            if {each.value for each in elements if isinstance(each, ast.Constant)} >= {True, False}:
                return "it takes both truth values"
            return ""
        case ast.GtE(), ast.Call(func=ast.Name(id="len" | "abs")), ast.Constant(value=0):
            return "a length is never negative"
        case ast.Gt(), ast.Call(func=ast.Name(id="len" | "abs")), ast.UnaryOp(op=ast.USub(), operand=ast.Constant()):
            return "a length is never negative"
        case ast.IsNot(), ast.Call(func=ast.Name(id=name)), ast.Constant(value=None) if name in _NEVER_NONE:
            return f"`{name}` never gives None"
        case _:
            return ""


_NEVER_NONE = frozenset(
    {"str", "repr", "len", "bool", "int", "float", "list", "tuple", "dict", "set", "type", "sorted"}
)


def _is_any(node: ast.expr) -> bool:
    return (isinstance(node, ast.Name) and node.id == "ANY") or (isinstance(node, ast.Attribute) and node.attr == "ANY")


def _is_loose(node: ast.expr) -> bool:
    match node:
        case ast.Call(func=ast.Attribute(attr="approx") | ast.Name(id="approx"), args=arguments, keywords=keywords):
            given = {word.arg: word.value for word in keywords}
            relative = given.get("rel") or (arguments[1] if len(arguments) > 1 else None)
            absolute = given.get("abs") or (arguments[2] if len(arguments) > 2 else None)  # noqa: PLR2004  its place
            return _beyond(relative, _MAX_RELATIVE) or _beyond(absolute, _MAX_ABSOLUTE)
        case _:
            return False


def _beyond(node: ast.expr | None, maximum: float) -> bool:
    match node:
        case None:
            return False
        case ast.Constant(value=int() | float() as value):
            return value > maximum
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
            for each in kinds:
                if isinstance(each, ast.Name) and each.id == "object":
                    return "everything is an `object`"
                if isinstance(each, ast.Call) and any(_same(one, argument) for argument in each.args):
                    return "a value has the type that it has"
            return ""
        case ast.Call(func=ast.Name(id="bool"), args=[inner]):
            return why_vacuous(inner, values)
        case ast.Call(func=ast.Name(id="any"), args=[ast.List(elts=parts) | ast.Tuple(elts=parts)]):
            return next((reason for part in parts if (reason := why_vacuous(part, values))), "")
        case ast.Call(func=ast.Name(id="all"), args=[ast.List(elts=parts) | ast.Tuple(elts=parts)]):
            return "it asserts a constant" if all(why_vacuous(part, values) for part in parts) else ""
        case _:
            return ""
