"""The registry of modes, and the shape that each slice has."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from cicd_agent.agent.tool import Tool
from cicd_agent.agent.turns import Answer, Draft, Question, Usage
from cicd_agent.core.event import Event
from cicd_agent.core.evidence import Evidence
from cicd_agent.core.plan import Plan
from cicd_agent.core.ports import Forge, Repository, Workspace
from cicd_agent.core.verdict import Said, Verdict
from cicd_agent.settings import Settings


@dataclass(frozen=True, slots=True)
class World:
    """The ports that `gather` may use, built for one event.

    `repository` is None where there is no checkout, `forge` at a terminal and without a token, `workspace` where no
    files of other steps can be. The model is not here: it is asked between the pure steps, by code that holds no Forge.
    """

    repository: Repository | None = None
    forge: Forge | None = None
    workspace: Workspace | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """What the answers cost and what was missing, for the report. `cost_usd` is None when it is not known.

    `degraded` says in one line why no model (or not all of it) was heard, "" when nothing is missing.
    """

    model: str = ""
    usage: Usage = Usage()
    cost_usd: float | None = None
    degraded: str = ""
    config_status: str = "absent"
    notices: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    """Sources of the exhibits for which the token budget had no room."""


R = TypeVar("R", bound=Draft)


class Mode(Protocol[R]):
    """A slice: the same story with the same names in every mode. `R` is what its rules claim."""

    @property
    def name(self) -> str:
        """The word for it on the command line and in `mode:`."""
        ...

    @property
    def fails_closed(self) -> bool:
        """Whether a failure stops what comes after, instead of being a warning."""
        ...

    @property
    def rule_ids(self) -> Collection[str]:
        """What `rules:` in the config file may name."""
        ...

    @property
    def outputs(self) -> Collection[str]:
        """Its step outputs beside those that every mode has."""
        ...

    def declines(self, event: Event, settings: Settings | None = None) -> str | None:
        """Why there is nothing to do for this event, in one line; without `settings` only what none can change."""
        ...

    def gather(self, event: Event, world: World, settings: Settings) -> Evidence:
        """Read the world; the only step that does."""
        ...

    def rules(self, evidence: Evidence, settings: Settings) -> R:
        """What holds with no model at all. Pure."""
        ...

    def questions(
        self, evidence: Evidence, answers: Sequence[Answer[Any]], settings: Settings
    ) -> Sequence[Question[Any]]:
        """What to ask next; called again with the answers until it returns none. Pure."""
        ...

    def lookups(
        self, evidence: Evidence, event: Event, world: World, settings: Settings
    ) -> tuple[tuple[Tool[Any], ...], str]:
        """What a model may look up before it answers, and why that is less than usual, "" when it is not.

        `event` is the job's own: evidence may have come from a file.
        """
        ...

    def verify(
        self, rules: R, answers: Sequence[Answer[Any]], evidence: Evidence, settings: Settings
    ) -> Verdict | Said:
        """Keep what is proven, of a change or of an answer; `answers` is empty without a model. Pure."""
        ...

    def remember(self, answers: Sequence[Answer[Any]], evidence: Evidence, settings: Settings) -> Sequence[str]:
        """What a later run on the same pull request may take over, in lines of which any may be missing then. Pure."""
        ...

    def report(self, verdict: Verdict | Said, evidence: Evidence, account: Account, settings: Settings) -> Plan:
        """What should be published. Pure."""
        ...


def modes() -> Mapping[str, Mode[Any]]:
    """All modes by name, in the order of the documents."""
    from cicd_agent.modes.review import REVIEW  # noqa: PLC0415  a slice costs nothing until it is used

    return {REVIEW.name: REVIEW}
