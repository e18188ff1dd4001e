"""Comments on commits, and issues, on GitHub: found again by marker and author, and never made twice."""

from collections.abc import Mapping
from dataclasses import dataclass

from cicd_agent.adapters.github.channel import Channel
from cicd_agent.adapters.github.payloads import Issue
from cicd_agent.domain.effects import PostedComment
from cicd_agent.errors import ForgeRefused

LABEL = "cicd-agent"
"""Put on our issues when they are opened, so that one request finds them; a person may take it off."""
MAX_PAGES = 3
"""Pages of open issues that are looked through; with a label, or by their author, there are few."""
COMMENTS, ISSUES = "contents: write", "issues: write"
"""What it takes. Reading takes less, but here nobody reads who would not write."""
UNPROCESSABLE = 422


@dataclass(frozen=True, slots=True)
class GitHubNotices:
    channel: Channel

    def commit_comments(self, commit: str, marker: str) -> tuple[PostedComment, ...]:
        task, path = f"list the comments on commit {commit[:7]}", f"/commits/{commit}/comments"
        return self.channel.marked_until_ours(task, path, marker, needs=COMMENTS)

    def post_commit_comment(self, commit: str, body: str) -> PostedComment:
        task, path = f"comment on commit {commit[:7]}", f"/commits/{commit}/comments"
        return self.channel.post_text(task, path, body, COMMENTS)

    def edit_commit_comment(self, comment: int, body: str) -> PostedComment:
        return self.channel.edit_text("edit the comment on the commit", f"/comments/{comment}", body, COMMENTS)

    def issues(self, marker: str) -> tuple[PostedComment, ...]:
        """Our open issues that contain `marker`, the newest first: those with our label, else those that we opened."""
        return self._ours(marker, {"labels": LABEL}) or self._ours(marker, {"creator": self.channel.me})

    def open_issue(self, title: str, body: str) -> PostedComment:
        """Open an issue. The same request creates the label; without the right to do so GitHub leaves it out."""
        sent = {"title": title, "body": body, "labels": [LABEL]}
        call = self.channel.call("open an issue", "POST", "/issues", ISSUES, sent, repeatable=False)

        def standing() -> Issue | None:
            newest = self._open({}, pages=1)
            return next((one for one in newest if one.has_text(body) and self.channel.may_be_ours(one)), None)

        return _as_comment(self.channel.once(lambda: self.channel.read(call, Issue), standing))

    def edit_issue(self, number: int, title: str, body: str) -> PostedComment:
        sent = {"title": title, "body": body}
        call = self.channel.call(f"edit issue {number}", "PATCH", f"/issues/{number}", ISSUES, sent)
        return _as_comment(self.channel.read(call, Issue))

    def _ours(self, marker: str, query: Mapping[str, str]) -> tuple[PostedComment, ...]:
        try:
            marked = [one for one in self._open(query) if marker in one.body]
        except ForgeRefused as refusal:
            if "creator" in query and refusal.status == UNPROCESSABLE:
                return ()  # GitHub knows no such author: then it has opened nothing either
            raise
        return tuple(_as_comment(one) for one in marked if self.channel.is_ours(one))

    def _open(self, query: Mapping[str, str], pages: int = MAX_PAGES) -> list[Issue]:
        query = {**query, "state": "open", "sort": "created", "direction": "desc"}
        listed = self.channel.entries("list the open issues", "/issues", Issue, pages, query, needs=ISSUES)
        return [one for one in listed if one.pull_request is None]


def _as_comment(issue: Issue) -> PostedComment:
    return issue.to(PostedComment, id=issue.number, is_ours=True)
