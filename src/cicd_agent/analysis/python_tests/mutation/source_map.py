"""Where things stand in a Python text: its tree, its functions, and characters for what the tree counts in bytes."""

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cicd_agent.analysis.python_tests import syntax as definition

MAX_CHARACTERS = 1_000_000
"""Characters of a text that is read; a larger one has no functions and no mutants."""

NEWLINE = re.compile(r"\r\n|\r|\n")
"""What ends a line for Python: form feeds and the line ends of Unicode do not."""

_COLON = re.compile(r"#[^\r\n]*|:")


@dataclass(frozen=True, slots=True)
class Function:
    """A function, method or nested function (no lambda).

    `name` is as in `__qualname__`, less its "<locals>": "Client.retry", "outer.inner". `first` is the line of its
    first decorator, if it has one, `definition` that of its `def`, `signature_end` that of the colon. `is_public` when
    no part of the name begins with "_", other than "__init__" and its like, and it is not nested in a function.
    """

    name: str
    first: int
    last: int
    definition: int
    signature_end: int
    docstring: str
    is_public: bool
    is_async: bool = False
    is_method: bool = False
    is_nested: bool = False


def parsed(text: str) -> ast.Module | None:
    """The tree of a text without its byte order mark; None for what does not parse, or is too large to be looked at."""
    return None if len(text) > MAX_CHARACTERS else definition.parsed(text)


class Source:
    """A text by the places of its tree."""

    def __init__(self, text: str) -> None:
        self.text = text
        mark = int(text.startswith("\ufeff"))
        ends = [match.end() for match in NEWLINE.finditer(text)]
        self._starts = [mark, *ends]
        self._stops = [*ends, len(text)]

    def offset(self, line: int, column: int) -> int:
        """The character at a line, 1 first, and a column in bytes of UTF-8."""
        start = self._starts[line - 1]
        content = self.line(line)
        if content.isascii():
            return start + column
        return start + len(content.encode("utf-8", "surrogatepass")[:column].decode("utf-8", "replace"))

    def span(self, node: ast.stmt | ast.expr) -> tuple[int, int]:
        end_line, end_column = node.end_lineno or node.lineno, node.end_col_offset or 0
        return self.offset(node.lineno, node.col_offset), self.offset(end_line, end_column)

    def line(self, number: int) -> str:
        return self.text[self._starts[number - 1] : self._stops[number - 1]]

    def line_at(self, offset: int) -> int:
        """The line of a character."""
        low, high = 0, len(self._starts)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self._starts[middle] <= offset else (low, middle)
        return low + 1

    def lines_span(self, first: int, last: int) -> tuple[int, int]:
        return self._starts[first - 1], self._stops[last - 1]


def functions(text: str) -> tuple[Function, ...]:
    """Every function of a Python text, by its first line; none for what does not parse."""
    tree = parsed(text)
    if tree is None:
        return ()
    source = Source(text)
    results: list[Function] = []
    waiting: list[tuple[ast.AST, str, ast.AST | None]] = [(tree, "", None)]
    while waiting:
        node, prefix, around = waiting.pop()
        for child in ast.iter_child_nodes(node):
            match child:
                case ast.FunctionDef() | ast.AsyncFunctionDef():
                    results.append(_function(child, prefix, around, source))
                    waiting.append((child, f"{prefix}{child.name}.", child))
                case ast.ClassDef():
                    # A class of a function is nested, and so is what it holds.
                    nested = around if isinstance(around, ast.FunctionDef | ast.AsyncFunctionDef) else child
                    waiting.append((child, f"{prefix}{child.name}.", nested))
                case ast.stmt() | ast.excepthandler() | ast.match_case():
                    waiting.append((child, prefix, around))
                case _:
                    pass
    return tuple(sorted(results, key=lambda function: (function.first, function.last, function.name)))


def function_at(functions: Sequence[Function], line: int) -> Function | None:
    around = [function for function in functions if function.first <= line <= function.last]
    return max(around, key=lambda function: (function.first, -function.last), default=None)


def _function(
    node: ast.FunctionDef | ast.AsyncFunctionDef, prefix: str, around: ast.AST | None, source: Source
) -> Function:
    name = f"{prefix}{node.name}"
    nested = isinstance(around, ast.FunctionDef | ast.AsyncFunctionDef)
    return Function(
        name=name,
        first=min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)]),
        last=node.end_lineno or node.lineno,
        definition=node.lineno,
        signature_end=_signature_end(node, source),
        docstring=ast.get_docstring(node) or "",
        is_public=not nested and not any(map(_is_private, name.split("."))),
        is_async=isinstance(node, ast.AsyncFunctionDef),
        is_method=isinstance(around, ast.ClassDef),
        is_nested=nested,
    )


def _signature_end(node: ast.FunctionDef | ast.AsyncFunctionDef, source: Source) -> int:
    """The line of the colon: the first one after the last thing of the signature that has a place."""
    ends = [(part.end_lineno, part.end_col_offset) for part in _signature(node)]
    line, column = max(((line, column or 0) for line, column in ends if line), default=(node.lineno, node.col_offset))
    for match in _COLON.finditer(source.text, source.offset(line, column)):
        if match[0] == ":":
            return source.line_at(match.start())
    return node.lineno


def _signature(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[ast.expr | ast.arg]:
    for part in ast.walk(node.args):
        if isinstance(part, ast.expr | ast.arg):
            yield part
    if node.returns is not None:
        yield node.returns
    yield from getattr(node, "type_params", ())


def _is_private(part: str) -> bool:
    return part.startswith("_") and not (part.startswith("__") and part.endswith("__"))
