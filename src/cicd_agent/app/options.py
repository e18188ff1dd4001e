"""What a command line asks for, as values: importing it costs next to nothing."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from cicd_agent.app.reporter import Reporter
    from cicd_agent.settings.environment import Environment

STAGES: Final[Mapping[str, str]] = {
    "gather": "read the evidence of an event, and write it to --out",
    "ask": "ask a model for what it proposes of the evidence in --in, and write that to --out (gen-tests)",
    "decide": "decide on the evidence in --in, and write the decision to --out",
    "perform": "carry out the decision in --in",
}


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What every run may be asked for. `command` is "run", a stage, or a command that is no mode, without a `mode`.

    `inputs` are those of the command line alone.
    """

    command: str = "run"
    mode: str = ""
    event: str = ""
    event_name: str = ""
    repo_dir: str = ""
    base: str = ""
    head: str = ""
    inputs: Mapping[str, str] = field(default_factory=dict)
    dry_run: bool = False
    fix: bool = False
    output_dir: str = ""
    format: str = ""
    keep_evidence: bool = False
    logs: tuple[str, ...] = ()
    green: str = ""

    @property
    def is_run(self) -> bool:
        return self.command == "run" or self.command in STAGES


@dataclass(frozen=True, slots=True)
class Clocks:
    """`elapsed` counts seconds and never goes back, `now` is in seconds since 1970."""

    elapsed: Callable[[], float]
    now: Callable[[], float]


@dataclass(frozen=True, slots=True)
class Session:
    """What a command works with. `limit` is told after how many seconds it has to end, as soon as that is known."""

    options: RunOptions
    environment: "Environment"
    reporter: "Reporter"
    clocks: Clocks
    limit: Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Invocation:
    """A command line that was understood. `run` takes a Session and returns the exit code, or raises AgentError."""

    options: RunOptions
    run: Callable[..., int]
