"""GitHub's answers, as far as we read them: whatever else is in them does not matter, what is read is checked."""

from typing import Generic, TypeVar
from urllib.parse import parse_qs, urlsplit

from pydantic import AwareDatetime, BaseModel, ConfigDict, TypeAdapter, ValidationError

from cicd_agent.adapters.github.errors import Answer, Call, unreadable
from cicd_agent.domain.effects import PostedComment
from cicd_agent.domain.events.event import Actor, PullRequest, Ref
from cicd_agent.domain.events.workflow_run import JobRun, RunNote, RunState, StepRun, StoredArtifact
from cicd_agent.domain.ports.forge import FailedRun, PostedCheck, PostedReview, PullState
from cicd_agent.domain.repository.change import Commit
from cicd_agent.domain.repository.diff import ChangeKind, FileDiff, LineKind
from cicd_agent.domain.repository.diff_parser import TRUNCATED, parse_patch
from cicd_agent.domain.text.markdown import find_marker

EMPTY_BLOB = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"
NO_PATCH = "no patch from the API"
KINDS = {
    "added": ChangeKind.ADDED,
    "removed": ChangeKind.DELETED,
    "renamed": ChangeKind.RENAMED,
    "copied": ChangeKind.COPIED,
}
T = TypeVar("T")


def read(call: Call, answer: Answer, shape: type[T]) -> T:
    """The answer as `shape`; raises ForgeRefused when it is something else."""
    try:
        return TypeAdapter(shape).validate_json(answer.text)
    except ValidationError:
        # Its text would quote the answer, which is foreign and long.
        raise unreadable(call, answer) from None


class Shape(BaseModel):
    """Part of an answer."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Account(Shape):
    """A user or a bot; null where the account was deleted."""

    login: str
    type: str = ""


class Named(Shape):
    """Anything with a name: a label."""

    name: str


class RepositoryName(Shape):
    """A repository; null where a fork was deleted."""

    full_name: str


class Branch(Shape):
    """One end of a pull request."""

    ref: str
    sha: str
    repo: RepositoryName | None = None

    def as_ref(self) -> Ref:
        return Ref(name=self.ref, sha=self.sha, repo=self.repo.full_name if self.repo else "")


class Pull(Shape):
    """A pull request."""

    number: int
    title: str
    state: str
    base: Branch
    head: Branch
    body: str | None = None
    draft: bool = False
    user: Account | None = None
    author_association: str = ""
    labels: tuple[Named, ...] = ()

    def as_state(self) -> PullState:
        base, head = self.base.as_ref(), self.head.as_ref()
        author = Actor(association=self.author_association)
        if self.user:
            author = Actor(self.user.login, is_bot=self.user.type == "Bot", association=self.author_association)
        pull = PullRequest(
            number=self.number,
            title=self.title,
            body=self.body or "",
            author=author,
            draft=self.draft,
            is_open=self.state == "open",
            from_fork=head.repo != base.repo,
            labels=tuple(label.name for label in self.labels),
        )
        return PullState(pull=pull, base=base, head=head)


class ChangedFile(Shape):
    """One file of a pull request. Its mode is not told, and a large or binary file comes without a patch."""

    filename: str
    status: str
    changes: int
    sha: str | None = None
    previous_filename: str | None = None
    patch: str | None = None
    contents_url: str = ""

    @property
    def commit(self) -> str:
        """The head that the file was listed of, "" when the answer does not say."""
        return parse_qs(urlsplit(self.contents_url).query).get("ref", [""])[0]

    def as_diff(self) -> FileDiff:
        hunks = parse_patch(self.patch or "")
        shown = sum(line.kind is not LineKind.CONTEXT for hunk in hunks for line in hunk.lines)
        nothing_to_show = self.sha == EMPTY_BLOB or (self.previous_filename is not None and self.changes == 0)
        omitted = "" if self.patch or nothing_to_show else NO_PATCH
        return FileDiff(
            path=self.filename,
            old_path=self.previous_filename or self.filename,
            kind=KINDS.get(self.status, ChangeKind.MODIFIED),
            hunks=hunks,
            omitted=TRUNCATED if self.patch and shown != self.changes else omitted,
        )


class Posted(Shape):
    """A comment or a review that stands on the pull request."""

    id: int
    html_url: str
    body: str | None = None
    user: Account | None = None
    commit_id: str | None = None
    state: str = ""
    """Of a review; PENDING ones are shown to their author only."""

    def has_text(self, body: str) -> bool:
        return (self.body or "").split() == body.split()

    @property
    def is_pending(self) -> bool:
        """Whether it is a review that was begun and never submitted."""
        return self.state == "PENDING"

    @property
    def is_discardable(self) -> bool:
        """Whether nobody misses it when it is discarded: a person's own draft is not ours to throw away."""
        is_bot = self.user is not None and self.user.type == "Bot"
        return self.is_pending and (is_bot or bool(find_marker(self.body or "")))

    def by(self, login: str) -> bool:
        """Whether `login` wrote it. Only a bot's login may differ by its suffix: a user "x" is not the App "x[bot]"."""
        if self.user is None:
            return False
        if self.user.type == "Bot":
            return self.user.login.removesuffix("[bot]").lower() == login.removesuffix("[bot]").lower()
        return self.user.login.lower() == login.lower()

    def as_comment(self, *, is_ours: bool) -> PostedComment:
        author = self.user.login if self.user else ""
        return PostedComment(id=self.id, body=self.body or "", author=author, is_ours=is_ours, url=self.html_url)

    def as_review(self, *, is_ours: bool) -> PostedReview:
        commit = self.commit_id or ""
        return PostedReview(self.id, self.body or "", is_ours, state=self.state, commit=commit, url=self.html_url)


class CheckOutput(Shape):
    """What a check run shows."""

    title: str | None = None
    summary: str | None = None
    annotations_count: int


class App(Shape):
    """Who made a check run."""

    slug: str = ""


class Check(Shape):
    """A check run."""

    id: int
    name: str
    output: CheckOutput
    external_id: str | None = None
    conclusion: str | None = None
    html_url: str | None = None
    app: App | None = None

    def as_posted(self) -> PostedCheck:
        output = self.output
        return PostedCheck(
            id=self.id,
            conclusion=self.conclusion or "",
            title=output.title or "",
            summary=output.summary or "",
            annotations=output.annotations_count,
            url=self.html_url or "",
        )


class Checks(Shape):
    """A list of check runs, in its envelope."""

    check_runs: tuple[Check, ...]


class PullCommit(Shape):
    """A commit of a pull request."""

    sha: str


class Run(Shape):
    """A run of a workflow."""

    head_sha: str
    created_at: AwareDatetime
    name: str | None = None
    conclusion: str | None = None

    def as_failed(self) -> FailedRun:
        return FailedRun(self.name or "", self.head_sha, int(self.created_at.timestamp()), self.conclusion or "")


class Runs(Shape):
    """A page of runs."""

    workflow_runs: tuple[Run, ...]


class Content(Shape):
    """A file by the contents API; above 1 MB its encoding is "none" and the content empty."""

    type: str
    encoding: str = ""
    content: str = ""


class Viewer(Shape):
    """Who we are."""

    login: str


class Problem(Shape):
    """Why GraphQL did not answer, or not all."""

    message: str = ""
    type: str = ""


class Envelope(Shape, Generic[T]):
    """What stands around each answer; `data` is null when all was refused."""

    data: T | None = None
    errors: tuple[Problem, ...] | None = None


class ViewerData(Shape):
    """`viewer { login }`, null where it was refused."""

    viewer: Viewer | None = None


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
