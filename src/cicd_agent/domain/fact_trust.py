"""Which of the facts that earlier runs have left can be believed at all: anybody may have written the file they are in.

What is of another repository or commit, lies in the future, or has a value that is none, is left out as if it were not
there. Whether what remains may speak for a change is `FactSet.trusted`.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from cicd_agent.domain.facts import Fact, FactKind, FactSet
from cicd_agent.domain.verdict import RiskLevel

SKEW = 3_600
"""Seconds by which the clock of whoever wrote a fact may be ahead of ours."""
LOG_SOURCE = "the audit log"
"""Begins the source of a reading that came from a fact."""
OF_COMMITS = frozenset({FactKind.TESTS, FactKind.COVERAGE, FactKind.REVIEW, FactKind.ROUTE})

_NUMBER = re.compile(r"-?[0-9]{1,12}(?:\.[0-9]{1,9})?")
_SHA = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


def valid_facts(known: FactSet, repository: str, now: float) -> FactSet:
    """The facts that are about this repository and not from the future, newest first, each once."""
    once = {(fact.kind, fact.subject, fact.sha, fact.mode, fact.at): fact for fact in known.facts}
    facts = [
        fact
        for fact in once.values()
        if fact.repository.casefold() == repository.casefold() and 0 < fact.at <= now + SKEW
        if fact.kind not in OF_COMMITS or fact.sha in ("", fact.subject)
    ]
    return replace(known, facts=tuple(sorted(facts, key=lambda fact: -fact.at)))


def newest_fact(known: FactSet, kind: FactKind, subjects: Iterable[str]) -> Fact | None:
    """The newest fact of a kind about one of several subjects, of which "" is none."""
    requested = {subject for subject in subjects if subject}
    return max((fact for fact in known.of(kind) if fact.subject in requested), key=lambda fact: fact.at, default=None)


def merge_facts(parts: Sequence[FactSet]) -> FactSet:
    """All that several reads brought: trusted only if each of those that brought something is, a limit told once."""
    facts = tuple(fact for part in parts for fact in part.facts)
    limits = tuple(dict.fromkeys(limit for part in parts for limit in part.limits))
    return FactSet(facts, bool(facts) and all(part.trusted for part in parts if part.facts), limits)


def parse_number(text: str, minimum: float, maximum: float) -> float | None:
    """The number that a value is, None when it is none or lies outside of what it can be."""
    if not _NUMBER.fullmatch(text):
        return None
    number = float(text)
    return number if minimum <= number <= maximum else None


def parse_commit(text: str) -> str:
    return text if _SHA.fullmatch(text) else ""


def parse_level(text: str) -> RiskLevel | None:
    return RiskLevel(text) if text in set(RiskLevel) else None
