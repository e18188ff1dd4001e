"""Whether jobs ended as the plan of their run wants it: a job may be missing only when the plan says so."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, get_args

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from cicd_agent.domain.verdict import Conclusion, RiskLevel
from cicd_agent.errors import ConfigError, first_problem
from cicd_agent.modes.route.result import Build, RouteStrategy, TestScope

VALUES: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "tests": frozenset(get_args(TestScope)),
        "build": frozenset(get_args(Build)),
        "strategy": frozenset(get_args(RouteStrategy)),
        "risk_level": frozenset(map(str, RiskLevel)),
        "has_jobs": frozenset({"true", "false"}),
    }
)
"""What of a plan a condition may compare, beside its areas, and what it can be."""
CELLS: Final = tuple(VALUES)

_LINE = re.compile(r"(?P<job>[A-Za-z_][\w-]*)\s*:\s*(?P<condition>\S.*)")
_COMPARED = re.compile(r"(?P<cell>\w+)\s*(?P<is>!?=)\s*(?P<values>[\w|\s]+)")
_NOT_IN_A_NAME = re.compile(r"[^a-z0-9]+")
_AS_JOBS = "jobs"


@dataclass(frozen=True, slots=True)
class PlanOutputs:
    """What a gate knows of the plan: areas by slug and whether their jobs run, and the cells that it was told."""

    areas: Mapping[str, bool] = field(default_factory=dict)
    cells: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class JobEnd:
    """How a job ended, in the words of the `needs` context."""

    name: str
    result: str


@dataclass(frozen=True, slots=True)
class JobVerdict:
    """Whether a job's end is what the plan wants, and why."""

    job: str
    result: str
    passes: bool
    reason: str


@dataclass(frozen=True, slots=True)
class GateResult:
    """What becomes of the one check that is required."""

    jobs: tuple[JobVerdict, ...]

    @property
    def red(self) -> tuple[JobVerdict, ...]:
        return tuple(each for each in self.jobs if not each.passes)

    @property
    def conclusion(self) -> Conclusion:
        """Success only when there is a job, and each of them passes."""
        return Conclusion.SUCCESS if self.jobs and not self.red else Conclusion.FAILURE


Conditions = Mapping[str, tuple[tuple[str, ...], ...]]
"""By job: it runs when all parts of one of these hold."""


def slug(name: str) -> str:
    return _NOT_IN_A_NAME.sub("_", name.lower()).strip("_")


def conditions(lines: Sequence[str]) -> Conditions:
    """What makes each job run, from lines `job: area`. Raises ConfigError.

    `a, b` is one or the other, `a & b` both; a part is an area, `has_jobs`, or a cell compared: `tests != none`.
    """
    parsed: dict[str, tuple[tuple[str, ...], ...]] = {}
    for line in filter(None, map(str.strip, lines)):
        match = _LINE.fullmatch(line)
        if match is None:
            raise _wrong(line, "it is not `job: area`")
        parts = tuple(tuple(part.strip() for part in either.split("&")) for either in match["condition"].split(","))
        for part in (part for either in parts for part in either):
            if problem := _problem(part):
                raise _wrong(line, problem)
        if match["job"] in parsed:
            raise _wrong(line, "the job is named twice")
        parsed[match["job"]] = parts
    return parsed


def _problem(part: str) -> str:
    if not part:
        return "a part of it is empty"
    if "=" not in part:
        return "" if slug(part) else f"`{part}` is no area"
    comparison = _COMPARED.fullmatch(part)
    if comparison is None or comparison["cell"] not in CELLS:
        return f"`{part}` compares none of {', '.join(CELLS)}"
    values = _values(comparison)
    if "" in values:
        return f"`{part}` names no value"
    strange = sorted(values - VALUES[comparison["cell"]])
    # Held against a value that no plan has, a job could be skipped whatever the plan says.
    return f"`{comparison['cell']}` has no value `{strange[0]}`" if strange else ""


def _wrong(line: str, reason: str) -> ConfigError:
    return ConfigError(f"`{_AS_JOBS}` holds `{line[:100]}`", why=reason, remedy="Write one `job: area` a line")


def judge(ends: Sequence[JobEnd], outputs: PlanOutputs, conditions_of: Conditions, *, route: str) -> GateResult:
    """Each job of `needs` by the plan. `route` is the job that made it, "" where it comes from a file."""
    return GateResult((*_rows(ends, outputs, conditions_of, route), *_missing(ends, conditions_of, route)))


def _rows(ends: Sequence[JobEnd], outputs: PlanOutputs, conditions_of: Conditions, route: str) -> Iterator[JobVerdict]:
    for end in ends:
        if end.name == route:
            reason = "it made the plan" if end.result == "success" else "there is no plan to go by"
            yield JobVerdict(end.name, end.result, end.result == "success", reason)
        else:
            yield _judged(end, outputs, conditions_of)


def _missing(ends: Sequence[JobEnd], conditions_of: Conditions, route: str) -> Iterator[JobVerdict]:
    names = {end.name for end in ends}
    for job in (*([route] if route else []), *conditions_of):
        if job not in names:
            yield JobVerdict(job, "", passes=False, reason="it is not in `needs` of this job: add it there")


def _judged(end: JobEnd, outputs: PlanOutputs, conditions_of: Conditions) -> JobVerdict:
    match end.result:
        case "success":
            return JobVerdict(end.name, end.result, passes=True, reason="")
        case "skipped":
            return _skipped(end, outputs, conditions_of.get(end.name) or _by_name(end.name, outputs))
        case "failure" | "cancelled":
            return JobVerdict(end.name, end.result, passes=False, reason="")
        case _:
            return JobVerdict(end.name, end.result, passes=False, reason="that is no result which GitHub has")


def _by_name(job: str, outputs: PlanOutputs) -> tuple[tuple[str, ...], ...]:
    """What makes a job run that bears the name of an area."""
    name = slug(job)
    if name not in outputs.areas:
        return ()
    # The area holds the files of tests, the cell says which of them run: whoever is called so may mean either.
    return ((name,), ("tests != none",)) if name == "tests" else ((name,),)


def _skipped(end: JobEnd, outputs: PlanOutputs, conditions_of: tuple[tuple[str, ...], ...]) -> JobVerdict:
    if not conditions_of:
        reason = f"the plan does not know it: say in `{_AS_JOBS}` what makes it run, such as `{end.name}: AREA`"
        return JobVerdict(end.name, end.result, passes=False, reason=reason)
    either = [[_holds(part, outputs) for part in parts] for parts in conditions_of]
    words = ", ".join(" & ".join(parts) for parts in conditions_of)
    if any(all(parts) for parts in either):
        return JobVerdict(end.name, end.result, passes=False, reason=f"the plan wants it: {words}")
    unknown = [
        part
        for parts, held in zip(conditions_of, either, strict=True)
        if False not in held
        for part, known in zip(parts, held, strict=True)
        if known is None
    ]
    if unknown:
        reason = f"the plan says nothing of `{unknown[0]}`: pass on {_output_for(unknown[0])} in the outputs of its job"
        return JobVerdict(end.name, end.result, passes=False, reason=reason)
    return JobVerdict(end.name, end.result, passes=True, reason=f"the plan does not need it: {words}")


def _holds(part: str, outputs: PlanOutputs) -> bool | None:
    """Whether a part of a condition holds, None when nobody can tell."""
    comparison = _COMPARED.fullmatch(part)
    if comparison is not None:
        value = outputs.cells.get(comparison["cell"], "")
        is_known = value in VALUES.get(comparison["cell"], ())
        return (value in _values(comparison)) == (comparison["is"] == "=") if is_known else None
    if part == "has_jobs":
        return {"true": True, "false": False}.get(outputs.cells.get(part, ""))
    return outputs.areas.get(slug(part))


def _values(comparison: re.Match[str]) -> frozenset[str]:
    return frozenset(value.strip() for value in comparison["values"].split("|"))


def _output_for(part: str) -> str:
    comparison = _COMPARED.fullmatch(part)
    if comparison is not None:
        return f"`{comparison['cell']}`"
    return "`has_jobs`" if part == "has_jobs" else f"`run_{slug(part)}`, or `areas` and `skipped_areas`,"


MAX_BYTES: Final = 10_000_000
ROUTE: Final = "route"

_RUNS = "run_"
_FLAGS = {"true": True, "false": False}


class _Wire(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)


class _Job(_Wire):
    result: str = ""
    outputs: dict[str, str] = Field(default_factory=dict)


class _Area(_Wire):
    name: str
    run: bool


class _Cells(_Wire):
    tests: str
    build: str
    strategy: str


class _Risk(_Wire):
    level: str


class _Plan(_Wire):
    version: int = Field(ge=1, le=1)
    areas: tuple[_Area, ...]
    cells: _Cells
    risk: _Risk


class _Twice(Exception):
    """A name stands twice in one object: which of the two is meant, nobody can tell."""


def _distinct(pairs: list[tuple[str, object]]) -> dict[str, object]:
    matching = dict(pairs)
    if len(matching) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _Twice(f"`{twice[:60]}` stands there twice")
    return matching


def _check_distinct(text: str | bytes) -> None:
    with suppress(ValueError):
        json.loads(text, object_pairs_hook=_distinct)


class Needs:
    """The jobs that a gate waits for, as `toJSON(needs)` has them."""

    def __init__(self, text: str | bytes) -> None:
        """Raises ConfigError for anything else."""
        remedy = "Pass `${{ toJSON(needs) }}`"
        try:
            _check_distinct(text)
            self._jobs: Mapping[str, _Job] = TypeAdapter(dict[str, _Job]).validate_json(text)
        except (_Twice, RecursionError) as error:
            raise ConfigError("`needs` cannot be read", why=str(error) or "it is nested", remedy=remedy) from None
        except ValidationError as error:
            raise ConfigError("`needs` cannot be read", why=first_problem(error), remedy=remedy) from None

    @property
    def ends(self) -> tuple[JobEnd, ...]:
        return tuple(JobEnd(name, job.result) for name, job in self._jobs.items())

    def route(self, named: str) -> str:
        """The job that made the plan: as `named`, else `route`, else the one that has a plan among its outputs."""
        if named or ROUTE in self._jobs:
            return named or ROUTE
        matching = [name for name, job in self._jobs.items() if "plan_file" in job.outputs]
        return matching[0] if len(matching) == 1 else ROUTE

    def plan_outputs(self, route: str) -> PlanOutputs:
        """What the outputs of that job say of its plan; what they do not say is not known."""
        job = self._jobs.get(route)
        if job is None or job.result != "success":
            return PlanOutputs()
        areas = dict.fromkeys(_names(job.outputs.get("skipped_areas", "")), False)
        for name, value in job.outputs.items():
            if name.startswith(_RUNS) and value in _FLAGS:
                area = name.removeprefix(_RUNS)
                areas[area] = areas.get(area, False) or _FLAGS[value]
        # Where two outputs disagree, the job should have run.
        areas |= dict.fromkeys(_names(job.outputs.get("areas", "")), True)
        return PlanOutputs(areas, {cell: job.outputs[cell] for cell in CELLS if job.outputs.get(cell)})


def read_plan(text: str | bytes) -> PlanOutputs:
    """What a `plan.json` says. Raises ConfigError."""
    try:
        plan = _Plan.model_validate_json(text)
    except ValidationError as error:
        raise ConfigError(
            "the plan cannot be read", why=first_problem(error), remedy="Give the `plan_file` of route"
        ) from None
    areas: dict[str, bool] = {}
    for area in plan.areas:
        areas[slug(area.name)] = areas.get(slug(area.name), False) or area.run
    return PlanOutputs(
        areas,
        {
            "tests": plan.cells.tests,
            "build": plan.cells.build,
            "strategy": plan.cells.strategy,
            "risk_level": plan.risk.level,
            "has_jobs": "true" if any(areas.values()) else "false",
        },
    )


def _names(text: str) -> tuple[str, ...]:
    """The slugs of the names in a JSON list, none when it is not one."""
    try:
        matching = json.loads(text) if text else []
    except (ValueError, RecursionError):
        return ()
    return tuple(slug(name) for name in matching if isinstance(name, str)) if isinstance(matching, list) else ()
