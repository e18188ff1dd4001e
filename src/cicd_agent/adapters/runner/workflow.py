"""The runner's files and commands, written so that no value can end its place and begin a command of its own."""

import re
import secrets
import sys
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from cicd_agent.adapters.files import write_file
from cicd_agent.domain.effects import Annotation, Level
from cicd_agent.domain.text.markdown import truncate, utf8_size
from cicd_agent.domain.text.visible import visible, visible_line
from cicd_agent.domain.text.words import clip, count
from cicd_agent.errors import ConfigError
from cicd_agent.settings.environment import Environment

MAX_VALUE = 60_000
"""Characters of an output; jobs that read it get it by environment, which holds little more."""
MAX_SUMMARY = 1_048_576
"""Bytes of the step summary. One more, and the runner drops it whole."""
MAX_MESSAGE = 4_096
MAX_TITLE = 255
MAX_ANNOTATIONS = 10
"""Of each level for one step; the runner drops the others without a word."""

_UNESCAPED = frozenset("\r\n\ufe0f")
_PARTS = re.compile(r"([\r\n\ufe0f]+)")
_V2 = re.compile(r"^([^\S\n]*):(?=:)", re.MULTILINE)
_V1 = re.compile(r"##(?=\[)")


@dataclass(frozen=True)
class Workflow:
    """Writes to the runner. Without its files there is none: then commands are not printed and nothing is written.

    `names` are the outputs that action.yml declares. With `spoken`, commands are printed all the same.
    """

    stream: TextIO
    output_file: Path | None = field(kw_only=True)
    summary_file: Path | None = field(kw_only=True)
    names: Collection[str] = field(kw_only=True)
    spoken: bool = field(default=False, kw_only=True)

    @property
    def runs(self) -> bool:
        """Whether there is a runner."""
        return self.spoken or self.output_file is not None or self.summary_file is not None

    def say(self, text: str) -> None:
        self._print((quiet(text) if self.runs else visible(text)).rstrip())

    def output(self, name: str, value: str, folder: Path) -> str:
        """Set a declared output; a word on what became of it when it had to go to a file in `folder`, else "".

        Raises ConfigError when the runner's file cannot be written.
        """
        if name not in self.names:
            raise ValueError(f"action.yml declares no output `{visible_line(name)}`")
        if self.output_file is None:
            return ""
        note = ""
        if len(value) > MAX_VALUE:
            path = folder / f"{name}.txt"
            write_file(path, value)
            note = f"{len(value):,} characters are too many for an output, they are in {path}"
            value = ""
            if f"{name}_file" in self.names:
                self._set(f"{name}_file", str(path))
        self._set(name, value)
        return note

    def summary(self, markdown: str) -> None:
        """Append to the step summary. Raises ConfigError when it cannot be written."""
        if self.summary_file is not None:
            with _writing("GITHUB_STEP_SUMMARY"):
                written = self.summary_file.stat().st_size if self.summary_file.exists() else 0
                fitting = truncate(f"{markdown.rstrip()}\n\n", MAX_SUMMARY - written, utf8_size)
                _append(self.summary_file, fitting)

    def annotate(self, annotations: Sequence[Annotation]) -> tuple[Annotation, ...]:
        """Print all annotations of the step at once, as many as are shown; those that could only be counted."""
        left_out: list[Annotation] = []
        for level in reversed(Level):
            of_level = [annotation for annotation in annotations if annotation.level is level]
            shown = of_level if len(of_level) <= MAX_ANNOTATIONS else of_level[: MAX_ANNOTATIONS - 1]
            for annotation in shown:
                self._annotate(annotation)
            if rest := of_level[len(shown) :]:
                more = f"{count(len(rest), f'more {level}')}: the step summary and the report have them"
                self._annotate(Annotation("more", level, "cicd-agent", more))
                left_out += rest
        return tuple(left_out)

    @contextmanager
    def group(self, title: str) -> Iterator[None]:
        """Fold what is said inside."""
        self._command("group", "", _data(quiet(title)))
        try:
            yield
        finally:
            self._command("endgroup", "", "")

    def _annotate(self, annotation: Annotation) -> None:
        line = annotation.line
        properties = {
            "file": _name(annotation.path),
            "line": str((annotation.start or line) if annotation.path and line else ""),
            "endLine": str(line if annotation.path and line and annotation.start else ""),
            # The runner trims the last property: it must not be the file's name.
            "title": clip(quiet(annotation.title).strip(), MAX_TITLE) or "cicd-agent",
        }
        given = ",".join(f"{name}={_property(value)}" for name, value in properties.items() if value)
        self._command(annotation.level.value, given, _data(clip(quiet(annotation.message), MAX_MESSAGE)))

    def _set(self, name: str, value: str) -> None:
        if self.output_file is None:
            return
        delimiter = f"cicd_agent_{secrets.token_hex(16)}"
        if delimiter in value:
            raise ValueError("the delimiter of an output was guessed")
        value = value.replace("\0", "\ufffd")
        with _writing("GITHUB_OUTPUT"):
            _append(self.output_file, f"{name}<<{delimiter}\n{value}\n{delimiter}\n")

    def _command(self, name: str, properties: str, data: str) -> None:
        if self.runs:
            self._print(f"::{name}{' ' if properties else ''}{properties}::{data}")

    def _print(self, text: str) -> None:
        encoding = self.stream.encoding or "utf-8"
        self.stream.write(f"{text}\n".encode(encoding, "replace").decode(encoding))
        self.stream.flush()


def quiet(text: str) -> str:
    return _V1.sub("## ", _V2.sub(r"\1: ", visible(text.replace("\r\n", "\n"))))


def _name(path: str) -> str:
    """A file's name, in which nothing is left that a terminal obeys or a reader does not see.

    Line ends are encoded with all others, and the mark that makes a picture of a sign belongs to many honest names.
    """
    return "".join(part if part[:1] in _UNESCAPED else visible(part) for part in _PARTS.split(path))


def _data(text: str) -> str:
    return _whole(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _whole(text: str) -> str:
    return text.encode("utf-8", "replace").decode().replace("\0", "\ufffd")


@contextmanager
def _writing(variable: str) -> Iterator[None]:
    """Write to the file that a variable of the runner's names."""
    try:
        yield
    except OSError as error:
        remedy = "Look at the runner's disk, and whether the step's user may write there"
        raise ConfigError(f"the file of {variable} cannot be written", why=str(error), remedy=remedy) from None


def _append(path: Path, text: str) -> None:
    with path.open("ab") as file:
        file.write(text.encode("utf-8", "replace"))


def step(environment: Environment, names: Collection[str], stream: TextIO | None = None) -> Workflow:
    """The step of this job, with these outputs; its commands go to the standard output unless a stream is given."""
    return Workflow(
        stream or sys.stdout,
        output_file=Path(environment.output_file) if environment.output_file else None,
        summary_file=Path(environment.summary_file) if environment.summary_file else None,
        names=names,
        spoken=environment.on_actions,
    )
