"""Reads what a gate is told: the `needs` context of its job, and the plan, in the outputs of one of them or a file."""

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from cicd_agent.errors import ConfigError, first_problem
from cicd_agent.modes.route.job_results import CELLS, JobEnd, PlanOutputs, slug

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
