"""What a mode is: the steps from an event to a plan, and what each of them may use."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Generic, TypeVar

from cicd_agent.agent.messages import Answer, Question
from cicd_agent.agent.tools.tool import Tool
from cicd_agent.domain.effects import Plan
from cicd_agent.domain.events.event import Event
from cicd_agent.domain.evidence import Evidence, Gap
from cicd_agent.domain.facts import Fact
from cicd_agent.domain.ports.actions import PatchTester
from cicd_agent.domain.ports.forge import Forge, Repository, Workspace
from cicd_agent.domain.ports.storage import State
from cicd_agent.domain.ports.test_runner import PytestRunner
from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.text.words import count
from cicd_agent.domain.trials.test_run import AffectedTests
from cicd_agent.domain.usage import Usage
from cicd_agent.domain.verdict import ChatReply, Judgement
from cicd_agent.rendering.page import Page
from cicd_agent.settings.schema import Settings


@dataclass(frozen=True, slots=True)
class LogFiles:
    """Logs that somebody has at hand: those of the failed job, and of one that passed; each read when it is due.

    What opens one takes a function that is told, in a sentence, of a limit that was met.
    """

    failed: Mapping[str, Callable[[Callable[[str], None]], Iterator[bytes]]] = field(default_factory=dict)
    green: Callable[[Callable[[str], None]], Iterator[bytes]] | None = None


@dataclass(frozen=True, slots=True)
class Ports:
    """The ports that `gather` may use, built for one event.

    `repository` is None where there is no checkout, `forge` at a terminal and without a token, `workspace` where no
    files of other steps can be, `patch_tester` where no patch is tried out, `pytest_runner` where none of the
    project's code is run. `logs` are files that the command line names. The model is not here: it is asked between the
    pure steps, by code that holds no Forge.
    """

    repository: Repository | None = None
    forge: Forge | None = None
    workspace: Workspace | None = None
    patch_tester: Callable[[Change], PatchTester | None] | None = None
    pytest_runner: Callable[[Change], PytestRunner | None] | None = None
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
    wait: Callable[[float], None] | None = None
    """Waits so many seconds; None where nobody may."""
    seconds_left: Callable[[], float] = lambda: 0.0
    """Of the time limit of the run."""
    progress: Callable[[str], None] = lambda _: None
    """Says in the log what is being done."""


@dataclass(frozen=True, slots=True)
class Account:
    """What the answers cost and what was missing, for the report. `cost_usd` is None when it is not known.

    `degraded` says in one line why no model answered, or not all of it, "" when nothing is missing.
    """

    model: str = ""
    usage: Usage = Usage()
    cost_usd: float | None = None
    at_most_usd: float | None = None
    """What it is with the requests that nobody answered, by estimate; None when that is not known either."""
    degraded: str = ""
    unavailable: int = 0
    """With `on-unavailable: fail`, the exit code for what is `degraded`; 0 where the run is to go on without it."""
    config_status: str = "absent"
    notices: tuple[str, ...] = ()
    unanalysed: tuple[Gap, ...] = ()
    """Source files of the change that no rule has read, so that its risk is not known to be low."""
    left_out: tuple[str, ...] = ()
    """Sources of the exhibits for which the token budget had no room."""

    @property
    def is_degraded(self) -> bool:
        """Whether something that should have worked did not."""
        return bool(self.degraded or self.unanalysed)

    @property
    def price(self) -> str:
        if self.cost_usd is not None:
            return f"${self.cost_usd:.2f}"
        return f"cost unknown, probably at most ${self.at_most_usd:.2f}" if self.at_most_usd else "cost unknown"


R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Edit:
    """A file that `--fix` writes: `before` is its text now, None where it is new.

    `done` and `failed` are the lines about it; what stands in the way is added to each of `failed`.
    """

    path: str
    before: str | None
    after: str
    done: tuple[str, ...]
    failed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Edits:
    """What `--fix` does: the edits, the same as a unified diff, and a line for whatever is left out."""

    edits: tuple[Edit, ...] = ()
    patch: str = ""
    left_out: tuple[str, ...] = ()
    nothing: str = ""
    """The line where there is nothing to do."""


class Mode(ABC, Generic[R]):
    """The steps of a mode, the same for all. `R` is what its rules claim. What has a body here a mode may leave out."""

    name: str
    fails_closed = False
    """Whether a failure stops what comes after, instead of being a warning."""
    fails_on_findings = False
    """Whether `fail-on` counts in it: then a run that could not apply the rules is not green."""
    saves_rule_state = False
    """Whether its incremental state comes from rules, and is worth keeping where no model is asked."""
    rule_ids: Collection[str] = frozenset()
    """What `rules:` in the config file may name."""
    outputs: Collection[str] = ()
    """Its step outputs beside those that every mode has; one that ends in `*` stands for names from the config file."""
    unproved: Mapping[str, str] = MappingProxyType({})
    """Its outputs of a run that came to no result: nobody may take silence for a yes."""
    unproved_in_shadow: Mapping[str, str] = MappingProxyType({})
    """The same for a run of a mode that fails closed, where the workflow says that it stops nothing."""

    def declines(self, event: Event, settings: Settings | None = None, /) -> str | None:
        """Why there is nothing to do for this event, in one line; without `settings` only what none can change."""
        return None

    @abstractmethod
    def gather(self, event: Event, ports: Ports, settings: Settings, /) -> Evidence:
        """Read what the ports give; the only step that does."""

    @abstractmethod
    def rules(self, evidence: Evidence, settings: Settings, /) -> R:
        """What holds with no model at all. Pure."""

    def questions(
        self, evidence: Evidence, answers: Sequence[Answer[Any]], settings: Settings, /
    ) -> Sequence[Question[Any]]:
        """What to ask next; called again with the answers until it returns none. Pure."""
        return ()

    @abstractmethod
    def verify(
        self, rules: R, answers: Sequence[Answer[Any]], evidence: Evidence, settings: Settings, /
    ) -> Judgement | ChatReply:
        """Keep what is proven, as one of the mode's RESULTS; `answers` is empty without a model. Pure."""

    @abstractmethod
    def report(self, verdict: Any, evidence: Evidence, account: Account, settings: Settings, /) -> Plan:
        """What should be published of what `verify` returned. Pure."""

    @abstractmethod
    def page(self, result: Any, evidence: Evidence, account: Account, settings: Settings, /) -> Page:
        """The result for people. Pure."""

    def tools(
        self, evidence: Evidence, event: Event, ports: Ports, settings: Settings, /
    ) -> tuple[tuple[Tool[Any], ...], str]:
        """The tools that a model may call before it answers, and why they are fewer than usual, "" when not.

        `event` is the job's own: evidence may have come from a file.
        """
        return (), ""

    def experiment(
        self,
        answers: Sequence[Answer[Any]],
        evidence: Evidence,
        ports: Ports,
        settings: Settings,
        progress: Callable[[str], None],
        /,
        *,
        last: bool,
    ) -> Evidence:
        """Try out what the answers propose and was not tried yet; the evidence with what came of it.

        The second step that uses ports. Where nothing can be tried (a replay, no checkout) the evidence stays as it is.
        Called for each draft of a question that weighs them, and with all answers (`last`) when nobody is asked any
        more.
        """
        return evidence

    def proposals(self, answers: Sequence[Answer[Any]], evidence: Evidence, /) -> Evidence | None:
        """The evidence with what the answers propose, for a job that asks nobody; None where that makes no sense."""
        return None

    def verify_imported(self, evidence: Evidence, name: str, repository: Repository | None, /) -> Evidence:
        """Evidence from the file `name`, without whatever only the job that wrote it can vouch for.

        Raises ConfigError when it is about something else than what `repository` holds.
        """
        return evidence

    def state_key(self, evidence: Evidence, event: Event, /) -> str:
        """What the incremental state of a run is about; "" where no later run could use it.

        The pull request of the event: nobody comes back to a push. "" also when the evidence, which others may have
        written, is of another one.
        """
        keys = {f"{each.repo}#{each.pull.number}" if each.pull else "" for each in (event, evidence.event)}
        return keys.pop() if event.repo and len(keys) == 1 and evidence.change else ""

    def save_state(self, answers: Sequence[Answer[Any]], evidence: Evidence, settings: Settings, /) -> Sequence[str]:
        """What a later run may take over, in lines of which any may be missing then. Pure."""
        return ()

    def facts(self, result: Any, evidence: Evidence, outputs: Mapping[str, str], /) -> Iterable[Fact]:
        """What a result proves for later runs. Pure."""
        return ()

    def edits(self, result: Any, evidence: Evidence | None, /) -> Edits:
        """What `--fix` changes in the working tree; `result` is None where the mode came to none. Pure."""
        return Edits()

    def size(self, evidence: Evidence, /) -> str:
        """How much there is to judge, in a few words; "" where nothing was gathered."""
        change = evidence.change
        return f"{count(len(change.files), 'file')}, {count(change.added_lines, 'added line')}" if change else ""

    def gathered(self, evidence: Evidence, /) -> str:
        """What there is for the job that goes on, in one line; "" where nothing was gathered."""
        size = Mode.size(self, evidence)
        return f"gathered {size}" if size else ""

    def pulls(self, evidence: Evidence, /) -> frozenset[int]:
        """The pull requests beside the event's own that its effects may be about."""
        return frozenset()
