"""Runs of workflows, comments on commits, issues and notifications, as ports."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from cicd_agent.domain.effects import Button, PostedComment
from cicd_agent.domain.events.workflow_run import JobRun, RunNote, RunState, StoredArtifact
from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.trials.patch_trial import Trial, TrialReport


class Runs(Protocol):
    """Runs of workflows, their logs and artifacts; every method may raise ForgeRefused.

    Takes `actions: read`, and `actions: write` to run failed jobs again. Lists hold at most 100 items, 1,000 jobs and
    300 files.
    """

    def run(self, run: int, attempt: int = 0) -> RunState: ...
    def jobs(self, run: int, attempt: int) -> tuple[JobRun, ...]: ...

    def log(self, job: int) -> Iterator[bytes]:
        """The log of a job that has ended, in chunks that nobody keeps. Refused with 404 or 410 when it is gone."""

    def archive(self, run: int, attempt: int) -> "LogArchive": ...
    def notes(self, job: int) -> tuple[RunNote, ...]: ...
    def artifacts(self, run: int) -> tuple[StoredArtifact, ...]: ...

    def artifact(self, artifact: StoredArtifact, patterns: Sequence[str], max_bytes: int) -> Mapping[str, bytes]:
        """The files of an artifact whose names match a glob pattern, each of at most `max_bytes` unpacked."""

    def of_workflow(
        self, workflow: int, *, branch: str = "", sha: str = "", status: str = "", limit: int = 10
    ) -> tuple[RunState, ...]:
        """The last runs of a workflow, or with 0 of all of them, newest first.

        `status` is a status or conclusion in GitHub's words.
        """

    def compare(self, base: str, head: str) -> Change: ...
    def commit(self, sha: str) -> Change: ...

    def paths(self, commit: str) -> tuple[str, ...]:
        """The path of every file of a commit, none when GitHub does not list them all."""

    def rerun(self, run: int) -> None: ...


class LogArchive(Protocol):
    def log(self, job: JobRun, siblings: Sequence[JobRun]) -> Iterator[bytes] | None:
        """The log of a job, found among its siblings by its name as GitHub cuts it; None when it is not there."""

    def close(self) -> None: ...


class Notices(Protocol):
    """Comments on commits, which take `contents: write`, and issues, `issues: write`; any may raise ForgeRefused."""

    def commit_comments(self, commit: str, marker: str) -> tuple[PostedComment, ...]: ...
    def post_commit_comment(self, commit: str, body: str) -> PostedComment: ...
    def edit_commit_comment(self, comment: int, body: str) -> PostedComment: ...

    def issues(self, marker: str) -> tuple[PostedComment, ...]:
        """Our open issues that contain `marker`; the id is the issue's number."""

    def open_issue(self, title: str, body: str) -> PostedComment: ...
    def edit_issue(self, number: int, title: str, body: str) -> PostedComment: ...


class Notifier(Protocol):
    """A place where people are told things in one line, or asked to decide something."""

    def send(self, text: str, url: str, details: Sequence[str] = (), buttons: Sequence[Button] = ()) -> None:
        """Send the line, below it what the details say, a line each, and the links. Raises NotifierRefused."""


class PatchTester(Protocol):
    def attempt(self, trial: Trial) -> TrialReport: ...
