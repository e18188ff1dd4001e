"""The Forge on GitHub: few requests, each bounded, none that could post the same thing twice."""

import re
import time
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self
from urllib.parse import quote

from cicd_agent.adapters.github.actions.download import Downloads
from cicd_agent.adapters.github.actions.runs import GitHubRuns
from cicd_agent.adapters.github.channel import MOST_PAGES, PER_PAGE, READS, WRITES, Channel
from cicd_agent.adapters.github.checks import GitHubMarks
from cicd_agent.adapters.github.commits import GitHubCommits
from cicd_agent.adapters.github.errors import Answer, Call, is_blocked, is_dismissed, words
from cicd_agent.adapters.github.gates import GitHubGates
from cicd_agent.adapters.github.notices import GitHubNotices
from cicd_agent.adapters.github.payloads import ChangedFile, Content, Posted, Pull, PullCommit, Runs, read
from cicd_agent.adapters.github.threads import read_threads, resolve_thread
from cicd_agent.adapters.github.transport import Wire
from cicd_agent.domain.diff import FileDiff
from cicd_agent.domain.effects import InlineComment, Review
from cicd_agent.domain.event import Ref
from cicd_agent.domain.ports.forge import FailedRun, PostedComment, PostedReview, PullState
from cicd_agent.domain.thread import Thread
from cicd_agent.errors import ConfigError, ForgeRefused

if TYPE_CHECKING:
    from cicd_agent.adapters.github.discussions import GitHubDiscussions

API_URL = "https://api.github.com"
MOST_FILES = 3_000
"""Where the files endpoint stops, whatever the pull request holds."""
MOST_COMMITS = 250
"""Where the commits endpoint stops."""


class GitHubForge:
    """One repository on GitHub, through PyGithub's requester.

    A review of a pull request of up to 300 files costs, in requests:

    | | with a checkout | patches from the API |
    |---|---|---|
    | files | 0 | 1 for each 100 |
    | threads of reviews, and who we are | 1 | 1 |
    | comments, review comments | 1–2 | 1–2 |
    | the pull request, before something is written | 0–1 | 0–1 |
    | the review, the comment | 0–2 | 0–2 |
    | failed runs of the branch, when a model is asked | 0–1 | 0–1 |

    which is 7 at most with a checkout. Where threads are to be resolved, they are read once more, and each takes one.
    A run whose event does not hold the pull request needs one more, and so does one whose pull request has moved
    meanwhile. A conversation of more than 100 comments, or threads, costs one for each further 100. A review that gives
    a verdict costs 2 more, GitHubMarks says what labels and check runs do, GitHubRuns what runs of workflows do,
    GitHubGates what deciding on a deployment does. Threads may ask side by side. `notes` tells the limits met.
    """

    def __init__(
        self,
        token: str,
        repo: str,
        *,
        api_url: str = API_URL,
        timeout: int = 20,
        ca_bundle: str = "",
        scratch: Path | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`ca_bundle` is the file named by SSL_CERT_FILE, which requests does not read; proxies it finds by itself.

        `scratch` is where archives lie while they are open.
        """
        if not re.fullmatch(r"[A-Za-z0-9_.-]+/(?!\.\.?$)[A-Za-z0-9_.-]+", repo):
            raise ConfigError("the repository's name is not owner/name", remedy="Look at GITHUB_REPOSITORY")
        self._repo = repo
        self._root = f"/repos/{repo}"
        self._wire = Wire(token, api_url, timeout=timeout, ca_bundle=ca_bundle, sleep=sleep)
        self._channel = Channel(self._wire, sleep)
        self._scratch = scratch
        self._downloads = Downloads(
            self._wire,
            secure=not api_url.startswith("http:"),
            timeout=timeout,
            ca_bundle=ca_bundle,
            sleep=sleep,
            clock=clock,
            note=self._channel.note,
        )
        self._reviews = Reviews(self._root, self._channel)
        self._listed_at: dict[int, str] = {}
        self._blobs: dict[int, dict[str, str]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._wire.close()

    @property
    def requests(self) -> int:
        return self._wire.requests

    @property
    def notes(self) -> tuple[str, ...]:
        return tuple(self._channel.notes)

    def pull(self, number: int) -> PullState:
        call = Call(f"read pull request {number}", "GET", f"{self._root}/pulls/{number}", READS)
        return read(call, self._wire.ask(call), Pull).as_state()

    def head(self, number: int) -> str:
        return self._listed_at.get(number) or self.pull(number).head.sha

    def holds(self, number: int, commit: str) -> bool:
        """Whether the commit is still one of the pull request's; True where GitHub does not list them all."""
        task, path = f"list the commits of pull request {number}", f"{self._root}/pulls/{number}/commits"
        listed = [one.sha for page in self._channel.pages(task, path, PullCommit, 3) for one in page]
        return commit in listed or len(listed) >= MOST_COMMITS

    def files(self, number: int) -> tuple[tuple[FileDiff, ...], tuple[str, ...]]:
        """Its files, at most 3,000, and a note for each limit met."""
        task = f"list the files of pull request {number}"
        pages = self._channel.pages(task, f"{self._root}/pulls/{number}/files", ChangedFile, MOST_FILES // PER_PAGE)
        listed = [file for page in pages for file in page]
        if listed and listed[0].commit:
            self._listed_at[number] = listed[0].commit
        self._blobs[number] = {file.filename: file.sha for file in listed if file.sha}
        found = tuple(file.as_diff() for file in listed)
        notes = []
        if len(found) >= MOST_FILES:
            notes.append(f"the API lists {MOST_FILES:,} files of a pull request at most: there may be more")
        if bare := sum(1 for file in found if file.omitted):
            notes.append(
                f"{bare:,} of {len(found):,} files came without their whole patch: binary, too large, or mode only"
            )
        return found, tuple(notes)

    def blobs(self, number: int) -> Mapping[str, str]:
        return self._blobs.get(number, {})

    def pulls_from(self, head: Ref) -> tuple[PullState, ...]:
        """The open pull requests whose head is this branch of this repository, at most 100.

        Asked for by the branch, because GitHub knows no pull request of a commit that lies in a fork only. What the
        filter lets through is compared again: it names an owner, not a repository.
        """
        task = f"find the pull request of {words(head.repo)}:{words(head.name)}"
        query = {"state": "open", "head": f"{head.repo.partition('/')[0]}:{head.name}"}
        found = (
            pull.as_state()
            for page in self._channel.pages(task, f"{self._root}/pulls", Pull, 1, query)
            for pull in page
        )
        wanted = (head.repo.lower(), head.name)
        return tuple(state for state in found if (state.head.repo.lower(), state.head.name) == wanted)

    def failures(self, branch: str, most: int) -> tuple[FailedRun, ...]:
        """The last runs of workflows that failed on a branch, newest first."""
        query: dict[str, str | int] = {"branch": branch, "status": "failure", "per_page": most}
        call = Call("list failed runs", "GET", f"{self._root}/actions/runs", "actions: read", query=query)
        return tuple(run.as_failed() for run in read(call, self._wire.ask(call), Runs).workflow_runs)[:most]

    def text_at(self, path: str, ref: str) -> str | None:
        """A text file at a commit; None when it is not there, not a regular file, binary, or over 1 MB."""
        if any(part in {"", ".", ".."} for part in path.split("/")):
            return None  # git has no such path, and on the way to GitHub the dots would be resolved
        where = f"{self._root}/contents/{quote(path)}"
        call = Call(f"read {words(path)} at {words(ref)}", "GET", where, "contents: read", query={"ref": ref})
        try:
            answer = self._wire.ask(call)
        except ForgeRefused as refusal:
            if refusal.status == 404:  # noqa: PLR2004
                return None
            raise
        if answer.text.startswith("["):
            return None
        content = read(call, answer, Content)
        if content.type != "file" or content.encoding != "base64":
            return None
        data = b64decode(content.content)
        return None if b"\0" in data else data.decode("utf-8", errors="replace")

    def comments(self, number: int, marker: str) -> tuple[PostedComment, ...]:
        """The comments that contain `marker`, oldest first; one of ours ends the search, there is only one."""
        found: list[PostedComment] = []
        for page in self._channel.newest(f"list the comments of pull request {number}", self._comments_of(number)):
            found += self._channel.marked(page, marker)
            if any(comment.is_ours for comment in found):
                break
        return tuple(sorted(found, key=lambda comment: comment.id))

    def review_comments(self, number: int, marker: str) -> tuple[PostedComment, ...]:
        """The inline comments that contain `marker`, newest first."""
        task = f"list the inline comments of pull request {number}"
        newest = {"sort": "created", "direction": "desc"}
        pages = self._channel.pages(task, f"{self._root}/pulls/{number}/comments", Posted, MOST_PAGES, newest)
        return tuple(comment for page in pages for comment in self._channel.marked(page, marker))

    def post_comment(self, number: int, body: str) -> PostedComment:
        path = self._comments_of(number)
        call = Call("post the comment", "POST", path, WRITES, body={"body": body}, repeatable=False)
        posted = self._channel.once(call, lambda: self._channel.standing(path, lambda one: one.says(body)))
        return posted.as_comment(is_ours=True)

    def edit_comment(self, comment: int, body: str) -> PostedComment:
        path = f"{self._root}/issues/comments/{comment}"
        call = Call("edit the comment", "PATCH", path, WRITES, body={"body": body})
        return read(call, self._wire.ask(call), Posted).as_comment(is_ours=True)

    def post_review(self, review: Review) -> str:
        return self._reviews.post(review)

    def posted_reviews(self, number: int, marker: str) -> tuple[PostedReview, ...]:
        """The submitted reviews that contain `marker`, oldest first; of very many the first and the newest."""
        return self._reviews.posted(number, marker)

    def dismiss(self, number: int, review: int, message: str) -> None:
        self._reviews.dismiss(number, review, message)

    @property
    def notices(self) -> GitHubNotices:
        return GitHubNotices(self._root, self._channel)

    @property
    def commits(self) -> GitHubCommits:
        return GitHubCommits(self._root, self._channel)

    @property
    def gates(self) -> GitHubGates:
        return GitHubGates(self._repo, self._channel)

    @property
    def discussions(self) -> "GitHubDiscussions":
        """What people made of our comments."""
        from cicd_agent.adapters.github.discussions import GitHubDiscussions  # noqa: PLC0415  no run asks for it

        return GitHubDiscussions(self._repo, self._channel)

    def threads(self, number: int) -> tuple[tuple[Thread, ...], tuple[str, ...]]:
        """The threads of its reviews, oldest first, and a note for each limit met. Tells who we are as well."""
        self._channel.login, threads, notes = read_threads(self._wire, self._repo, number)
        return threads, notes

    def resolve(self, thread: str) -> None:
        resolve_thread(self._wire, thread)

    @cached_property
    def marks(self) -> GitHubMarks:
        return GitHubMarks(self._wire, self._root, me=lambda: self._channel.me, settle=self._channel.settle)

    @cached_property
    def runs(self) -> GitHubRuns:
        channel, wire = self._channel, self._wire
        return GitHubRuns(
            wire, self._root, downloads=self._downloads, scratch=self._scratch, settle=channel.settle, note=channel.note
        )

    def thread(self, number: int, comment: int) -> tuple[PostedComment, ...]:
        return self._exchanges.thread(number, comment)

    def reply(self, number: int, comment: int, body: str) -> PostedComment:
        return self._exchanges.reply(number, comment, body)

    @property
    def _exchanges(self) -> Exchanges:
        channel = self._channel
        return Exchanges(self._root, self._wire.ask, channel.pages, channel.once, channel.is_ours)

    def _comments_of(self, number: int) -> str:
        return f"{self._root}/issues/{number}/comments"


@dataclass(frozen=True, slots=True)
class Reviews:
    """The reviews of one repository, whose path is `root`."""

    root: str
    channel: Channel

    def post(self, review: Review) -> str:
        """Post a review with all its comments in one request; returns its URL.

        A review that was begun by our account and never submitted lets no other in: then it is discarded, and the
        review is posted once more.
        """
        path = f"{self.root}/pulls/{review.pull}/reviews"
        body = {
            "commit_id": review.commit,
            "event": str(review.event),
            "body": review.body,
            "comments": [inline(comment) for comment in review.comments],
        }
        call = Call("post the review", "POST", path, WRITES, body=body, repeatable=False)

        def is_it(one: Posted) -> bool:
            return not one.is_pending and one.commit_id == review.commit and one.says(review.body)

        def post() -> str:
            return self.channel.once(call, lambda: self.channel.standing(path, is_it)).html_url

        try:
            return post()
        except ForgeRefused as refusal:
            if not is_blocked(refusal) or not self._discarded(path):
                raise
        return post()

    def posted(self, number: int, marker: str) -> tuple[PostedReview, ...]:
        """The submitted reviews that contain `marker`, oldest first; of very many the first and the newest."""
        pages = self.channel.newest(f"list the reviews of pull request {number}", f"{self.root}/pulls/{number}/reviews")
        found = [one for page in pages for one in page if marker in (one.body or "") and not one.is_pending]
        return tuple(one.as_review(is_ours=self.channel.is_ours(one)) for one in sorted(found, key=lambda one: one.id))

    def dismiss(self, number: int, review: int, message: str) -> None:
        path = f"{self.root}/pulls/{number}/reviews/{review}/dismissals"
        try:
            self.channel.wire.ask(Call("dismiss our review", "PUT", path, WRITES, body={"message": message}))
        except ForgeRefused as refusal:
            if not is_dismissed(refusal):
                raise

    def _discarded(self, path: str) -> bool:
        """Discard the pending review of our account, if that takes nothing from a person."""
        try:
            litter = next(
                (one for page in self.channel.newest("find a pending review", path) for one in page if one.is_litter),
                None,
            )
            if litter is not None:
                self.channel.wire.ask(Call("discard a pending review", "DELETE", f"{path}/{litter.id}", WRITES))
        except ForgeRefused as refusal:
            # Gone is gone, also when the answer to the first attempt was lost. Else the first refusal says it all.
            return refusal.status == 404  # noqa: PLR2004
        return litter is not None


def inline(comment: InlineComment) -> dict[str, Any]:
    """A comment in the words of the API."""
    fields = {"path": comment.path, "line": comment.line, "side": str(comment.side), "body": comment.body}
    if comment.start:
        fields |= {"start_line": comment.start, "start_side": str(comment.side)}
    return fields


class InThread(Posted):
    """An inline comment, with the one that opened its thread."""

    in_reply_to_id: int | None = None
    pull_request_url: str = ""


class Pages(Protocol):
    """Reads a list page by page, at most `most`."""

    def __call__(
        self, task: str, path: str, shape: type[InThread], most: int, query: Mapping[str, str | int], /
    ) -> Iterator[list[InThread]]:
        """The pages, in GitHub's order."""


@dataclass(frozen=True, slots=True)
class Exchanges:
    """The threads of one repository, whose path is `root`; how to ask is the forge's business.

    To read one costs a request for the comment that opened it, and one for each 100 inline comments made since.
    """

    root: str
    ask: Callable[[Call], Answer]
    pages: Pages
    once: Callable[[Call, Callable[[], Posted | None]], Posted]
    is_ours: Callable[[Posted], bool]

    def thread(self, number: int, comment: int) -> tuple[PostedComment, ...]:
        """The thread that `comment` opened, oldest first; empty when that is gone or not of this pull request."""
        call = Call("read the thread", "GET", f"{self.root}/pulls/comments/{comment}", READS)
        try:
            first = read(call, self.ask(call), InThread)
        except ForgeRefused as refusal:
            if refusal.status == 404:  # noqa: PLR2004
                return ()
            raise
        if first.pull_request_url.rpartition("/")[2] != str(number):
            return ()
        found = [first, *sorted(self._answers(number, comment), key=lambda one: one.id)]
        return tuple(one.as_comment(is_ours=self.is_ours(one)) for one in found)

    def reply(self, number: int, comment: int, body: str) -> PostedComment:
        """Add to the thread that `comment` opened."""
        path = f"{self.root}/pulls/{number}/comments/{comment}/replies"
        call = Call("post the reply", "POST", path, WRITES, body={"body": body}, repeatable=False)

        def standing() -> Posted | None:
            said = (one for one in self._answers(number, comment) if one.says(body) and self.is_ours(one))
            return next(said, None)

        return self.once(call, standing).as_comment(is_ours=True)

    def _answers(self, number: int, comment: int) -> Iterator[InThread]:
        """What was said in the thread, newest first; nothing in it is older than what opened it."""
        task, path = "read the answers of the thread", f"{self.root}/pulls/{number}/comments"
        for page in self.pages(task, path, InThread, MOST_PAGES, {"sort": "created", "direction": "desc"}):
            yield from (one for one in page if one.in_reply_to_id == comment)
            if any(one.id <= comment for one in page):
                return
