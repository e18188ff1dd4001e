"""What modes leave for each other: facts of a pipeline, each with its source and its age."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cicd_agent.domain.verdict import Risk


class FactKind(StrEnum):
    """What a fact is about.

    The subject that it is found by is the commit (tests, coverage in percent, review, route), the fingerprint of a
    failure (failure: that was explained, fix: that fixed it) or the environment of a deployment.
    """

    TESTS = "tests"
    COVERAGE = "coverage"
    REVIEW = "review"
    FAILURE = "failure"
    FIX = "fix"
    ROUTE = "route"
    DEPLOYMENT = "deployment"


class Cause(StrEnum):
    CHANGE = "change"
    FLAKY = "flaky"
    INFRASTRUCTURE = "infrastructure"
    PRE_EXISTING = "pre_existing"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact of a repository, as a mode has found it `at` (seconds since the epoch).

    `sha` is the commit that it is about, `ref` its branch, `event_id` the run that found it. `values` are small texts.
    A later fact of the same kind, subject, commit and mode replaces an earlier one.
    """

    repository: str
    kind: FactKind
    subject: str
    at: int
    mode: str = ""
    sha: str = ""
    ref: str = ""
    event_id: str = ""
    values: Mapping[str, str] = field(default_factory=dict)

    def age(self, now: float) -> float:
        return max(0.0, now - self.at)


@dataclass(frozen=True, slots=True)
class FactSet:
    """Facts that were read for a run, newest first, and what could not be read, a sentence each.

    `trusted` is whether only who holds a secret could have written them: then they may speak for a change, otherwise
    only against it.
    """

    facts: tuple[Fact, ...] = ()
    trusted: bool = False
    limits: tuple[str, ...] = ()

    def of(self, kind: FactKind, subject: str = "") -> Sequence[Fact]:
        return [each for each in self.facts if each.kind is kind and subject in ("", each.subject)]


def risk_values(risk: "Risk") -> Mapping[str, str]:
    return {"risk_level": risk.level.value, "risk_score": str(risk.score)}


def number(value: float | None) -> str:
    return "" if value is None else f"{value:.6f}".rstrip("0").rstrip(".")
