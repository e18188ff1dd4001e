"""The script of a fake model: what it answers, step by step, read from YAML or JSON."""

from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, Field, ValidationError, model_validator

from cicd_agent.adapters.files import read_file
from cicd_agent.errors import ConfigError

_HOW = "docs/tape.md shows what a script looks like"


class ToolCall(BaseModel, frozen=True, extra="forbid"):
    """One call of a tool."""

    name: str
    arguments: dict[str, object] = {}


class Step(BaseModel, frozen=True, extra="forbid"):
    """What is answered to one request: exactly one of `answer`, `tool_calls`, `status`, `drop` and `malformed`.

    `delay` is the seconds before it; `message` and `headers` go with a `status`.
    """

    answer: str | dict[str, object] | None = None
    tool_calls: Annotated[list[ToolCall], Field(max_length=100)] = []
    status: Annotated[int | None, Field(ge=400, le=599)] = None
    message: str = "scripted"
    headers: dict[Annotated[str, Field(pattern=r"^[A-Za-z0-9-]+$")], Annotated[str, Field(pattern=r"^[ -~]*$")]] = {}
    drop: bool = False
    malformed: bool = False
    delay: Annotated[float, Field(ge=0, le=600)] = 0

    @model_validator(mode="after")
    def _one_thing(self) -> "Step":
        given = [self.answer, self.tool_calls or None, self.status, self.drop or None, self.malformed or None]
        if len(given) - given.count(None) != 1:
            raise ValueError("a step is exactly one of answer, tool_calls, status, drop and malformed")
        return self


class Script(BaseModel, frozen=True, extra="forbid"):
    """The steps, one for each request. With `repeat` they begin again; a `key` is the only one that is accepted."""

    steps: Annotated[list[Step], Field(min_length=1, max_length=1_000)]
    key: str = ""
    repeat: bool = False


class _Loader(yaml.SafeLoader):
    """YAML without aliases: with them a short text can stand for an endless one."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if isinstance(self.peek_event(), yaml.AliasEvent):  # type: ignore[no-untyped-call]  # the stubs leave it out
            raise yaml.YAMLError("aliases (`*name`) are not allowed")
        return super().compose_node(parent, index)


def load_script(path: Path) -> Script:
    """The script in a file. Raises ConfigError."""
    try:
        return Script.model_validate(yaml.load(read_file(path, "--script", 1_000_000), _Loader))  # noqa: S506  it is a SafeLoader
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"{path} is no script", why=f"{where}: {first['msg']}", remedy=_HOW) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(f"{path} is neither YAML nor JSON", why=str(error)[:200], remedy=_HOW) from None
