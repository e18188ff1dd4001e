"""Which jobs of a run failed by themselves, and which only fell with them."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import yaml

from cicd_agent.domain.events.workflow_run import BAD, JobRun, RunNote, StepRun
from cicd_agent.modes.analyse_failure.evidence import FailedJob, Role

_OVERDUE = re.compile(r"exceeded the maximum execution time|has timed out after")
_FAIL_FAST = re.compile(r"The strategy configuration was canceled because")
_ENDED = "completed"


@dataclass(frozen=True, slots=True)
class JobSpec:
    """One job of the file: `id` is its key, `name` what it is shown as ("" where an expression makes it up)."""

    id: str
    name: str
    needs: tuple[str, ...] = ()
    tolerant: bool = False
    """`continue-on-error`; an expression counts as no."""


def roles(jobs: Sequence[JobRun], specs: tuple[JobSpec, ...]) -> tuple[FailedJob, ...]:
    """The jobs that did not pass, those that failed first. One that has not ended yet (our own) is none of them."""
    ended = [job for job in jobs if job.status == _ENDED]
    failed = [job for job in ended if failed_itself(job)]
    result = [_named(job, _role(job, specs)) for job in failed]
    result += _dependents(ended, failed, specs)
    order = list(Role)
    return tuple(sorted(result, key=lambda one: (order.index(one.role), one.job.started, one.job.id)))


def failed_itself(job: JobRun) -> bool:
    """Whether it failed. One that ended without a conclusion has lost its runner."""
    return job.conclusion in BAD or (job.status == _ENDED and not job.conclusion)


def _role(job: JobRun, specs: tuple[JobSpec, ...]) -> Role:
    spec = spec_of(job.name, specs)
    return Role.TOLERATED if spec is not None and spec.tolerant else Role.FAILED


def _dependents(ended: Sequence[JobRun], failed: Sequence[JobRun], specs: tuple[JobSpec, ...]) -> Iterator[FailedJob]:
    """The jobs that others took with them: of the same matrix, or that they needed."""
    matrices = {family(job.name) for job in failed}
    ids = {spec.id for job in failed if (spec := spec_of(job.name, specs))}
    for job in ended:
        if job.conclusion == "cancelled" and failed and family(job.name) in matrices:
            yield _named(job, Role.VICTIM)
        elif job.conclusion == "skipped" and _needs(job, ids, specs):
            yield _named(job, Role.UNREACHED)


def _needs(job: JobRun, ids: set[str], specs: tuple[JobSpec, ...]) -> bool:
    """Whether it needs a job that failed, be it by way of others; without the file nothing is said of it."""
    reached, by_id = set(ids), {spec.id: spec for spec in specs}
    while more := {spec.id for spec in by_id.values() if spec.id not in reached and reached & set(spec.needs)}:
        reached |= more
    spec = spec_of(job.name, specs)
    return spec is not None and spec.id in reached


def family(name: str) -> str:
    """The name of a job without its matrix: `unit (3.12, ubuntu)` is one of `unit`."""
    return re.sub(r" \([^()]*\)$", "", name)


def timed_out(notes: Sequence[RunNote]) -> bool:
    return any(_OVERDUE.search(note.message) for note in notes)


def ended_by_sibling(notes: Sequence[RunNote]) -> bool:
    return any(_FAIL_FAST.search(note.message) for note in notes)


def _named(job: JobRun, role: Role) -> FailedJob:
    step = failing_step(job)
    return FailedJob(job, role, step.name if step else "")


def failing_step(job: JobRun) -> StepRun | None:
    """The step that failed first; None when the job never came to one."""
    return next((step for step in job.steps if step.conclusion in BAD), None)


_MAX_WORKFLOW = 200_000
"""Characters; GitHub takes no workflow of more than 512 kB, and nobody writes one by hand that is half as long."""


def job_specs(text: str) -> tuple[JobSpec, ...]:
    """The jobs of a workflow; none when the text is no workflow."""
    if len(text) > _MAX_WORKFLOW or text.count("&") > 50:  # noqa: PLR2004  aliases can make a small file a huge one
        return ()
    try:
        document = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError):
        return ()
    jobs = document.get("jobs") if isinstance(document, Mapping) else None
    return tuple(_specs(jobs)) if isinstance(jobs, Mapping) else ()


def _specs(jobs: Mapping[object, object]) -> Iterator[JobSpec]:
    for key, job in jobs.items():
        if not isinstance(job, Mapping):
            continue
        name = job.get("name", key)
        needs = job.get("needs", ())
        listed = [needs] if isinstance(needs, str) else needs if isinstance(needs, list) else []
        yield JobSpec(
            id=str(key),
            name="" if "${{" in str(name) else str(name),
            needs=tuple(str(need) for need in listed),
            tolerant=job.get("continue-on-error") is True,
        )


def spec_of(name: str, specs: tuple[JobSpec, ...]) -> JobSpec | None:
    """The job of the file that the API calls `name`: with its matrix in brackets, or below the job that calls it."""
    shown = name.partition(" / ")[0]
    plain = shown.partition(" (")[0]
    for candidate in (name, shown, plain):
        result = [spec for spec in specs if candidate in {spec.name, spec.id}]
        if len(result) == 1:
            return result[0]
    return None
