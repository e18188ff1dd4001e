"""GitHub's answers about runs of workflows and commits, as far as we read them."""

from pydantic import AwareDatetime

from cicd_agent.adapters.github.payloads import ChangedFile, RepositoryName, Shape
from cicd_agent.domain.events.workflow_run import JobRun, RunNote, RunState, StepRun, StoredArtifact
from cicd_agent.domain.repository.change import Commit

MAX_BODY = 20_000
"""Characters of a commit's message that are kept."""


class PullNumber(Shape):
    """A pull request that a run belongs to; none is listed for one from a fork."""

    number: int


class Attempt(Shape):
    """A run as it was at one attempt."""

    id: int
    run_attempt: int = 1
    name: str | None = None
    workflow_id: int
    path: str = ""
    event: str = ""
    status: str | None = None
    conclusion: str | None = None
    head_branch: str | None = None
    head_sha: str
    head_repository: RepositoryName | None = None
    html_url: str = ""
    created_at: AwareDatetime
    pull_requests: tuple[PullNumber, ...] | None = None

    def as_state(self) -> RunState:
        return RunState(
            id=self.id,
            attempt=self.run_attempt,
            workflow=self.name or "",
            workflow_id=self.workflow_id,
            path=self.path,
            event=self.event,
            status=self.status or "",
            conclusion=self.conclusion or "",
            branch=self.head_branch or "",
            sha=self.head_sha,
            repo=self.head_repository.full_name if self.head_repository else "",
            url=self.html_url,
            created=int(seconds(self.created_at)),
            pulls=tuple(pull.number for pull in self.pull_requests or ()),
        )


class Attempts(Shape):
    """A page of runs."""

    workflow_runs: tuple[Attempt, ...]


class Step(Shape):
    """A step of a job."""

    name: str
    number: int
    conclusion: str | None = None
    started_at: AwareDatetime | None = None
    completed_at: AwareDatetime | None = None

    def as_step(self) -> StepRun:
        return StepRun(
            self.name, self.number, self.conclusion or "", seconds(self.started_at), seconds(self.completed_at)
        )


class Job(Shape):
    """A job of an attempt."""

    id: int
    name: str
    status: str = ""
    conclusion: str | None = None
    started_at: AwareDatetime | None = None
    completed_at: AwareDatetime | None = None
    steps: tuple[Step, ...] | None = None
    runner_name: str | None = None
    html_url: str | None = None
    run_attempt: int = 1

    def as_job(self) -> JobRun:
        return JobRun(
            id=self.id,
            name=self.name,
            status=self.status,
            conclusion=self.conclusion or "",
            started=seconds(self.started_at),
            ended=seconds(self.completed_at),
            steps=tuple(step.as_step() for step in self.steps or ()),
            runner=self.runner_name or "",
            url=self.html_url or "",
            attempt=self.run_attempt,
        )


class Jobs(Shape):
    """A page of jobs, and how many there are."""

    total_count: int
    jobs: tuple[Job, ...]


class Noted(Shape):
    """An annotation of a check run."""

    annotation_level: str | None = None
    message: str | None = None
    title: str | None = None
    path: str = ""
    start_line: int = 0

    def as_note(self) -> RunNote:
        return RunNote(
            self.annotation_level or "", self.message or "", self.title or "", self.path, max(self.start_line, 0)
        )


class Artifact(Shape):
    """An artifact of a run."""

    id: int
    name: str
    size_in_bytes: int
    expired: bool = False

    def as_stored(self) -> StoredArtifact:
        return StoredArtifact(self.id, self.name, self.size_in_bytes, self.expired)


class Artifacts(Shape):
    """A page of artifacts, and how many there are."""

    total_count: int
    artifacts: tuple[Artifact, ...]


class Entry(Shape):
    """What stands at a path of a tree."""

    path: str = ""
    type: str = ""


class Tree(Shape):
    """All that a commit holds, unless there is too much of it."""

    tree: tuple[Entry, ...] = ()
    truncated: bool = False


class Person(Shape):
    """Who wrote or committed; git does not say more."""

    name: str | None = None
    date: AwareDatetime | None = None


class Message(Shape):
    """What git knows of a commit."""

    message: str = ""
    author: Person | None = None
    committer: Person | None = None


class Sha(Shape):
    """A commit by its name alone."""

    sha: str


class Committed(Shape):
    """A commit; its files are given where it is asked for alone."""

    sha: str
    commit: Message
    parents: tuple[Sha, ...] = ()
    files: tuple[ChangedFile, ...] | None = None

    def as_commit(self) -> Commit:
        subject, _, body = self.commit.message.partition("\n")
        author = (self.commit.author.name if self.commit.author else None) or ""
        when = seconds(self.commit.committer.date) if self.commit.committer else 0
        return Commit(self.sha, subject.strip(), body.strip()[:MAX_BODY], author, int(when))


class Comparison(Shape):
    """What lies between two commits; `commits` has the oldest first."""

    merge_base_commit: Sha
    total_commits: int
    commits: tuple[Committed, ...]
    files: tuple[ChangedFile, ...] | None = None


def seconds(moment: AwareDatetime | None) -> float:
    """Since the epoch; 0 for no time, and for the year 1 by which GitHub marks what never happened."""
    return max(moment.timestamp(), 0.0) if moment is not None else 0.0
