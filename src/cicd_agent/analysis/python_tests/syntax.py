"""Finds a function in a Python text by its qualified name, and what its author wrote about it."""

import ast
import io
import tokenize
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
Definition = FunctionNode | ast.ClassDef

UNREADABLE = (SyntaxError, ValueError, RecursionError, MemoryError)
"""What Python's own parser, and walks over its trees, raise for texts that are no Python or far too deep."""

LONGEST = 20_000
"""Characters of a docstring that are read."""


@dataclass(frozen=True, slots=True)
class DocLine:
    """A line of a docstring or a comment: what it says, without indentation and marks, and its number in the file."""

    line: int
    text: str
    indent: int = 0


def parsed(text: str) -> ast.Module | None:
    """The tree of a text, None when it is no Python."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text.removeprefix("\ufeff"))
    except UNREADABLE:
        return None


def expression(text: str) -> ast.expr | None:
    """The tree of a text that is one expression."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text.strip(), mode="eval").body
    except UNREADABLE:
        return None


def definition(tree: ast.Module, qualified: str) -> Definition | None:
    around = path_to(tree, qualified)
    return around[-1] if around else None


def path_to(tree: ast.Module, qualified: str) -> tuple[Definition, ...]:
    """The definition of a qualified name, after those around it; () when there is none."""
    around: list[Definition] = []
    body = tree.body
    for part in qualified.replace("<locals>.", "").split("."):
        results = [each for each in definitions(body) if each.name == part]
        if not results:
            return ()
        around.append(results[-1])
        body = results[-1].body
    return tuple(around)


def definitions(body: list[ast.stmt]) -> Iterator[Definition]:
    """Functions and classes of a block, those below `if`, `try` and `with` too."""
    waiting = list(reversed(body))
    while waiting:
        match waiting.pop():
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef() as name:
                yield name
            case ast.If(body=body, orelse=other):
                waiting.extend(reversed([*body, *other]))
            case ast.With(body=body):
                waiting.extend(reversed(body))
            case ast.Try(body=body, handlers=handlers, orelse=other, finalbody=final):
                handled = [each for handler in handlers for each in handler.body]
                waiting.extend(reversed([*body, *handled, *other, *final]))
            case _:
                pass


def docstring_lines(node: Definition) -> tuple[DocLine, ...]:
    """The docstring's lines, less the indentation that all but the first share."""
    match node.body[0]:
        case ast.Expr(value=ast.Constant(value=str() as text) as constant):
            lines = text[:LONGEST].expandtabs().split("\n")
        case _:
            return ()
    margin = min((len(line) - len(line.lstrip()) for line in lines[1:] if line.strip()), default=0)
    cut = [lines[0].strip(), *(line[margin:].rstrip() for line in lines[1:])]
    return tuple(DocLine(constant.lineno + at, line, len(line) - len(line.lstrip())) for at, line in enumerate(cut))


def docstring(node: Definition) -> str:
    return "\n".join(words.text for words in docstring_lines(node))


def comments(text: str) -> tuple[DocLine, ...]:
    """The comments of a text, as far as it can be split into tokens."""
    results: list[DocLine] = []
    tokens = tokenize.generate_tokens(io.StringIO(text.removeprefix("\ufeff")).readline)
    try:
        results.extend(
            DocLine(token.start[0], token.string.lstrip("#: ").strip())
            for token in tokens
            if token.type == tokenize.COMMENT
        )
    except (tokenize.TokenError, *UNREADABLE):
        pass
    return tuple(results)


def signature(node: Definition, source: str) -> str:
    lines = source.removeprefix("\ufeff").split("\n")
    return "\n".join(lines[node.lineno - 1 : max(node.body[0].lineno - 1, node.lineno)])
