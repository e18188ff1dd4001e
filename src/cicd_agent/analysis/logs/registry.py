"""The tools whose messages are known in logs: what is in `tools/*.toml`, checked."""

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError

from cicd_agent.analysis.logs.extract import Kind, Trouble

TOOL_FILES = Path(__file__).parent / "tools"
_LONGEST_MESSAGE = 2_000
_FOLD = re.compile(r"\n[ \t]*")


def _unfolded(pattern: object) -> object:
    return _FOLD.sub("", pattern) if isinstance(pattern, str) else pattern


def _without_last_break(text: object) -> object:
    return text.removesuffix("\n") if isinstance(text, str) else text


Pattern = Annotated[str, BeforeValidator(_unfolded)]
"""A regular expression; in the file a line break and the blanks after it are no part of it."""


_CONFIG = ConfigDict(extra="forbid", use_attribute_docstrings=True)
NonEmpty = Annotated[str, Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class Message:
    """One form of message: a block of lines that is kept whole. All patterns are searched in a clean, clipped line."""

    __pydantic_config__ = _CONFIG

    start: Annotated[Pattern, Field(min_length=1)]
    """What the first line of the block matches. Of it, and before it of `headline`, the groups `test`, `path`, `line`
    and `code` are read: the failing test, a file and line, a rule or error."""
    hints: Annotated[tuple[NonEmpty, ...], Field(min_length=1)]
    """Literals of which the first line holds at least one; upper and lower case count, any number stands for all. Lines
    without any hint never meet a pattern."""
    example: Annotated[NonEmpty, BeforeValidator(_without_last_break)]
    """A block as the tool prints it, from its first line to its last: documentation, and a test."""
    headline: Pattern = ""
    """What the line matches that says what is wrong, when that is not the first of the block. A line of which only a
    path and a line number are read stays below the first one."""
    continuation: Pattern = ""
    """The block goes on while lines match this."""
    end: Pattern = ""
    """The line that matches this is the last of the block."""
    stop_before: Pattern = ""
    """The line that matches this is not part of the block."""
    max_lines: Annotated[int, Field(ge=1)] = 1
    """Lines that a block has at most, those before its first included."""
    lines_before: Annotated[int, Field(ge=0)] = 0
    """Lines above the first that belong to the block."""
    kind: Kind | None = None
    """The kind of failure, when it is not the tool's."""
    trouble: Trouble | None = None
    """What outside of the code was in the way."""
    weight: Annotated[float, Field(gt=0, le=1)] = 1.0
    """How near this is to the cause: 1.0 for the tool's own words, about 0.5 for a summary that repeats them, 0.1 for a
    wrapper that says only that another tool failed."""


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool, with its messages in the order in which they are tried."""

    __pydantic_config__ = _CONFIG

    name: NonEmpty
    kind: Kind
    """The kind of failure of the messages that name none."""
    messages: Annotated[tuple[Message, ...], Field(alias="message", min_length=1)]
    wraps: bool = False
    """Whether it only runs others (npm, make, the runner), so that what they say outranks it."""
    noise: tuple[Pattern, ...] = ()
    """What lines match that look like trouble and are none (`0 errors`, a file called error.c)."""


@dataclass(frozen=True, slots=True)
class ToolFile:
    __pydantic_config__ = ConfigDict(extra="forbid", title="Log tools of cicd-agent")

    tools: Annotated[tuple[Tool, ...], Field(alias="tool", min_length=1)]


@cache
def load_tools() -> Sequence[Tool]:
    """Every tool that is known. Where two say the same of a line, the one listed first is named."""
    order = tomllib.loads((TOOL_FILES / "order.toml").read_text("utf-8"))
    return tuple(tool for name in order["files"] for tool in read_tools(TOOL_FILES / f"{name}.toml"))


def trouble_excerpt(text: str) -> str:
    """The part of a message that names trouble outside of the code, without what is wrapped around it; "" for none.

    pip says "Temporary failure in name resolution" behind 200 characters of connection objects.
    """
    found = _trouble_excerpt().search(text[:_LONGEST_MESSAGE])
    return found[0].strip(" :") if found else ""


@cache
def _trouble_excerpt() -> re.Pattern[str]:
    starts = {message.start for tool in load_tools() for message in tool.messages if message.trouble is not None}
    # What begins a line is not wrapped in anything.
    inner = "|".join(sorted(re.sub(r"\(\?P<\w+>", "(?:", start) for start in starts if "^" not in start))
    return re.compile(rf"[^'\"()<>]{{0,80}}(?:{inner})[^'\"()<>]{{0,60}}")


def read_tools(path: Path) -> Sequence[Tool]:
    """The tools of one file; a ValueError names the file, the tool and the entry that is wrong."""
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path.name}: {error}") from error
    try:
        return _tool_file().validate_python(content).tools
    except ValidationError as error:
        wrong = (f"{_location(content, each['loc'])}: {each['msg']}" for each in error.errors())
        raise ValueError(f"{path.name}: {'; '.join(wrong)}") from error


def tool_schema() -> dict[str, object]:
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:cicd-agent:schema:log-tools:1",
        **_tool_file().json_schema(),
    }


@cache
def _tool_file() -> TypeAdapter[ToolFile]:
    return TypeAdapter(ToolFile)


def _location(content: Any, path: Sequence[int | str]) -> str:
    parts: list[str] = []
    for step in path:
        if isinstance(step, str):
            parts.append(step)
            content = content.get(step)
        else:
            content = content[step]
            name = content.get("name") if isinstance(content, dict) else None
            parts[-1] += f" {name or step + 1}"
    return ", ".join(parts)
