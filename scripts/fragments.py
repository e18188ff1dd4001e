"""Makes whole workflows of the parts that documents show, so that a checker of workflows can judge each line."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import yaml

from scripts.blocks import Block

Kind = Literal["workflow", "triggers", "jobs", "job", "steps", "step", "dependabot", "organisation", "script", "config"]

_JOB_KEYS: Final = frozenset(
    {"runs-on", "steps", "needs", "if", "permissions", "env", "outputs", "strategy", "concurrency", "timeout-minutes"}
    | {"uses", "with", "secrets", "environment", "container", "services", "defaults", "name", "continue-on-error"}
)
_SCRIPTED: Final = frozenset({"answer", "tool_calls", "status", "drop", "malformed"})
_NEEDED: Final = re.compile(r"\bneeds\.([\w-]+)\.outputs\.([\w-]+)")
_STEP: Final = "- uses: org/cicd-agent@v1"


@dataclass(frozen=True, slots=True)
class Whole:
    """A workflow of which some lines come from a document: `lines` has, for each of its lines, the one of the page."""

    page: str
    text: str
    lines: tuple[int, ...]


def kind_of(loaded: object) -> Kind:  # noqa: PLR0911  one line for each kind reads best
    """What a block shows, by its keys. What is nothing of a workflow has to be a config file."""
    if isinstance(loaded, list):
        return "steps"
    if not isinstance(loaded, dict):
        return "config"
    keys = {"on" if key is True else str(key) for key in loaded}
    if "on" in keys:
        return "workflow" if "jobs" in keys else "triggers"
    if "updates" in keys:
        return "dependabot"
    if keys <= {"locked", "defaults"} and "locked" in keys:
        return "organisation"
    if keys == {"steps"} and any(_SCRIPTED & {*step} for step in loaded["steps"]):
        return "script"
    if keys == {"jobs"} or all(
        isinstance(job, dict) and {*job} & {"needs", "steps", "runs-on"} for job in loaded.values()
    ):
        return "jobs"
    if keys == {"with"}:
        return "step"
    return "job" if keys <= _JOB_KEYS else "config"


def whole(block: Block) -> Whole | None:
    """The block as a workflow of its own, None when it is nothing of a workflow."""
    loaded = yaml.safe_load(block.text)
    own = list(enumerate(block.text.splitlines(), block.line))
    match kind_of(loaded):
        case "workflow":
            lines = own
        case "triggers":
            lines = [*own, *_made("jobs:", "  job:", "    runs-on: ubuntu-24.04", "    steps: [{run: make}]")]
        case "jobs" if {*loaded} == {"jobs"}:
            lines = [*_made("on: pull_request"), *_jobs(own, loaded["jobs"], 2)]
        case "jobs":
            lines = [*_made("on: pull_request", "jobs:"), *_jobs(_indented(own, 2), loaded, 2)]
        case "job":
            lines = [*_made("on: pull_request", "jobs:", "  job:"), *_job(_indented(own, 4), loaded)]
        case "steps":
            lines = [*_made(*_HEAD), *_indented(own, 6)]
        case "step":
            # No list says what it takes: what is shown may be of any mode.
            mode = [] if "mode" in loaded["with"] else _made("          mode: doctor")
            first, *rest = _indented(own, 8)
            lines = [*_made(*_HEAD, f"      {_STEP}"), first, *mode, *rest]
        case _:
            return None
    return Whole(block.page, "".join(f"{text}\n" for _, text in lines), _placed(lines, block.line))


_HEAD: Final = ("on: pull_request", "jobs:", "  job:", "    runs-on: ubuntu-24.04", "    steps:")
_Lines = list[tuple[int, str]]


def _made(*texts: str) -> _Lines:
    """Lines that stand in no document."""
    return [(0, text) for text in texts]


def _indented(lines: _Lines, width: int) -> _Lines:
    return [(number, " " * width + text if text.strip() else text) for number, text in lines]


def _jobs(lines: _Lines, jobs: Mapping[str, Any], width: int) -> Iterator[tuple[int, str]]:
    """The jobs with what each lacks to be one, and the jobs that they need with the outputs that are asked for."""
    for number, text in lines:
        yield number, text
        if (match := re.fullmatch(rf" {{{width}}}([\w-]+):\s*(#.*)?", text)) and match[1] in jobs:
            yield from _made(*(f"{' ' * width}  {line}" for line in _lacking(jobs[match[1]])))
    asked = _NEEDED.findall("\n".join(text for _, text in lines))
    needed = {name for job in jobs.values() for name in _several(job.get("needs"))} | {name for name, _ in asked}
    for name in sorted(needed - {*jobs}):
        outputs = sorted({output for job, output in asked if job == name})
        yield from _made(f"  {name}:", *(f"    {line}" for line in _lacking({})))
        if outputs:
            yield from _made("    outputs:", *(f"      {output}: x" for output in outputs))


def _job(lines: _Lines, job: Mapping[str, Any]) -> _Lines:
    return [*_made(*(f"    {line}" for line in _lacking(job))), *lines]


def _lacking(job: Mapping[str, Any]) -> Iterator[str]:
    if "uses" not in job:
        if "runs-on" not in job:
            yield "runs-on: ubuntu-24.04"
        if "steps" not in job:
            yield "steps: [{run: make}]"


def _several(needs: object) -> list[str]:
    return [needs] if isinstance(needs, str) else [*needs] if isinstance(needs, list) else []


def _placed(lines: _Lines, first: int) -> tuple[int, ...]:
    """For each line the one of the page; for what was put in, the line before it."""
    placed: list[int] = []
    for number, _ in lines:
        placed.append(number or (placed[-1] if placed else first))
    return tuple(placed)
