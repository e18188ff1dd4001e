"""Threads of reviews, which GitHub shows and resolves by GraphQL only: one query a page, and one mutation a thread."""

from cicd_agent.adapters.github.channel import PER_PAGE, Channel
from cicd_agent.adapters.github.errors import printable
from cicd_agent.adapters.github.graphql import Author, Closer, NodePage, Nodes, query
from cicd_agent.adapters.github.payloads import Shape, Viewed, at
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
    author: Author | None = None
    body: str
    url: str
    hunk: str = at("diffHunk", default="")

    def is_by_person(self, viewer: str) -> bool:
        """Whether a person wrote it: not a bot, and not we, who mark what we write."""
        if self.author is None:
            return True
        if self.author.kind == "Bot":
            return False
        return not (self.author.is_viewer(viewer) and key_of(self.body))


class ReviewThread(Shape):
    id: str
    resolved: bool = at("isResolved")
    outdated: bool = at("isOutdated")
    path: str
    line: int | None = None
    side: Side = at("diffSide")
    closer: Closer | None = at("resolvedBy", default=None)
    comments: Nodes[ThreadComment] = at("comments", "nodes", default=())
    total: int = at("comments", "totalCount")

    def as_thread(self, viewer: str) -> Thread:
        """`viewer` is the login of the account that we act as."""
        remarks = tuple(
            Remark(comment.author.login if comment.author else "", clip(comment.body, LONGEST_REMARK))
            for comment in self.comments
            if comment.is_by_person(viewer)
        )
        first = next(iter(self.comments), None)
        is_ours = first is not None and first.author is not None and first.author.is_viewer(viewer)
        key = key_of(first.body) if first and is_ours else ""
        ours = first if key else None
        closed_by_us = ours is not None and self.closer is not None and self.closer.is_bot(ours.author)
        return self.to(
            Thread,
            line=0 if self.outdated else max(self.line or 0, 0),
            key=key,
            resolved_by_person=self.resolved and not closed_by_us,
            answered=bool(remarks) or self.total > len(self.comments),
            url=first.url if first else "",
            title=title_of(ours.body) if ours else "",
            rule=rule_of(ours.body) if ours else "",
            text=line_of(ours.hunk) if ours else "",
            remarks=remarks,
        )


class Threads(Viewed):
    page: NodePage[ReviewThread] | None = at("data", "repository", "pullRequest", "reviewThreads", default=None)


class Resolution(Viewed):
    resolved: bool = at("data", "resolveReviewThread", "thread", "isResolved", default=False)


def read_threads(channel: Channel, number: int) -> tuple[str, tuple[Thread, ...], tuple[str, ...]]:
    """Who we are, the threads of a pull request's reviews (at most 300, oldest first), and a note for each limit met.

    Raises ForgeRefused when not even the first page can be read.
    """
    threads: list[Thread] = []
    notes: tuple[str, ...] = ()
    viewer, after = "", None
    for _ in range(MAX_PAGES):
        variables = {"number": number, "after": after, "first": PER_PAGE, "comments": PER_THREAD}
        try:
            answer = query(
                channel,
                "list the review threads",
                THREADS,
                variables,
                Threads,
                is_complete=lambda it: bool(it.viewer and it.page),
            )
        except ForgeRefused as refused:
            if not viewer:
                raise
            limit = f"only the first {len(threads)} review threads were read: {refused}"
            return viewer, tuple(threads), (*notes, limit)
        viewer = answer.viewer
        if answer.page:
            threads += [node.as_thread(viewer) for node in answer.page.nodes]
            after = answer.page.next_after(after)
        notes = notes or tuple(f"not all review threads were shown: {printable(each)}" for each in answer.problems)
        if after is None:
            return viewer, tuple(threads), notes
    return viewer, tuple(threads), (*notes, f"only the first {count(len(threads), 'review thread')} were read")


def resolve_thread(channel: Channel, thread: str) -> None:
    """Resolve the thread of this node id; once more is no harm. Raises ForgeRefused."""
    variables = {"thread": thread}
    task, needs = "resolve a review thread", "contents: write"
    query(channel, task, RESOLVE, variables, Resolution, is_complete=lambda answer: answer.resolved, needs=needs)
