"""The look-ups of a run on its tape: what was offered, what was asked for, and what came back."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError

from cicd_agent.adapters.recording.tape import LOOKUPS, append, redacted
from cicd_agent.agent.tools.tool import NoSuchThing, Tool, TryAgain
from cicd_agent.errors import ConfigError

OFFERED, LOOKED_UP = LOOKUPS


@dataclass(frozen=True, slots=True)
class LookedUp:
    """One look-up: its arguments as JSON, and what it returned, or the trouble (`wrong`: the call made no sense)."""

    tool: str
    arguments: str
    result: str | None = None
    trouble: str = ""
    wrong: bool = False


@dataclass(frozen=True, slots=True)
class Offered:
    """The names of the tools, and why they were fewer than usual."""

    tools: tuple[str, ...] = ()
    limit: str = ""


def recording(
    tools: Sequence[Tool[Any]], limit: str, path: Path, redact: Callable[[str], str]
) -> tuple[Tool[Any], ...]:
    """The same tools; what is offered and each result is written down before anybody sees it."""

    def write(kind: str, value: Offered | LookedUp) -> None:
        append(path, {kind: redacted(asdict(value), redact)})

    def witnessed(tool: Tool[Any]) -> Tool[Any]:
        def run(arguments: BaseModel) -> str:
            asked = LookedUp(tool.name, arguments.model_dump_json())
            try:
                result = tool.run(arguments)
            except (TryAgain, NoSuchThing) as said:
                write("looked_up", replace(asked, trouble=str(said), wrong=isinstance(said, TryAgain)))
                raise
            write("looked_up", replace(asked, result=result))
            return result

        return replace(tool, run=run)

    write("offered", Offered(tuple(tool.name for tool in tools), limit))
    return tuple(map(witnessed, tools))


def load_lookups(raw: bytes, name: str) -> tuple[Offered, tuple[LookedUp, ...]]:
    """What a tape holds of look-ups. ConfigError when such a line is not one."""
    offered, found = Offered(), []
    for number, line in enumerate(raw.split(b"\n")[:-1], 1):
        try:
            if line.startswith(OFFERED):
                offered = TypeAdapter(Mapping[str, Offered]).validate_json(line, strict=True)["offered"]
            elif line.startswith(LOOKED_UP):
                found.append(TypeAdapter(Mapping[str, LookedUp]).validate_json(line, strict=True)["looked_up"])
        except ValidationError as error:
            why = error.errors(include_url=False, include_input=False)[0]["msg"]
            raise ConfigError(f"line {number} of {name} is no look-up", why=why) from None
    return offered, tuple(found)


def playing(tools: Sequence[Tool[Any]], offered: Offered, recorded: Sequence[LookedUp]) -> tuple[Tool[Any], ...]:
    """The tools that were offered, answering from the tape. `tools` say what each is; none of them is run."""
    known = {(each.tool, _canonical(each.arguments)): each for each in reversed(recorded)}

    def played(tool: Tool[Any]) -> Tool[Any]:
        def run(arguments: BaseModel) -> str:
            found = known.get((tool.name, _canonical(arguments.model_dump_json())))
            if found is None:
                raise NoSuchThing("the tape does not hold this look-up")
            if found.result is None:
                raise (TryAgain if found.wrong else NoSuchThing)(found.trouble)
            return found.result

        return replace(tool, run=run)

    return tuple(played(tool) for tool in tools if tool.name in offered.tools)


def _canonical(arguments: str) -> str:
    try:
        return json.dumps(json.loads(arguments), sort_keys=True)
    except (ValueError, RecursionError):
        return arguments
