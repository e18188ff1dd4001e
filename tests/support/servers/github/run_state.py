"""What the fake GitHub remembers of workflows: runs with their attempts, jobs and artifacts, and single commits."""

from dataclasses import dataclass, field, replace
from typing import Any

Json = Any
WHEN = "2026-01-01T00:00:00Z"


@dataclass(frozen=True)
class Step:
    """A step of a job."""

    name: str
    number: int
    conclusion: str | None = "success"
    started_at: str | None = WHEN
    completed_at: str | None = WHEN


@dataclass(frozen=True)
class Job:
    """A job of one attempt; its log is None where it was lost."""

    id: int
    name: str
    conclusion: str | None = "failure"
    status: str = "completed"
    log: bytes | None = b""
    steps: tuple[Step, ...] = ()
    started_at: str = WHEN
    completed_at: str | None = WHEN
    runner: str | None = "GitHub Actions 1"
    notes: tuple[Json, ...] = ()
    """Annotations of its check run."""


@dataclass
class Attempt:
    """One attempt of a run; `archive` are the logs as they are packed, where they are."""

    jobs: list[Job] = field(default_factory=list)
    conclusion: str | None = "failure"
    status: str = "completed"
    archive: bytes | None = None


@dataclass(frozen=True)
class Artifact:
    """An artifact and what it holds, packed."""

    id: int
    name: str
    data: bytes = b""
    expired: bool = False


@dataclass(frozen=True)
class Run:
    """A run of a workflow. Without attempts it has one, which has ended."""

    id: int
    name: str
    sha: str
    branch: str
    conclusion: str = "failure"
    title: str = ""
    created_at: str = WHEN
    workflow: int = 1
    path: str = ".github/workflows/ci.yml"
    event: str = "push"
    head_repo: str | None = ""
    """The repository itself if empty, None where a fork was deleted."""
    pulls: tuple[int, ...] = ()
    attempts: list[Attempt] = field(default_factory=list)
    artifacts: list[Artifact] = field(default_factory=list)
    expired: bool = False
    """Whether its logs were deleted for their age."""

    def attempt(self, number: int) -> Attempt | None:
        """One of them by its number, the last for 0."""
        known = self.attempts or [Attempt(conclusion=self.conclusion)]
        return known[number - 1] if number <= len(known) else None

    def rerun(self, new_id: Any) -> None:
        """Begin one attempt more, in which the jobs that failed have not begun."""
        jobs = [
            job
            if job.conclusion == "success"
            else replace(job, id=new_id(), conclusion=None, status="queued", log=None, completed_at=None, steps=())
            for job in self.attempts[-1].jobs
        ]
        self.attempts.append(Attempt(jobs, None, "queued"))


@dataclass(frozen=True)
class Commit:
    """A commit with what it changed against its first parent: `files` as a pull request has them."""

    sha: str
    message: str = "Change"
    parent: str = ""
    files: tuple[Any, ...] = ()
    author: str = "A. Author"
    when: str = WHEN
