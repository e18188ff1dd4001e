"""Runs of workflows as the API shows them: a run, its jobs, their steps, and what GitHub itself noted about them."""

from dataclasses import dataclass

BAD = frozenset({"failure", "timed_out", "startup_failure", "action_required"})
"""Conclusions in GitHub's words that mean that something failed; a job that ended without one did as well."""


@dataclass(frozen=True, slots=True)
class RunState:
    """One attempt of a run. `repo` is where its head lies, `created` is in seconds since the epoch.

    `conclusion` is "" while it goes on. `workflow` is its name, `workflow_id` what it is found by, `path` its file.
    """

    id: int
    attempt: int = 1
    workflow: str = ""
    workflow_id: int = 0
    event: str = ""
    status: str = ""
    conclusion: str = ""
    branch: str = ""
    sha: str = ""
    repo: str = ""
    url: str = ""
    created: int = 0
    pulls: tuple[int, ...] = ()
    path: str = ""


@dataclass(frozen=True, slots=True)
class StepRun:
    """One step of a job. Times are in seconds since the epoch, 0 when they are not known."""

    name: str
    number: int
    conclusion: str = ""
    started: float = 0.0
    ended: float = 0.0


@dataclass(frozen=True, slots=True)
class JobRun:
    """One job of an attempt; its id is that of its check run, too.

    `conclusion` is "" while it goes on, and for a job whose runner was lost.
    """

    id: int
    name: str
    status: str = ""
    conclusion: str = ""
    started: float = 0.0
    ended: float = 0.0
    steps: tuple[StepRun, ...] = ()
    runner: str = ""
    url: str = ""
    attempt: int = 1


@dataclass(frozen=True, slots=True)
class RunNote:
    """An annotation of a job's check run; `level` in GitHub's words: notice, warning, failure."""

    level: str
    message: str
    title: str = ""
    path: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class StoredArtifact:
    """An artifact of a run, not yet downloaded; `size` in bytes, packed."""

    id: int
    name: str
    size: int
    expired: bool = False
