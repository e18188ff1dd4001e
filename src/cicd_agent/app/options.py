"""What a command line asks for, as values: importing it costs next to nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

STAGES: Final[Mapping[str, str]] = {
    "gather": "collect the evidence of an event and write it to --out",
    "ask": "ask a model for proposals on the evidence in --in and write them to --out (gen-tests)",
    "decide": "decide on the evidence in --in and write the decision to --out",
    "perform": "carry out the decision in --in",
}


@dataclass(frozen=True, slots=True)
class RunOptions:
    """`command` is "run", a stage, or a command that is no mode; `inputs` are those of the command line alone."""

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
    verbose: bool = False
    logs: tuple[str, ...] = ()
    green: str = ""
    backtest: str = ""

    @property
    def is_run(self) -> bool:
        return self.command == "run" or self.command in STAGES
