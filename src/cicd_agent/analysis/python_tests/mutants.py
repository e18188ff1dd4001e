"""Makes the mutants of changed lines: small faults that a test has to notice before it is worth keeping."""

import ast
import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator

from cicd_agent.analysis.python_tests.mutation_targets import OPERATORS, TRIVIAL, Edit, Location, edits
from cicd_agent.analysis.python_tests.syntax import NEWLINE, Source, parsed
from cicd_agent.domain.text.words import clip
from cicd_agent.domain.trials.test_run import Mutant

_MAX_SHOWN = 40
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
    numbers: Counter[tuple[str, ...]] = Counter()
    for location, edit in sorted(result, key=lambda one: (one[1].start, one[1].end, *one[1][2:4])):
        was = source.text[edit.start : edit.end]
        what = (path, location.function, edit.whole, was, edit.replacement)
        digest = hashlib.sha256("\0".join([*what, str(numbers[what])]).encode("utf-8", "surrogatepass")).hexdigest()
        numbers[what] += 1
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
    return clip(" ".join(text.split()), _MAX_SHOWN)


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
