"""The files that a run leaves: report, evidence, tape, journal."""

import tempfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from cicd_agent.adapters.files import write_file
from cicd_agent.app.options import RunOptions
from cicd_agent.app.run_record import REPORT
from cicd_agent.app.serialization import dump
from cicd_agent.domain.evidence import Evidence
from cicd_agent.errors import ConfigError
from cicd_agent.settings.environment import Environment

HIDDEN: Final = ".cicd-agent"
EVIDENCE: Final = "evidence.json"
JOURNAL: Final = "journal.jsonl"


@dataclass
class RunFolder:
    """At a terminal a folder that git does not see; nothing is made before something is written."""

    options: RunOptions
    environment: Environment

    @cached_property
    def path(self) -> Path:
        """Raises ConfigError when it cannot be written to."""
        if self.options.output_dir:
            folder = Path.cwd() / self.options.output_dir
        elif self.environment.scratch:
            folder = self.environment.scratch / "cicd-agent" / (self.options.mode or "run")
        else:
            folder = Path.cwd() / HIDDEN
        try:
            if folder.name == HIDDEN and folder.is_symlink():
                raise ConfigError(f"{folder} is a link, perhaps the change's own", remedy="Give --output-dir")
            folder.mkdir(parents=True, exist_ok=True)
            if folder.name == HIDDEN:
                write_file(folder / ".gitignore", "*\n")
        except OSError as error:
            raise ConfigError(f"{folder} cannot be written to", why=str(error), remedy="Give --output-dir") from None
        return folder

    @cached_property
    def path_or_any(self) -> Path:
        """Where a failure is reported, even when the failure is that nothing can be written to the right place."""
        try:
            return self.path
        except ConfigError:
            return Path(tempfile.mkdtemp(prefix="cicd-agent-"))

    @property
    def report(self) -> Path:
        return self.path_or_any / REPORT

    def save_evidence(self, evidence: Evidence) -> None:
        """Write down what a replay needs beside the tape. It holds the diff: on Actions only when that is asked for."""
        if self.options.dry_run:
            return
        path = self.path / EVIDENCE
        if self.options.keep_evidence or not self.environment.on_actions:
            write_file(path, dump(evidence, indent=None), mode=0o600)
        else:
            path.unlink(missing_ok=True)  # an earlier run's does not belong to this tape
