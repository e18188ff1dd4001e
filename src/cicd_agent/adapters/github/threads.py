"""Threads of reviews, which GitHub shows and resolves by GraphQL only: one query a page, and one mutation a thread."""

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from cicd_agent.adapters.github.channel import PER_PAGE, Channel
from cicd_agent.adapters.github.errors import printable
from cicd_agent.adapters.github.graphql import (
    Author,
    Closer,
    CountedNodes,
    PagedNodes,
    graphql_call,
    refusal,
)
from cicd_agent.adapters.github.payloads import Envelope, Problem, Shape, ViewerData
from cicd_agent.domain.events.thread import LONGEST_REMARK, Remark, Thread, key_of, line_of, rule_of, title_of
from cicd_agent.domain.repository.diff import Side
from cicd_agent.domain.text.words import clip, count
from cicd_agent.errors import ForgeRefused

MAX_PAGES = 3
PER_THREAD = 10
"""Comments of one thread that are read; whether a person is among the others is not known, and assumed."""

THREADS = """\
query($owner: String!, $name: String!, $number: Int!, $first: Int!, $after: String, $comments: Int!) {
  viewer { login }
  repository(owner: $owner, name: $name) {
    pullRequest(number: $number) {
      reviewThreads(first: $first, after: $after) {
        pageInfo { hasNextPage endCursor }
        nodes {
          id isResolved isOutdated path line diffSide
          resolvedBy { login databaseId }
          comments(first: $comments) {
            totalCount
            nodes { author { __typename login ... on Bot { databaseId } } body url diffHunk }
          }
        }
      }
    }
  }
}
"""
RESOLVE = "mutation($thread: ID!) { resolveReviewThread(input: {threadId: $thread}) { thread { id isResolved } } }\n"


class ThreadComment(Shape):
    """One comment of a thread."""

    author: Author | None = None
    body: str
    url: str
    hunk: str = Field("", alias="diffHunk")

    def is_by_person(self, viewer: str) -> bool:
        """Whether a person wrote it: not a bot, and not we, who mark what we write."""
        if self.author is None:
            return True
        if self.author.kind == "Bot":
            return False
        return not (self.author.is_viewer(viewer) and key_of(self.body))


class ReviewThread(Shape):
    """One thread."""

    id: str
    is_resolved: bool = Field(alias="isResolved")
    is_outdated: bool = Field(alias="isOutdated")
    path: str
    line: int | None = None
    side: Side = Field(alias="diffSide")
    closer: Closer | None = Field(None, alias="resolvedBy")
    comments: CountedNodes[ThreadComment]

    def as_thread(self, viewer: str) -> Thread:
        """`viewer` is the login of the account that we act as."""
        comments = self.comments.present
        remarks = tuple(
            Remark(comment.author.login if comment.author else "", clip(comment.body, LONGEST_REMARK))
            for comment in comments
            if comment.is_by_person(viewer)
        )
        first = comments[0] if comments else None
        ours = first if first is not None and first.author is not None and first.author.is_viewer(viewer) else None
        key = key_of(ours.body) if ours else ""
        keyed = ours if key else None
        closed_by_us = keyed is not None and self.closer is not None and self.closer.is_bot(keyed.author)
        return Thread(
            id=self.id,
            path=self.path,
            line=0 if self.is_outdated else max(self.line or 0, 0),
            side=self.side,
            key=key,
            resolved=self.is_resolved,
            resolved_by_person=self.is_resolved and not closed_by_us,
            answered=bool(remarks) or self.comments.total > len(comments),
            outdated=self.is_outdated,
            url=first.url if first else "",
            title=title_of(keyed.body) if keyed else "",
            rule=rule_of(keyed.body) if keyed else "",
            text=line_of(keyed.hunk) if keyed else "",
            remarks=remarks,
        )


class PullRequest(Shape):
    """The pull request that was asked for."""

    threads: PagedNodes[ReviewThread] = Field(alias="reviewThreads")


class Repository(Shape):
    """The repository that was asked for."""

    pull: PullRequest | None = Field(None, alias="pullRequest")


class ThreadData(ViewerData):
    """What THREADS asks for, each part null where it was refused."""

    repository: Repository | None = None


class Resolved(Shape):
    """The thread after the mutation."""

    is_resolved: bool = Field(alias="isResolved")


class ResolvePayload(Shape):
    """What the mutation gives back."""

    thread: Resolved | None = None


class ResolveData(Shape):
    """What RESOLVE asks for."""

    payload: ResolvePayload | None = Field(None, alias="resolveReviewThread")


def read_threads(channel: Channel, number: int) -> tuple[str, tuple[Thread, ...], tuple[str, ...]]:
    """Who we are, the threads of a pull request's reviews (at most 300, oldest first), and a note for each limit met.

    Raises ForgeRefused when not even the first page can be read.
    """
    owner, _, name = channel.repo.partition("/")
    threads: list[Thread] = []
    notes: tuple[str, ...] = ()
    viewer, after = "", None
    for page in range(MAX_PAGES):
        sizes = {"first": PER_PAGE, "comments": PER_THREAD}
        try:
            data = _page(channel, {"owner": owner, "name": name, "number": number, "after": after, **sizes})
        except ForgeRefused as refused:
            if not page:
                raise
            limit = f"only the first {len(threads)} review threads were read: {refused}"
            return viewer, tuple(threads), (*notes, limit)
        viewer, nodes, problems = data
        threads += [node.as_thread(viewer) for node in nodes.present]
        notes = notes or tuple(f"not all review threads were shown: {printable(each.message)}" for each in problems[:1])
        after = nodes.page.next_after(after)
        if after is None:
            return viewer, tuple(threads), notes
    return viewer, tuple(threads), (*notes, f"only the first {count(len(threads), 'review thread')} were read")


def resolve_thread(channel: Channel, thread: str) -> None:
    """Resolve the thread of this node id; once more is no harm. Raises ForgeRefused."""
    call = graphql_call(channel, "resolve a review thread", RESOLVE, {"thread": thread}, "contents: write")
    answer = channel.read(call, Envelope[ResolveData])
    payload = answer.data.payload if answer.data else None
    if payload is None or payload.thread is None or not payload.thread.is_resolved:
        raise refusal(call, answer.errors)


def _page(channel: Channel, variables: Mapping[str, Any]) -> tuple[str, PagedNodes[ReviewThread], tuple[Problem, ...]]:
    """Who we are, a page, and what GitHub has against showing all of it. Raises ForgeRefused when there is none."""
    call = graphql_call(channel, "list the review threads", THREADS, variables)
    answer = channel.read(call, Envelope[ThreadData])
    repository = answer.data.repository if answer.data else None
    pull = repository.pull if repository else None
    if answer.data is None or answer.data.viewer is None or pull is None:
        raise refusal(call, answer.errors)
    return answer.data.viewer.login, pull.threads, answer.errors or ()
