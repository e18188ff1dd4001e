"""Proves that a file is still what its name says: its parser takes it."""

import ast
import io
import json
import tokenize
import tomllib
from collections.abc import Callable, Mapping
from xml.parsers import expat

from cicd_agent.domain.text.python_syntax import parse_python

_ERRORS = (SyntaxError, ValueError, RecursionError, MemoryError, expat.ExpatError)


def _accepted_by(parse: Callable[[str], object]) -> Callable[[str], bool]:
    def accepts(text: str) -> bool:
        try:
            parse(text)
        except _ERRORS:
            return False
        return True

    return accepts


def _python(text: str) -> None:
    encoding, _ = tokenize.detect_encoding(io.BytesIO(text.encode()).readline)
    parse_python(text)
    # Under another encoding Python would read another text than this one.
    if encoding not in {"utf-8", "utf-8-sig"}:
        raise SyntaxError(encoding)


def _json(text: str) -> None:
    json.loads(text, parse_constant=_refuse)


def _xml(text: str) -> None:
    parser = expat.ParserCreate()
    # A document that declares entities can be a bomb; nothing is said of it.
    parser.EntityDeclHandler = _refuse
    parser.Parse(text, True)  # noqa: FBT003  the parser takes it by position only


def _refuse(*what: object) -> None:
    raise ValueError(what)


_XML = (".xml", ".csproj", ".fsproj", ".vbproj", ".props", ".targets", ".xsd", ".plist", ".resx")
PARSERS: Mapping[str, Callable[[str], bool]] = {
    **dict.fromkeys((".py", ".pyi"), _accepted_by(_python)),
    ".json": _accepted_by(_json),
    ".toml": _accepted_by(tomllib.loads),
    **dict.fromkeys(_XML, _accepted_by(_xml)),
}
"""By suffix: whether a text parses. YAML needs a package that is not imported here: who has it adds it."""


def only_sorts(before: str, after: str) -> bool:
    """Whether all that a module differs in are calls of `sorted` around what was there."""
    try:
        old, new = (parse_python(text) for text in (before, after))
    except _ERRORS:
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
