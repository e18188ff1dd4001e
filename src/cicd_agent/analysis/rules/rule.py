"""The shape of a rule: its definition in rules.toml, tested by its own examples, and the check that finds it."""

import ast
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from cicd_agent.analysis.rules.context import FileContext
from cicd_agent.domain.finding import Category, Severity
from cicd_agent.domain.repository.diff import Side
from cicd_agent.domain.repository.paths import PathKind

NOT_WRITTEN_HERE = frozenset({PathKind.VENDORED, PathKind.GENERATED})
"""Code of others: it runs, and an update of it must not be noise."""

NOT_OURS = NOT_WRITTEN_HERE | {PathKind.LOCK_FILE}
"""Files that nobody edits by hand: a remark on a line would reach nobody."""

NOT_SHIPPED = NOT_OURS | {PathKind.DOCS, PathKind.TEST, PathKind.EXAMPLE}
"""All files that are not the running product."""


_SURE = 0.85
_BESIDE = 20


@dataclass(frozen=True, slots=True)
class Hit:
    """A place where a rule applies.

    `line` counts on `side`; 0 is the file as a whole. What is left empty is taken from the rule, `quote` from the
    diff: the beginning of the line, or what is around the words `near` of a long one. `suggestion` replaces exactly
    that line. A `call` that the change moves or reformats, but had before in the
    same words, is not reported.
    """

    line: int
    message: str = ""
    title: str = ""
    side: Side = Side.RIGHT
    quote: str = ""
    severity: Severity | None = None
    confidence: float | None = None
    suggestion: str = ""
    call: ast.Call | None = None
    near: str = ""


@dataclass(frozen=True, slots=True)
class Example:
    """A change of one file: `before` None adds it, `after` None deletes it.

    `also` are further files of the same change (path, before, after); `paths` are files that the head has besides. Of a
    symbolic link the text is its target.
    """

    path: str
    after: str | None
    before: str | None = None
    also: tuple[tuple[str, str | None, str | None], ...] = ()
    paths: tuple[str, ...] = ()
    link: bool = False


Check = Callable[[FileContext], Iterator[Hit]]
"""Yields the hits of a rule in one file; it never raises on any text."""

_SHELL = (".sh", ".bash", ".yml", ".yaml", "makefile", ".mk")
_LINES: Mapping[str, Callable[[FileContext], Iterable[tuple[int, str]]]] = {
    "any": lambda context: context.added,
    "dockerfile": lambda context: context.docker,
    "javascript": lambda context: context.script,
    "javascript tests": lambda context: context.script if PathKind.TEST in context.kinds else (),
    "unparsed Python": lambda context: context.unparsed_lines,
    "shell": lambda context: context.added if context.path.lower().endswith(_SHELL) else context.docker,
}
"""The added lines of a kind of file, with their numbers."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    `since` is the minor version that brought it, such as `0.2`. `confidence` is 1.0 only where the shape alone proves
    the claim. Files of the kinds in `exempt` are not looked at. Each bad example fires this rule and no other, a good
    one none.
    """

    id: str
    since: str
    title: str
    severity: Severity
    category: Category
    inspects: str
    reason: str
    remedy: str
    bad: tuple[Example, ...]
    good: tuple[Example, ...]
    check: Check = field(repr=False)
    confidence: float = 1.0
    exempt: frozenset[PathKind] = NOT_SHIPPED

    @property
    def is_high_confidence(self) -> bool:
        """Whether its findings are worth a remark in code that nobody here has written, too."""
        return (
            self.category is Category.SECURITY
            and self.severity.rank >= Severity.HIGH.rank
            and self.confidence >= _SURE
            and self.exempt == NOT_SHIPPED
        )

    @property
    def is_for_minified(self) -> bool:
        """Whether it looks further than at the beginning of a long line, which hardly anybody writes by hand."""
        return self.is_high_confidence or PathKind.GENERATED not in self.exempt


def read_rules(text: str, themes: Iterable[ModuleType]) -> Iterator[Rule]:
    """The rules of rules.toml. Raises for a rule without a check or an example, and for an unknown field.

    The check of a rule is the function of its name in one of the modules `themes`. A rule with a `pattern` needs none:
    it hits each added line that the pattern matches, of the kind `lines`, in files that hold the text `requires`.
    `hints` are small literals, one of which every match has, whatever its capitals: they make the search quick.
    """
    checks: dict[str, Check] = {name: value for theme in themes for name, value in vars(theme).items()}
    for rule_id, table in tomllib.loads(text).items():
        check = _line_check(table) if "pattern" in table else checks[rule_id.replace("-", "_")]
        table |= {
            "severity": Severity(table["severity"]),
            "category": Category(table["category"]),
            "exempt": frozenset(map(PathKind, table.get("exempt", NOT_SHIPPED))),
            "bad": _examples(table["bad"]),
            "good": _examples(table["good"]),
        }
        yield Rule(rule_id, check=check, **table)


def _line_check(table: dict[str, Any]) -> Check:
    pattern, lines = re.compile(table.pop("pattern")), _LINES[table.pop("lines", "any")]
    required, hints = table.pop("requires", ""), tuple(table.pop("hints", ("",)))

    def check(context: FileContext) -> Iterator[Hit]:
        if context.head is None or required in context.head:
            for number, text in lines(context):
                # Of other letters than ASCII's, some match an i, k or s without being one in any small letters.
                small = text.lower()
                if (any(hint in small for hint in hints) or not text.isascii()) and (found := pattern.search(text)):
                    yield Hit(number, near=around(text, *found.span()))

    return check


def around(text: str, start: int, end: int) -> str:
    """A part of a text with a little of what is beside it: it is found again by that."""
    return text[max(0, start - _BESIDE) : end + _BESIDE]


def _examples(tables: dict[str, Any] | list[dict[str, Any]]) -> tuple[Example, ...]:
    return tuple(map(_example, tables if isinstance(tables, list) else [tables]))


def _example(table: dict[str, Any]) -> Example:
    """`times` repeats a text that is too long to be written down."""
    also = tuple((file["path"], file.get("before"), file.get("after")) for file in table.get("also", ()))
    after = table["after"] * table.get("times", 1) if "after" in table else None
    return Example(table["path"], after, table.get("before"), also, tuple(table.get("paths", ())), "link" in table)
