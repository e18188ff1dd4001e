"""The jobs of a run: which failed by themselves, which only fell with them, and the logs of those that failed."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import yaml

from cicd_agent.analysis.logs.extract import Extract
from cicd_agent.analysis.logs.matcher import Matcher
from cicd_agent.analysis.logs.reader import StepSpan
from cicd_agent.analysis.logs.reduction import passed, reduce
from cicd_agent.analysis.logs.template import Templates
from cicd_agent.domain.events.workflow_run import BAD, JobRun, RunNote, RunState, StepRun
from cicd_agent.domain.evidence import Gap
from cicd_agent.domain.ports.actions import LogArchive, Runs
from cicd_agent.domain.text.words import count
from cicd_agent.errors import ForgeRefused
from cicd_agent.modes.analyse_failure.evidence import FailedJob, GapFor, LogSource, Role
from cicd_agent.modes.analyse_failure.runs.setup_steps import setup_steps

MAX_LOGS = 8
"""Logs of one run that are read: more jobs fail of the same cause, or of everything."""
FIRST_TOKENS = 4_000
MORE_TOKENS = 1_000
_NEXT_TO_NOTHING = 5
"""Lines of a log with less information than the annotations: that of a job whose runner was lost has four."""
_LEVELS = {"failure": "##[error]", "warning": "##[warning]", "notice": "##[notice]"}
_OVERDUE = re.compile(r"exceeded the maximum execution time|has timed out after")
_FAIL_FAST = re.compile(r"The strategy configuration was canceled because")
_MAX_WORKFLOW = 200_000
"""Characters; GitHub takes no workflow of more than 512 kB, and nobody writes one by hand that is half as long."""


@dataclass(frozen=True, slots=True)
class JobSpec:
    """One job of the file: `name` is what it is shown as, "" where an expression makes it up."""

    id: str
    name: str
    needs: tuple[str, ...] = ()
    tolerant: bool = False
    steps: tuple[object, ...] = ()
    """As the file has them."""


def job_specs(text: str) -> tuple[JobSpec, ...]:
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
        if isinstance(job, Mapping):
            name, needs = str(job.get("name", key)), job.get("needs", ())
            listed = [needs] if isinstance(needs, str) else needs if isinstance(needs, list) else []
            is_tolerant = job.get("continue-on-error") is True
            steps = job.get("steps")
            steps = tuple(steps) if isinstance(steps, list) else ()
            yield JobSpec(str(key), "" if "${{" in name else name, tuple(map(str, listed)), is_tolerant, steps)


def spec_of(name: str, specs: Sequence[JobSpec]) -> JobSpec | None:
    """The job of the file that the API calls `name`: with its matrix in brackets, or below the job that calls it."""
    shown = name.partition(" / ")[0]
    for candidate in (name, shown, shown.partition(" (")[0]):
        result = [spec for spec in specs if candidate in {spec.name, spec.id}]
        if len(result) == 1:
            return result[0]
    return None


def roles(jobs: Sequence[JobRun], specs: Sequence[JobSpec]) -> tuple[FailedJob, ...]:
    """The jobs that did not pass, those that failed first. One that has not ended yet (our own) is none of them."""
    ended = [job for job in jobs if job.status == "completed"]
    failed = [job for job in ended if failed_itself(job)]
    matrices = {family(job.name) for job in failed}
    # What needs a job that failed, be it by way of others; without the file nothing is said of it.
    reached = {spec.id for job in failed if (spec := spec_of(job.name, specs))}
    while more := {spec.id for spec in specs if spec.id not in reached and reached & set(spec.needs)}:
        reached |= more
    result = []
    for job in ended:
        spec, step = spec_of(job.name, specs), failing_step(job)
        if failed_itself(job):
            role = Role.TOLERATED if spec is not None and spec.tolerant else Role.FAILED
        elif job.conclusion == "cancelled" and family(job.name) in matrices:
            role = Role.VICTIM
        elif job.conclusion == "skipped" and spec is not None and spec.id in reached:
            role = Role.UNREACHED
        else:
            continue
        setup = setup_steps(job, spec.steps if spec is not None else ())
        result.append(FailedJob(job, role, step.name if step else "", setup))
    order = list(Role)
    return tuple(sorted(result, key=lambda one: (order.index(one.role), one.job.started, one.job.id)))


def failed_itself(job: JobRun) -> bool:
    """Whether it failed. One that ended without a conclusion has lost its runner."""
    return job.conclusion in BAD or (job.status == "completed" and not job.conclusion)


def family(name: str) -> str:
    """The name of a job without its matrix: `unit (3.12, ubuntu)` is one of `unit`."""
    return re.sub(r" \([^()]*\)$", "", name)


def failing_step(job: JobRun) -> StepRun | None:
    return next((step for step in job.steps if step.conclusion in BAD), None)


def took_too_long(notes: Sequence[RunNote]) -> bool:
    """Whether GitHub says so; of a job that a sibling has cancelled the time says nothing."""
    messages = [note.message for note in notes]
    return any(map(_OVERDUE.search, messages)) and not any(map(_FAIL_FAST.search, messages))


@dataclass
class LogReader:
    """Reads one run's logs. `green_templates` gives those of a log of the same job that passed, None if none is."""

    runs: Runs
    run: RunState
    green_templates: Callable[[str], Templates | None]
    matcher: Matcher
    gaps: list[Gap] = field(default_factory=list)
    _archive: LogArchive | None = None
    _has_archive: bool = True

    def read(self, named: Sequence[FailedJob], all_jobs: Sequence[JobRun]) -> tuple[FailedJob, ...]:
        """The jobs with what is known of each; of more than MAX_LOGS failed ones the others are named only."""
        failed = [one for one in named if one.role in {Role.FAILED, Role.TOLERATED}]
        read: dict[int, FailedJob] = {}
        families: set[str] = set()
        try:
            for one in failed[:MAX_LOGS]:
                kin = family(one.job.name)
                read[one.job.id] = self._read(one, all_jobs, MORE_TOKENS if kin in families else FIRST_TOKENS)
                families.add(kin)
        finally:
            if self._archive is not None:
                self._archive.close()
        for one in failed[MAX_LOGS:]:
            self.gaps.append(Gap(f"log of {one.job.name}", f"only {count(MAX_LOGS, 'log')} are read"))
        return tuple(read.get(one.job.id, one) for one in named)

    def overdue(self, jobs: Sequence[JobRun]) -> tuple[FailedJob, ...]:
        """The cancelled jobs of which GitHub says that they took too long: nobody cancelled those."""
        cancelled = [job for job in jobs if job.conclusion == "cancelled"][:MAX_LOGS]
        slow = (job for job in cancelled if took_too_long(self._notes(job)))
        return tuple(FailedJob(replace(job, conclusion="timed_out")) for job in slow)

    def _read(self, named: FailedJob, all_jobs: Sequence[JobRun], tokens: int) -> FailedJob:
        job = named.job
        notes = self._notes(job)
        extract, source = self._log(job, all_jobs, tokens)
        if extract.total < _NEXT_TO_NOTHING and (text := _as_log(notes)):
            extract = reduce([text], tokens=tokens, job=job.name, matcher=self.matcher)
            source = LogSource.ANNOTATIONS
        return replace(named, extract=extract, source=source, notes=notes)

    def _notes(self, job: JobRun) -> tuple[RunNote, ...]:
        with GapFor(self.gaps, f"annotations of {job.name}"):
            return self.runs.notes(job.id)
        return ()

    def _log(self, job: JobRun, all_jobs: Sequence[JobRun], tokens: int) -> tuple[Extract, LogSource]:
        """The log of the job itself, which can be had while other jobs still run; else its part of the archive."""
        refusals = []
        for source in (LogSource.JOB, LogSource.ARCHIVE):
            try:
                log = self.runs.log(job.id) if source is LogSource.JOB else self._packed(job, all_jobs)
                if log is not None:
                    green, steps = self.green_templates(job.name), spans(job)
                    extract = reduce(log, tokens=tokens, green=green, job=job.name, steps=steps, matcher=self.matcher)
                    return extract, source
            except ForgeRefused as refusal:
                refusals.append(str(refusal))
        self.gaps.append(Gap(f"log of {job.name}", " ".join(refusals)))
        return Extract(job=job.name), LogSource.NONE

    def _packed(self, job: JobRun, all_jobs: Sequence[JobRun]) -> Iterator[bytes] | None:
        if self.run.status != "completed" or not self._has_archive:
            return None
        if self._archive is None:
            self._has_archive = False
            self._archive = self.runs.archive(self.run.id, self.run.attempt)
            self._has_archive = True
        return self._archive.log(job, all_jobs)


def spans(job: JobRun) -> tuple[StepSpan, ...]:
    wrong = failing_step(job)
    return tuple(StepSpan(step.name, step.started, step.ended, failed=step is wrong) for step in job.steps)


def templates(runs: Runs, run: RunState, name: str) -> Templates | None:
    try:
        job = next((job for job in runs.jobs(run.id, run.attempt) if job.name == name), None)
        return None if job is None or job.conclusion != "success" else passed(runs.log(job.id))
    except ForgeRefused:
        return None


def _as_log(notes: Sequence[RunNote]) -> bytes:
    lines: list[str] = []
    for note in notes:
        where = f"{note.path}:{note.line}: " if note.line and note.path not in {"", ".github"} else ""
        lines += f"{_LEVELS.get(note.level, '')}{where}{note.message}".split("\n")
    return "\n".join(lines).encode("utf-8", "replace")
