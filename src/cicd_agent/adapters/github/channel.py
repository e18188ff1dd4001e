"""How GitHub is asked about one repository: page by page, as whom, and never twice for the same thing."""

import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import TypeVar

from cicd_agent.adapters.github.errors import Call, Unsettled
from cicd_agent.adapters.github.payloads import Posted, ViewerAnswer, read
from cicd_agent.adapters.github.transport import Wire
from cicd_agent.domain.ports.forge import PostedComment
from cicd_agent.errors import ForgeRefused

PER_PAGE = 100
MOST_PAGES = 10
"""Pages of a conversation that are read."""
SETTLING = 3.0
"""Seconds GitHub is given before we look whether a request without an answer was carried out."""
ACTIONS = "github-actions[bot]"
"""The account behind GITHUB_TOKEN, assumed when GitHub does not tell us who we are."""
READS = "pull-requests: read"
WRITES = "pull-requests: write"
T = TypeVar("T")
P = TypeVar("P", bound=Posted)


def made_once(
    make: Callable[[], T], find: Callable[[], T | None], settle: Callable[[], None], *, again: bool = True
) -> T:
    """Make a thing; without an answer, `find` whether it was made before it is made once more.

    A request that timed out may still be under way: then it is only looked for, never sent again.
    """
    try:
        return make()
    except Unsettled as unsettled:
        settle()
        try:
            standing = find()
        except ForgeRefused:
            raise unsettled from None  # the doubt is what the reader must know
        if standing is not None:
            return standing
        if unsettled.late or not again:
            raise
    return made_once(make, find, settle, again=False)


class Channel:
    """Lists, and posts that are made once, through one wire. `notes` tells the limits met, each one sentence.

    Threads may use it side by side.
    """

    def __init__(self, wire: Wire, sleep: Callable[[float], None] = time.sleep) -> None:
        self.wire = wire
        self.notes: list[str] = []
        self._sleep = sleep
        self._lock = threading.Lock()
        self._asking = threading.Lock()

    def settle(self) -> None:
        self._sleep(SETTLING)

    @property
    def me(self) -> str:
        return self.login or ACTIONS

    def is_ours(self, one: Posted) -> bool:
        return one.by(self.me)

    @cached_property
    def login(self) -> str | None:
        """Who we are; None when GitHub does not say. GET /user is closed to GITHUB_TOKEN, this query is not."""
        with self._asking:  # whoever waits here finds what the other was told
            if "login" not in self.__dict__:
                self.__dict__["login"] = self._asked()
            told: str | None = self.__dict__["login"]
            return told

    def _asked(self) -> str | None:
        call = Call(
            "say who we are", "POST", self.wire.graphql, "metadata: read", body={"query": "query { viewer { login } }"}
        )
        try:
            answer = read(call, self.wire.ask(call), ViewerAnswer)
        except ForgeRefused:
            return None
        return answer.data.viewer.login if answer.data else None

    def marked(self, page: list[Posted], marker: str) -> list[PostedComment]:
        """Those that contain the marker; only then is it asked who we are."""
        return [one.as_comment(is_ours=self.is_ours(one)) for one in page if marker in (one.body or "")]

    def once(self, call: Call, find: Callable[[], Posted | None]) -> Posted:
        return made_once(lambda: read(call, self.wire.ask(call), Posted), find, self.settle)

    def standing(self, path: str, matches: Callable[[Posted], bool], *, needs: str = READS) -> Posted | None:
        """The newest of ours that matches. When GitHub does not say who we are, the same text is proof enough."""
        for page in self.newest("see what was posted", path, needs=needs):
            for one in reversed(page):
                if matches(one) and self.may_be_ours(one):
                    return one
        return None

    def may_be_ours(self, one: Posted) -> bool:
        return self.login is None or one.by(self.login)

    def newest(self, task: str, path: str, *, needs: str = READS) -> Iterator[list[Posted]]:
        """Pages of a list that GitHub gives oldest first: the first, which tells their number, then the newest."""
        return self.newest_of(task, path, Posted, MOST_PAGES, needs=needs)

    def newest_of(self, task: str, path: str, shape: type[P], most: int, *, needs: str = READS) -> Iterator[list[P]]:
        """The same of entries that tell more, at most so many pages."""
        first, last = self._page(task, path, shape, {"page": 1}, needs)
        yield first
        for page in range(last, max(1, last - most + 1), -1):
            yield self._page(task, path, shape, {"page": page}, needs)[0]
        if last > most:
            self.note(f"only the first {PER_PAGE} and the newest {(most - 1) * PER_PAGE} comments were read")

    def pages(
        self,
        task: str,
        path: str,
        shape: type[T],
        most: int,
        query: Mapping[str, str | int] | None = None,
        *,
        needs: str = READS,
    ) -> Iterator[list[T]]:
        """Pages in the order GitHub has them, at most `most`; `needs` is the permission that it takes."""
        before: list[T] = []
        for number in range(1, most + 1):
            page, last = self._page(task, path, shape, {**(query or {}), "page": number}, needs)
            if page and page == before:
                raise ForgeRefused(f"GitHub refused to {task}", why=f"page {number} repeats the one before it")
            yield page
            if number >= last:
                return
            before = page
        self.note(f"only the first {most * PER_PAGE:,} entries were read when asked to {task}")

    def _page(
        self, task: str, path: str, shape: type[T], query: Mapping[str, str | int], needs: str
    ) -> tuple[list[T], int]:
        """One page and the number of the last. The address is ours: links in answers are read, never followed."""
        call = Call(task, "GET", path, needs, query={**query, "per_page": PER_PAGE})
        answer = self.wire.ask(call)
        link = answer.headers.get("link", "")
        last = re.search(r'[?&]page=([0-9]{1,6})[^>]*>; rel="last"', link)
        following = re.search(r'[?&]page=([0-9]{1,6})[^>]*>; rel="next"', link)
        found = last or following
        return read(call, answer, list[shape]), int(found[1]) if found else 1  # type: ignore[valid-type]  # built at run time

    def note(self, limit: str) -> None:
        """Tell of a limit, once."""
        with self._lock:
            if limit not in self.notes:
                self.notes.append(limit)
