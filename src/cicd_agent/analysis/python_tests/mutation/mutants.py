"""Makes the mutants of changed lines: small faults that a test has to notice before it is worth keeping."""

import ast
import hashlib
import re
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from cicd_agent.analysis.python_tests import syntax
from cicd_agent.analysis.python_tests.mutation.targets import OPERATORS, TRIVIAL, Edit, Location, edits
from cicd_agent.analysis.python_tests.syntax import FunctionNode, first_line
from cicd_agent.domain.trials.test_run import Mutant

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


__all__ = ["Function", "function_at", "functions", "is_trivial", "mutants"]

_WORDS = 40
# A form feed begins the line anew.
_INDENT = re.compile(r"(?:[ \t]*\f)*([ \t]*)")


def mutants(path: str, text: str, lines: Collection[int], limit: int = 200) -> tuple[Mutant, ...]:
    """Mutants that begin on the given lines of a Python text, by place; none for a text that does not parse.

    Only code that runs when a function is called has any: decorators, defaults, annotations, and what stands in a
    module or a class, run at import, once. Docstrings, logging, messages of errors, assertions, waiting times and
    `# pragma: no cover` have none. Each mutated text parses, has as many lines, and another tree. Of more than `limit`
    the lines share alike, and the most telling operators go first. An id stays the same while the function's name and
    the expression do; those of one expression that stands there twice are told apart by their order.
    """
    tree = parsed(text)
    if tree is None or not lines:
        return ()
    source = Source(text)
    named = sorted(_named(path, edits(tree, source), source), key=lambda one: _order(one[1]))
    by_line: dict[int, list[tuple[Location, Mutant]]] = defaultdict(list)
    for location, mutant in named:
        if mutant.line in lines:
            by_line[mutant.line].append((location, mutant))
    for item in by_line.values():
        item.sort(key=lambda one: OPERATORS.index(one[1].operator))
    return tuple(sorted(_chosen(by_line, source, limit), key=_order))


def is_trivial(mutant: Mutant) -> bool:
    return mutant.operator in TRIVIAL


def _order(mutant: Mutant) -> tuple[int, int, str, int, str]:
    return mutant.line, mutant.start, mutant.operator, mutant.end, mutant.replacement


def _named(path: str, result: Iterable[tuple[Location, Edit]], source: Source) -> Iterator[tuple[Location, Mutant]]:
    """The mutants of edits, each with its id."""
    seen: Counter[tuple[str, ...]] = Counter()
    for location, edit in sorted(result, key=lambda one: (one[1].start, one[1].end, *one[1][2:4])):
        was = source.text[edit.start : edit.end]
        what = (path, location.function, edit.whole, was, edit.replacement)
        digest = hashlib.sha256("\0".join([*what, str(seen[what])]).encode("utf-8", "surrogatepass")).hexdigest()
        seen[what] += 1
        mutant = Mutant(
            id=digest[:12],
            path=path,
            line=source.line_at(edit.start),
            function=location.function,
            operator=edit.operator,
            start=edit.start,
            end=edit.end,
            replacement=edit.replacement,
            words=_description(edit, was),
        )
        yield location, mutant


def _description(edit: Edit, was: str) -> str:
    if not edit.replacement.strip():
        return f"`{_short(edit.whole)}` without `{_short(was)}`"
    match edit.operator:
        case "statement" | "raise" if edit.replacement.startswith("pass"):
            return f"without `{_short(was)}`"
        case "return":
            return f"`return {_short(was)}` → `return None`"
        case _:
            return f"`{_short(was)}` → `{_short(edit.replacement)}`"


def _short(text: str) -> str:
    folded = " ".join(text.split())
    return folded if len(folded) <= _WORDS else f"{folded[: _WORDS - 1]}…"


def _chosen(by_line: dict[int, list[tuple[Location, Mutant]]], source: Source, limit: int) -> Iterator[Mutant]:
    """At most so many that hold: one of each line, then a second one of each, and so on."""
    dumps: dict[tuple[int, int], str | None] = {}
    left, turn = limit, 0
    while left > 0 and (rows := [item for item in by_line.values() if len(item) > turn]):
        # Where there are more lines than may be taken, every so many lines there is one.
        step = max(1.0, len(rows) / left)
        for index in range(min(left, len(rows))):
            location, mutant = rows[int(index * step)][turn]
            if _holds(location, mutant, source, dumps):
                left -= 1
                yield mutant
        turn += 1


def _holds(location: Location, mutant: Mutant, source: Source, dumps: dict[tuple[int, int], str | None]) -> bool:
    """Whether the mutated text parses and is another; only the outermost function is read again."""
    was = source.text[mutant.start : mutant.end]
    if len(NEWLINE.findall(was)) != len(NEWLINE.findall(mutant.replacement)):
        return False
    start, end = source.lines_span(location.first, location.last)
    if (start, end) not in dumps:
        dumps[start, end] = _dump(source.text[start:end])
    mutated = source.text[start : mutant.start] + mutant.replacement + source.text[mutant.end : end]
    return dumps[start, end] is not None and _dump(mutated) not in {None, dumps[start, end]}


def _dump(definition: str) -> str | None:
    """The tree of a definition, which may be indented, in a form that tells it from others."""
    indented = _INDENT.match(definition)
    tree = parsed(f"if 1:\n{definition}" if indented and indented[1] else definition)
    try:
        return None if tree is None else ast.dump(tree)
    except RecursionError:
        return None
