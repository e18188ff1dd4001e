"""A failed run as evidence: its jobs and their logs, what passed before, and the commits that came between."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from cicd_agent.analysis.logs.extract import Extract
from cicd_agent.analysis.test_reports.cases import Case
from cicd_agent.domain.events.workflow_run import JobRun, RunNote, RunState
from cicd_agent.domain.evidence import Evidence, Gap, Section
from cicd_agent.domain.repository.change import Commit
from cicd_agent.domain.repository.library import Unreadable
from cicd_agent.domain.trials.patch_trial import TrialReport
from cicd_agent.errors import ConfigError, ForgeRefused


class Role(StrEnum):
    """What part a job has in the failure of its run."""

    FAILED = "failed"
    TOLERATED = "tolerated"
    """It failed, and `continue-on-error` lets the run go on."""
    VICTIM = "victim"
    """Cancelled because a sibling of its matrix failed first (fail-fast)."""
    UNREACHED = "unreached"
    """Never begun: a job that it needs failed."""


class LogSource(StrEnum):
    JOB = "job log"
    ARCHIVE = "log archive"
    ANNOTATIONS = "annotations"
    """There was no log, or next to nothing in it: what GitHub noted takes its place."""
    FILE = "file"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class LogLocation:
    """A line of a log that points into a file of the repository, by the path it has there.

    `number` is the line of the log, `line` that of the file (0: none is named); `depth` counts the frames between it
    and the error, 0 for the innermost.
    """

    path: str
    line: int
    number: int
    depth: int = 0
    is_test: bool = False


@dataclass(frozen=True, slots=True)
class FailedJob:
    """One job that did not pass. Of a VICTIM or an UNREACHED job no log is read.

    `step` is the name of the step that failed, "" when none is known. `setup` are those of its steps that run nothing
    of the repository's: what they print, no change has written. `places` belong to the problems of the extract,
    those of the first problem first.
    """

    job: JobRun
    role: Role = Role.FAILED
    step: str = ""
    setup: tuple[str, ...] = ()
    extract: Extract = field(default_factory=Extract)
    source: LogSource = LogSource.NONE
    notes: tuple[RunNote, ...] = ()
    places: tuple[LogLocation, ...] = ()


@dataclass(frozen=True, slots=True)
class Trace:
    """The same job, seen elsewhere: another attempt, another commit, another branch.

    `sha` is what it ran on; `strict` and `loose` are the fingerprints of its problems where it failed and its log was
    read; `is_default` says whether that was on the default branch, `pull` on which pull request (0: none). `event` is
    what caused its run: one of a pull request is of its merge with the base. `fixed_by` is the first commit on which it
    passed again.
    """

    run: int
    attempt: int
    job: str
    conclusion: str
    sha: str
    branch: str = ""
    is_default: bool = False
    pull: int = 0
    strict: tuple[str, ...] = ()
    loose: tuple[str, ...] = ()
    url: str = ""
    when: int = 0
    event: str = ""
    fixed_by: str = ""

    @classmethod
    def of(cls, run: RunState, job: JobRun, default_branch: str) -> "Trace":
        return cls(
            run=run.id,
            attempt=run.attempt,
            job=job.name,
            conclusion=job.conclusion,
            sha=run.sha,
            branch=run.branch,
            is_default=run.branch == default_branch and not run.event.startswith("pull_request"),
            pull=run.pulls[0] if run.pulls else 0,
            url=job.url or run.url,
            when=run.created,
            event=run.event,
        )

    @property
    def key(self) -> tuple[int, int, str]:
        return self.run, self.attempt, self.job


@dataclass(frozen=True, slots=True)
class Candidate:
    """A commit since the last green run, and the lines that it changed, by path, numbered as at the failed commit.

    What it deleted counts at the line after it. `lines` are None for a file whose lines are not known, and () where all
    that it changed is blank or a comment. `names` are the functions and classes that it edited, by path; `gone` are the
    names that it took away: definitions, and files by their stem. In `aside` it only added or removed whole
    definitions, and imports. `files` is for readers: each file with what became of it. Work that is
    not committed yet is a candidate without a SHA.
    """

    commit: Commit
    lines: Mapping[str, tuple[tuple[int, int], ...] | None] = field(default_factory=dict)
    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    gone: tuple[str, ...] = ()
    aside: tuple[str, ...] = ()
    files: tuple[str, ...] = ()

    @property
    def paths(self) -> frozenset[str]:
        """The files in which it changed anything that can fail."""
        return frozenset(path for path, ranges in self.lines.items() if ranges != ())


@dataclass(frozen=True, slots=True)
class FailedRun:
    """Everything that was read of one failed run; without `run` it is a log file that somebody named.

    `jobs` are ranked: failed ones first. `candidates` are the commits since `green` (the last run of the workflow on
    the branch that passed), newest first; `cases` are the failing ones of test reports. `imports` maps a file that a
    location or a failing test names to the files of the repository that it imports, as far as is known.
    """

    run: RunState | None = None
    jobs: tuple[FailedJob, ...] = ()
    cases: tuple[Case, ...] = ()
    traces: tuple[Trace, ...] = ()
    green: RunState | None = None
    turned_red: bool = False
    """Whether the run before this one, of the same workflow on the default branch, had passed."""
    candidates: tuple[Candidate, ...] = ()
    imports: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    called: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The names in the functions of tests that the log points into, by `path:line`; in the whole file of line 0."""


FAILED_RUN: Final = Section[FailedRun]("failed", FailedRun)
TRIALS: Final = Section[tuple[TrialReport, ...]]("trials", tuple[TrialReport, ...])
"""What came of patches that were tried after the answers, so that nothing has to be run again to judge them."""
SECTIONS: Final = (FAILED_RUN, TRIALS)


@dataclass(frozen=True, slots=True)
class GapFor:
    """Records as a gap why something cannot be read."""

    gaps: list[Gap]
    what: str

    def __enter__(self) -> None:
        """Nothing is to be prepared."""

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> bool:
        is_known = isinstance(error, ConfigError | ForgeRefused | Unreadable)
        if is_known:
            self.gaps.append(Gap(self.what, str(error)))
        return is_known


def failed_run(evidence: Evidence) -> FailedRun:
    """The run whose failure is to be explained; empty when none was read."""
    return evidence.get(FAILED_RUN) or FailedRun()
