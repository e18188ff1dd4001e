"""What a person or a program sees of a run while it goes on: everything that leaves through it is redacted."""

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from cicd_agent.adapters.runner.workflow import Workflow, quiet
from cicd_agent.app.options import RunOptions
from cicd_agent.app.security.secrets import secrets
from cicd_agent.domain.text.json_redaction import redact_json
from cicd_agent.domain.text.redaction import Redactor
from cicd_agent.domain.text.visible import visible_line
from cicd_agent.rendering.style import Shape, progress
from cicd_agent.settings.environment import Environment


@dataclass(frozen=True, slots=True)
class Streams:
    """Results go to `out`, everything about the run to `err`."""

    out: TextIO
    err: TextIO


class Console:
    """The terminal or the log of one run."""

    def __init__(self, options: RunOptions, environment: Environment, streams: Streams) -> None:
        self._environment = environment
        self._shows_outputs = options.verbose or environment.on_actions
        self._streams = streams
        self.format = options.format or ("github" if environment.on_actions else "text")
        self.redact = Redactor(secrets(options, environment)).redact
        self.progress = progress(
            streams.err, enabled=self.format == "text", width=lambda: shutil.get_terminal_size().columns
        )
        self.shown: list[str] = []

    @property
    def _is_terminal(self) -> bool:
        return self._streams.out.isatty() and self.format == "text"

    @property
    def coloured(self) -> bool:
        return self._is_terminal and not self._environment.no_color

    @property
    def width(self) -> int:
        return shutil.get_terminal_size().columns if self._is_terminal else 100

    def shape(self, report: Path, outputs: Mapping[str, str], top: Path | None) -> Shape:
        links = top.absolute().as_uri() if top and self.coloured else ""
        shown = outputs if self._shows_outputs else {}
        return Shape(report=str(report), outputs=shown, colour=self.coloured, width=self.width, links=links)

    def print(self, text: str) -> None:
        """A result for a person. On a runner nothing in it is a command, whatever the format."""
        text = self.redact(text)
        self.shown.append(text)
        self._print(quiet(text) if self._environment.on_actions else text)

    def print_result(self, document: object, page: Callable[[], str]) -> None:
        """A result in the format that was asked for: JSON for a program, else a page for a person."""
        if self.format == "json":
            self.print_json(json.dumps(document, indent=1))
        else:
            self.print(page())

    def print_json(self, text: str) -> None:
        self._print(redact_json(text, self.redact).replace("##[", "#\\u0023["))

    def print_page(self, text: str, title: str) -> None:
        """A page for a person, on a runner in a group of that title."""
        if self.format != "github":
            self.print(text)
            return
        workflow = self.workflow()
        with workflow.group(self.redact(title)):
            workflow.say(self.redact(text))

    def warn(self, text: str) -> None:
        self.progress("")
        self.workflow().say(visible_line(self.redact(f"cicd-agent: {text}")))

    def workflow(self, outputs: tuple[str, ...] = ()) -> Workflow:
        """The runner's files and commands, for step outputs of these names."""
        env = self._environment
        return Workflow(
            self._streams.out if self.format == "github" else self._streams.err,
            output_file=Path(env.output_file) if env.output_file else None,
            summary_file=Path(env.summary_file) if env.summary_file else None,
            names=outputs,
            spoken=self.format == "github" or env.on_actions,
        )

    def _print(self, text: str) -> None:
        encoding = self._streams.out.encoding or "utf-8"
        # Blanks at the end stay: the last line of a diff may be one.
        line = text.rstrip("\n") + "\n"
        self._streams.out.write(line.encode(encoding, "replace").decode(encoding))
        self._streams.out.flush()
