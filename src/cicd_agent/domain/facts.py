"""What modes leave for each other: facts of a pipeline, each with its source and its age."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cicd_agent.domain.verdict import Risk


class FactKind(StrEnum):
    """What a fact is about; `subject` is what it is found by."""

    TESTS = "tests"
    """How tests went; the subject is the commit."""
    COVERAGE = "coverage"
    """What tests execute, in percent; the subject is the commit."""
    REVIEW = "review"
    """What a review of ours came to; the subject is the commit."""
    FAILURE = "failure"
    """A failed run that was explained; the subject is its fingerprint."""
    FIX = "fix"
    """What mended a failure; the subject is its fingerprint."""
    ROUTE = "route"
    """How much care a change was given; the subject is the commit."""
    DEPLOYMENT = "deployment"
    """What a gate decided; the subject is the environment."""


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
