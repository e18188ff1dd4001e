"""Exchanges at lines of a pull request: reading one, and adding to it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from cicd_agent.adapters.github.errors import Answer, Call
from cicd_agent.adapters.github.payloads import Posted, read
from cicd_agent.domain.ports.forge import PostedComment
from cicd_agent.errors import ForgeRefused

MOST_PAGES = 10
"""Pages of inline comments that are looked through for a thread's."""
READS = "pull-requests: read"
WRITES = "pull-requests: write"


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
