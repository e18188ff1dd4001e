"""Comments on commits, and issues, as a double of our own port: what is said stays, and it can be told to refuse."""

from dataclasses import dataclass, field, replace

from cicd_agent.domain.effects import PostedComment
from cicd_agent.domain.ports.actions import Notices
from cicd_agent.errors import ForgeRefused

ME = "github-actions[bot]"


@dataclass
class FakeNotices(Notices):
    """What is said of one repository beside its pull requests. `refusals` are as those of FakeForge."""

    on_commits: dict[str, list[PostedComment]] = field(default_factory=dict)
    opened: list[PostedComment] = field(default_factory=list)
    """Issues of anybody's; the id is the number."""
    refusals: dict[str, ForgeRefused] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)

    def commit_comments(self, commit: str, marker: str) -> tuple[PostedComment, ...]:
        self._called("commit_comments")
        return tuple(one for one in self.on_commits.get(commit, ()) if marker in one.body)

    def post_commit_comment(self, commit: str, body: str) -> PostedComment:
        self._called("post_commit_comment")
        return self.say(commit, body)

    def edit_commit_comment(self, comment: int, body: str) -> PostedComment:
        self._called("edit_commit_comment")
        said = next(said for said in self.on_commits.values() if any(one.id == comment for one in said))
        at = next(at for at, one in enumerate(said) if one.id == comment)
        said[at] = replace(said[at], body=body)
        return said[at]

    def issues(self, marker: str) -> tuple[PostedComment, ...]:
        self._called("issues")
        return tuple(one for one in self.opened if marker in one.body and one.is_ours)

    def open_issue(self, title: str, body: str) -> PostedComment:
        self._called("open_issue")
        number = len(self.opened) + 1
        self.opened.append(
            PostedComment(number, body, ME, is_ours=True, url=f"https://github.test/i/{number}", title=title)
        )
        return self.opened[-1]

    def edit_issue(self, number: int, title: str, body: str) -> PostedComment:
        self._called("edit_issue")
        at = next(at for at, one in enumerate(self.opened) if one.id == number)
        self.opened[at] = replace(self.opened[at], title=title, body=body)
        return self.opened[at]

    def say(self, commit: str, body: str, author: str = ME) -> PostedComment:
        """Put a comment of anybody's on a commit."""
        ident = 1 + sum(map(len, self.on_commits.values()))
        posted = PostedComment(ident, body, author, is_ours=author == ME, url=f"https://github.test/c/{ident}")
        self.on_commits.setdefault(commit, []).append(posted)
        return posted

    def _called(self, method: str) -> None:
        self.calls.append(method)
        if method in self.refusals:
            raise self.refusals[method]
