"""GitHub's answers, as far as we read them, with the names of our own types: what is read is checked."""

from inspect import signature
from typing import Annotated, Any, Generic, TypeVar
from urllib.parse import parse_qs, urlsplit

from pydantic import (
    AliasChoices,
    AliasPath,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from cicd_agent.adapters.github.errors import Answer, Call, unreadable
from cicd_agent.domain.events.event import Actor, PullRequest, Ref, same_login
from cicd_agent.domain.events.workflow_run import JobRun, RunNote, StepRun
from cicd_agent.domain.ports.forge import PullState
from cicd_agent.domain.repository.change import Commit
from cicd_agent.domain.repository.diff import ChangeKind, FileDiff, LineKind
from cicd_agent.domain.repository.diff_parser import TRUNCATED, parse_patch
from cicd_agent.domain.text.markdown import find_marker

EMPTY_BLOB = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"
NO_PATCH = "no patch from the API"
MAX_MESSAGE = 20_000
"""Characters of a commit's message that are read."""
KINDS = {
    "added": ChangeKind.ADDED,
    "removed": ChangeKind.DELETED,
    "renamed": ChangeKind.RENAMED,
    "copied": ChangeKind.COPIED,
}
_MOMENT: TypeAdapter[AwareDatetime | None] = TypeAdapter(AwareDatetime | None)
T = TypeVar("T")
D = TypeVar("D")


def read(call: Call, answer: Answer, shape: type[T]) -> T:
    """The answer as `shape`; raises ForgeRefused when it is something else."""
    try:
        return TypeAdapter(shape).validate_json(answer.text)
    except ValidationError:
        # Its text would quote the answer, which is foreign and long.
        raise unreadable(call, answer) from None


def at(*path: str, default: Any = ...) -> Any:
    """A field of another name, or one that lies deeper; the default counts where what it lies in is null."""
    return Field(default, validation_alias=AliasPath(*path))


def each(name: str) -> BeforeValidator:
    """Of a list of objects what each has under this name; null is an empty list."""

    def values(items: object) -> object:
        if not isinstance(items, list):
            return items or ()
        return [item.get(name) if isinstance(item, dict) else item for item in items]

    return BeforeValidator(values)


def seconds(moment: object) -> float:
    """Since the epoch; 0 for no time, and for the year 1 by which GitHub marks what never happened."""
    when = _MOMENT.validate_python(moment)
    return max(when.timestamp(), 0.0) if when is not None else 0.0


Text = Annotated[str, BeforeValidator(lambda text: "" if text is None else text)]
"""A text, "" for null."""
Seconds = Annotated[float, BeforeValidator(seconds)]
Epoch = Annotated[int, BeforeValidator(lambda moment: int(seconds(moment)))]
"""A time in whole seconds."""


class Shape(BaseModel):
    """Part of an answer."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    def to(self, kind: type[D], /, **more: object) -> D:
        """Our own type, whose fields this has by the same names, but for `more`."""
        names = signature(kind).parameters.keys() & type(self).model_fields.keys()
        return kind(**{name: getattr(self, name) for name in names} | more)


class Page(Shape, Generic[T]):
    """A page of a list, and how many entries there are in all where it has an envelope."""

    total: int = at("total_count", default=0)
    entries: tuple[T, ...] = Field(
        validation_alias=AliasChoices("workflow_runs", "jobs", "artifacts", "check_runs", "statuses", "entries")
    )

    @model_validator(mode="before")
    @classmethod
    def _enveloped(cls, data: object) -> object:
        return {"entries": data} if isinstance(data, list) else data


class Authored(Shape):
    """Something that an account wrote; the author is "" where the account was deleted."""

    author: Text = at("user", "login", default="")
    author_type: Text = at("user", "type", default="")

    def by(self, login: str) -> bool:
        """Whether `login` wrote it. Only a bot's login may differ by its suffix: a user "x" is not the App "x[bot]"."""
        return bool(self.author) and same_login(self.author, login, is_bot=self.author_type == "Bot")


class Named(Shape):
    name: str


class Branch(Shape):
    """One end of a pull request; the repository is null where a fork was deleted."""

    name: str = at("ref")
    sha: str
    repo: Text = at("repo", "full_name", default="")


class Pull(Authored):
    number: int
    title: str
    state: str
    base: Branch
    head: Branch
    body: Text = ""
    draft: bool = False
    author_association: str = ""
    labels: Annotated[tuple[str, ...], each("name")] = ()
    url: Text = at("html_url", default="")

    def as_state(self) -> PullState:
        base, head = self.base.to(Ref), self.head.to(Ref)
        author = Actor(self.author, is_bot=self.author_type == "Bot", association=self.author_association)
        pull = self.to(
            PullRequest,
            author=author,
            is_open=self.state == "open",
            from_fork=head.repo != base.repo,
        )
        return PullState(pull=pull, base=base, head=head)


class ChangedFile(Shape):
    """One file of a change. It has no mode, and a large or binary file comes without a patch."""

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


class Posted(Authored):
    id: int
    url: str = at("html_url")
    body: Text = ""
    commit: Text = at("commit_id", default="")
    state: Text = ""
    """Of a review; PENDING ones are shown to their author only."""

    def has_text(self, body: str) -> bool:
        return self.body.split() == body.split()

    @property
    def is_pending(self) -> bool:
        """Whether it is a review that was begun and never submitted."""
        return self.state == "PENDING"

    @property
    def is_discardable(self) -> bool:
        """Whether nobody misses it when it is discarded: a person's own draft is not ours to throw away."""
        return self.is_pending and (self.author_type == "Bot" or bool(find_marker(self.body)))


class Issue(Posted):
    """An issue; GitHub lists pull requests among them."""

    number: int
    title: Text = ""
    created: Epoch = at("created_at", default=0)
    pull_request: Any = None


class CheckRun(Shape):
    id: int
    name: str
    status: Text = ""
    conclusion: Text = ""
    ended: Epoch = at("completed_at", default=0)
    url: Text = at("html_url", default="")
    details_url: Text = ""
    external_id: Text = ""
    app: Text = at("app", "slug", default="")
    title: Text = at("output", "title", default="")
    summary: Text = at("output", "summary", default="")
    annotations: int = at("output", "annotations_count")


class Run(Shape):
    id: int
    attempt: int = at("run_attempt", default=1)
    workflow: Text = at("name", default="")
    workflow_id: int
    path: Text = ""
    event: Text = ""
    status: Text = ""
    conclusion: Text = ""
    branch: Text = at("head_branch", default="")
    sha: str = at("head_sha")
    repo: Text = at("head_repository", "full_name", default="")
    url: Text = at("html_url", default="")
    created: Epoch = at("created_at")
    pulls: Annotated[tuple[int, ...], each("number")] = at("pull_requests", default=())


class Step(Shape):
    name: str
    number: int
    conclusion: Text = ""
    started: Seconds = at("started_at", default=0.0)
    ended: Seconds = at("completed_at", default=0.0)


class Job(Shape):
    id: int
    name: str
    status: Text = ""
    conclusion: Text = ""
    started: Seconds = at("started_at", default=0.0)
    ended: Seconds = at("completed_at", default=0.0)
    steps: tuple[Step, ...] | None = None
    runner: Text = at("runner_name", default="")
    url: Text = at("html_url", default="")
    attempt: int = at("run_attempt", default=1)

    def as_job(self) -> JobRun:
        return self.to(JobRun, steps=tuple(step.to(StepRun) for step in self.steps or ()))


class Noted(Shape):
    level: Text = at("annotation_level", default="")
    message: Text = ""
    title: Text = ""
    path: Text = ""
    line: int = at("start_line", default=0)

    def as_note(self) -> RunNote:
        return self.to(RunNote, line=max(self.line, 0))


class Artifact(Shape):
    id: int
    name: str
    size: int = at("size_in_bytes")
    expired: bool = False


class Entry(Shape):
    path: str = ""
    type: str = ""
    mode: str = ""
    sha: str = ""
    size: int = 0


class Tree(Shape):
    sha: str = ""
    entries: tuple[Entry, ...] = at("tree", default=())
    truncated: bool = False


class Committed(Shape):
    """A commit; its files are given where it is asked for alone."""

    sha: str
    message: str = at("commit", "message", default="")
    author: Text = at("commit", "author", "name", default="")
    when: Epoch = at("commit", "committer", "date", default=0)
    parents: Annotated[tuple[str, ...], each("sha")] = ()
    files: tuple[ChangedFile, ...] | None = None

    def as_commit(self) -> Commit:
        subject, _, body = self.message.partition("\n")
        return self.to(Commit, subject=subject.strip(), body=body.strip()[:MAX_MESSAGE])


class Comparison(Shape):
    """What lies between two commits; `commits` has the oldest first."""

    merge_base: str = at("merge_base_commit", "sha")
    total: int = at("total_commits")
    commits: tuple[Committed, ...]
    files: tuple[ChangedFile, ...] | None = None


class Content(Shape):
    """A file by the contents API; above 1 MB its encoding is "none" and the content empty."""

    type: str
    encoding: str = ""
    content: str = ""


class Problem(Shape):
    message: str = ""
    type: str = ""


class Viewed(Shape):
    """An answer of GraphQL that says who we are, "" where that was refused; with why it is not whole."""

    viewer: Text = at("data", "viewer", "login", default="")
    errors: tuple[Problem, ...] | None = None

    @property
    def problems(self) -> tuple[str, ...]:
        """The first reason why GitHub does not show all of it, if there is any."""
        return tuple(each.message for each in self.errors or ())[:1]
