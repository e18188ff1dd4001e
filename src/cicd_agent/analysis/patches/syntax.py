"""Proves that a file is still what its name says: its parser takes it."""

import ast
import io
import json
import tokenize
import tomllib
import warnings
from collections.abc import Callable, Mapping
from xml.parsers import expat


def _python(text: str) -> bool:
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(text.encode()).readline)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(text.removeprefix("\ufeff"))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    # Under another encoding Python would read another text than this one.
    return encoding in {"utf-8", "utf-8-sig"}


def _json(text: str) -> bool:
    try:
        json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError, MemoryError):
        return False
    return True


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _toml(text: str) -> bool:
    try:
        tomllib.loads(text)
    except (ValueError, RecursionError, MemoryError):
        return False
    return True


def _xml(text: str) -> bool:
    parser = expat.ParserCreate()
    # A document that declares entities can be a bomb; nothing is said of it.
    parser.EntityDeclHandler = _no_entities
    try:
        parser.Parse(text, True)  # noqa: FBT003  the parser takes it by position only
    except (expat.ExpatError, ValueError):
        return False
    return True


def _no_entities(*_: object) -> None:
    raise ValueError("it declares entities")


PARSERS: Mapping[str, Callable[[str], bool]] = {
    ".py": _python,
    ".pyi": _python,
    ".json": _json,
    ".toml": _toml,
    **dict.fromkeys((".xml", ".csproj", ".fsproj", ".vbproj", ".props", ".targets", ".xsd", ".plist", ".resx"), _xml),
}
"""By suffix: whether a text parses. YAML needs a package that is not imported here: who has it adds it."""


def only_sorts(before: str, after: str) -> bool:
    """Whether all that a module differs in are calls of `sorted` around what was there."""
    try:
        old, new = (ast.parse(text) for text in (before, after))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    sorting = sum(map(_is_sorting, ast.walk(new))) - sum(map(_is_sorting, ast.walk(old)))
    return sorting > 0 and ast.dump(_Unsorted().visit(old)) == ast.dump(_Unsorted().visit(new))


class _Unsorted(ast.NodeTransformer):
    def visit_Call(self, node: ast.Call) -> ast.AST:
        visited = self.generic_visit(node)
        return node.args[0] if _is_sorting(visited) else visited


def _is_sorting(node: ast.AST) -> bool:
    match node:
        case ast.Call(func=ast.Name(id="sorted"), args=[argument], keywords=[]):
            return not isinstance(argument, ast.Starred)
        case _:
            return False
