"""Where things stand in a Python text: its tree, its functions, and characters for what the tree counts in bytes."""

import ast
import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from cicd_agent.analysis.python_tests import syntax
from cicd_agent.analysis.python_tests.syntax import FunctionNode, first_line

MAX_CHARACTERS = 1_000_000
"""Characters of a text that is read; a larger one has no functions and no mutants."""

NEWLINE = re.compile(r"\r\n|\r|\n")
"""What ends a line for Python: form feeds and the line ends of Unicode do not."""


@dataclass(frozen=True, slots=True)
class Function:
    """A function, method or nested function (no lambda).

    `name` is as in `__qualname__`, less its "<locals>": "Client.retry", "outer.inner". `first` is the line of its
    first decorator, if it has one, `signature_end` the last one before its body. `is_public` when no part of the name
    begins with "_", other than "__init__" and its like, and it is not nested in a function.
    """

    name: str
    first: int
    last: int
    signature_end: int
    docstring: str
    is_public: bool


def parsed(text: str) -> ast.Module | None:
    """The tree of a text; None for what does not parse, or is too large."""
    return None if len(text) > MAX_CHARACTERS else syntax.parsed(text)


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
        return max(bisect_right(self._starts, offset), 1)

    def lines_span(self, first: int, last: int) -> tuple[int, int]:
        return self._starts[first - 1], self._stops[last - 1]


def functions(text: str) -> tuple[Function, ...]:
    """Every function of a Python text, by its first line; none for what does not parse."""
    results: list[Function] = []
    waiting: list[tuple[ast.AST, str, bool]] = [(parsed(text) or ast.Module([], []), "", False)]
    while waiting:
        node, prefix, nested = waiting.pop()
        for child in ast.iter_child_nodes(node):
            match child:
                case ast.FunctionDef() | ast.AsyncFunctionDef():
                    results.append(_function(child, prefix, nested=nested))
                    waiting.append((child, f"{prefix}{child.name}.", True))
                case ast.ClassDef():
                    waiting.append((child, f"{prefix}{child.name}.", nested))
                case ast.stmt() | ast.excepthandler() | ast.match_case():
                    waiting.append((child, prefix, nested))
                case _:
                    pass
    return tuple(sorted(results, key=lambda function: (function.first, function.last, function.name)))


def function_at(functions: Sequence[Function], line: int) -> Function | None:
    around = [function for function in functions if function.first <= line <= function.last]
    return max(around, key=lambda function: (function.first, -function.last), default=None)


def _function(node: FunctionNode, prefix: str, *, nested: bool) -> Function:
    name = f"{prefix}{node.name}"
    return Function(
        name=name,
        first=first_line(node),
        last=node.end_lineno or node.lineno,
        signature_end=max(node.lineno, node.body[0].lineno - 1),
        docstring=ast.get_docstring(node) or "",
        is_public=not nested and not any(map(_is_private, name.split("."))),
    )


def _is_private(part: str) -> bool:
    return part.startswith("_") and not (part.startswith("__") and part.endswith("__"))
