"""Holds a test against the words about the code: what it says is documented stands there, and it contradicts none."""

import ast
import builtins
import itertools
import operator
import re
import tomllib
from collections import ChainMap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from itertools import pairwise
from types import MappingProxyType
from typing import Any

from cicd_agent.analysis.python_tests.boundaries import (
    DocumentedRange,
    Misplaced,
    documented_ranges,
    expected,
    is_at,
    misplaced,
    number_of,
)
from cicd_agent.analysis.python_tests.documented_examples import (
    FAULT,
    Example,
    called,
    examples,
    is_call,
    literal,
    plain,
    prose,
)
from cicd_agent.analysis.python_tests.syntax import (
    UNREADABLE,
    Definition,
    DocLine,
    FunctionNode,
    builtin_types,
    comments,
    definitions,
    docstring,
    docstring_lines,
    expression,
    names_in,
    parsed,
    path_to,
    replaced,
    signature,
)
from cicd_agent.domain.trials.candidate import Candidate

MAX_ITEMS = 300
"""Rows of parameters for which a test is read."""

Names = Mapping[str, ast.expr]
_PURE: Mapping[str, Callable[[Any], object]] = MappingProxyType(
    {each.__name__: each for each in (len, bool, sorted, list, tuple, set, frozenset, dict, str, repr)}
)
__all__ = ["Example", "contradiction", "examples", "says"]
SHORTEST = 12
"""Characters from which on a quote says something; a whole example may be shorter."""
_CORRECTED = re.compile(r"(?i)fix(?:ed|es)?\b|regress|no longer|used to|previously|closed?s?\b")
_TABLES = tomllib.loads(files(__package__).joinpath("admissions.toml").read_text("utf-8"))
_ADMISSIONS = tuple(map(re.compile, _TABLES["patterns"]))
_GIVES = re.compile(r"(?i)\b(?:returns?|gives?|yields?|is|raises?)\s+`{0,2}([^\s`,;.]+)")


@dataclass(frozen=True, slots=True)
class Claim:
    """`condition` is asserted; or else `call` is expected to raise one of `raises`."""

    condition: ast.expr | None = None
    call: ast.expr | None = None
    raises: tuple[str, ...] = ()


def claims(code: str, name: str, function: str) -> Iterator[Claim]:
    """What the test of this name claims of a function, once for each row of its parameters. Raises RecursionError."""
    tree = parsed(code)
    if tree is None:
        return
    for node in definitions(tree.body):
        if node.name == name and not isinstance(node, ast.ClassDef):
            local = _assigned(node)
            tables = [table for table in map(_table, node.decorator_list) if table]
            for rows in itertools.islice(itertools.product(*tables), MAX_ITEMS):
                for claim in _claimed(node.body, dict(ChainMap(*reversed(rows), local))):
                    condition = plain(claim.condition, function) if claim.condition is not None else None
                    call = plain(claim.call, function) if claim.call is not None else None
                    yield Claim(condition, call, claim.raises)


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


def _table(node: ast.expr) -> list[dict[str, ast.expr]]:
    """The rows of one `parametrize`, as far as these are written out."""
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
            return isinstance(value, tuple(getattr(builtins, ast.unparse(each)) for each in names))
        case _, []:
            return _PURE[name](value)
        case _:
            raise LookupError(name)


def contradiction(candidate: Candidate, source: str, reported: Sequence[Candidate] = ()) -> str:
    """Why a candidate goes against what is documented of its function in `source`, "" when it does not.

    It does when an example in the words there makes one of its assertions false, when they say another result of a
    number, when a constant's name or the annotation does, when a comment calls a bug what it asserts, and when it says
    itself that what it expects is wrong; also when one of the tests `reported` as possible bugs expects the contrary.
    """
    if text := _admitted_mistake(candidate):
        return text
    try:
        return _against(candidate, source) or _against_reported(candidate, reported)
    except UNREADABLE:
        return ""


def says(source: str, function: str, quote: str, change_text: str) -> bool:
    """Whether a quote stands in the docstring or signature of a function, or in the words of the pull request.

    White space is folded. It has at least 12 characters, six of them letters or digits, or is a whole example.
    """
    requested = " ".join(quote.split()).strip("`\"'“” ")
    known = examples(source, function)
    if requested in {part.strip("`\"' ") for each in known for part in (each.words, f"{each.call} == {each.value}")}:
        return True
    if len(requested) < SHORTEST or sum(character.isalnum() for character in requested) < SHORTEST // 2:
        return False
    return any(requested in " ".join(text.split()) for text in (change_text, *_documentation(source, function)))


def _documentation(source: str, function: str) -> Iterator[str]:
    around = path_to(parsed(source), function)
    for node in around:
        yield docstring(node)
    if around:
        yield signature(around[-1], source)


def _admitted_mistake(candidate: Candidate) -> str:
    """Whether its name, docstring or comments call a mistake what it expects."""
    texts = [candidate.name.replace("_", " "), candidate.why, *(doc_line.text for doc_line in comments(candidate.code))]
    tree = parsed(candidate.code)
    texts += [docstring(node) for node in definitions(tree.body if tree is not None else [])]
    for text in texts:
        if _CORRECTED.search(text):
            continue
        for pattern in _ADMISSIONS:
            if (match := pattern.search(text)) is not None:
                return f"it says itself that what it expects is a mistake: “{' '.join(match[0].split())[:120]}”"
    return ""


def _against(candidate: Candidate, source: str) -> str:
    around = path_to(parsed(source), candidate.function)
    if not around:
        return ""
    node, tree = around[-1], parsed(source) or ast.Module([], [])
    remarks = _comments(source, node)
    rules, boundaries = documented_ranges(node, tree, remarks), tuple(misplaced(node, tree))
    marked = [each for each in (*remarks, *docstring_lines(node)) if FAULT.search(each.text)]
    wished = prose(remarks, candidate.function, node)
    known = [
        example for example in (*examples(source, candidate.function), *wished) if example.call and not example.before
    ]
    for claim in claims(candidate.code, candidate.name, candidate.function):
        for example in known:
            if _refuted(claim, example):
                info = f"raises {example.raises}" if example.raises else f"gives {example.value}"
                return f"`{example.call}` is documented (line {example.line}) to be otherwise: it {info}"
        if (line := _pinned(claim, marked, node, candidate.function)) is not None:
            return f"line {line.line} calls a mistake what it expects: “{' '.join(line.text.split())[:120]}”"
        for call, outcome in _outcomes(claim, called(candidate.function)):
            if reason := _unlike_documentation(call, outcome, rules) or _unlike_names(call, outcome, boundaries, node):
                return reason
            if reason := _unlike_type(outcome, node):
                return reason
    return ""


def _against_reported(candidate: Candidate, reported: Sequence[Candidate]) -> str:
    """Whether a test of the same function that is reported expects something else of the same call."""
    own = [*claims(candidate.code, candidate.name, candidate.function)]
    for other in (each for each in reported if (each.path, each.function) == (candidate.path, candidate.function)):
        for claim in claims(other.code, other.name, other.function):
            for call, outcome in _outcomes(claim, called(other.function)):
                value, raises = ("", outcome) if claim.raises else (outcome, "")
                example = Example(ast.unparse(call), value, raises, 0, "")
                if any(_refuted(each, example) for each in own):
                    return f"`{other.name}`, a possible bug of this run, expects otherwise of `{example.call}`"
    return ""


def _outcomes(claim: Claim, name: str) -> Iterator[tuple[ast.Call, str]]:
    """The calls of the function of which one result is claimed: a literal, or the name of an exception."""
    if claim.condition is None:
        if isinstance(claim.call, ast.Call) and is_call(claim.call, name):
            yield from ((claim.call, each) for each in claim.raises[:1] if len(claim.raises) == 1)
        return
    for part in claim.condition.values if isinstance(claim.condition, ast.BoolOp) else (claim.condition,):
        match part:
            case ast.Compare(left=left, ops=[ast.Eq() | ast.Is()], comparators=[right]):
                for side, other in ((left, right), (right, left)):
                    if isinstance(side, ast.Call) and is_call(side, name) and literal(other):
                        yield side, literal(other)
            case _:
                pass


def _unlike_documentation(call: ast.Call, outcome: str, rules: Sequence[DocumentedRange]) -> str:
    number = number_of(call)
    words = expected(rules, number) if number is not None else {}
    if not words or any(_is_same_outcome(each, outcome) for each in words):
        return ""
    other, sentence = next(iter(words.items()))
    return f"`{ast.unparse(call)}` is {outcome} here, where the words say {other}: “{sentence[:160]}”"


def _is_same_outcome(one: str, other: str) -> bool:
    values = [evaluate(node) if (node := expression(each)) is not None else None for each in (one, other)]
    return _may_be(one, other) if values == [None, None] else values[0] == values[1]


def _unlike_names(call: ast.Call, outcome: str, boundaries: Sequence[Misplaced], node: Definition) -> str:
    for one in boundaries:
        value = evaluate(expression(outcome) or ast.Constant(None))
        if is_at(one, call, node) and value != (one.value,):
            return (
                f"`{one.constant}` says by its name on which side its own value is, and line {one.line} puts it on the "
                f"other: what comes of `{ast.unparse(call)}` may be a mistake"
            )
    return ""


_NUMBERS = ("bool", "int", "float", "complex")


def _unlike_type(outcome: str, node: Definition) -> str:
    """Whether the annotation of a result says that it is of another type."""
    kind = type(ast.literal_eval(outcome)).__name__ if literal(expression(outcome)) else ""
    types = builtin_types(node.returns) if isinstance(node, ast.FunctionDef) else ()
    known = {"None" if each == "NoneType" else each for each in (*types, *(_NUMBERS if {*types} & {*_NUMBERS} else ()))}
    if not kind or not known or kind.removesuffix("Type") in known:
        return ""
    return f"it expects {outcome}, where the annotation says {' or '.join(types)}"


def _comments(source: str, node: Definition) -> list[DocLine]:
    last = node.end_lineno or node.lineno
    lines = source.removeprefix("\ufeff").split("\n")[node.lineno - 1 : last]
    # The comments of the function alone: the rest of the file may not even be read by the tokenizer.
    return [DocLine(doc_line.line + node.lineno - 1, doc_line.text) for doc_line in comments("\n".join(lines) + "\n")]


def _refuted(claim: Claim, example: Example) -> bool:
    """Whether a documented example makes the claim false. What cannot be told is no contradiction."""
    call = expression(example.call)
    if call is None:
        return False
    spelled = ast.dump(call)
    if claim.condition is not None:
        if example.raises:
            return any(ast.dump(each) == spelled for each in _evaluated_parts(claim.condition))
        value = expression(example.value)
        if value is None:
            return False
        condition = replaced(claim.condition, lambda part: value if ast.dump(part) == spelled else None)
        result = evaluate(condition)
        return ast.dump(condition) != ast.dump(claim.condition) and result is not None and not result[0]
    inner = claim.call is not None and ast.dump(claim.call) == spelled
    return inner and (not example.raises or not any(_may_be(example.raises, each) for each in claim.raises))


def _evaluated_parts(node: ast.expr) -> Iterator[ast.AST]:
    """What is evaluated whatever the rest of a condition is."""
    match node:
        case ast.BoolOp(values=[first, *_]):
            yield from _evaluated_parts(first)
        case ast.IfExp(test=test):
            yield from _evaluated_parts(test)
        case _:
            yield from (each for each in ast.walk(node) if isinstance(each, ast.expr))


def _may_be(documented: str, expected: str) -> bool:
    """Whether one type of exception may be the other: what is no built-in type may be derived from anything."""
    one, other = (getattr(builtins, name, None) for name in (documented, expected))
    if not isinstance(one, type) or not isinstance(other, type):
        return documented == expected or not isinstance(one, type) or not isinstance(other, type)
    return issubclass(one, other) or issubclass(other, one)


def _pinned(claim: Claim, marked: Sequence[DocLine], node: Definition, function: str) -> DocLine | None:
    """The line that calls a bug what the claim expects: the value is named there or returned beside it."""
    if not marked:
        return None
    expected = set(claim.raises) if claim.condition is None else _expects(claim.condition, called(function))
    for doc_line in marked:
        named = {literal(expression(item[1])) or item[1] for item in _GIVES.finditer(doc_line.text)}
        if expected & (named | _returned(node, doc_line.line)):
            return doc_line
    return None


def _expects(condition: ast.expr, name: str) -> set[str]:
    """The literals that a call of the function is said to be."""
    match condition:
        case ast.Compare(left=left, ops=[ast.Eq() | ast.Is()], comparators=[right]):
            sides = ((left, right), (right, left))
            return {literal(other) for side, other in sides if is_call(side, name)} - {""}
        case ast.UnaryOp(op=ast.Not(), operand=operand) if is_call(operand, name):
            return {"None", "False", "[]", "''", "0", "{}", "()"}
        case ast.Call() if is_call(condition, name):
            return {"True"}
        case ast.BoolOp(op=ast.And(), values=values):
            return {each for value in values for each in _expects(value, name)}
        case _:
            return set()


def _returned(node: Definition, line: int) -> set[str]:
    """What a `return` or `raise` on a line, or on the next one of code, gives."""
    near = [each for each in ast.walk(node) if isinstance(each, ast.Return | ast.Raise) and each.lineno >= line]
    near = [each for each in near if each.lineno == line] or [each for each in near if each.lineno == line + 1]
    returned = {literal(each.value or ast.Constant(None)) for each in near if isinstance(each, ast.Return)}
    raised = [each.exc for each in near if isinstance(each, ast.Raise) and each.exc]
    return {*returned, *(ast.unparse(each.func if isinstance(each, ast.Call) else each) for each in raised)} - {""}
