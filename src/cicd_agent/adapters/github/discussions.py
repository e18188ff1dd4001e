"""What people made of our comments on lines: pull requests by their activity, our threads, and the thumbs these got."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from cicd_agent.adapters.github.channel import Channel
from cicd_agent.adapters.github.errors import printable
from cicd_agent.adapters.github.graphql import Author, Closer, NodePage, Nodes, login_of, query
from cicd_agent.adapters.github.payloads import Epoch, Shape, Text, Viewed, at
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
_SEVERITY = re.compile(rf"^\*\*(?:\S\s)?({'|'.join(Severity)}) · ", re.MULTILINE)
_BY_TOOL = re.compile(r"<sub>rule `.*` of [^`]{1,200} · to suppress: ")


class Dismissal(Shape):
    """A review was taken back, by whom; both may be gone since."""

    actor: Author | None = None
    review: Text = at("review", "id", default="")


class Thumb(Shape):
    login: Text = at("user", "login", default="")


class Comment(Shape):
    author: Author | None = None
    body: str
    url: str
    created: Epoch = at("createdAt")
    minimised: bool = at("isMinimized")
    reason: str | None = at("minimizedReason", default=None)
    commit: Text = at("originalCommit", "oid", default="")
    review: Text = at("pullRequestReview", "id", default="")
    down: Nodes[Thumb] = at("down", "nodes", default=())
    thumbs_up: int = at("up", "totalCount", default=0)


class StartedThread(Shape):
    resolved: bool = at("isResolved")
    path: str
    line: int | None = at("originalLine", default=None)
    start: int | None = at("originalStartLine", default=None)
    side: Side = at("diffSide")
    closer: Closer | None = at("resolvedBy", default=None)
    comments: tuple[Comment | None, ...] | None = at("comments", "nodes")

    def as_ours(self, viewer: str, dismissed: Mapping[str, str]) -> OurThread | None:
        """None when we did not start it; `dismissed` is who took a review back, by its id."""
        first = next(iter(self.comments or ()), None)
        if first is None or first.author is None or not first.author.is_viewer(viewer):
            return None
        fingerprint = key_of(first.body).rpartition("-")[0]
        if not fingerprint:
            return None
        line, severity = max(self.line or 0, 0), _SEVERITY.search(first.body)
        rule = rule_of(first.body)
        closer = self.closer if self.resolved else None
        return first.to(
            OurThread,
            at=first.created,
            fingerprint=fingerprint,
            path=self.path,
            first=self.start if self.start and 0 < self.start <= line else line,
            last=line,
            side=self.side,
            rule=rule,
            origin=_origin(rule, first.body),
            severity=severity[1] if severity else "",
            suggestion=_suggested(first.body),
            resolved_by=closer.login if closer and not closer.is_bot(first.author) else "",
            hidden=(first.reason or "hidden").lower() if first.minimised else "",
            dismissed_by=dismissed.get(first.review, ""),
            thumbs_down=tuple(thumb.login for thumb in first.down if thumb.login),
            thumbs_up=max(first.thumbs_up, 0),
        )


class Pull(Shape):
    number: int
    state: Literal["OPEN", "CLOSED", "MERGED"]
    updated: Epoch = at("updatedAt")
    head: str = at("headRefOid")
    merged_as: Text = at("mergeCommit", "oid", default="")
    dismissals: Nodes[Dismissal] = at("timelineItems", "nodes", default=())
    threads: Nodes[StartedThread] = at("reviewThreads", "nodes", default=())
    total: int = at("reviewThreads", "totalCount")

    def as_discussed(self, viewer: str) -> Discussed:
        dismissed = {
            each.review: login_of(each.actor)
            for each in self.dismissals
            if each.review and each.actor and not each.actor.is_viewer(viewer)
        }
        ours = (thread.as_ours(viewer, dismissed) for thread in self.threads)
        threads = tuple(thread for thread in ours if thread is not None)
        return self.to(Discussed, end=PullEnd(self.state.lower()), threads=threads)


class PullPage(Viewed):
    page: NodePage[Pull] | None = at("data", "repository", "pullRequests", default=None)


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
            for answer, page in self._pages():
                notes += [f"not all pull requests were shown: {printable(each)}" for each in answer.problems]
                for pull in page.nodes:
                    if pull.updated < since:
                        return tuple(result.values()), _cut(notes)
                    if len(result) == limit:
                        notes.append(f"only the {count(limit, 'pull request')} with the newest activity were read")
                        return tuple(result.values()), _cut(notes)
                    if pull.total > MAX_THREADS:
                        notes.append(f"only the first {MAX_THREADS} threads of #{pull.number} were read")
                    result[pull.number] = pull.as_discussed(answer.viewer)
        except ForgeRefused as refused:
            if not result:
                raise
            notes.append(f"only {count(len(result), 'pull request')} were read: {refused}")
        return tuple(result.values()), _cut(notes)

    def _pages(self) -> Iterator[tuple[PullPage, NodePage[Pull]]]:
        after: str | None = None
        while True:
            variables = {"first": PER_PAGE, "after": after}
            task = "list the pull requests"
            answer = query(
                self.channel, task, DISCUSSED, variables, PullPage, is_complete=lambda it: bool(it.viewer and it.page)
            )
            if answer.page is None:
                return
            yield answer, answer.page
            after = answer.page.next_after(after)
            if after is None or not answer.page.nodes:
                return


def _suggested(body: str) -> str:
    """The text of a comment's first suggestion, "" without one."""
    begin = _SUGGESTION.search(body)
    end = body.find(f"\n{begin[1]}", begin.end() - 1) if begin else -1
    return body[begin.end() : end + 1] if begin and end >= 0 else ""


def _origin(rule: str, body: str) -> str:
    if not rule:
        return Origin.MODEL
    return Origin.TOOL if _BY_TOOL.match(body.rstrip().rpartition("\n")[2]) else Origin.RULE


def _cut(notes: Sequence[str], limit: int = 5) -> tuple[str, ...]:
    once = tuple(dict.fromkeys(notes))
    return once if len(once) <= limit else (*once[:limit], f"and {count(len(once) - limit, 'more limit')}")
