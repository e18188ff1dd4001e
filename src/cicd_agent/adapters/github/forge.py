"""The Forge on GitHub: few requests, each bounded, none that could post the same thing twice."""

import re
import time
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

from cicd_agent.adapters.github.channel import MAX_PAGES, NOT_FOUND, PER_PAGE, WRITES, Channel, unless_missing
from cicd_agent.adapters.github.commits import GitHubCommits
from cicd_agent.adapters.github.download import Downloads
from cicd_agent.adapters.github.errors import Call, is_blocked, is_dismissed, printable
from cicd_agent.adapters.github.gates import GitHubGates
from cicd_agent.adapters.github.graphql import read_blob_texts, read_threads, resolve_thread
from cicd_agent.adapters.github.payloads import (
    ChangedFile,
    Committed,
    Content,
    Issue,
    Named,
    Page,
    Posted,
    Pull,
    Run,
    read,
)
from cicd_agent.adapters.github.payloads import CheckRun as PostedRun
from cicd_agent.adapters.github.runs import GitHubRuns
from cicd_agent.adapters.github.transport import Wire
from cicd_agent.domain.effects import Annotation, CheckRun, InlineComment, Level, PostedComment, Review
from cicd_agent.domain.events.event import Ref
from cicd_agent.domain.events.thread import Thread
from cicd_agent.domain.ports.forge import MAX_CHANGED_FILES, FailedRun, PostedCheck, PostedReview, PullState
from cicd_agent.domain.repository.diff import FileDiff
from cicd_agent.errors import ConfigError, ForgeRefused

if TYPE_CHECKING:
    from cicd_agent.adapters.github.discussions import GitHubDiscussions

API_URL = "https://api.github.com"
MAX_COMMITS = 250
"""Where the commits endpoint stops."""
NEWEST_FIRST = {"sort": "created", "direction": "desc"}
LABELS = "pull-requests: write"
"""Enough for a label that the repository has; to create one takes `issues: write` as well, and GitHub says so."""
CHECKS = "checks: write"
LEVELS = {Level.NOTICE: "notice", Level.WARNING: "warning", Level.ERROR: "failure"}
LABEL = "cicd-agent"
"""Put on our issues when they are opened, so that one request finds them; a person may take it off."""
ISSUE_PAGES = 3
"""Pages of open issues that are looked through; with a label, or by their author, there are few."""
COMMENTS, ISSUES = "contents: write", "issues: write"
"""What it takes. Reading takes less, but here nobody reads who would not write."""
UNPROCESSABLE = 422


class InThread(Posted):
    in_reply_to_id: int | None = None
    pull_request_url: str = ""


@dataclass(frozen=True, slots=True)
class GitHubMarks:
    channel: Channel

    def labels(self, number: int) -> tuple[str, ...]:
        task, query = f"list the labels of pull request {number}", {"per_page": PER_PAGE}
        named = self.channel.get(task, f"/issues/{number}/labels", list[Named], LABELS, query)
        return tuple(label.name for label in named)

    def add_label(self, number: int, name: str) -> None:
        task, body = f"add the label {name!r}", {"labels": [name]}
        self.channel.send(task, "POST", f"/issues/{number}/labels", LABELS, body)

    def remove_label(self, number: int, name: str) -> None:
        path = f"/issues/{number}/labels/{quote(name, safe='')}"
        unless_missing(lambda: self.channel.send(f"remove the label {name!r}", "DELETE", path, LABELS), None)

    def find_check(self, check: CheckRun) -> PostedCheck | None:
        """The newest check run of ours with this name and commit, if it has this key.

        GitHub lists one of each suite, and each run of a workflow may have a suite of its own.
        """
        query: dict[str, str | int] = {"check_name": check.name, "filter": "latest", "per_page": PER_PAGE}
        task, path = f"list the check runs of {check.commit[:7]}", f"/commits/{check.commit}/check-runs"
        listed = self.channel.get(task, path, Page[PostedRun], CHECKS, query).entries
        alike = [one for one in listed if one.name == check.name and one.app]
        ours = [one for one in alike if one.app == self.channel.me.removesuffix("[bot]")]
        newest = max(ours, key=lambda one: one.id, default=None)
        return newest.to(PostedCheck) if newest is not None and newest.external_id == check.key else None

    def start_check(self, check: CheckRun) -> PostedCheck:
        body = {"name": check.name, "head_sha": check.commit, "external_id": check.key, **_content(check)}
        call = self.channel.call("create the check run", "POST", "/check-runs", CHECKS, body, repeatable=False)
        return self._once(call, lambda: self.find_check(check))

    def extend_check(self, posted: PostedCheck, check: CheckRun) -> PostedCheck:
        """Give it this conclusion, title and summary, and these annotations on top of those it has."""
        path, repeatable = f"/check-runs/{posted.id}", not check.annotations
        call = self.channel.call("update the check run", "PATCH", path, CHECKS, _content(check), repeatable=repeatable)

        def extended() -> PostedCheck | None:
            existing = self.find_check(check)
            return existing if existing is not None and existing.annotations > posted.annotations else None

        return self._once(call, extended)

    def _once(self, call: Call, find: Callable[[], PostedCheck | None]) -> PostedCheck:
        return self.channel.once(lambda: self.channel.read(call, PostedRun).to(PostedCheck), find)


def _content(check: CheckRun) -> dict[str, Any]:
    output: dict[str, Any] = {"title": check.title, "summary": check.summary}
    if check.annotations:
        output["annotations"] = [_annotation(annotation) for annotation in check.annotations]
    return {"status": "completed", "conclusion": str(check.conclusion), "output": output}


def _annotation(annotation: Annotation) -> dict[str, Any]:
    return {
        "path": annotation.path,
        "start_line": annotation.start or annotation.line,
        "end_line": annotation.line,
        "annotation_level": LEVELS[annotation.level],
        "title": annotation.title,
        "message": annotation.message,
    }


@dataclass(frozen=True, slots=True)
class GitHubNotices:
    channel: Channel

    def commit_comments(self, commit: str, marker: str) -> tuple[PostedComment, ...]:
        task, path = f"list the comments on commit {commit[:7]}", f"/commits/{commit}/comments"
        return self.channel.marked_until_ours(task, path, marker, needs=COMMENTS)

    def post_commit_comment(self, commit: str, body: str) -> PostedComment:
        task, path = f"comment on commit {commit[:7]}", f"/commits/{commit}/comments"
        return self.channel.post_text(task, path, body, COMMENTS)

    def edit_commit_comment(self, comment: int, body: str) -> PostedComment:
        return self.channel.edit_text("edit the comment on the commit", f"/comments/{comment}", body, COMMENTS)

    def issues(self, marker: str) -> tuple[PostedComment, ...]:
        """Our open issues that contain `marker`, the newest first: those with our label, else those that we opened."""
        return self._ours(marker, {"labels": LABEL}) or self._ours(marker, {"creator": self.channel.me})

    def open_issue(self, title: str, body: str) -> PostedComment:
        """Open an issue. The same request creates the label; without the right to do so GitHub leaves it out."""
        sent = {"title": title, "body": body, "labels": [LABEL]}
        call = self.channel.call("open an issue", "POST", "/issues", ISSUES, sent, repeatable=False)

        def existing() -> Issue | None:
            newest = self._open({}, pages=1)
            return next((one for one in newest if one.has_text(body) and self.channel.may_be_ours(one)), None)

        return _as_comment(self.channel.once(lambda: self.channel.read(call, Issue), existing))

    def edit_issue(self, number: int, title: str, body: str) -> PostedComment:
        sent = {"title": title, "body": body}
        call = self.channel.call(f"edit issue {number}", "PATCH", f"/issues/{number}", ISSUES, sent)
        return _as_comment(self.channel.read(call, Issue))

    def _ours(self, marker: str, query: Mapping[str, str]) -> tuple[PostedComment, ...]:
        try:
            marked = [one for one in self._open(query) if marker in one.body]
        except ForgeRefused as refusal:
            if "creator" in query and refusal.status == UNPROCESSABLE:
                return ()  # GitHub knows no such author: then it has opened nothing either
            raise
        return tuple(_as_comment(one) for one in marked if self.channel.is_ours(one))

    def _open(self, query: Mapping[str, str], pages: int = ISSUE_PAGES) -> list[Issue]:
        query = {**query, "state": "open", "sort": "created", "direction": "desc"}
        listed = self.channel.entries("list the open issues", "/issues", Issue, pages, query, needs=ISSUES)
        return [one for one in listed if one.pull_request is None]


def _as_comment(issue: Issue) -> PostedComment:
    return issue.to(PostedComment, id=issue.number, is_ours=True)


class GitHubForge:
    """One repository on GitHub, through PyGithub's requester; threads may ask side by side.

    A review of a pull request of up to 300 files costs 7 requests at most with a checkout: 1 for the threads of reviews
    and who we are, 1 for failed runs, 1–2 for comments and review comments, 1 for the pull request before something is
    written, 1 for the review and the comment each; patches from the API cost 1 more for each 100 files. A long
    conversation costs one for each further 100, a verdict 2. `notes` tells the limits met.
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
        self._wire = Wire(token, api_url, timeout=timeout, ca_bundle=ca_bundle, sleep=sleep)
        self._channel = channel = Channel(self._wire, repo, sleep)
        downloads = Downloads(
            wire=self._wire,
            secure=not api_url.startswith("http:"),
            timeout=timeout,
            ca_bundle=ca_bundle,
            sleep=sleep,
            clock=clock,
            note=channel.note,
        )
        self.marks = GitHubMarks(channel)
        self.runs = GitHubRuns(channel, downloads, scratch)
        self.notices = GitHubNotices(channel)
        self.commits = GitHubCommits(channel)
        self.gates = GitHubGates(channel)
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

    @cached_property
    def discussions(self) -> "GitHubDiscussions":
        from cicd_agent.adapters.github.discussions import GitHubDiscussions  # noqa: PLC0415  no run asks for it

        return GitHubDiscussions(self._channel)

    def pull(self, number: int) -> PullState:
        return self._channel.get(f"read pull request {number}", f"/pulls/{number}", Pull).as_state()

    def head(self, number: int) -> str:
        """The commit of its head: when its files were listed in this run, which saves a request, else now."""
        return self._listed_at.get(number) or self.pull(number).head.sha

    def holds(self, number: int, commit: str) -> bool:
        task = f"list the commits of pull request {number}"
        listed = [one.sha for one in self._channel.entries(task, f"/pulls/{number}/commits", Committed, 3)]
        return commit in listed or len(listed) >= MAX_COMMITS

    def files(self, number: int) -> tuple[tuple[FileDiff, ...], tuple[str, ...]]:
        task = f"list the files of pull request {number}"
        listed = [*self._channel.entries(task, f"/pulls/{number}/files", ChangedFile, MAX_CHANGED_FILES // PER_PAGE)]
        if listed and listed[0].commit:
            self._listed_at[number] = listed[0].commit
        self._blobs[number] = {file.filename: file.sha for file in listed if file.sha}
        diffs = tuple(file.as_diff() for file in listed)
        notes = []
        if len(diffs) >= MAX_CHANGED_FILES:
            notes.append(f"the API lists {MAX_CHANGED_FILES:,} files of a pull request at most: there may be more")
        if bare := sum(1 for file in diffs if file.omitted):
            notes.append(
                f"{bare:,} of {len(diffs):,} files came without their whole patch: binary, too large, or mode only"
            )
        return diffs, tuple(notes)

    def blobs(self, number: int) -> Mapping[str, str]:
        return self._blobs.get(number, {})

    def pulls_from(self, head: Ref) -> tuple[PullState, ...]:
        """The open pull requests whose head is this branch of this repository, at most 100.

        Asked for by the branch, because GitHub knows no pull request of a commit that lies in a fork only. What the
        filter lets through is compared again: it names an owner, not a repository.
        """
        task = f"find the pull request of {printable(head.repo)}:{printable(head.name)}"
        query = {"state": "open", "head": f"{head.repo.partition('/')[0]}:{head.name}"}
        states = (pull.as_state() for pull in self._channel.entries(task, "/pulls", Pull, 1, query))
        expected = (head.repo.lower(), head.name)
        return tuple(state for state in states if (state.head.repo.lower(), state.head.name) == expected)

    def failures(self, branch: str, limit: int) -> tuple[FailedRun, ...]:
        query: dict[str, str | int] = {"branch": branch, "status": "failure", "per_page": limit}
        runs = self._channel.get("list failed runs", "/actions/runs", Page[Run], "actions: read", query)
        failed = runs.entries[:limit]
        return tuple(FailedRun(run.workflow, run.sha, run.created, run.conclusion) for run in failed)

    def blob_texts(self, ids: Sequence[str]) -> Mapping[str, str]:
        return read_blob_texts(self._channel, ids)

    def text_at(self, path: str, ref: str) -> str | None:
        """A text file at a commit; None when it is not there, not a regular file, binary, or over 1 MB."""
        if any(part in {"", ".", ".."} for part in path.split("/")):
            return None  # git has no such path, and on the way to GitHub the dots would be resolved
        task, url = f"read {printable(path)} at {printable(ref)}", f"{self._channel.root}/contents/{quote(path)}"
        call = Call(task, "GET", url, "contents: read", query={"ref": ref})
        answer = unless_missing(lambda: self._channel.wire.ask(call), None)
        if answer is None or answer.text.startswith("["):
            return None
        content = read(call, answer, Content)
        if content.type != "file" or content.encoding != "base64":
            return None
        data = b64decode(content.content)
        return None if b"\0" in data else data.decode("utf-8", errors="replace")

    def comments(self, number: int, marker: str) -> tuple[PostedComment, ...]:
        task = f"list the comments of pull request {number}"
        return self._channel.marked_until_ours(task, f"/issues/{number}/comments", marker)

    def review_comments(self, number: int, marker: str) -> tuple[PostedComment, ...]:
        task = f"list the inline comments of pull request {number}"
        listed = self._channel.entries(task, f"/pulls/{number}/comments", Posted, MAX_PAGES, NEWEST_FIRST)
        return tuple(self._channel.marked(listed, marker))

    def post_comment(self, number: int, body: str) -> PostedComment:
        return self._channel.post_text("post the comment", f"/issues/{number}/comments", body)

    def edit_comment(self, comment: int, body: str) -> PostedComment:
        return self._channel.edit_text("edit the comment", f"/issues/comments/{comment}", body)

    def post_review(self, review: Review) -> str:
        """One that our account began and never submitted lets no other in: it is discarded, and this sent again."""
        path = f"/pulls/{review.pull}/reviews"
        body = {
            "commit_id": review.commit,
            "event": str(review.event),
            "body": review.body,
            "comments": [inline(comment) for comment in review.comments],
        }
        call = self._channel.call("post the review", "POST", path, WRITES, body, repeatable=False)

        def is_same(one: Posted) -> bool:
            return not one.is_pending and one.commit == review.commit and one.has_text(review.body)

        def post() -> str:
            return self._channel.once(
                lambda: self._channel.read(call, Posted), lambda: self._channel.existing(path, is_same)
            ).url

        try:
            return post()
        except ForgeRefused as refusal:
            if not is_blocked(refusal) or not self._discard_pending(path):
                raise
        return post()

    def _discard_pending(self, path: str) -> bool:
        """Discard the pending review of our account, if that takes nothing from a person."""
        try:
            pages = self._channel.newest("find a pending review", path, Posted)
            discardable = next((one for page in pages for one in page if one.is_discardable), None)
            if discardable is not None:
                self._channel.send("discard a pending review", "DELETE", f"{path}/{discardable.id}", WRITES)
        except ForgeRefused as refusal:
            # Gone is gone, also when the answer to the first attempt was lost. Else the first refusal says it all.
            return refusal.status == NOT_FOUND
        return discardable is not None

    def posted_reviews(self, number: int, marker: str) -> tuple[PostedReview, ...]:
        pages = self._channel.newest(f"list the reviews of pull request {number}", f"/pulls/{number}/reviews", Posted)
        marked = [one for page in pages for one in page if marker in one.body and not one.is_pending]
        return tuple(
            one.to(PostedReview, is_ours=self._channel.is_ours(one)) for one in sorted(marked, key=lambda one: one.id)
        )

    def dismiss(self, number: int, review: int, message: str) -> None:
        path = f"/pulls/{number}/reviews/{review}/dismissals"
        try:
            self._channel.send("dismiss our review", "PUT", path, WRITES, {"message": message})
        except ForgeRefused as refusal:
            if not is_dismissed(refusal):
                raise

    def threads(self, number: int) -> tuple[tuple[Thread, ...], tuple[str, ...]]:
        self._channel.login, threads, notes = read_threads(self._channel, number)
        return threads, notes

    def resolve(self, thread: str) -> None:
        resolve_thread(self._channel, thread)

    def thread(self, number: int, comment: int) -> tuple[PostedComment, ...]:
        """Costs a request for the comment that opened it, and one for each 100 inline comments made since."""
        path = f"/pulls/comments/{comment}"
        first = unless_missing(lambda: self._channel.get("read the thread", path, InThread), None)
        if first is None or first.pull_request_url.rpartition("/")[2] != str(number):
            return ()
        comments = [first, *sorted(self._answers(number, comment), key=lambda one: one.id)]
        return tuple(one.to(PostedComment, is_ours=self._channel.is_ours(one)) for one in comments)

    def reply(self, number: int, comment: int, body: str) -> PostedComment:
        path = f"/pulls/{number}/comments/{comment}/replies"
        call = self._channel.call("post the reply", "POST", path, WRITES, {"body": body}, repeatable=False)

        def existing() -> Posted | None:
            answers = self._answers(number, comment)
            return next((one for one in answers if one.has_text(body) and self._channel.is_ours(one)), None)

        return self._channel.once(lambda: self._channel.read(call, Posted), existing).to(PostedComment, is_ours=True)

    def _answers(self, number: int, comment: int) -> Iterator[InThread]:
        """The answers in the thread, newest first; nothing in it is older than what opened it."""
        task, path = "read the answers of the thread", f"/pulls/{number}/comments"
        for one in self._channel.entries(task, path, InThread, MAX_PAGES, NEWEST_FIRST):
            if one.id <= comment:
                return
            if one.in_reply_to_id == comment:
                yield one


def inline(comment: InlineComment) -> dict[str, Any]:
    fields = {"path": comment.path, "line": comment.line, "side": str(comment.side), "body": comment.body}
    if comment.start:
        fields |= {"start_line": comment.start, "start_side": str(comment.side)}
    return fields
