"""Signals that other steps have measured and left in a file: each is believed only as far as it makes sense."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from cicd_agent.domain.gate_evidence import Reading, State
from cicd_agent.domain.text.encoding import decoded
from cicd_agent.domain.text.visible import visible_line
from cicd_agent.domain.text.words import clip
from cicd_agent.modes.protocol import Ports
from cicd_agent.settings.schema import Settings

LARGEST = 100_000
"""Bytes of the file."""
AHEAD = 300
"""Seconds by which the clock of whoever measured may be ahead of ours."""
ROUNDING = 0.2
"""Points by which a difference may differ from what it is the difference of."""

_Percent = Annotated[float, Field(ge=0, le=100)]
_Number = Annotated[int, Field(ge=0, le=1_000_000_000)]
_ABOUT = {"coverage": "coverage", "tests": "tests", "error": "budget", "traffic": "traffic"}
"""The first word of a key → the reading that it is about; a key that begins otherwise may be about any."""


class _Wire(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    version: Literal[1] = 1
    measured_at: AwareDatetime | None = None
    coverage_before: _Percent | None = None
    coverage_after: _Percent | None = None
    coverage_delta: Annotated[float, Field(ge=-100, le=100)] | None = None
    error_budget_remaining: Annotated[float, Field(ge=-1_000_000, le=1)] | None = None
    traffic_per_minute: Annotated[float, Field(gt=0, le=1_000_000_000)] | None = None
    tests_passed: _Number | None = None
    tests_total: _Number | None = None


@dataclass(frozen=True, slots=True)
class Given:
    """What the file says. `measured` is in seconds since the epoch, 0 when it does not say; coverage is in percent.

    `budget` is what is left of the error budget, 1 for all. `faults` are the readings that cannot be believed, by name.
    """

    source: str = ""
    measured: int = 0
    coverage_before: float | None = None
    coverage_after: float | None = None
    coverage_delta: float | None = None
    budget: float | None = None
    traffic: float | None = None
    passed: int | None = None
    total: int | None = None
    faults: Mapping[str, Reading] = field(default_factory=dict)


def read_given(world: Ports, settings: Settings) -> Given:
    """What `signals-file` holds; nothing where there is none."""
    name = settings.signals_file
    if not name:
        return Given()
    source = clip(visible_line(name), 200)
    if world.workspace is None:
        return _broken(source, State.ERROR, "signals-file was not read: there is no workspace")
    left = next(iter(world.workspace.files((name,), most=1, limit=LARGEST)), None)
    if left is None or left.problem:
        why = left.problem if left else "there is no such file"
        return _broken(source, State.ERROR, f"signals-file was not read: {why}")
    return parse_given(left.content, source, world.now())


def parse_given(content: bytes, source: str, now: float) -> Given:
    """What the content of such a file says at the time `now`, in seconds since the epoch."""
    text = decoded(content)
    wrong: dict[str, str] = {}
    try:
        wire = _Wire.model_validate_json(text)
    except ValidationError as error:
        wrong = {str(each["loc"][0]): each["msg"] for each in error.errors() if each["loc"]}
        if not wrong or "version" in wrong:
            why = wrong.get("version") or error.errors()[0]["msg"]
            return _broken(source, State.NONSENSE, f"signals-file is not understood: {clip(visible_line(why), 200)}")
        try:
            sound = {key: value for key, value in json.loads(text).items() if key not in wrong}
            wire = _Wire.model_validate_json(json.dumps(sound))
        except (ValueError, RecursionError):
            return _broken(source, State.NONSENSE, "signals-file is not understood")
    problems: dict[str, str] = {}
    for key, why in wrong.items():
        about = _ABOUT.get(key.partition("_")[0], "")
        for name in (about,) if about else tuple(_ABOUT.values()):
            problems.setdefault(
                name, f"`{clip(visible_line(key), 60)}` of signals-file: {clip(visible_line(why), 200)}"
            )
    measured = int(wire.measured_at.timestamp()) if wire.measured_at else 0
    if measured > now + AHEAD:
        problems |= dict.fromkeys(_ABOUT.values(), "`measured_at` of signals-file lies in the future")
    for name, why in _contradictions(wire).items():
        problems.setdefault(name, why)
    return Given(
        source,
        measured,
        wire.coverage_before,
        wire.coverage_after,
        wire.coverage_delta,
        None if "budget" in problems else wire.error_budget_remaining,
        None if "traffic" in problems else wire.traffic_per_minute,
        wire.tests_passed,
        wire.tests_total,
        _faults(source, State.NONSENSE, problems),
    )


def budget(given: Given) -> Reading:
    """What is left of the error budget."""
    if fault := given.faults.get("budget"):
        return fault
    if given.budget is None:
        return Reading("budget", State.MISSING, problem="nobody gave what is left of the error budget")
    return Reading(
        "budget", State.KNOWN, given.budget, f"{100 * given.budget:.0f} % left", given.source, given.measured
    )


def _contradictions(wire: _Wire) -> dict[str, str]:
    found: dict[str, str] = {}
    before, after, delta = wire.coverage_before, wire.coverage_after, wire.coverage_delta
    if None not in (before, after, delta) and abs(after - before - delta) > ROUNDING:  # type: ignore[operator]
        found["coverage"] = "`coverage_delta` of signals-file is not the difference of the other two"
    if (wire.tests_passed is None) != (wire.tests_total is None):
        found["tests"] = "signals-file gives one of `tests_passed` and `tests_total` without the other"
    elif wire.tests_passed is not None and wire.tests_total is not None and wire.tests_passed > wire.tests_total:
        found["tests"] = "signals-file has more tests passed than there are"
    return found


def _broken(source: str, state: State, problem: str) -> Given:
    return Given(source, faults=_faults(source, state, dict.fromkeys(_ABOUT.values(), problem)))


def _faults(source: str, state: State, problems: Mapping[str, str]) -> dict[str, Reading]:
    return {name: Reading(name, state, source=source, problem=why) for name, why in problems.items()}
