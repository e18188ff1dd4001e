"""What `cicd-agent doctor` finds: one check after the other, each with its remedy."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Health(StrEnum):
    """How a check went. Only `fail` makes the exit code 1."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the screen: what was looked at, what was found, and what to do about it."""

    name: str
    health: Health
    words: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Checkup:
    """All checks, in groups that a reader can skip."""

    groups: tuple[tuple[str, tuple[Check, ...]], ...]

    @property
    def checks(self) -> Sequence[Check]:
        """Every check in order."""
        return [check for _, checks in self.groups for check in checks]

    @property
    def fails(self) -> bool:
        return any(check.health is Health.FAIL for check in self.checks)

    @property
    def summary(self) -> str:
        """One line."""
        counts = {health: sum(check.health is health for check in self.checks) for health in Health}
        told = ", ".join(f"{count} {health}" for health, count in counts.items() if count)
        return f"{'not ready' if self.fails else 'ready'}: {told}"
