"""Rules of the team's own, from its configuration: what no added line of a file may match."""

import re
import time
from collections.abc import Iterator, Mapping
from typing import Final, Protocol

from cicd_agent.analysis.rules.context import FileContext
from cicd_agent.analysis.rules.rule import NOT_OURS, Hit, Rule
from cicd_agent.domain.finding import Category, Severity
from cicd_agent.domain.repository.paths import matcher
from cicd_agent.domain.text.bounded_pattern import LENGTHS, degree

PREFIX: Final = "own/"
SECONDS: Final = 1.0
"""CPU time that one rule may take for one file; a line takes a fraction of it at most."""


class Definition(Protocol):
    """What a team says of a rule; `paths` without an entry are all."""

    @property
    def pattern(self) -> str: ...

    @property
    def message(self) -> str: ...

    @property
    def severity(self) -> str: ...

    @property
    def paths(self) -> tuple[str, ...]: ...

    @property
    def except_paths(self) -> tuple[str, ...]: ...


def own_rules(definitions: Mapping[str, Definition]) -> tuple[Rule, ...]:
    return tuple(
        Rule(
            id=f"{PREFIX}{name}",
            since="0.1",
            title=each.message,
            severity=Severity(each.severity),
            category=Category.RELIABILITY,
            inspects=f"added lines that match `{each.pattern}`",
            reason=each.message,
            remedy="",
            bad=(),
            good=(),
            check=_Search(each),
            exempt=NOT_OURS,
        )
        for name, each in definitions.items()
    )


class _Search:
    """The check of one rule: each added line of its files, in which it looks at the first characters alone."""

    def __init__(self, definition: Definition) -> None:
        self._pattern = re.compile(definition.pattern)
        self._length = LENGTHS[degree(definition.pattern)]
        self._all = not definition.paths
        self._paths, self._others = matcher(definition.paths), matcher(definition.except_paths)

    def __call__(self, context: FileContext) -> Iterator[Hit]:
        if not (self._all or self._paths.match_file(context.path)) or self._others.match_file(context.path):
            return
        until = time.thread_time() + SECONDS
        for number, text in context.added:
            if time.thread_time() > until:
                # Nothing is passed over in silence: who reads the review has to look.
                message = (
                    f"This rule took longer than {SECONDS:g} s for this file: not analysed from line {number:,} on."
                )
                yield Hit(0, message, title="Rule stopped: not all of the file was analysed", severity=Severity.HIGH)
                return
            if found := self._pattern.search(text, 0, self._length):
                yield Hit(number, near=found[0])
