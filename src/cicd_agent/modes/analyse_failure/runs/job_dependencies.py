"""Which jobs of a run failed by themselves, and which only fell with them."""

import re
from collections.abc import Iterator, Sequence

from cicd_agent.domain.workflow_run import BAD, JobRun, RunNote, StepRun
from cicd_agent.modes.analyse_failure.evidence import FailedJob, Role
from cicd_agent.modes.analyse_failure.runs.workflow_file import JobSpec, spec_of

_OVERDUE = re.compile(r"exceeded the maximum execution time|has timed out after")
_FAIL_FAST = re.compile(r"The strategy configuration was canceled because")
_ENDED = "completed"


def roles(jobs: Sequence[JobRun], specs: tuple[JobSpec, ...]) -> tuple[FailedJob, ...]:
    """The jobs that did not pass, those that failed first. One that has not ended yet (our own) is none of them."""
    ended = [job for job in jobs if job.status == _ENDED]
    failed = [job for job in ended if failed_itself(job)]
    found = [_named(job, _role(job, specs)) for job in failed]
    found += _fallen(ended, failed, specs)
    order = list(Role)
    return tuple(sorted(found, key=lambda one: (order.index(one.role), one.job.started, one.job.id)))


def failed_itself(job: JobRun) -> bool:
    """Whether it failed. One that ended without a conclusion has lost its runner."""
    return job.conclusion in BAD or (job.status == _ENDED and not job.conclusion)


def _role(job: JobRun, specs: tuple[JobSpec, ...]) -> Role:
    spec = spec_of(job.name, specs)
    return Role.TOLERATED if spec is not None and spec.tolerant else Role.FAILED


def _fallen(ended: Sequence[JobRun], failed: Sequence[JobRun], specs: tuple[JobSpec, ...]) -> Iterator[FailedJob]:
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


def overdue(notes: Sequence[RunNote]) -> bool:
    """Whether GitHub says that the job took too long; such a job is called cancelled."""
    return any(_OVERDUE.search(note.message) for note in notes)


def felled(notes: Sequence[RunNote]) -> bool:
    """Whether GitHub says that a sibling's failure ended it."""
    return any(_FAIL_FAST.search(note.message) for note in notes)


def _named(job: JobRun, role: Role) -> FailedJob:
    """A job of which no more is known yet than its part and its step."""
    step = failing_step(job)
    return FailedJob(job, role, step.name if step else "")


def failing_step(job: JobRun) -> StepRun | None:
    """The step that failed first; None when the job never came to one."""
    return next((step for step in job.steps if step.conclusion in BAD), None)
