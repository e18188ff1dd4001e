"""The shape of a rule: one small definition that can be read, tested by its own examples, and switched off."""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from cicd_agent.analysis.rules.context import Look
from cicd_agent.domain.diff import Side
from cicd_agent.domain.finding import Category, Severity
from cicd_agent.domain.paths import PathKind

NOT_OURS = frozenset({PathKind.VENDORED, PathKind.GENERATED, PathKind.LOCK_FILE})
"""Files that nobody edits by hand: a remark on a line would reach nobody."""

NOT_SHIPPED = NOT_OURS | {PathKind.DOCS, PathKind.TEST, PathKind.EXAMPLE}
"""All files that are not the running product."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A place where a rule applies.

    `line` counts on `side`; 0 is the file as a whole. What is left empty is taken from the rule, `quote` from the
    diff. `suggestion` replaces exactly that line. A `call` that the change moves or reformats, but had before in the
    same words, is not reported.
    """

    line: int
    message: str = ""
    side: Side = Side.RIGHT
    quote: str = ""
    severity: Severity | None = None
    confidence: float | None = None
    suggestion: str = ""
    call: ast.Call | None = None


@dataclass(frozen=True, slots=True)
class Example:
    """A change of one file: `before` None adds it, `after` None deletes it.

    `also` are further files of the same change (path, before, after); `paths` are files that the head has besides.
    """

    path: str
    after: str | None
    before: str | None = None
    also: tuple[tuple[str, str | None, str | None], ...] = ()
    paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    `since` is the minor version that brought it, such as `0.2`. `check` yields hits for one file; it never raises on
    any text. `confidence` is 1.0 only where the shape alone proves the claim. Files of a kind in `quiet_in` are not
    looked at. The bad example fires this rule and no other, the good one none.
    """

    id: str
    since: str
    title: str
    severity: Severity
    category: Category
    looks_at: str
    why: str
    remedy: str
    bad: Example
    good: Example
    check: Callable[[Look], Iterator[Hit]] = field(repr=False)
    confidence: float = 1.0
    quiet_in: frozenset[PathKind] = NOT_SHIPPED
