"""Signals that other steps have measured and left in a file: each is believed only as far as it makes sense."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from cicd_agent.domain.gate_evidence import Reading, State
from cicd_agent.domain.text.encoding import decoded
from cicd_agent.domain.text.visible import visible_line
from cicd_agent.domain.text.words import clip
from cicd_agent.modes.protocol import Ports
from cicd_agent.settings.schema import Settings

MAX_BYTES = 100_000

_MAX_SKEW = 300
"""Seconds by which the clock of whoever measured may be ahead of ours."""
_ROUNDING = 0.2
"""Points by which a difference may differ from what it is the difference of."""
_READINGS = {"coverage": "coverage", "tests": "tests", "error": "budget", "traffic": "traffic"}
"""The first word of a key → the reading that it is about; a key that begins otherwise may be about any."""

_Percent = Annotated[float, Field(ge=0, le=100)]
_Number = Annotated[int, Field(ge=0, le=1_000_000_000)]


class Values(BaseModel):
    """What the file says: coverage in percent, the error budget with 1 for all of it."""

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
class SignalsFile:
    """What came of reading the file; nothing where there is none. `faults` are the readings that cannot be believed."""

    source: str = ""
    values: Values = field(default_factory=Values)
    faults: Mapping[str, Reading] = field(default_factory=dict)

    @property
    def measured(self) -> int:
        """In seconds since the epoch, 0 when it does not say."""
        return int(self.values.measured_at.timestamp()) if self.values.measured_at else 0

    @property
    def budget(self) -> float | None:
        return None if "budget" in self.faults else self.values.error_budget_remaining

    @property
    def traffic(self) -> float | None:
        return None if "traffic" in self.faults else self.values.traffic_per_minute

    @property
    def budget_reading(self) -> Reading:
        """What is left of the error budget."""
        if fault := self.faults.get("budget"):
            return fault
        if self.budget is None:
            return Reading("budget", State.MISSING, problem="nobody gave what is left of the error budget")
        summary = f"{100 * self.budget:.0f} % left"
        return Reading("budget", State.KNOWN, self.budget, summary, self.source, self.measured)


def read_signals_file(ports: Ports, settings: Settings) -> SignalsFile:
    if not settings.signals_file:
        return SignalsFile()
    source = clip(visible_line(settings.signals_file), 200)
    problem = "there is no workspace"
    if ports.workspace is not None:
        left = next(iter(ports.workspace.files((settings.signals_file,), most=1, limit=MAX_BYTES)), None)
        problem = left.problem if left else "there is no such file"
        if left and not problem:
            return parse_signals(left.content, source, ports.now())
    return _broken(source, State.ERROR, f"signals-file was not read: {problem}")


def parse_signals(content: bytes, source: str, now: float) -> SignalsFile:
    """What the content of such a file says at the time `now`, in seconds since the epoch."""
    text = decoded(content)
    wrong: dict[str, str] = {}
    try:
        values = Values.model_validate_json(text)
    except ValidationError as error:
        wrong = {str(each["loc"][0]): each["msg"] for each in error.errors() if each["loc"]}
        if not wrong or "version" in wrong:
            problem = clip(visible_line(wrong.get("version") or error.errors()[0]["msg"]), 200)
            return _broken(source, State.NONSENSE, f"signals-file is not understood: {problem}")
        try:
            sound = {key: value for key, value in json.loads(text).items() if key not in wrong}
            values = Values.model_validate_json(json.dumps(sound))
        except (ValueError, RecursionError):
            return _broken(source, State.NONSENSE, "signals-file is not understood")
    problems: dict[str, str] = {}
    for key, problem in wrong.items():
        reading = _READINGS.get(key.partition("_")[0])
        for name in (reading,) if reading else _READINGS.values():
            text = f"`{clip(visible_line(key), 60)}` of signals-file: {clip(visible_line(problem), 200)}"
            problems.setdefault(name, text)
    if values.measured_at and int(values.measured_at.timestamp()) > now + _MAX_SKEW:
        problems |= dict.fromkeys(_READINGS.values(), "`measured_at` of signals-file lies in the future")
    return SignalsFile(source, values, _faults(source, State.NONSENSE, (_contradictions(values) | problems).items()))


def _contradictions(values: Values) -> dict[str, str]:
    problems: dict[str, str] = {}
    before, after, delta = values.coverage_before, values.coverage_after, values.coverage_delta
    if before is not None and after is not None and delta is not None and abs(after - before - delta) > _ROUNDING:
        problems["coverage"] = "`coverage_delta` of signals-file is not the difference of the other two"
    passed, total = values.tests_passed, values.tests_total
    if (passed is None) != (total is None):
        problems["tests"] = "signals-file gives one of `tests_passed` and `tests_total` without the other"
    elif passed is not None and total is not None and passed > total:
        problems["tests"] = "signals-file has more tests passed than there are"
    return problems


def _broken(source: str, state: State, problem: str) -> SignalsFile:
    return SignalsFile(source, faults=_faults(source, state, ((name, problem) for name in _READINGS.values())))


def _faults(source: str, state: State, problems: Iterable[tuple[str, str]]) -> dict[str, Reading]:
    return {name: Reading(name, state, source=source, problem=problem) for name, problem in problems}
