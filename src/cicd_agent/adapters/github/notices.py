"""Comments on commits, and issues, on GitHub: found again by marker and author, and never made twice."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from cicd_agent.adapters.github.channel import Channel, made_once
from cicd_agent.adapters.github.errors import Call
from cicd_agent.adapters.github.payloads import Posted, read
from cicd_agent.domain.ports.forge import PostedComment
from cicd_agent.errors import ForgeRefused

LABEL = "cicd-agent"
"""Put on our issues when they are opened, so that one request finds them; a person may take it off."""
MOST_PAGES = 3
"""Pages of open issues that are looked through; with a label, or by their author, there are few."""
COMMENTS, ISSUES = "contents: write", "issues: write"
"""What it takes. Reading takes less, but here nobody reads who would not write."""
UNPROCESSABLE = 422


class OpenIssue(Posted):
    """An issue; GitHub lists pull requests among them."""

    number: int
    title: str = ""
    pull_request: Mapping[str, Any] | None = None

    def as_comment(self, *, is_ours: bool) -> PostedComment:
        return replace(Posted.as_comment(self, is_ours=is_ours), id=self.number, title=self.title)


@dataclass(frozen=True, slots=True)
class GitHubNotices:
    """What GitHubForge says of one repository, whose path is `root`, beside its pull requests.

    To look for a comment costs 1 request for each 100 that the commit has. An issue that stands is found with 1; that
    there is none is known after 2, for its label may have been taken off. Either may cost 1 more, for who we are.
    """

    root: str
    channel: Channel

    def commit_comments(self, commit: str, marker: str) -> tuple[PostedComment, ...]:
        """The comments on a commit that contain `marker`, oldest first; one of ours ends the search."""
        task, found = f"list the comments on commit {commit[:7]}", list[PostedComment]()
        for page in self.channel.newest(task, self._comments_on(commit), needs=COMMENTS):
            found += self.channel.marked(page, marker)
            if any(comment.is_ours for comment in found):
                break
        return tuple(sorted(found, key=lambda comment: comment.id))

    def post_commit_comment(self, commit: str, body: str) -> PostedComment:
        """Comment on a commit."""
        path, task = self._comments_on(commit), f"comment on commit {commit[:7]}"
        call = Call(task, "POST", path, COMMENTS, body={"body": body}, repeatable=False)

        def standing() -> Posted | None:
            return self.channel.standing(path, lambda one: one.says(body), needs=COMMENTS)

        return self.channel.once(call, standing).as_comment(is_ours=True)

    def edit_commit_comment(self, comment: int, body: str) -> PostedComment:
        path = f"{self.root}/comments/{comment}"
        call = Call("edit the comment on the commit", "PATCH", path, COMMENTS, body={"body": body})
        return read(call, self.channel.wire.ask(call), Posted).as_comment(is_ours=True)

    def issues(self, marker: str) -> tuple[PostedComment, ...]:
        """Our open issues that contain `marker`, the newest first: those with our label, else those that we opened."""
        return self._ours(marker, {"labels": LABEL}) or self._ours(marker, {"creator": self.channel.me})

    def open_issue(self, title: str, body: str) -> PostedComment:
        """Open an issue. The same request creates the label; without the right to do so GitHub leaves it out."""
        sent = {"title": title, "body": body, "labels": [LABEL]}
        call = Call("open an issue", "POST", f"{self.root}/issues", ISSUES, body=sent, repeatable=False)

        def make() -> OpenIssue:
            return read(call, self.channel.wire.ask(call), OpenIssue)

        def standing() -> OpenIssue | None:
            newest = self._open({}, pages=1)
            return next((one for one in newest if one.says(body) and self.channel.may_be_ours(one)), None)

        return made_once(make, standing, self.channel.settle).as_comment(is_ours=True)

    def edit_issue(self, number: int, title: str, body: str) -> PostedComment:
        sent = {"title": title, "body": body}
        call = Call(f"edit issue {number}", "PATCH", f"{self.root}/issues/{number}", ISSUES, body=sent)
        return read(call, self.channel.wire.ask(call), OpenIssue).as_comment(is_ours=True)

    def _ours(self, marker: str, query: Mapping[str, str]) -> tuple[PostedComment, ...]:
        try:
            found = [one for one in self._open(query) if marker in (one.body or "")]
        except ForgeRefused as refusal:
            if "creator" in query and refusal.status == UNPROCESSABLE:
                return ()  # GitHub knows no such author: then it has opened nothing either
            raise
        return tuple(one.as_comment(is_ours=True) for one in found if self.channel.is_ours(one))

    def _open(self, query: Mapping[str, str], pages: int = MOST_PAGES) -> list[OpenIssue]:
        """Open issues, the newest first."""
        whole = {**query, "state": "open", "sort": "created", "direction": "desc"}
        task, path = "list the open issues", f"{self.root}/issues"
        listed = self.channel.pages(task, path, OpenIssue, pages, whole, needs=ISSUES)
        return [one for page in listed for one in page if one.pull_request is None]

    def _comments_on(self, commit: str) -> str:
        return f"{self.root}/commits/{commit}/comments"
