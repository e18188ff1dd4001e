"""GitHub's GraphQL API, which shows what REST does not: one envelope, one way to say why there is no answer."""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Generic, TypeVar

from pydantic import BeforeValidator

from cicd_agent.adapters.github.channel import PER_PAGE, READS, Channel
from cicd_agent.adapters.github.errors import Call, printable
from cicd_agent.adapters.github.payloads import Problem, Shape, Viewed, at
from cicd_agent.domain.events.event import same_login
from cicd_agent.domain.events.thread import LONGEST_REMARK, Remark, Thread, key_of, line_of, rule_of, title_of
from cicd_agent.domain.repository.diff import Side
from cicd_agent.domain.text.words import clip, count
from cicd_agent.errors import ForgeRefused

STATUS = {"FORBIDDEN": 403, "INSUFFICIENT_SCOPES": 403, "NOT_FOUND": 404, "RATE_LIMITED": 429}
"""GraphQL answers 200 whatever it thinks: the status that REST would have given to an error of each type."""
OTHER_STATUS = 422
T = TypeVar("T")
A = TypeVar("A", bound=Viewed)


def _without_null(nodes: object) -> object:
    return [node for node in nodes if node is not None] if isinstance(nodes, list) else nodes or ()


Nodes = Annotated[tuple[T, ...], BeforeValidator(_without_null)]
"""A list, as far as it was asked for; GitHub puts null where something was deleted or may not be seen."""


class Author(Shape):
    """Who wrote something; null where the account was deleted."""

    kind: str = at("__typename", default="")
    login: str
    id: int | None = at("databaseId", default=None)

    def is_viewer(self, viewer: str) -> bool:
        """Whether it is the account we act as."""
        return same_login(self.login, viewer, is_bot=self.kind == "Bot")


class Closer(Shape):
    """Who resolved a thread. Bots are users here: known by their number, or by a suffix that no person's login has."""

    login: str
    id: int | None = at("databaseId", default=None)

    def is_bot(self, author: Author | None) -> bool:
        """Whether it is this bot. An account that a person may use, too, proves nothing."""
        if author is None or author.kind != "Bot":
            return False
        login = f"{author.login.removesuffix('[bot]')}[bot]"
        return self.login.lower() == login.lower() or (self.id is not None and self.id == author.id)


class NodePage(Shape, Generic[T]):
    nodes: Nodes[T] = ()
    more: bool = at("pageInfo", "hasNextPage")
    end: str | None = at("pageInfo", "endCursor", default=None)

    def next_after(self, cursor: str | None) -> str | None:
        """Where the next page begins, None after the last; a server that repeats itself has no next one either."""
        return self.end if self.more and self.end and self.end != cursor else None


def login_of(author: Author | None) -> str:
    """A login as REST gives it, where a bot's has a suffix; "" for a deleted account."""
    if author is None:
        return ""
    return f"{author.login.removesuffix('[bot]')}[bot]" if author.kind == "Bot" else author.login


def query(
    channel: Channel,
    task: str,
    text: str,
    variables: Mapping[str, Any],
    shape: type[A],
    *,
    is_complete: Callable[[A], bool],
    needs: str = READS,
    reason: str = "it gave no answer and no reason",
) -> A:
    """The answer to a query or mutation. Raises ForgeRefused when it is not complete, with GitHub's reason if any."""
    owner, _, name = channel.repo.partition("/")
    known = {"owner": owner, "name": name} if "$owner" in text else {}
    body = {"query": text, "variables": {**known, **variables}}
    call = Call(task, "POST", channel.wire.graphql, needs, body=body)
    answer = channel.read(call, shape)
    if is_complete(answer):
        return answer
    first = next(iter(answer.errors or ()), Problem(message=reason))
    status = STATUS.get(first.type, OTHER_STATUS)
    remedy = f"The job needs `{needs}`, if the token may have it" if status in {403, 404} else ""
    raise ForgeRefused(f"GitHub refused to {task}", why=printable(first.message), remedy=remedy, status=status)


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


MAX_TEXTS = 300
"""Files whose text is asked for."""
_TEXTS_AT_ONCE = 60
_BLOB = "object(oid: ${name}) {{ ... on Blob {{ oid text isTruncated }} }}"


class BlobText(Shape):
    """Null where it is binary, and nothing of what is no blob."""

    id: str = at("oid", default="")
    text: str | None = None
    truncated: bool = at("isTruncated", default=False)


class BlobTexts(Viewed):
    found: dict[str, BlobText | None] | None = at("data", "repository", default=None)


def read_blob_texts(channel: Channel, ids: Sequence[str]) -> dict[str, str]:
    """The texts of blobs by git id, of at most MAX_TEXTS and none that is binary or over 512 kB.

    Raises ForgeRefused when not even the first of them can be read.
    """
    texts: dict[str, str] = {}
    for start in range(0, min(len(ids), MAX_TEXTS), _TEXTS_AT_ONCE):
        names = {f"b{index}": id_ for index, id_ in enumerate(ids[start : min(start + _TEXTS_AT_ONCE, MAX_TEXTS)])}
        declared = "".join(f", ${name}: GitObjectID!" for name in names)
        asked = " ".join(f"{name}: {_BLOB.format(name=name)}" for name in names)
        repository = f"repository(owner: $owner, name: $name) {{ {asked} }}"
        text = f"query($owner: String!, $name: String!{declared}) {{ {repository} }}"
        try:
            answer = query(
                channel,
                "read changed files",
                text,
                names,
                BlobTexts,
                is_complete=lambda it: it.found is not None,
                needs="contents: read",
            )
        except ForgeRefused:
            if not texts:
                raise
            break
        found = [blob for blob in (answer.found or {}).values() if blob is not None]
        texts |= {blob.id: blob.text for blob in found if blob.text is not None and not blob.truncated}
    return texts
