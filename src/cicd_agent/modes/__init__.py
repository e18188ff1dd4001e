"""The registry of modes, and the shape that each slice has."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, Protocol, TypeVar, get_args

from cicd_agent.agent.messages import Answer, Question, Usage
from cicd_agent.agent.tools.tool import Tool
from cicd_agent.domain.change import Change
from cicd_agent.domain.effects import Plan
from cicd_agent.domain.event import Event
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.ports.actions import Bench
from cicd_agent.domain.ports.forge import Forge, Repository, Workspace
from cicd_agent.domain.ports.storage import State
from cicd_agent.domain.ports.test_runner import Laboratory
from cicd_agent.domain.verdict import Said, Verdict
from cicd_agent.modes.analyse_failure.result import Diagnosis
from cicd_agent.modes.deploy_gate.result import Gated
from cicd_agent.modes.gen_tests.result import Generated
from cicd_agent.modes.route.result import AffectedTests, Routed
from cicd_agent.settings.schema import ModeName, Settings


@dataclass(frozen=True, slots=True)
class LogFiles:
    """Logs that somebody has at hand: those of the failed job, and of one that passed; each read when it is due."""

    failed: Mapping[str, Callable[[], Iterator[bytes]]] = field(default_factory=dict)
    green: Callable[[], Iterator[bytes]] | None = None


@dataclass(frozen=True, slots=True)
class World:
    """The ports that `gather` may use, built for one event.

    `repository` is None where there is no checkout, `forge` at a terminal and without a token, `workspace` where no
    files of other steps can be, `bench` where no patch is tried out, `laboratory` where none of the project's code is
    run. `logs` are files that the command line names. The model is not here: it is asked between the pure steps, by
    code that holds no Forge.
    """

    repository: Repository | None = None
    forge: Forge | None = None
    workspace: Workspace | None = None
    bench: Callable[[Change], Bench | None] | None = None
    laboratory: Callable[[Change], Laboratory | None] | None = None
    logs: LogFiles = field(default_factory=LogFiles)
    reach: Callable[[Change], AffectedTests | None] | None = None
    """The tests that a change can reach, by a map that an earlier run has left; None where nobody looks."""
    now: Callable[[], float] = lambda: 0.0
    """Seconds since 1970; 0 where nobody may depend on the time."""
    problems: tuple[str, ...] = ()
    """What is wrong with the configuration, or why it could not be read, a sentence each."""
    told: frozenset[str] = frozenset()
    """The settings, by their fields, that come from the workflow: inputs, and what the organisation says."""
    state: State | None = None
    """What earlier runs have left about this repository; None where nothing is kept."""


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

    @property
    def price(self) -> str:
        """What it cost, in words."""
        return "cost unknown" if self.cost_usd is None else f"${self.cost_usd:.2f}"


NO_OUTPUTS: Final[Mapping[str, str]] = MappingProxyType({})

R = TypeVar("R")


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
    def remembers_rules(self) -> bool:
        """Whether what it remembers was found by rules, and so is worth keeping where no model is asked."""
        ...

    @property
    def rule_ids(self) -> Collection[str]:
        """What `rules:` in the config file may name."""
        ...

    @property
    def outputs(self) -> Collection[str]:
        """Its step outputs beside those that every mode has."""
        ...

    @property
    def unproved(self) -> Mapping[str, str]:
        """Its outputs of a run that came to no result: nobody may take silence for a yes."""
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
    ) -> Verdict | Said | Diagnosis | Generated | Routed | Gated:
        """Keep what is proven, in the mode's own kind of result; `answers` is empty without a model. Pure."""
        ...

    def experiment(
        self,
        answers: Sequence[Answer[Any]],
        evidence: Evidence,
        world: World,
        settings: Settings,
        progress: Callable[[str], None],
        *,
        last: bool,
    ) -> Evidence:
        """Try out what the answers propose and was not tried yet; the evidence with what came of it.

        The second step that touches the world. Where nothing can be tried (a replay, no checkout) the evidence stays as
        it is. Called for each draft of a question that weighs them, and with all answers (`last`) when nobody is asked
        any more.
        """
        ...

    def hand_over(self, answers: Sequence[Answer[Any]], evidence: Evidence) -> Evidence | None:
        """The evidence with what the answers propose, for a job that asks nobody; None where that makes no sense."""
        ...

    def remember(self, answers: Sequence[Answer[Any]], evidence: Evidence, settings: Settings) -> Sequence[str]:
        """What a later run on the same pull request may take over, in lines of which any may be missing then. Pure."""
        ...

    def report(self, verdict: Any, evidence: Evidence, account: Account, settings: Settings) -> Plan:
        """What should be published of what `verify` returned. Pure."""
        ...


def mode_named(name: str) -> Mode[Any] | None:
    """The mode of this name, None when there is none. A slice costs nothing until it is used."""
    match name:
        case "review":
            from cicd_agent.modes.review import REVIEW  # noqa: PLC0415

            return REVIEW
        case "gen-tests":
            from cicd_agent.modes.gen_tests import GEN_TESTS  # noqa: PLC0415

            return GEN_TESTS
        case "analyse-failure":
            from cicd_agent.modes.analyse_failure import ANALYSE_FAILURE  # noqa: PLC0415

            return ANALYSE_FAILURE
        case "deploy-gate":
            from cicd_agent.modes.deploy_gate import DEPLOY_GATE  # noqa: PLC0415

            return DEPLOY_GATE
        case "route":
            from cicd_agent.modes.route import ROUTE  # noqa: PLC0415

            return ROUTE
        case _:
            return None


def modes() -> Mapping[str, Mode[Any]]:
    """All modes by name, in the order of the documents."""
    found = ((name, mode_named(name)) for name in get_args(ModeName))
    return {name: mode for name, mode in found if mode is not None}
