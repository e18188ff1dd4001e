"""What people made of our comments on lines: pull requests by their activity, our threads, and the thumbs these got."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import AwareDatetime, Field

from cicd_agent.adapters.github.channel import Channel
from cicd_agent.adapters.github.errors import printable
from cicd_agent.adapters.github.graphql import (
    Author,
    Closer,
    CountedNodes,
    Nodes,
    Oid,
    PagedNodes,
    graphql_call,
    login_of,
    refusal,
)
from cicd_agent.adapters.github.payloads import Envelope, Problem, Shape, Viewer, ViewerData
from cicd_agent.domain.events.thread import key_of, rule_of
from cicd_agent.domain.finding import Origin, Severity
from cicd_agent.domain.ports.feedback import Discussed, OurThread, PullEnd
from cicd_agent.domain.repository.diff import Side
from cicd_agent.domain.text.words import count
from cicd_agent.errors import ForgeRefused

PER_PAGE = 20
MAX_THREADS = 50
"""Threads of one pull request that are read."""
MAX_THUMBS = 10
MAX_DISMISSALS = 20

DISCUSSED = f"""\
query($owner: String!, $name: String!, $first: Int!, $after: String) {{
  viewer {{ login }}
  repository(owner: $owner, name: $name) {{
    pullRequests(first: $first, after: $after, orderBy: {{field: UPDATED_AT, direction: DESC}}) {{
      pageInfo {{ hasNextPage endCursor }}
      nodes {{
        number state updatedAt headRefOid
        mergeCommit {{ oid }}
        timelineItems(last: {MAX_DISMISSALS}, itemTypes: [REVIEW_DISMISSED_EVENT]) {{
          nodes {{ ... on ReviewDismissedEvent {{ actor {{ __typename login }} review {{ id }} }} }}
        }}
        reviewThreads(first: {MAX_THREADS}) {{
          totalCount
          nodes {{
            isResolved path originalLine originalStartLine diffSide
            resolvedBy {{ login databaseId }}
            comments(first: 1) {{
              nodes {{
                author {{ __typename login ... on Bot {{ databaseId }} }}
                body url createdAt isMinimized minimizedReason
                originalCommit {{ oid }}
                pullRequestReview {{ id }}
                down: reactions(first: {MAX_THUMBS}, content: THUMBS_DOWN) {{ nodes {{ user {{ login }} }} }}
                up: reactions(first: 1, content: THUMBS_UP) {{ totalCount }}
              }}
            }}
          }}
        }}
      }}
    }}
  }}
}}
"""
_SUGGESTION = re.compile(r"^(`{3,})suggestion\r?$\n", re.MULTILINE)
_SEVERITY = re.compile(rf"^\*\*({'|'.join(Severity)}) · ", re.MULTILINE)
_BY_TOOL = "<sub>by "


class Node(Shape):
    """Something that is known by its id alone."""

    id: str


class Dismissal(Shape):
    """A review was taken back, by whom; both may be gone since."""

    actor: Author | None = None
    review: Node | None = None


class Thumb(Shape):
    """A reaction; null where the account was deleted."""

    user: Viewer | None = None


class Thumbs(Nodes[Thumb]):
    """Reactions of one kind, and how many there are, as far as that was asked for."""

    total: int = Field(0, alias="totalCount")


class Comment(Shape):
    """The comment that began a thread."""

    author: Author | None = None
    body: str
    url: str
    created: AwareDatetime = Field(alias="createdAt")
    minimised: bool = Field(alias="isMinimized")
    reason: str | None = Field(None, alias="minimizedReason")
    commit: Oid | None = Field(None, alias="originalCommit")
    review: Node | None = Field(None, alias="pullRequestReview")
    down: Thumbs
    up: Thumbs


class StartedThread(Shape):
    """A thread, where it was started."""

    resolved: bool = Field(alias="isResolved")
    path: str
    line: int | None = Field(None, alias="originalLine")
    start: int | None = Field(None, alias="originalStartLine")
    side: Side = Field(alias="diffSide")
    closer: Closer | None = Field(None, alias="resolvedBy")
    comments: Nodes[Comment]

    def as_ours(self, viewer: str, dismissed: Mapping[str, str]) -> OurThread | None:
        """None when we did not start it; `dismissed` is who took a review back, by its id."""
        first = next(iter(self.comments.nodes or ()), None)
        if first is None or first.author is None or not first.author.is_viewer(viewer):
            return None
        fingerprint = key_of(first.body).rpartition("-")[0]
        if not fingerprint:
            return None
        line, severity = max(self.line or 0, 0), _SEVERITY.search(first.body)
        rule = rule_of(first.body)
        closer = self.closer if self.resolved else None
        return OurThread(
            fingerprint,
            self.path,
            first=self.start if self.start and 0 < self.start <= line else line,
            last=line,
            side=self.side,
            commit=first.commit.oid if first.commit else "",
            at=int(first.created.timestamp()),
            rule=rule,
            origin=_origin(rule, first.body),
            severity=severity[1] if severity else "",
            suggestion=_suggested(first.body),
            url=first.url,
            resolved_by=closer.login if closer and not closer.is_bot(first.author) else "",
            hidden=(first.reason or "hidden").lower() if first.minimised else "",
            dismissed_by=dismissed.get(first.review.id, "") if first.review else "",
            thumbs_down=tuple(thumb.user.login for thumb in first.down.present if thumb.user),
            thumbs_up=max(first.up.total, 0),
        )


class Pull(Shape):
    """A pull request."""

    number: int
    state: Literal["OPEN", "CLOSED", "MERGED"]
    updated: AwareDatetime = Field(alias="updatedAt")
    head: str = Field(alias="headRefOid")
    merge_commit: Oid | None = Field(None, alias="mergeCommit")
    dismissals: Nodes[Dismissal] = Field(alias="timelineItems")
    threads: CountedNodes[StartedThread] = Field(alias="reviewThreads")

    def as_discussed(self, viewer: str) -> Discussed:
        dismissed = {
            each.review.id: login_of(each.actor)
            for each in self.dismissals.present
            if each.review and each.actor and not each.actor.is_viewer(viewer)
        }
        ours = (thread.as_ours(viewer, dismissed) for thread in self.threads.present)
        return Discussed(
            self.number,
            PullEnd(self.state.lower()),
            self.head,
            int(self.updated.timestamp()),
            self.merge_commit.oid if self.merge_commit else "",
            tuple(thread for thread in ours if thread is not None),
        )


class Repository(Shape):
    """The repository that was asked for."""

    pulls: PagedNodes[Pull] | None = Field(None, alias="pullRequests")


class DiscussedData(ViewerData):
    """What DISCUSSED asks for, each part null where it was refused."""

    repository: Repository | None = None


@dataclass(frozen=True, slots=True)
class GitHubDiscussions:
    """The Discussions of one repository: one request for each 20 pull requests."""

    channel: Channel

    def discussed(self, since: int, limit: int) -> tuple[Sequence[Discussed], Sequence[str]]:
        """At most `limit` pull requests with activity since then, the newest first, and a note for each limit met.

        Raises ForgeRefused when not even the first page can be read.
        """
        result: dict[int, Discussed] = {}
        notes: list[str] = []
        try:
            for pulls, viewer, problems in self._pages():
                notes += [f"not all pull requests were shown: {printable(each.message)}" for each in problems[:1]]
                for pull in pulls:
                    if int(pull.updated.timestamp()) < since:
                        return tuple(result.values()), _cut(notes)
                    if len(result) == limit:
                        notes.append(f"only the {count(limit, 'pull request')} with the newest activity were read")
                        return tuple(result.values()), _cut(notes)
                    if pull.threads.total > MAX_THREADS:
                        notes.append(f"only the first {MAX_THREADS} threads of #{pull.number} were read")
                    result[pull.number] = pull.as_discussed(viewer)
        except ForgeRefused as refused:
            if not result:
                raise
            notes.append(f"only {count(len(result), 'pull request')} were read: {refused}")
        return tuple(result.values()), _cut(notes)

    def _pages(self) -> Iterator[tuple[tuple[Pull, ...], str, tuple[Problem, ...]]]:
        """Each page with who we are and what GitHub has against showing all of it."""
        owner, _, name = self.channel.repo.partition("/")
        after: str | None = None
        while True:
            variables = {"owner": owner, "name": name, "first": PER_PAGE, "after": after}
            call = graphql_call(self.channel, "list the pull requests", DISCUSSED, variables)
            answer = self.channel.read(call, Envelope[DiscussedData])
            pulls = answer.data.repository.pulls if answer.data and answer.data.repository else None
            if answer.data is None or answer.data.viewer is None or pulls is None:
                raise refusal(call, answer.errors)
            yield pulls.present, answer.data.viewer.login, answer.errors or ()
            after = pulls.page.next_after(after)
            if after is None or not pulls.present:
                return


def _suggested(body: str) -> str:
    """The text of a comment's first suggestion, "" without one."""
    begin = _SUGGESTION.search(body)
    end = body.find(f"\n{begin[1]}", begin.end() - 1) if begin else -1
    return body[begin.end() : end + 1] if begin and end >= 0 else ""


def _origin(rule: str, body: str) -> str:
    if not rule:
        return Origin.MODEL
    return Origin.TOOL if body.rstrip().rpartition("\n")[2].startswith(_BY_TOOL) else Origin.RULE


def _cut(notes: Sequence[str], limit: int = 5) -> tuple[str, ...]:
    once = tuple(dict.fromkeys(notes))
    return once if len(once) <= limit else (*once[:limit], f"and {count(len(once) - limit, 'more limit')}")
