"""The Forge on GitHub: few requests, each bounded, none that could post the same thing twice."""

import re
import time
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Any, Self, TypeVar
from urllib.parse import quote

from cicd_agent.adapters.github_refusals import Call, Unsettled, is_blocked, words
from cicd_agent.adapters.github_shapes import ChangedFile, Content, Posted, Pull, PullCommit, ViewerAnswer, read
from cicd_agent.adapters.github_wire import Wire
from cicd_agent.core.diff import FileDiff
from cicd_agent.core.plan import InlineComment, Review
from cicd_agent.core.ports import PostedComment, PullState
from cicd_agent.errors import ConfigError, ForgeRefused

API_URL = "https://api.github.com"
PER_PAGE = 100
MOST_FILES = 3_000
"""Where the files endpoint stops, whatever the pull request holds."""
MOST_COMMITS = 250
"""Where the commits endpoint stops."""
MOST_PAGES = 10
"""Pages of a conversation that are read."""
SETTLING = 3.0
"""Seconds GitHub is given before we look whether a request without an answer was carried out."""
ACTIONS = "github-actions[bot]"
"""The account behind GITHUB_TOKEN, assumed when GitHub does not tell us who we are."""
READS = "pull-requests: read"
WRITES = "pull-requests: write"
T = TypeVar("T")


class GitHubForge:
    """One repository on GitHub, through PyGithub's requester.

    A review of a pull request of up to 300 files costs, in requests:

    | | with a checkout | patches from the API |
    |---|---|---|
    | files | 0 | 1 for each 100 |
    | comments, review comments | 2 | 2 |
    | who we are, when a comment of ours may stand | 0–1 | 0–1 |
    | the pull request, before something is written | 0–1 | 0–1 |
    | the review, the comment | 0–2 | 0–2 |

    which is 6 at most with a checkout. A run whose event does not hold the pull request needs one more, and so does
    one whose pull request has moved meanwhile. A conversation of more than 100 comments costs one for each further 100.
    `notes` tells the limits met.
    """

    def __init__(
        self,
        token: str,
        repo: str,
        *,
        api_url: str = API_URL,
        timeout: int = 20,
        ca_bundle: str = "",
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`ca_bundle` is the file named by SSL_CERT_FILE, which requests does not read; proxies it finds by itself."""
        if not re.fullmatch(r"[A-Za-z0-9_.-]+/(?!\.\.?$)[A-Za-z0-9_.-]+", repo):
            raise ConfigError("the repository's name is not owner/name", remedy="Look at GITHUB_REPOSITORY")
        self._root = f"/repos/{repo}"
        self._sleep = sleep
        self._wire = Wire(token, api_url, timeout=timeout, ca_bundle=ca_bundle, sleep=sleep)
        self._notes: list[str] = []
        self._listed_at: dict[int, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._wire.close()

    @property
    def requests(self) -> int:
        """How many requests were sent, repeated ones included."""
        return self._wire.requests

    @property
    def notes(self) -> tuple[str, ...]:
        """Limits met in conversations, each one sentence."""
        return tuple(self._notes)

    def pull(self, number: int) -> PullState:
        """The pull request now."""
        call = Call(f"read pull request {number}", "GET", f"{self._root}/pulls/{number}", READS)
        return read(call, self._wire.ask(call), Pull).as_state()

    def head(self, number: int) -> str:
        """The commit of its head: when its files were listed in this run, which saves a request, else now."""
        return self._listed_at.get(number) or self.pull(number).head.sha

    def holds(self, number: int, commit: str) -> bool:
        """Whether the commit is still one of the pull request's; True where GitHub does not list them all."""
        task, path = f"list the commits of pull request {number}", f"{self._root}/pulls/{number}/commits"
        listed = [one.sha for page in self._pages(task, path, PullCommit, 3) for one in page]
        return commit in listed or len(listed) >= MOST_COMMITS

    def files(self, number: int) -> tuple[tuple[FileDiff, ...], tuple[str, ...]]:
        """Its files, at most 3,000, and a note for each limit met."""
        task = f"list the files of pull request {number}"
        pages = self._pages(task, f"{self._root}/pulls/{number}/files", ChangedFile, MOST_FILES // PER_PAGE)
        listed = [file for page in pages for file in page]
        if listed and listed[0].commit:
            self._listed_at[number] = listed[0].commit
        found = tuple(file.as_diff() for file in listed)
        notes = []
        if len(found) >= MOST_FILES:
            notes.append(f"the API lists {MOST_FILES:,} files of a pull request at most: there may be more")
        if bare := sum(1 for file in found if file.omitted):
            notes.append(
                f"{bare:,} of {len(found):,} files came without their whole patch: binary, too large, or mode only"
            )
        return found, tuple(notes)

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
        for page in self._newest(f"list the comments of pull request {number}", self._comments_of(number)):
            found += self._marked(page, marker)
            if any(comment.is_ours for comment in found):
                break
        return tuple(sorted(found, key=lambda comment: comment.id))

    def review_comments(self, number: int, marker: str) -> tuple[PostedComment, ...]:
        """The inline comments that contain `marker`, newest first."""
        task = f"list the inline comments of pull request {number}"
        newest = {"sort": "created", "direction": "desc"}
        pages = self._pages(task, f"{self._root}/pulls/{number}/comments", Posted, MOST_PAGES, newest)
        return tuple(comment for page in pages for comment in self._marked(page, marker))

    def post_comment(self, number: int, body: str) -> PostedComment:
        """Add a comment to the conversation."""
        path = self._comments_of(number)
        call = Call("post the comment", "POST", path, WRITES, body={"body": body}, repeatable=False)
        posted = self._once(call, lambda: self._standing(path, lambda one: one.says(body)))
        return posted.as_comment(is_ours=True)

    def edit_comment(self, comment: int, body: str) -> PostedComment:
        """Replace a comment of the conversation."""
        path = f"{self._root}/issues/comments/{comment}"
        call = Call("edit the comment", "PATCH", path, WRITES, body={"body": body})
        return read(call, self._wire.ask(call), Posted).as_comment(is_ours=True)

    def post_review(self, review: Review) -> str:
        """Post a review with all its comments in one request; returns its URL.

        A review that was begun by our account and never submitted lets no other in: then it is discarded, and the
        review is posted once more.
        """
        path = f"{self._root}/pulls/{review.pull}/reviews"
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
            return self._once(call, lambda: self._standing(path, is_it)).html_url

        try:
            return post()
        except ForgeRefused as refusal:
            if not is_blocked(refusal) or not self._discarded(path):
                raise
        return post()

    @cached_property
    def _login(self) -> str | None:
        """Who we are; None when GitHub does not say. GET /user is closed to GITHUB_TOKEN, this query is not."""
        call = Call(
            "say who we are", "POST", self._wire.graphql, "metadata: read", body={"query": "query { viewer { login } }"}
        )
        try:
            answer = read(call, self._wire.ask(call), ViewerAnswer)
        except ForgeRefused:
            return None
        return answer.data.viewer.login if answer.data else None

    def _discarded(self, path: str) -> bool:
        """Discard the pending review of our account, if that takes nothing from a person."""
        try:
            litter = next(
                (one for page in self._newest("find a pending review", path) for one in page if one.is_litter), None
            )
            if litter is not None:
                self._wire.ask(Call("discard a pending review", "DELETE", f"{path}/{litter.id}", WRITES))
        except ForgeRefused as refusal:
            # Gone is gone, also when the answer to the first attempt was lost. Else the first refusal says it all.
            return refusal.status == 404  # noqa: PLR2004
        return litter is not None

    def _comments_of(self, number: int) -> str:
        return f"{self._root}/issues/{number}/comments"

    def _marked(self, page: list[Posted], marker: str) -> list[PostedComment]:
        """Those that contain the marker; only then is it asked who we are."""
        return [one.as_comment(is_ours=one.by(self._login or ACTIONS)) for one in page if marker in (one.body or "")]

    def _once(self, call: Call, find: Callable[[], Posted | None], *, again: bool = True) -> Posted:
        """Post; without an answer, look whether it stands before posting once more.

        A request that timed out may still be under way: then it is only looked for, never sent again.
        """
        try:
            return read(call, self._wire.ask(call), Posted)
        except Unsettled as unsettled:
            self._sleep(SETTLING)
            try:
                standing = find()
            except ForgeRefused:
                raise unsettled from None  # the doubt is what the reader must know
            if standing is not None:
                return standing
            if unsettled.late or not again:
                raise
        return self._once(call, find, again=False)

    def _standing(self, path: str, matches: Callable[[Posted], bool]) -> Posted | None:
        """The newest of ours that matches. When GitHub does not say who we are, the same text is proof enough."""
        for page in self._newest("see what was posted", path):
            for one in reversed(page):
                if matches(one) and (self._login is None or one.by(self._login)):
                    return one
        return None

    def _newest(self, task: str, path: str) -> Iterator[list[Posted]]:
        """Pages of a list that GitHub gives oldest first: the first, which tells their number, then the newest."""
        first, last = self._page(task, path, Posted, {"page": 1})
        yield first
        for page in range(last, max(1, last - MOST_PAGES + 1), -1):
            yield self._page(task, path, Posted, {"page": page})[0]
        if last > MOST_PAGES:
            self._note(f"only the first {PER_PAGE} and the newest {(MOST_PAGES - 1) * PER_PAGE} comments were read")

    def _pages(
        self, task: str, path: str, shape: type[T], most: int, query: Mapping[str, str | int] | None = None
    ) -> Iterator[list[T]]:
        """Pages in the order GitHub has them, at most `most`."""
        before: list[T] = []
        for number in range(1, most + 1):
            page, last = self._page(task, path, shape, {**(query or {}), "page": number})
            if page and page == before:
                raise ForgeRefused(f"GitHub refused to {task}", why=f"page {number} repeats the one before it")
            yield page
            if number >= last:
                return
            before = page
        self._note(f"only the first {most * PER_PAGE:,} entries were read when asked to {task}")

    def _page(self, task: str, path: str, shape: type[T], query: Mapping[str, str | int]) -> tuple[list[T], int]:
        """One page and the number of the last. The address is ours: links in answers are read, never followed."""
        call = Call(task, "GET", path, READS, query={**query, "per_page": PER_PAGE})
        answer = self._wire.ask(call)
        link = answer.headers.get("link", "")
        last = re.search(r'[?&]page=([0-9]{1,6})[^>]*>; rel="last"', link)
        following = re.search(r'[?&]page=([0-9]{1,6})[^>]*>; rel="next"', link)
        found = last or following
        return read(call, answer, list[shape]), int(found[1]) if found else 1  # type: ignore[valid-type]  # built at run time

    def _note(self, limit: str) -> None:
        if limit not in self._notes:
            self._notes.append(limit)


def inline(comment: InlineComment) -> dict[str, Any]:
    """A comment in the words of the API."""
    fields = {"path": comment.path, "line": comment.line, "side": str(comment.side), "body": comment.body}
    if comment.start:
        fields |= {"start_line": comment.start, "start_side": str(comment.side)}
    return fields
