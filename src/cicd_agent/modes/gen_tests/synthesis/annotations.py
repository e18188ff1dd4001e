"""Says with which plain values a parameter can be tried, by its annotation, and what a result is to be by its."""

import ast
from collections.abc import Iterable, Sequence

from cicd_agent.analysis.python_tests.syntax import builtin_types, expression

_PLAIN: dict[str, tuple[str, ...]] = {
    "int": ("0", "1", "-1", "2", "3", "5", "10"),
    "float": ("0.0", "1.5", "-1.0", "2.5", "10.0"),
    "bool": ("True", "False"),
    "str": ("''", "'a'", "'A b'", "' x '", "'1'", "'b,a'"),
    "bytes": ("b''", "b'a'", "b'\\xff'"),
    "None": ("None",),
    "object": ("'a'", "0", "None"),
    "Any": ("'a'", "0", "None"),
}
_FAMILIES = {
    **dict.fromkeys(("List", "Sequence", "Iterable", "Collection", "MutableSequence", "Iterator"), "list"),
    **dict.fromkeys(("Set", "AbstractSet", "MutableSet", "frozenset"), "set"),
    **dict.fromkeys(("Dict", "Mapping", "MutableMapping"), "dict"),
    "Tuple": "tuple",
}

DEEPEST = 3


def values(annotation: ast.expr | None, depth: int = 0) -> tuple[str, ...]:
    """Literals of an annotated type, () when it is none that has any; boundaries come first."""
    match annotation:
        case ast.Constant(value=str() as text) if depth <= DEEPEST:
            return values(expression(text), depth + 1)
        case ast.BinOp(left=left, op=ast.BitOr(), right=right) if depth <= DEEPEST:
            return unique((*values(left, depth + 1), *values(right, depth + 1)))
        case ast.Subscript(value=holder, slice=ast.Tuple(elts=inner)) if depth <= DEEPEST:
            return _held(_last(holder), inner, depth)
        case ast.Subscript(value=holder, slice=inner) if depth <= DEEPEST:
            return _held(_last(holder), [inner], depth)
        case ast.Name() | ast.Attribute() | ast.Constant(value=None):
            name = _last(annotation) or "None"
            return _PLAIN.get(name) or _held(name, [ast.Name("str")], depth)
        case _:
            return ()


def returned(annotation: ast.expr | None) -> tuple[str, ...]:
    """The built-in types of which a result is an instance; () when the annotation says less, or `float` and so ints."""
    types = builtin_types(annotation)
    return () if "float" in types else types


def unique(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts))


def _last(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""


def _held(name: str, inner: Sequence[ast.expr], depth: int) -> tuple[str, ...]:
    """Literals of a type that is made of others."""
    parts = [values(each, depth + 1) for each in inner]
    results: Iterable[str] = ()
    match _FAMILIES.get(name, name):
        case "Literal":
            results = (ast.unparse(each) for each in inner if isinstance(each, ast.Constant | ast.UnaryOp))
        case "Optional":
            results = ("None", *parts[0])
        case "Union":
            results = (value for part in parts for value in part)
        case "Annotated" | "Final":
            results = parts[0]
        case "dict":
            keys, others = parts[0][1:3], parts[-1][1:3]
            results = ("{}", *(f"{{{key}: {other}}}" for key, other in zip(keys, others, strict=False)))
        case "list":
            results = ("[]", *(f"[{', '.join(each)}]" for each in _some(parts[0])))
        case "set":
            results = ("set()", *(f"{{{', '.join(unique(each))}}}" for each in _some(parts[0])))
        case "tuple" if len(parts) > 1 and isinstance(inner[-1], ast.Constant):
            results = ("()", *(f"({', '.join(each)},)" for each in _some(parts[0])))
        case "tuple" if all(parts):
            # All at their first value, at their second, and so on.
            rows = range(min(3, max(map(len, parts))))
            results = (f"({', '.join(part[row % len(part)] for part in parts)},)" for row in rows)
        case _:
            pass
    return unique(results)


def _some(parts: Sequence[str]) -> list[Sequence[str]]:
    """One, two that differ, and three of which one comes twice, not in order."""
    chosen: list[Sequence[str]] = [parts[1:2], parts[1:3], [*parts[2:3], *parts[1:2], *parts[1:2]]]
    return [each for each in chosen if each]
