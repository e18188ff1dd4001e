"""Which functions and files each test used, from the lines that it executed and the files that were opened then."""

from __future__ import annotations

import ast
import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .line_coverage import Measure

_MAX_FILES = 2_000
_READERS = ("/_pytest/assertion/rewrite.py", "/linecache.py")


class Opened:
    """The files of the tree that are opened, by what runs at that time. What looks at names alone is not seen."""

    def __init__(self, top: str) -> None:
        self.context = ""
        self.by: dict[str, set[str]] = {}
        beginning, separator = top + "/", "/__pycache__/"

        def hook(event: str, arguments: tuple[Any, ...]) -> None:
            if event != "open" or not isinstance(arguments[0], (str, bytes)):
                return
            path = os.path.abspath(os.fsdecode(arguments[0]))
            if path.startswith(beginning) and separator not in path and not (path.endswith(".py") and _by_reader()):
                result = self.by.setdefault(self.context, set())
                if len(result) < _MAX_FILES:
                    result.add(path[len(beginning) :])

        # A hook cannot be taken away again by anybody.
        sys.addaudithook(hook)


def _by_reader() -> bool:
    """Whether a source is opened to be imported, measured or quoted: its functions are known otherwise."""
    frame = sys._getframe(2)  # noqa: SLF001  the hook is called by whoever opens
    for _ in range(4):
        path = frame.f_code.co_filename
        if path.startswith("<frozen importlib") or path.endswith(_READERS) or "/coverage/" in path:
            return True
        if frame.f_back is None:
            return False
        frame = frame.f_back
    return False


def functions_by_context(measure: Measure, read_text: Callable[[str], str]) -> dict[str, set[str]]:
    """Context → functions ("path::qualified name", "path::" is what runs at import) of which it executed something."""
    by_context: dict[str, set[str]] = {}
    for path in measure.files():
        try:
            spans = list(_functions(ast.parse(read_text(path)), ""))
        except (OSError, ValueError, SyntaxError, RecursionError, MemoryError):
            spans = []
        for line, contexts in measure.contexts(path).items():
            for name in _at(spans, line):
                for context in contexts:
                    by_context.setdefault(context, set()).add(path + "::" + name)
    return by_context


def statement_lines(text: str, line: int) -> range:
    """The lines of the innermost statement that this one is in, without those of statements within it."""
    result = range(line, line + 1)
    try:
        tree = ast.parse(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return result
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt):
            body = getattr(node, "body", None)
            last = body[0].lineno - 1 if body else node.end_lineno or node.lineno
            if node.lineno <= line <= max(last, node.lineno):
                result = range(node.lineno, max(last, node.lineno) + 1)
    return result


def _functions(node: ast.AST, prefix: str) -> Iterator[tuple[int, int, str, bool]]:
    """First and last line of the body, qualified name, and whether the body begins on the line of the definition."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            name = prefix + child.name
            if not isinstance(child, ast.ClassDef):
                first = child.body[0].lineno
                yield first, child.end_lineno or first, name, first == child.lineno
            yield from _functions(child, name + ".")
        else:
            yield from _functions(child, prefix)


def _at(spans: list[tuple[int, int, str, bool]], line: int) -> list[str]:
    """The innermost function of a line; where it shares the line with its definition, what runs at import as well."""
    inside = [span for span in spans if span[0] <= line <= span[1]]
    if not inside:
        return [""]
    innermost = max(inside, key=lambda span: span[0])
    shared = innermost[3] and innermost[0] == line
    return [innermost[2], *(_at([span for span in spans if span != innermost], line) if shared else [])]
