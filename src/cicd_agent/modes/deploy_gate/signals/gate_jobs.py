"""Which jobs of a workflow are deployment gates: by what the steps in the workflow's file do, never by a name."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from cicd_agent.analysis.rules.yaml_source import Node, at, elements, items, parse_yaml, scalar
from cicd_agent.domain.events.workflow_run import BAD, JobRun
from cicd_agent.domain.gate_evidence import CheckState
from cicd_agent.domain.ports.forge import Repository
from cicd_agent.errors import AgentError

_MODE = "deploy-gate"
_ACTION = re.compile(r"(?:[\w.-]+/cicd-agent(?P<of>/deploy-gate)?@\S+|\.(?:/(?P<local>deploy-gate)?)?)")
_COMMAND = re.compile(r"\s*cicd-agent deploy-gate[^\n;&|<>()$`]*\s*")
_SET_UP = re.compile(r"actions/(?:checkout|cache|download-artifact|upload-artifact)@\S+|[\w.-]+/setup-[\w.-]+@\S+")
_LEGS = re.compile(r"\s*\([^()]*\)$")


def base_name(name: str) -> str:
    """The job's name without the leg of its matrix."""
    return _LEGS.sub("", name)


@dataclass(frozen=True, slots=True)
class JobSteps:
    """The steps of a job by the names that GitHub shows: those that are the gate, and those that only set up."""

    gate: frozenset[str] = frozenset()
    set_up: frozenset[str] = frozenset()
    others: frozenset[str] = frozenset()
    local: frozenset[str] = frozenset()
    """The files of the gate's action where it lies in the same repository."""

    @property
    def is_gate(self) -> bool:
        return bool(self.gate) and not self.others

    def may_hold(self, job: JobRun) -> bool:
        """Whether this job failed by nothing but the gate."""
        failed = {step.name for step in job.steps if step.conclusion in BAD}
        return self.is_gate or (bool(failed) and failed <= self.gate - self.others - self.set_up)


def jobs_called(text: str, name: str) -> list[JobSteps]:
    """The jobs of a workflow that can be shown by this name."""
    return [_steps(job) for key, _, job in items(at(parse_yaml(text), "jobs")) if _may_be_called(key, job, name)]


def are_holds(text: str, failed: Sequence[JobRun]) -> bool:
    """Whether all these jobs failed by nothing but a gate, as far as the workflow's text shows."""
    found = [(job, jobs_called(text, job.name)) for job in failed]
    return all(steps and all(each.may_hold(job) for each in steps) for job, steps in found)


def mark_gates(
    checks: Sequence[CheckState], repository: Repository | None, base: str, sha: str, workflow: str = ""
) -> tuple[CheckState, ...]:
    """The checks, those marked that are gates by a workflow which is the same at `base` and at `sha`.

    Beside the gate nothing may be done there but known set-up. Of the run that asks, whose file is `workflow`, jobs may
    do more: what the legs of a matrix do before the gate, the leg that asks has done as well.
    """
    if repository is None or not base:
        return tuple(checks)
    texts: dict[str, str] = {}

    def is_gate(check: CheckState) -> bool:
        path = check.workflow or (workflow if check.own else "")
        if check.status == "completed" or not check.app_id or not path.startswith(".github/workflows/"):
            return False
        if path not in texts:
            texts[path] = _untouched(repository, base, sha, path)
        steps = jobs_called(texts[path], check.name)
        if not all(_untouched(repository, base, sha, file) for each in steps for file in each.local):
            return False
        return bool(steps) and all(each.is_gate or (check.own and each.gate) for each in steps)

    return tuple(replace(check, is_gate=True) if is_gate(check) else check for check in checks)


def text_at(repository: Repository | None, sha: str, path: str) -> str | None:
    """A file at a commit, None where this clone does not have it."""
    try:
        content = repository.blob(sha, path) if repository and sha else None
    except AgentError:
        return None
    return None if content is None else content.decode("utf-8", "replace")


def _untouched(repository: Repository, base: str, sha: str, path: str) -> str:
    """The text of a file that is the same at both commits, else ""."""
    before = text_at(repository, base, path)
    return before if before and before == text_at(repository, sha, path) else ""


def _may_be_called(key: str, job: Node, name: str) -> bool:
    shown = scalar(at(job, "name")) or key
    literal, expression, _ = shown.partition("${{")
    return name.startswith(literal) if expression else shown in {name, base_name(name)}


def _steps(job: Node) -> JobSteps:
    kinds: dict[str, set[str]] = {"gate": set(), "set_up": set(), "others": set()}
    local: set[str] = set()
    for step in elements(at(job, "steps")):
        uses, run = scalar(at(step, "uses")), scalar(at(step, "run"))
        action = _ACTION.fullmatch(uses)
        mode = scalar(at(step, "with", "mode")) or (action and (action["of"] or action["local"]) and _MODE)
        is_gate = mode == _MODE if action else bool(_COMMAND.fullmatch(run))
        kind = "gate" if is_gate else "set_up" if _SET_UP.fullmatch(uses) else "others"
        kinds[kind].add(scalar(at(step, "name")) or f"Run {uses or next(iter(run.strip().splitlines()), '')}")
        if is_gate and action and uses.startswith("."):
            local |= {"action.yml", f"{action['local'] or '.'}/action.yml".removeprefix("./")}
    gate, set_up, others = (frozenset(kinds[kind]) for kind in ("gate", "set_up", "others"))
    return JobSteps(gate, set_up, others, frozenset(local))
