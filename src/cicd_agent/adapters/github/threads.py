"""Threads of reviews, which GitHub shows and resolves by GraphQL only: one query a page, and one mutation a thread."""

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from cicd_agent.adapters.github.errors import Call, words
from cicd_agent.adapters.github.payloads import Shape, Viewer, read
from cicd_agent.adapters.github.transport import Wire
from cicd_agent.domain.diff import Side
from cicd_agent.domain.text.words import clip, count
from cicd_agent.domain.thread import LONGEST_REMARK, Remark, Thread, key_of, line_of, rule_of, title_of
from cicd_agent.errors import ForgeRefused

MOST_PAGES = 3
PER_PAGE = 100
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

STATUS = {"FORBIDDEN": 403, "INSUFFICIENT_SCOPES": 403, "NOT_FOUND": 404, "RATE_LIMITED": 429}
"""GraphQL answers 200 whatever it thinks: the status that REST would have given to an error of each type."""
_ANY_OTHER = 422


class Problem(Shape):
    """Why GraphQL did not answer, or not all."""

    message: str = ""
    type: str = ""


class Author(Shape):
    """Who wrote a comment; null where the account was deleted."""

    kind: str = Field("", alias="__typename")
    login: str
    id: int | None = Field(None, alias="databaseId")

    def is_viewer(self, viewer: str) -> bool:
        """Whether it is the account we act as, whose login has a suffix in one place and none in the other."""
        if self.kind == "Bot":
            return self.login.removesuffix("[bot]").lower() == viewer.removesuffix("[bot]").lower()
        return self.login.lower() == viewer.lower()


class Closer(Shape):
    """Who resolved a thread."""

    login: str
    id: int | None = Field(None, alias="databaseId")


class Said(Shape):
    """One comment of a thread."""

    author: Author | None = None
    body: str
    url: str
    hunk: str = Field("", alias="diffHunk")


class Page(Shape):
    """Where a list goes on."""

    more: bool = Field(alias="hasNextPage")
    end: str | None = Field(None, alias="endCursor")


class SaidList(Shape):
    """The first comments of a thread, and how many it has."""

    total: int = Field(alias="totalCount")
    nodes: tuple[Said | None, ...] | None = None


class ReviewThread(Shape):
    """One thread."""

    id: str
    is_resolved: bool = Field(alias="isResolved")
    is_outdated: bool = Field(alias="isOutdated")
    path: str
    line: int | None = None
    side: Side = Field(alias="diffSide")
    closer: Closer | None = Field(None, alias="resolvedBy")
    comments: SaidList

    def as_thread(self, viewer: str) -> Thread:
        """In our words; `viewer` is the login of the account that we act as."""
        said = [comment for comment in self.comments.nodes or () if comment is not None]
        remarks = tuple(
            Remark(comment.author.login if comment.author else "", clip(comment.body, LONGEST_REMARK))
            for comment in said
            if _by_person(comment, viewer)
        )
        first = said[0] if said else None
        ours = first is not None and first.author is not None and first.author.is_viewer(viewer)
        key = key_of(first.body) if first is not None and ours else ""
        return Thread(
            id=self.id,
            path=self.path,
            line=0 if self.is_outdated else max(self.line or 0, 0),
            side=self.side,
            key=key,
            resolved=self.is_resolved,
            resolved_by_person=self.is_resolved and not (key and first and closed_by(self.closer, first.author)),
            answered=bool(remarks) or self.comments.total > len(said),
            outdated=self.is_outdated,
            url=first.url if first else "",
            title=title_of(first.body) if key and first else "",
            rule=rule_of(first.body) if key and first else "",
            text=line_of(first.hunk) if key and first else "",
            remarks=remarks,
        )


class ThreadList(Shape):
    """A page of threads."""

    page: Page = Field(alias="pageInfo")
    nodes: tuple[ReviewThread | None, ...] | None = None


class PullRequest(Shape):
    """The pull request that was asked for."""

    threads: ThreadList = Field(alias="reviewThreads")


class Repository(Shape):
    """The repository that was asked for."""

    pull: PullRequest | None = Field(None, alias="pullRequest")


class ThreadData(Shape):
    """What THREADS asks for, each part null where it was refused."""

    viewer: Viewer | None = None
    repository: Repository | None = None


class ThreadAnswer(Shape):
    """GraphQL's envelope around it."""

    data: ThreadData | None = None
    errors: tuple[Problem, ...] | None = None


class Resolved(Shape):
    """The thread after the mutation."""

    is_resolved: bool = Field(alias="isResolved")


class Payload(Shape):
    """What the mutation gives back."""

    thread: Resolved | None = None


class ResolveData(Shape):
    """What RESOLVE asks for."""

    payload: Payload | None = Field(None, alias="resolveReviewThread")


class ResolveAnswer(Shape):
    """GraphQL's envelope around it."""

    data: ResolveData | None = None
    errors: tuple[Problem, ...] | None = None


def read_threads(wire: Wire, repo: str, number: int) -> tuple[str, tuple[Thread, ...], tuple[str, ...]]:
    """Who we are, the threads of a pull request's reviews (at most 300, oldest first), and a note for each limit met.

    Raises ForgeRefused when not even the first page can be read.
    """
    owner, _, name = repo.partition("/")
    found: list[Thread] = []
    notes: tuple[str, ...] = ()
    viewer, after = "", None
    for page in range(MOST_PAGES):
        sizes = {"first": PER_PAGE, "comments": PER_THREAD}
        try:
            data = _page(wire, {"owner": owner, "name": name, "number": number, "after": after, **sizes})
        except ForgeRefused as refusal:
            if not page:
                raise
            return viewer, tuple(found), (*notes, f"only the first {len(found)} review threads were read: {refusal}")
        viewer, threads, problems = data
        found += [node.as_thread(viewer) for node in threads.nodes or () if node is not None]
        notes = notes or tuple(f"not all review threads were shown: {words(each.message)}" for each in problems[:1])
        if not threads.page.more or not threads.page.end or threads.page.end == after:
            return viewer, tuple(found), notes
        after = threads.page.end
    return viewer, tuple(found), (*notes, f"only the first {count(len(found), 'review thread')} were read")


def resolve_thread(wire: Wire, thread: str) -> None:
    """Resolve the thread of this node id; once more is no harm. Raises ForgeRefused."""
    body = {"query": RESOLVE, "variables": {"thread": thread}}
    call = Call("resolve a review thread", "POST", wire.graphql, "contents: write", body=body)
    answer = read(call, wire.ask(call), ResolveAnswer)
    payload = answer.data.payload if answer.data else None
    if payload is None or payload.thread is None or not payload.thread.is_resolved:
        raise refusal(call, answer.errors)


def _page(wire: Wire, variables: Mapping[str, Any]) -> tuple[str, ThreadList, tuple[Problem, ...]]:
    """Who we are, a page, and what GitHub has against showing all of it. Raises ForgeRefused when there is none."""
    body = {"query": THREADS, "variables": variables}
    call = Call("list the review threads", "POST", wire.graphql, "pull-requests: read", body=body)
    answer = read(call, wire.ask(call), ThreadAnswer)
    repository = answer.data.repository if answer.data else None
    pull = repository.pull if repository else None
    if answer.data is None or answer.data.viewer is None or pull is None:
        raise refusal(call, answer.errors)
    return answer.data.viewer.login, pull.threads, answer.errors or ()


def refusal(call: Call, problems: tuple[Problem, ...] | None) -> ForgeRefused:
    """The failure of a query that was answered with errors, or with nothing."""
    first = next(iter(problems or ()), Problem(message="it gave no answer and no reason"))
    status = STATUS.get(first.type, _ANY_OTHER)
    lacks = f"The job needs `{call.needs}`, if the token may have it" if status in {403, 404} else ""
    return ForgeRefused(f"GitHub refused to {call.task}", why=words(first.message), remedy=lacks, status=status)


def _by_person(comment: Said, viewer: str) -> bool:
    """Whether a person said it: not a bot, and not we, who mark what we say."""
    if comment.author is None:
        return True
    if comment.author.kind == "Bot":
        return False
    return not (comment.author.is_viewer(viewer) and key_of(comment.body))


def closed_by(closer: Closer | None, author: Author | None) -> bool:
    """Whether a thread was closed by the bot that began it. An account that a person may use, too, proves nothing.

    Bots are users here: known by their number, or by a suffix that no person's login has.
    """
    if closer is None or author is None or author.kind != "Bot":
        return False
    login = f"{author.login.removesuffix('[bot]')}[bot]"
    return closer.login.lower() == login.lower() or (closer.id is not None and closer.id == author.id)
