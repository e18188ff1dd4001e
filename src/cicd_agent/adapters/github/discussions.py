"""What people made of our comments on lines: pull requests by their activity, our threads, and the thumbs these got."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import AwareDatetime, Field

from cicd_agent.adapters.github.channel import Channel
from cicd_agent.adapters.github.errors import Call, words
from cicd_agent.adapters.github.origins import Oid, login_of
from cicd_agent.adapters.github.payloads import Shape, Viewer, read
from cicd_agent.adapters.github.threads import Author, Closer, Page, Problem, closed_by, refusal
from cicd_agent.domain.diff import Side
from cicd_agent.domain.finding import Origin, Severity
from cicd_agent.domain.ports.feedback import Discussed, OurThread, PullEnd
from cicd_agent.domain.text.words import count
from cicd_agent.domain.thread import key_of, rule_of
from cicd_agent.errors import ForgeRefused

PER_PAGE = 20
MOST_THREADS = 50
"""Threads of one pull request that are read."""
MOST_THUMBS = 10
MOST_DISMISSALS = 20
READS = "pull-requests: read"

DISCUSSED = f"""\
query($owner: String!, $name: String!, $first: Int!, $after: String) {{
  viewer {{ login }}
  repository(owner: $owner, name: $name) {{
    pullRequests(first: $first, after: $after, orderBy: {{field: UPDATED_AT, direction: DESC}}) {{
      pageInfo {{ hasNextPage endCursor }}
      nodes {{
        number state updatedAt headRefOid
        mergeCommit {{ oid }}
        timelineItems(last: {MOST_DISMISSALS}, itemTypes: [REVIEW_DISMISSED_EVENT]) {{
          nodes {{ ... on ReviewDismissedEvent {{ actor {{ __typename login }} review {{ id }} }} }}
        }}
        reviewThreads(first: {MOST_THREADS}) {{
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
                down: reactions(first: {MOST_THUMBS}, content: THUMBS_DOWN) {{ nodes {{ user {{ login }} }} }}
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
_GRADE = re.compile(rf"^\*\*({'|'.join(Severity)}) · ", re.MULTILINE)
_BY_TOOL = "<sub>by "


class Node(Shape):
    """Something that is known by its id alone."""

    id: str


class Dismissal(Shape):
    """A review was taken back, by whom; both may be gone since."""

    actor: Author | None = None
    review: Node | None = None


class Dismissals(Shape):
    """The newest of them."""

    nodes: tuple[Dismissal | None, ...] | None = None


class Thumb(Shape):
    """A reaction; null where the account was deleted."""

    user: Viewer | None = None


class Thumbs(Shape):
    """Reactions of one kind, and how many there are, as far as that was asked for."""

    total: int = Field(0, alias="totalCount")
    nodes: tuple[Thumb | None, ...] | None = None


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


class Comments(Shape):
    """The first of a thread."""

    nodes: tuple[Comment | None, ...] | None = None


class Begun(Shape):
    """A thread, where it was begun."""

    resolved: bool = Field(alias="isResolved")
    path: str
    line: int | None = Field(None, alias="originalLine")
    start: int | None = Field(None, alias="originalStartLine")
    side: Side = Field(alias="diffSide")
    closer: Closer | None = Field(None, alias="resolvedBy")
    comments: Comments

    def as_ours(self, viewer: str, dismissed: Mapping[str, str]) -> OurThread | None:
        """In our words, None when we did not begin it; `dismissed` is who took a review back, by its id."""
        first = next(iter(self.comments.nodes or ()), None)
        if first is None or first.author is None or not first.author.is_viewer(viewer):
            return None
        fingerprint = key_of(first.body).rpartition("-")[0]
        if not fingerprint:
            return None
        line, grade = max(self.line or 0, 0), _GRADE.search(first.body)
        rule = rule_of(first.body)
        is_theirs = self.resolved and self.closer is not None and not closed_by(self.closer, first.author)
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
            severity=grade[1] if grade else "",
            suggestion=_suggested(first.body),
            url=first.url,
            resolved_by=self.closer.login if is_theirs and self.closer else "",
            hidden=(first.reason or "hidden").lower() if first.minimised else "",
            dismissed_by=dismissed.get(first.review.id, "") if first.review else "",
            thumbs_down=tuple(thumb.user.login for thumb in first.down.nodes or () if thumb and thumb.user),
            thumbs_up=max(first.up.total, 0),
        )


class BegunList(Shape):
    """The first threads of a pull request, and how many it has."""

    total: int = Field(alias="totalCount")
    nodes: tuple[Begun | None, ...] | None = None


class Pull(Shape):
    """A pull request."""

    number: int
    state: Literal["OPEN", "CLOSED", "MERGED"]
    updated: AwareDatetime = Field(alias="updatedAt")
    head: str = Field(alias="headRefOid")
    merge_commit: Oid | None = Field(None, alias="mergeCommit")
    dismissals: Dismissals = Field(alias="timelineItems")
    threads: BegunList = Field(alias="reviewThreads")

    def as_discussed(self, viewer: str) -> Discussed:
        dismissed = {
            each.review.id: login_of(each.actor)
            for each in self.dismissals.nodes or ()
            if each and each.review and each.actor and not each.actor.is_viewer(viewer)
        }
        ours = (node.as_ours(viewer, dismissed) for node in self.threads.nodes or () if node is not None)
        return Discussed(
            self.number,
            PullEnd(self.state.lower()),
            self.head,
            int(self.updated.timestamp()),
            self.merge_commit.oid if self.merge_commit else "",
            tuple(thread for thread in ours if thread is not None),
        )


class Pulls(Shape):
    """A page of them."""

    page: Page = Field(alias="pageInfo")
    nodes: tuple[Pull | None, ...] | None = None


class Repository(Shape):
    """The repository that was asked for."""

    pulls: Pulls | None = Field(None, alias="pullRequests")


class Data(Shape):
    """What DISCUSSED asks for, each part null where it was refused."""

    viewer: Viewer | None = None
    repository: Repository | None = None


class Answered(Shape):
    """GraphQL's envelope around it."""

    data: Data | None = None
    errors: tuple[Problem, ...] | None = None


@dataclass(frozen=True, slots=True)
class GitHubDiscussions:
    """The Discussions of one repository: one request for each 20 pull requests."""

    repo: str
    channel: Channel

    def discussed(self, since: int, most: int) -> tuple[Sequence[Discussed], Sequence[str]]:
        """At most `most` pull requests with activity since then, the newest first, and a note for each limit met.

        Raises ForgeRefused when not even the first page can be read.
        """
        found: dict[int, Discussed] = {}
        notes: list[str] = []
        try:
            for pulls, viewer, problems in self._pages():
                notes += [f"not all pull requests were shown: {words(each.message)}" for each in problems[:1]]
                for pull in pulls:
                    if int(pull.updated.timestamp()) < since:
                        return tuple(found.values()), _cut(notes)
                    if len(found) == most:
                        notes.append(f"only the {count(most, 'pull request')} with the newest activity were read")
                        return tuple(found.values()), _cut(notes)
                    if pull.threads.total > MOST_THREADS:
                        notes.append(f"only the first {MOST_THREADS} threads of #{pull.number} were read")
                    found[pull.number] = pull.as_discussed(viewer)
        except ForgeRefused as refused:
            if not found:
                raise
            notes.append(f"only {count(len(found), 'pull request')} were read: {refused}")
        return tuple(found.values()), _cut(notes)

    def _pages(self) -> Iterator[tuple[list[Pull], str, tuple[Problem, ...]]]:
        """Each page with who we are and what GitHub has against showing all of it."""
        owner, _, name = self.repo.partition("/")
        after: str | None = None
        while True:
            variables: dict[str, Any] = {"owner": owner, "name": name, "first": PER_PAGE, "after": after}
            body = {"query": DISCUSSED, "variables": variables}
            call = Call("list the pull requests", "POST", self.channel.wire.graphql, READS, body=body)
            answer = read(call, self.channel.wire.ask(call), Answered)
            pulls = answer.data.repository.pulls if answer.data and answer.data.repository else None
            if answer.data is None or answer.data.viewer is None or pulls is None:
                raise refusal(call, answer.errors)
            listed = [node for node in pulls.nodes or () if node is not None]
            yield listed, answer.data.viewer.login, answer.errors or ()
            if not pulls.page.more or not pulls.page.end or pulls.page.end == after or not listed:
                return
            after = pulls.page.end


def _suggested(body: str) -> str:
    """The text of a comment's first suggestion, "" without one."""
    begin = _SUGGESTION.search(body)
    end = body.find(f"\n{begin[1]}", begin.end() - 1) if begin else -1
    return body[begin.end() : end + 1] if begin and end >= 0 else ""


def _origin(rule: str, body: str) -> str:
    if not rule:
        return Origin.MODEL
    return Origin.TOOL if body.rstrip().rpartition("\n")[2].startswith(_BY_TOOL) else Origin.RULE


def _cut(notes: Sequence[str], most: int = 5) -> tuple[str, ...]:
    once = tuple(dict.fromkeys(notes))
    return once if len(once) <= most else (*once[:most], f"and {count(len(once) - most, 'more limit')}")
