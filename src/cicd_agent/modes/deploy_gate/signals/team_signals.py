"""Signals that a team has declared: any number in a JSON file that a step of this job has left."""

import json
from collections.abc import Mapping
from dataclasses import replace
from math import isfinite
from typing import Any, NoReturn

from cicd_agent.domain.gate_evidence import Reading, State
from cicd_agent.domain.ports.forge import Left
from cicd_agent.domain.text.encoding import decoded
from cicd_agent.domain.text.visible import visible_line
from cicd_agent.domain.text.words import clip
from cicd_agent.modes.deploy_gate.signals.report_files import ReportTimes, Unreadable, read_files
from cicd_agent.modes.protocol import Ports
from cicd_agent.settings.schema import Settings, TeamSignal

MAX_BYTES = 1_000_000

_KINDS = {dict: "an object", list: "a list", str: "a text", bool: "a truth value", type(None): "null"}


def signals_of(settings: Settings, environment: str) -> dict[str, TeamSignal]:
    """The signals that count for an environment."""
    return {
        name: signal
        for name, signal in settings.signals.items()
        if not signal.environments or environment.casefold() in {each.casefold() for each in signal.environments}
    }


def team_readings(ports: Ports, settings: Settings, environment: str, committed: int) -> tuple[Reading, ...]:
    """The reading of each signal; the commit was `committed` in seconds since the epoch."""
    return tuple(_reading(name, signal, ports, committed) for name, signal in signals_of(settings, environment).items())


def _reading(name: str, signal: TeamSignal, ports: Ports, committed: int) -> Reading:
    path, _, pointer = signal.source.partition("#")
    source = clip(visible_line(signal.source), 100)
    try:
        _, left = next(read_files(f"signals.{name}", (path,), ports, 1, MAX_BYTES))
        value = _value(left, pointer)
        times = ReportTimes(committed, int(ports.now()))
        # What a file says of times may be about anything: when it was written, only the file knows.
        times.add(replace(left, content=b""))
        return Reading(name, State.KNOWN, value, f"{value:g}", source, times.measured)
    except Unreadable as error:
        return Reading(name, error.state, source=source, problem=str(error))


def _value(left: Left, pointer: str) -> float:
    try:
        return number_at(left.content, pointer)
    except ValueError as error:
        problem = f"{clip(visible_line(left.path), 100)}: {clip(visible_line(str(error)), 200)}"
        raise Unreadable(State.NONSENSE, problem) from None


def number_at(content: bytes, pointer: str) -> float:
    """The number that a JSON pointer (RFC 6901) leads to. Raises ValueError with a sentence for anything else."""
    try:
        value: Any = json.loads(decoded(content), parse_int=float, parse_constant=_refuse, object_pairs_hook=_distinct)
    except json.JSONDecodeError as error:
        raise ValueError(f"it is no JSON (line {error.lineno})") from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if pointer and not pointer.startswith("/"):
        raise ValueError(f"`{pointer}` is no JSON pointer: it begins with a slash")
    for part in pointer.split("/")[1:]:
        value = _member(value, part.replace("~1", "/").replace("~0", "~"), pointer)
    if not isinstance(value, float):
        raise ValueError(f"`{pointer}` is {_KINDS[type(value)]}, and no number")  # noqa: TRY004
    if not isfinite(value):
        raise ValueError(f"`{pointer}` is too large for a number")
    return value


def _member(value: object, key: str, pointer: str) -> object:
    if isinstance(value, dict) and key in value:
        return value[key]
    is_index = key.isascii() and key.isdecimal() and len(key) < 10 and str(int(key)) == key  # noqa: PLR2004
    if isinstance(value, list) and is_index and int(key) < len(value):
        return value[int(key)]
    raise ValueError(f"there is no `{pointer}` in it")


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number of JSON")


def _distinct(pairs: list[tuple[str, Any]]) -> Mapping[str, Any]:
    """The object; with one key twice, readers would differ in what it says."""
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a key stands there twice")
    return result
