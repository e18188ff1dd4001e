"""Chooses the arguments with which a function is tried: what others call it with, its own boundaries, plain values."""

import ast
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from cicd_agent.analysis.python_tests.documented_examples import literal
from cicd_agent.analysis.python_tests.syntax import FunctionNode, expression
from cicd_agent.modes.gen_tests.synthesis.annotations import unique, values
from cicd_agent.modes.gen_tests.synthesis.subject import Subject

MAX_ROWS = 24
MAX_CALLS = 6
MAX_VALUES = 12

_METHODS = {
    "str": {"strip", "split", "lower", "upper", "startswith", "endswith", "replace", "splitlines", "encode", "title"}
    | {"lstrip", "rstrip", "partition", "rpartition", "isdigit", "isalpha", "casefold", "removeprefix", "format"},
    "bytes": {"decode", "hex"},
    "dict": {"items", "keys", "values", "get", "setdefault"},
}
# Whatever is done with a place of the file system would be done to the tree in which the tests run.
_PLACE = re.compile(r"(?:^|_)(?:path|file|filename|filepath|dir|dirname|directory|folder|dest|destination)(?:_|$|s$)")
_NUMBERS = ("2", "3", "5", "7", "2.5", "1.5")
_NAMED = {
    "int": "n i j k x y a b count size limit index number num width height length page total amount start end stop low"
    " high minimum maximum least most year month day level depth",
    "str": "s text name line word string value url title key label prefix suffix sep separator message content",
    "list[int]": "numbers values nums ints data sequence xs",
    "list[str]": "items words names lines parts args rows elements",
    "dict": "mapping options config settings",
}


@dataclass(frozen=True, slots=True)
class Row:
    """Values of the parameters, in their order; `weight` is 0 for what somebody calls it with or a boundary of its."""

    values: tuple[str, ...]
    weight: int = 1


@dataclass(frozen=True, slots=True)
class Parameter:
    """One that is given a value: `by_name` when it can be left out, or can be given in no other way."""

    name: str
    annotation: str
    default: str
    by_name: bool


def parameters(node: FunctionNode, tree: ast.Module, *, bound: bool) -> tuple[Parameter, ...] | None:
    """Those that a call can give plain values to; None when one of the others is needed. `bound`: without the first."""
    arguments = node.args
    plain = [*arguments.posonlyargs, *arguments.args]
    defaults: list[ast.expr | None] = [None] * (len(plain) - len(arguments.defaults))
    pairs = [*zip(plain, [*defaults, *arguments.defaults], strict=True)][int(bound) :]
    named = {each.arg for each in arguments.kwonlyargs}
    results: list[Parameter] = []
    for argument, default in (*pairs, *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)):
        spelled = _default(default, tree)
        known = _values(argument, spelled, node)
        if default is not None and (not spelled or not known or argument in arguments.posonlyargs):
            continue
        if not known:
            return None
        annotation = ast.unparse(argument.annotation) if argument.annotation is not None else ""
        by_name = argument.arg in named or default is not None
        results.append(Parameter(argument.arg, annotation, spelled, by_name))
    return tuple(results)


def rows(subject: Subject, requested: tuple[Parameter, ...], *, bound: bool) -> tuple[Row, ...]:
    """Arguments, at most 24 times, the telling ones first; one empty row for a function that takes none."""
    node = subject.node
    known = {each.arg: each for each in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)}
    choices: dict[str, tuple[str, ...]] = {}
    edges: dict[str, tuple[str, ...]] = {}
    for each in requested:
        near = tuple(_boundaries(subject, known[each.name], each))
        edges[each.name] = unique(near)
        choices[each.name] = unique((*near, *_values(known[each.name], each.default, node)))[:MAX_VALUES]
    base = {each.name: each.default or _plainest(choices[each.name], at) for at, each in enumerate(requested)}
    result = [Row(call, 0) for call in _calls(subject, requested, bound=bound)][:MAX_CALLS]
    result.append(Row(tuple(base.values())))
    for at in range(MAX_VALUES):
        for name, options in choices.items():
            if at < len(options):
                weight = 0 if options[at] in edges[name] else 1
                result.append(Row(tuple({**base, name: options[at]}.values()), weight))
    result += [Row(tuple({**base, **pair}.values()), 0) for pair in _pairs(node, base)]
    best: dict[tuple[str, ...], Row] = {}
    for row in sorted(result, key=lambda row: row.weight):
        best.setdefault(row.values, row)
    return tuple(best.values())[:MAX_ROWS]


def _default(node: ast.expr | None, tree: ast.Module) -> str:
    """The literal that a parameter is by default, that of a constant of the module too."""
    if not isinstance(node, ast.Name):
        return literal(node) if node is not None else ""
    known = [*_constants(node, tree)]
    return repr(known[0]) if len(known) == 1 and isinstance(known[0], int | float | str | bytes) else ""


def _plainest(options: Sequence[str], at: int) -> str:
    """The value that shows most of what a function does: numbers that differ by parameter, and more than one item."""
    telling = (*_NUMBERS[at % len(_NUMBERS) :], *_NUMBERS)
    number = next((each for each in telling if each in options), "")
    return number or options[min(2 if options[0][:1] in "'b[({s" else 1, len(options) - 1)]


def _values(argument: ast.arg, default: str, node: FunctionNode) -> tuple[str, ...]:
    """Plain values of a parameter, by its annotation, its default, its use, and its name at last."""
    if _PLACE.search(argument.arg):
        return ()
    if argument.annotation is not None:
        return values(argument.annotation)
    if default not in {"", "None"}:
        kind = type(ast.literal_eval(default)).__name__
        return unique((default, *values(ast.Name(kind))))
    kind = _used_as(argument.arg, node)
    kind = kind or next((kind for kind, names in _NAMED.items() if argument.arg in names.split()), "")
    result = values(expression(kind)) if kind else ()
    return unique((default, *result)) if default else result


def _used_as(name: str, node: FunctionNode) -> str:
    for each in ast.walk(node):
        match each:
            case ast.Attribute(value=ast.Name(id=matched), attr=attribute) if matched == name:
                for kind, methods in _METHODS.items():
                    if attribute in methods:
                        return kind
            case ast.Compare(
                left=ast.Name(id=matched), comparators=[ast.Constant(value=int() | str() | float() as value)]
            ):
                if matched == name:
                    return type(value).__name__
            case ast.BinOp(left=ast.Name(id=matched), op=ast.Mod() | ast.FloorDiv() | ast.Sub()) if matched == name:
                return "int"
            case _:
                pass
    return ""


def _boundaries(subject: Subject, argument: ast.arg, parameter: Parameter) -> Iterator[str]:
    """Values at which the function's own conditions change."""
    kinds = {type(ast.literal_eval(each)) for each in _values(argument, parameter.default, subject.node)}
    for each in ast.walk(subject.node):
        match each:
            case ast.Compare(left=left, comparators=[*others]):
                sides = (left, *others)
                about = any(isinstance(side, ast.Name) and side.id == argument.arg for side in sides)
                length = any(_is_length(side, argument.arg) for side in sides)
                for value in (value for side in sides for value in _constants(side, subject.tree)):
                    yield from _near(value, kinds, about=about, length=length)
            case ast.BinOp(op=ast.Mod() | ast.FloorDiv(), right=ast.Constant(value=int(value))) if int in kinds:
                yield from map(repr, (value, value + 1))
            case ast.Call(func=ast.Attribute(attr="startswith"), args=[ast.Constant(value=str(value))]) if str in kinds:
                yield from map(repr, (value, f"{value}a"))
            case ast.Call(func=ast.Attribute(attr="endswith"), args=[ast.Constant(value=str(value))]) if str in kinds:
                yield repr(f"a{value}")
            case ast.Call(func=ast.Attribute(attr="split" | "partition"), args=[ast.Constant(value=str(value))]) if (
                str in kinds
            ):
                yield from map(repr, (f"a{value}b", f"a{value}", value))
            case _:
                pass


def _near(value: object, kinds: set[type], *, about: bool, length: bool) -> Iterator[str]:
    """The values about a constant that something is compared with."""
    match value:
        case bool():
            return
        case int() if length and abs(value) < 40:  # noqa: PLR2004  longer ones fit in no line
            for size in (value, value - 1, value + 1):
                if str in kinds and size >= 0:
                    yield repr("a" * size)
                if list in kinds and size >= 0:
                    yield repr([*range(1, size + 1)])
        case int() if about and int in kinds:
            yield from map(repr, (value, value - 1, value + 1))
        case int() | float() if about and float in kinds:
            yield from map(repr, (float(value), value - 0.5, value + 0.5))
        case str() if about and str in kinds:
            yield repr(value)
        case _:
            return


def _is_length(node: ast.expr, name: str) -> bool:
    match node:
        case ast.Call(func=ast.Name(id="len"), args=[ast.Name(id=matched)]):
            return matched == name
        case _:
            return False


def _constants(node: ast.expr, tree: ast.Module) -> Iterator[object]:
    """The constants of one side of a comparison, those of the module by name too."""
    match node:
        case ast.Constant(value=value):
            yield value
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
            yield -value
        case ast.Tuple(elts=items) | ast.List(elts=items) | ast.Set(elts=items):
            yield from (each.value for each in items[:4] if isinstance(each, ast.Constant))
        case ast.Name(id=name):
            for each in tree.body:
                match each:
                    case ast.Assign(targets=[ast.Name(id=matched)], value=held) if matched == name:
                        if not isinstance(held, ast.Name):
                            yield from _constants(held, tree)
                    case _:
                        pass
        case _:
            return


def _pairs(node: FunctionNode, base: dict[str, str]) -> Iterator[dict[str, str]]:
    """Two parameters that are compared with each other: equal, and either way round."""
    for each in ast.walk(node):
        match each:
            case ast.Compare(left=ast.Name(id=one), comparators=[ast.Name(id=other)]) if {one, other} <= base.keys():
                middle = ast.literal_eval(base[other])
                if type(middle) in {int, float}:
                    yield from ({one: repr(near)} for near in (middle, middle - 1, middle + 1))
            case _:
                pass


def _calls(subject: Subject, requested: tuple[Parameter, ...], *, bound: bool) -> Iterator[tuple[str, ...]]:
    """The literal arguments with which others call a function of this name."""
    node = subject.node
    order = [each.arg for each in (*node.args.posonlyargs, *node.args.args)][int(bound) :]
    for tree in subject.texts.values():
        for call in _calls_of(tree, subject.last):
            given = dict(zip(order, call.args, strict=False)) | {
                each.arg: each.value for each in call.keywords if each.arg
            }
            spelled = {name: literal(value) for name, value in given.items()}
            names = {each.name for each in requested}
            if len(call.args) > len(order) or not spelled.keys() <= names or not all(spelled.values()):
                continue
            row = [spelled.get(each.name) or each.default for each in requested]
            if all(row) and all(len(value) <= 60 for value in row):  # noqa: PLR2004  the line has other things to hold
                yield tuple(row)


def _calls_of(tree: ast.AST, name: str) -> Iterable[ast.Call]:
    for each in ast.walk(tree):
        match each:
            case ast.Call(func=ast.Name(id=matched)) | ast.Call(func=ast.Attribute(attr=matched)) if matched == name:
                if not any(isinstance(value, ast.Starred) for value in each.args):
                    yield each
            case _:
                pass
