"""How GitHub is asked about one repository: page by page, as whom, and never twice for the same thing."""

import math
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from typing import TypeVar
from urllib.parse import quote

from cicd_agent.adapters.github.errors import Answer, Call, Unsettled
from cicd_agent.adapters.github.payloads import Authored, Page, Posted, Viewed, read
from cicd_agent.adapters.github.transport import Wire
from cicd_agent.domain.effects import PostedComment
from cicd_agent.domain.events.event import ACTIONS
from cicd_agent.errors import ForgeRefused

PER_PAGE = 100
MAX_PAGES = 10
"""Pages of a conversation that are read."""
SETTLE_SECONDS = 3.0
"""What GitHub is given before we look whether a request without an answer was carried out."""
READS = "pull-requests: read"
WRITES = "pull-requests: write"
NOT_FOUND = 404
T = TypeVar("T")
D = TypeVar("D")
P = TypeVar("P", bound=Posted)
Query = Mapping[str, str | int]


class Channel:
    """Lists, and posts that are made once, in one repository. `notes` tells the limits met, each one sentence.

    Threads may use it side by side.
    """

    def __init__(self, wire: Wire, repo: str, sleep: Callable[[float], None] = time.sleep) -> None:
        self.wire = wire
        self.repo = repo
        self.root = f"/repos/{repo}"
        self.notes: list[str] = []
        self._sleep = sleep
        self._lock = threading.Lock()
        self._login_lock = threading.Lock()

    def read(self, call: Call, shape: type[T]) -> T:
        return read(call, self.wire.ask(call), shape)

    def call(
        self,
        task: str,
        verb: str,
        path: str,
        needs: str,
        body: Mapping[str, object] | None = None,
        *,
        repeatable: bool = True,
    ) -> Call:
        """A request that may change something; `path` is below the repository's."""
        return Call(task, verb, self.root + path, needs, body=body, repeatable=repeatable)

    def get(self, task: str, path: str, shape: type[T], needs: str = READS, query: Query | None = None) -> T:
        return self.read(Call(task, "GET", self.root + path, needs, query=query or {}), shape)

    def send(self, task: str, verb: str, path: str, needs: str, body: Mapping[str, object] | None = None) -> Answer:
        """Send what may be sent twice."""
        return self.wire.ask(self.call(task, verb, path, needs, body))

    def once(self, create: Callable[[], T], find: Callable[[], T | None]) -> T:
        """Create a thing; without an answer, `find` whether it was created before it is tried once more.

        A request that timed out may still be under way: then it is only looked for, never sent again.
        """
        for is_last in (False, True):
            try:
                return create()
            except Unsettled as unsettled:
                self._sleep(SETTLE_SECONDS)
                try:
                    existing = find()
                except ForgeRefused:
                    raise unsettled from None  # the doubt is what the reader must know
                if existing is not None:
                    return existing
                if unsettled.late or is_last:
                    raise
        raise AssertionError("the last attempt returns or raises")

    @property
    def me(self) -> str:
        return self.login or ACTIONS

    def is_ours(self, one: Authored) -> bool:
        return one.by(self.me)

    @cached_property
    def login(self) -> str | None:
        """Who we are; None when GitHub does not say. GET /user is closed to GITHUB_TOKEN, this query is not."""
        with self._login_lock:  # whoever waits here finds what the other has read
            if "login" not in self.__dict__:
                self.__dict__["login"] = self._read_login()
            login: str | None = self.__dict__["login"]
            return login

    def _read_login(self) -> str | None:
        body = {"query": "query { viewer { login } }"}
        call = Call("say who we are", "POST", self.wire.graphql, "metadata: read", body=body)
        try:
            return self.read(call, Viewed).viewer or None
        except ForgeRefused:
            return None

    def marked(self, page: Iterable[Posted], marker: str) -> list[PostedComment]:
        """Those that contain the marker; only then is it asked who we are."""
        return [one.to(PostedComment, is_ours=self.is_ours(one)) for one in page if marker in one.body]

    def marked_until_ours(self, task: str, path: str, marker: str, *, needs: str = READS) -> tuple[PostedComment, ...]:
        """Those of a list that contain the marker, oldest first; one of ours ends the search, there is only one."""
        comments: list[PostedComment] = []
        for page in self.newest(task, path, Posted, needs=needs):
            comments += self.marked(page, marker)
            if any(comment.is_ours for comment in comments):
                break
        return tuple(sorted(comments, key=lambda comment: comment.id))

    def post_text(self, task: str, path: str, body: str, needs: str = WRITES) -> PostedComment:
        """Add a text to the list at this path, once."""
        call = self.call(task, "POST", path, needs, {"body": body}, repeatable=False)
        reads = READS if needs == WRITES else needs
        posted = self.once(
            lambda: self.read(call, Posted), lambda: self.existing(path, lambda one: one.has_text(body), needs=reads)
        )
        return posted.to(PostedComment, is_ours=True)

    def edit_text(self, task: str, path: str, body: str, needs: str = WRITES) -> PostedComment:
        return self.read(self.call(task, "PATCH", path, needs, {"body": body}), Posted).to(PostedComment, is_ours=True)

    def existing(self, path: str, matches: Callable[[Posted], bool], *, needs: str = READS) -> Posted | None:
        """The newest of ours that matches."""
        pages = self.newest("see what was posted", path, Posted, needs=needs)
        return next((one for page in pages for one in reversed(page) if matches(one) and self.may_be_ours(one)), None)

    def may_be_ours(self, one: Posted) -> bool:
        """When GitHub does not say who we are, the same text is proof enough."""
        return self.login is None or one.by(self.login)

    def newest(
        self,
        task: str,
        path: str,
        shape: type[T],
        pages: int = MAX_PAGES,
        *,
        needs: str = READS,
        query: Query | None = None,
    ) -> Iterator[list[T]]:
        """Pages of a list that GitHub gives oldest first: the first, which tells their number, then the newest."""
        first, last = self._page(task, path, shape, {**(query or {}), "page": 1}, needs)
        yield first
        for page in range(last, max(1, last - pages + 1), -1):
            yield self._page(task, path, shape, {**(query or {}), "page": page}, needs)[0]
        if last > pages:
            self.note(f"only the first {PER_PAGE} and the newest {(pages - 1) * PER_PAGE} comments were read")

    def entries(
        self,
        task: str,
        path: str,
        shape: type[T],
        pages: int,
        query: Query | None = None,
        *,
        needs: str = READS,
        limit: str = "",
    ) -> Iterator[T]:
        """The entries of a list in the order GitHub has them, each page read when it is due.

        `needs` is the permission that it takes, `limit` what is noted where there are more than so many pages.
        """
        before: list[T] = []
        for number in range(1, pages + 1):
            page, last = self._page(task, path, shape, {**(query or {}), "page": number}, needs)
            if page and page == before:
                why = f"page {number} repeats the one before it"
                raise ForgeRefused(f"GitHub refused to {task}", why=why)
            yield from page
            if not page or number >= last:
                return
            before = page
        self.note(limit or f"only the first {pages * PER_PAGE:,} entries were read when asked to {task}")

    def _page(self, task: str, path: str, shape: type[T], query: Query, needs: str) -> tuple[list[T], int]:
        """One page and the number of the last. The address is ours: links in answers are read, never followed."""
        call = Call(task, "GET", self.root + path, needs, query={**query, "per_page": PER_PAGE})
        answer = self.wire.ask(call)
        link = answer.headers.get("link", "")
        last = re.search(r'[?&]page=([0-9]{1,6})[^>]*>; rel="last"', link)
        following = re.search(r'[?&]page=([0-9]{1,6})[^>]*>; rel="next"', link)
        match = last or following
        page = read(call, answer, Page[shape])  # type: ignore[valid-type]  # built at run time
        return [*page.entries], max(int(match[1]) if match else 1, math.ceil(page.total / PER_PAGE))

    def note(self, limit: str) -> None:
        with self._lock:
            if limit not in self.notes:
                self.notes.append(limit)


def unless_missing(read: Callable[[], T], default: D) -> T | D:
    """What is read, or the default where GitHub says that it is not there."""
    try:
        return read()
    except ForgeRefused as refusal:
        if refusal.status != NOT_FOUND:
            raise
        return default


def path_part(name: str, kind: str) -> str:
    if name in {"", ".", ".."}:
        raise ForgeRefused(f"GitHub cannot be asked for the {kind} {name!r}", why="that names none", status=NOT_FOUND)
    return quote(name, safe="", errors="replace")
