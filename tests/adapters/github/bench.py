"""What the tests of GitHub's failures share: a forge on a hub that can be made to fail, and the work it is given."""

from collections.abc import Callable
from typing import Any

import pytest

from cicd_agent.adapters.github.forge import GitHubForge
from cicd_agent.domain.effects import Review, ReviewEvent
from cicd_agent.errors import Exit, ForgeRefused
from tests.support.servers.github.app import FakeGitHub
from tests.support.servers.github.state import Account, Comment

Work = Callable[[GitHubForge], object]
REVIEW = Review(key="r", pull=7, commit="a" * 40, event=ReviewEvent.COMMENT, body="<!-- m --> said\n", comments=())
READS: dict[str, Work] = {
    "pull": lambda forge: forge.pull(7),
    "files": lambda forge: forge.files(7),
    "comments": lambda forge: forge.comments(7, "m"),
    "review comments": lambda forge: forge.review_comments(7, "m"),
    "text": lambda forge: forge.text_at("a", "main"),
}
POSTS: dict[str, Work] = {
    "comment": lambda forge: forge.post_comment(7, REVIEW.body),
    "review": lambda forge: forge.post_review(REVIEW),
}
EVERYTHING = READS | POSTS | {"edit": lambda forge: forge.edit_comment(1, "x")}
ANY = "/repos/o/r/(pulls|issues|contents)"


class Bench:
    """A hub, a forge that naps instead of sleeping, and how to make it fail."""

    def __init__(self, hub: FakeGitHub) -> None:
        self.hub = hub
        self.naps: list[float] = []
        self.pull = hub.add_pull(7)
        self.pull.comments.append(Comment(1, "old", Account("github-actions[bot]")))
        hub.put("a", "main", b"text")
        self.forge = self.acting_as(hub.token)

    def acting_as(self, token: str, **more: Any) -> GitHubForge:
        return GitHubForge(token, "o/r", api_url=self.hub.url, timeout=1, sleep=self.naps.append, **more)

    def fault(self, status: int, body: Any = None, **more: Any) -> None:
        for method in ("GET", "POST", "PATCH"):
            self.hub.fail(method, ANY, status, body, **more)

    @property
    def said(self) -> int:
        """How often the text of REVIEW stands."""
        texts = [comment.body for comment in self.pull.comments] + [review.body for review in self.pull.reviews]
        return sum("<!-- m -->" in text for text in texts)


def refusal(work: Work, forge: GitHubForge) -> ForgeRefused:
    """How `work` fails: always in one line that does not show the token."""
    with pytest.raises(ForgeRefused) as caught:
        work(forge)
    failure = caught.value
    shown = f"{failure} {failure!r} {failure.args} {failure.__cause__!r} {forge!r}"
    assert "ghs_" not in shown
    assert "\n" not in str(failure)
    assert failure.exit is Exit.FORGE
    return failure
