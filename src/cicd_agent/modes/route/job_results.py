"""Whether jobs ended as the plan of their run wants it: a job may be missing only when the plan says so."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from cicd_agent.domain.verdict import Conclusion, RiskLevel
from cicd_agent.errors import ConfigError, first_problem
from cicd_agent.modes.route.result import AreaRun, Build, Cells, TestScope
from cicd_agent.modes.shared.rollout import RouteStrategy

MAX_BYTES: Final = 10_000_000
VALUES: Final[Mapping[str, frozenset[str]]] = {
    "tests": frozenset(get_args(TestScope)),
    "build": frozenset(get_args(Build)),
    "strategy": frozenset(get_args(RouteStrategy)),
    "risk_level": frozenset(map(str, RiskLevel)),
}
"""What of a plan a condition may compare, beside its areas, and what it can be."""

_ROUTE = "route"
_ANY = "any"
"""Holds when some area is touched."""
_LINE = re.compile(r"(?P<job>[A-Za-z_][\w-]*)\s*:\s*(?P<condition>\S.*)")
_COMPARISON = re.compile(r"(?P<cell>\w+)\s*(?P<is>!?=)\s*(?P<values>[\w|\s]+)")


@dataclass(frozen=True, slots=True)
class PlanOutputs:
    """What a gate knows of the plan: areas by slug and whether their jobs run, and the cells that it was given."""

    areas: Mapping[str, bool] = field(default_factory=dict)
    cells: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class JobVerdict:
    """Whether a job's end (`result` in the words of the `needs` context) is what the plan wants, and why."""

    job: str
    result: str
    passes: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class RequiredCheck:
    jobs: tuple[JobVerdict, ...]

    @property
    def red(self) -> tuple[JobVerdict, ...]:
        return tuple(each for each in self.jobs if not each.passes)

    @property
    def conclusion(self) -> Conclusion:
        """Success only when there is a job, and each of them passes."""
        return Conclusion.SUCCESS if self.jobs and not self.red else Conclusion.FAILURE


def slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a condition: an area, or a `cell` and the values of it for which the part holds."""

    text: str
    cell: str = ""
    values: frozenset[str] = frozenset()

    def holds(self, outputs: PlanOutputs) -> bool | None:
        """None when nobody can tell."""
        if self.text == _ANY:
            return any(outputs.areas.values()) if outputs.areas else None
        if not self.cell:
            return outputs.areas.get(slug(self.text))
        value = outputs.cells.get(self.cell, "")
        return value in self.values if value in VALUES[self.cell] else None

    @property
    def outputs(self) -> str:
        return f"`{self.cell}`" if self.cell else "`areas` and `skipped_areas`"


Conditions = Mapping[str, tuple[tuple[Part, ...], ...]]
"""By job: it runs when all parts of one of these hold."""


def conditions(lines: Sequence[str]) -> Conditions:
    """What makes each job run, from lines `job: area`. Raises ConfigError.

    `a, b` is one or the other, `a & b` both; a part is an area, `any` of them, or a cell compared: `tests != none`.
    """
    parsed: dict[str, tuple[tuple[Part, ...], ...]] = {}
    for line in filter(None, map(str.strip, lines)):
        match, problem = _LINE.fullmatch(line), "it is not `job: area`"
        try:
            alternatives = match["condition"].split(",") if match else []
            parts = tuple(tuple(map(_part, each.split("&"))) for each in alternatives)
        except ValueError as error:
            match, parts, problem = None, (), str(error)
        if match and match["job"] in parsed:
            match, problem = None, "the job is named twice"
        if match is None:
            remedy = "Write one `job: area` a line"
            raise ConfigError(f"`jobs` holds `{line[:100]}`", why=problem, remedy=remedy)
        parsed[match["job"]] = parts
    return parsed


def _part(text: str) -> Part:
    """Raises ValueError."""
    text = text.strip()
    if not text:
        raise ValueError("a part of it is empty")
    if "=" not in text:
        if not slug(text):
            raise ValueError(f"`{text}` is no area")
        return Part(text)
    match = _COMPARISON.fullmatch(text)
    if match is None or match["cell"] not in VALUES:
        raise ValueError(f"`{text}` compares none of {', '.join(VALUES)}")
    possible, values = VALUES[match["cell"]], {value.strip() for value in match["values"].split("|")}
    if "" in values:
        raise ValueError(f"`{text}` names no value")
    if values - possible:
        # Held against a value that no plan has, a job could be skipped whatever the plan says.
        raise ValueError(f"`{match['cell']}` has no value `{min(values - possible)}`")
    return Part(text, match["cell"], possible & values if match["is"] == "=" else possible - values)


def judge(ends: Mapping[str, str], outputs: PlanOutputs, conditions_of: Conditions, *, route: str) -> RequiredCheck:
    """Each job of `needs` by the plan. `route` is the job that made it, "" where it comes from a file."""
    verdicts = []
    for job, result in ends.items():
        passes, reason = result == "success", ""
        if job == route:
            reason = "it made the plan" if passes else "there is no plan to go by"
        elif result == "skipped":
            passes, reason = _skipped(job, outputs, conditions_of.get(job) or _by_name(job, outputs))
        elif result not in {"success", "failure", "cancelled"}:
            reason = "that is no result which GitHub has"
        verdicts.append(JobVerdict(job, result, passes, reason))
    missing = "it is not in `needs` of this job: add it there"
    expected = (*([route] if route else ()), *conditions_of)
    return RequiredCheck(
        (*verdicts, *(JobVerdict(job, "", passes=False, reason=missing) for job in expected if job not in ends))
    )


def _by_name(job: str, outputs: PlanOutputs) -> tuple[tuple[Part, ...], ...]:
    """What makes a job run that bears the name of an area."""
    name = slug(job)
    if name not in outputs.areas:
        return ()
    # The area holds the files of tests, the cell says which of them run: whoever is called so may mean either.
    return ((Part(name),), (_part("tests != none"),)) if name == "tests" else ((Part(name),),)


def _skipped(job: str, outputs: PlanOutputs, alternatives: tuple[tuple[Part, ...], ...]) -> tuple[bool, str]:
    if not alternatives:
        return False, f"the plan does not know it: say in `jobs` what makes it run, such as `{job}: AREA`"
    condition = ", ".join(" & ".join(part.text for part in parts) for parts in alternatives)
    possible = [parts for parts in alternatives if all(part.holds(outputs) is not False for part in parts)]
    if any(all(part.holds(outputs) for part in parts) for parts in possible):
        return False, f"the plan wants it: {condition}"
    unknown = next((part for parts in possible for part in parts if part.holds(outputs) is None), None)
    if unknown is not None:
        return False, f"the plan says nothing of `{unknown.text}`: pass on {unknown.outputs} in the outputs of its job"
    return True, f"the plan does not need it: {condition}"


class _Job(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    result: str = ""
    outputs: dict[str, str] = Field(default_factory=dict)


class _Risk(BaseModel):
    level: RiskLevel


class _Plan(BaseModel):
    """What of a `plan.json` decides, see `RouteResult`."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    version: Literal[1]
    areas: tuple[AreaRun, ...]
    cells: Cells
    risk: _Risk


class Needs:
    """The jobs that a gate waits for, as `toJSON(needs)` has them."""

    def __init__(self, text: str | bytes) -> None:
        """Raises ConfigError for anything else."""
        try:
            with suppress(json.JSONDecodeError, UnicodeDecodeError):
                json.loads(text, object_pairs_hook=_distinct)
            self._jobs: Mapping[str, _Job] = TypeAdapter(dict[str, _Job]).validate_json(text)
        except (ValueError, RecursionError) as error:
            reason = first_problem(error) if isinstance(error, ValidationError) else str(error)
            raise ConfigError("`needs` cannot be read", why=reason, remedy="Pass `${{ toJSON(needs) }}`") from None

    @property
    def ends(self) -> Mapping[str, str]:
        """How each job ended, in the words of the `needs` context."""
        return {name: job.result for name, job in self._jobs.items()}

    def route(self, named: str) -> str:
        """The job that made the plan: as `named`, else `route`, else the one that has a plan among its outputs."""
        if named or _ROUTE in self._jobs:
            return named or _ROUTE
        planners = [name for name, job in self._jobs.items() if "plan_file" in job.outputs]
        return planners[0] if len(planners) == 1 else _ROUTE

    def plan_outputs(self, route: str) -> PlanOutputs:
        """What the outputs of that job say of its plan; what they do not say is not known."""
        job = self._jobs.get(route)
        if job is None or job.result != "success":
            return PlanOutputs()
        areas = dict.fromkeys(_names(job.outputs.get("skipped_areas", "")), False)
        # Where two outputs disagree, the job should have run.
        areas |= dict.fromkeys(_names(job.outputs.get("areas", "")), True)
        return PlanOutputs(areas, {cell: job.outputs[cell] for cell in VALUES if job.outputs.get(cell)})


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Raises ValueError for a name that stands twice in one object: which is meant, nobody can tell."""
    names = set()
    for name, _ in pairs:
        if name in names:
            raise ValueError(f"`{name[:60]}` stands there twice")
        names.add(name)
    return dict(pairs)


def _names(text: str) -> Iterator[str]:
    """The slugs of the names in a JSON list, none when it is not one."""
    with suppress(ValueError, RecursionError):
        names = json.loads(text)
        if isinstance(names, list):
            yield from (slug(name) for name in names if isinstance(name, str))


def read_plan(text: str | bytes) -> PlanOutputs:
    """What a `plan.json` says. Raises ConfigError."""
    try:
        plan = _Plan.model_validate_json(text)
    except ValidationError as error:
        remedy = "Give the `plan_file` of route"
        raise ConfigError("the plan cannot be read", why=first_problem(error), remedy=remedy) from None
    areas: dict[str, bool] = {}
    for area in plan.areas:
        areas[slug(area.name)] = areas.get(slug(area.name), False) or area.run
    cells = {"tests": plan.cells.tests, "build": plan.cells.build, "strategy": plan.cells.strategy}
    return PlanOutputs(areas, {**cells, "risk_level": plan.risk.level.value})
