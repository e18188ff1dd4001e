"""Which text of an expression a stranger wrote: the contexts that he fills, and how their text travels."""

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice, pairwise

from cicd_agent.analysis.rules.expressions import (
    Call,
    Expression,
    ExpressionError,
    Index,
    Literal,
    Named,
    Operation,
    find_expressions,
    parse_expression,
)
from cicd_agent.analysis.rules.yaml_source import Node

_NO_TEXT = frozenset({"contains", "startswith", "endswith", "hashfiles", "success", "failure", "always", "cancelled"})
"""Functions whose result holds nothing of what their arguments say."""

_DOTTED = re.compile(r"(?<![\w'.-])[A-Za-z_][\w-]*+(?:\s*+\.\s*+(?:[A-Za-z_][\w-]*+|\*)){1,40}", re.ASCII)


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """A value that is a stranger's text, or holds one: `children` by key in lower case, `*` for any.

    `origin` is where a variable of the file gets that text. At the root, `literal` matches strings that count as such
    a text.
    """

    children: dict[str, "Source"] = field(default_factory=dict)
    is_text: bool = False
    origin: Node | None = None
    literal: re.Pattern[str] | None = None

    def child(self, key: str) -> "Source | None":
        return self.children.get(key.lower()) or self.children.get("*")

    def all(self) -> Collection["Source"]:
        # One is as good as another: where there are thousands, the first few show what there is.
        return list(islice(self.children.values(), 100))


_LITERAL = Source(is_text=True)


@dataclass(frozen=True, slots=True)
class Level:
    """The variables that a workflow, job or step sets: None for those that hold no stranger's text."""

    variables: dict[str, Source | None] = field(default_factory=dict)
    tainted: dict[str, Source] = field(default_factory=dict)
    """Those that do, by name in lower case: Windows has no case."""

    def set(self, name: str, source: Source | None) -> None:
        self.variables[name] = source
        if source is not None:
            self.tainted[name.lower()] = source


@dataclass(frozen=True, slots=True, eq=False)
class Environment(Source):
    """The context `env`: `levels` from the nearest to the farthest."""

    levels: tuple[Level, ...] = ()

    def child(self, key: str) -> Source | None:
        for level in self.levels:
            if key in level.variables:
                return level.variables[key]
        return next((level.tainted[key.lower()] for level in self.levels if key.lower() in level.tainted), None)

    def all(self) -> Collection[Source]:
        return [next(iter(level.tainted.values())) for level in self.levels if level.tainted]


def sources(names: Iterable[str]) -> dict[str, Source]:
    """The contexts with these names, such as `github.event.commits.*.message`, by the first part."""
    groups: dict[str, list[str]] = {}
    for name in names:
        first, _, rest = name.partition(".")
        groups.setdefault(first, []).append(rest)
    return {first: Source(sources(filter(None, rests)), is_text="" in rests) for first, rests in groups.items()}


def tainted(text: str, contexts: Source) -> Iterator[tuple[int, list[Source]]]:
    """The sources whose text each expression in a text may put there, by line, with the number of the expression."""
    for number, (start, end) in enumerate(find_expressions(text)):
        found = {source for source, form in _evaluated(text[start + 3 : end - 2], contexts) if form or source.is_text}
        if found:
            yield number, sorted(found, key=lambda source: source.origin.line if source.origin else 0)


def masked(text: str) -> str:
    """The text with `N` for each expression: a shell sees one word."""
    spans = [(0, 0), *find_expressions(text), (len(text), len(text))]
    return "N".join(text[end:start] for (_, end), (start, _) in pairwise(spans))


_Value = tuple[Source, str]
"""A source, and what was made of it: "" nothing, "json" the text of all it holds, "parsed" whatever its text says."""


def _evaluated(text: str, contexts: Source) -> set[_Value]:
    try:
        return _values(parse_expression(text), contexts)
    except ExpressionError:
        # A runner that knows more than we do may take it: what it names is what it may hold.
        named = (parse_expression(name[0]) for name in _DOTTED.finditer(text))
        return {value for expression in named for value in _values(expression, contexts)}


def _values(expression: Expression, contexts: Source) -> set[_Value]:
    values: set[_Value] = set()
    match expression:
        case Named(name) if child := contexts.child(name):
            values = {(child, "")}
        case Literal(str(text)) if contexts.literal and contexts.literal.search(text):
            values = {(_LITERAL, "")}
        case Index(of, key):
            values = {each for value in _values(of, contexts) for each in _within(value, key)}
        case Call(name, arguments):
            values = _results(name, arguments, contexts)
        case Operation("&&", operands):
            values = _values(operands[-1], contexts)
        case Operation("||", operands):
            values = _union(operands, contexts)
        case _:
            pass
    return values


def _within(value: _Value, key: Expression | None) -> Iterator[_Value]:
    source, form = value
    if form == "parsed":
        yield value
    elif not form and isinstance(key, Literal):
        child = source.child(str(key.value))
        if child is not None:
            yield child, ""
    elif not form:
        yield from ((child, "") for child in source.all())


def _results(name: str, arguments: tuple[Expression, ...], contexts: Source) -> set[_Value]:
    if name in _NO_TEXT:
        return set()
    if name == "case":
        # case(condition, value, condition, value, …, value)
        return _union((*arguments[1:-1:2], *arguments[-1:]), contexts)
    values = _union(arguments, contexts)
    if name == "tojson":
        return {(source, "json") for source, _ in values}
    if name == "fromjson":
        return {(source, "" if form == "json" else "parsed") for source, form in values}
    return {(source, form) for source, form in values if form or source.is_text}


def _union(expressions: Iterable[Expression], contexts: Source) -> set[_Value]:
    return {value for expression in expressions for value in _values(expression, contexts)}
