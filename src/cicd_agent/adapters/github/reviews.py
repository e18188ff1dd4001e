"""Reviews of pull requests on GitHub: posted whole in one request, looked up, and taken back."""

from dataclasses import dataclass
from typing import Any

from cicd_agent.adapters.github.channel import WRITES, Channel
from cicd_agent.adapters.github.errors import Call, is_blocked, is_dismissed
from cicd_agent.adapters.github.payloads import Posted
from cicd_agent.domain.effects import InlineComment, Review
from cicd_agent.domain.ports.forge import PostedReview
from cicd_agent.errors import ForgeRefused


@dataclass(frozen=True, slots=True)
class Reviews:
    """The reviews of one repository, whose path is `root`."""

    root: str
    channel: Channel

    def post(self, review: Review) -> str:
        """Post a review with all its comments in one request; returns its URL.

        A review that was begun by our account and never submitted lets no other in: then it is discarded, and the
        review is posted once more.
        """
        path = f"{self.root}/pulls/{review.pull}/reviews"
        body = {
            "commit_id": review.commit,
            "event": str(review.event),
            "body": review.body,
            "comments": [inline(comment) for comment in review.comments],
        }
        call = Call("post the review", "POST", path, WRITES, body=body, repeatable=False)

        def is_it(one: Posted) -> bool:
            return not one.is_pending and one.commit_id == review.commit and one.says(review.body)

        def post() -> str:
            return self.channel.once(call, lambda: self.channel.standing(path, is_it)).html_url

        try:
            return post()
        except ForgeRefused as refusal:
            if not is_blocked(refusal) or not self._discarded(path):
                raise
        return post()

    def posted(self, number: int, marker: str) -> tuple[PostedReview, ...]:
        """The submitted reviews that contain `marker`, oldest first; of very many the first and the newest."""
        pages = self.channel.newest(f"list the reviews of pull request {number}", f"{self.root}/pulls/{number}/reviews")
        found = [one for page in pages for one in page if marker in (one.body or "") and not one.is_pending]
        return tuple(one.as_review(is_ours=self.channel.is_ours(one)) for one in sorted(found, key=lambda one: one.id))

    def dismiss(self, number: int, review: int, message: str) -> None:
        path = f"{self.root}/pulls/{number}/reviews/{review}/dismissals"
        try:
            self.channel.wire.ask(Call("dismiss our review", "PUT", path, WRITES, body={"message": message}))
        except ForgeRefused as refusal:
            if not is_dismissed(refusal):
                raise

    def _discarded(self, path: str) -> bool:
        """Discard the pending review of our account, if that takes nothing from a person."""
        try:
            litter = next(
                (one for page in self.channel.newest("find a pending review", path) for one in page if one.is_litter),
                None,
            )
            if litter is not None:
                self.channel.wire.ask(Call("discard a pending review", "DELETE", f"{path}/{litter.id}", WRITES))
        except ForgeRefused as refusal:
            # Gone is gone, also when the answer to the first attempt was lost. Else the first refusal says it all.
            return refusal.status == 404  # noqa: PLR2004
        return litter is not None


def inline(comment: InlineComment) -> dict[str, Any]:
    """A comment in the words of the API."""
    fields = {"path": comment.path, "line": comment.line, "side": str(comment.side), "body": comment.body}
    if comment.start:
        fields |= {"start_line": comment.start, "start_side": str(comment.side)}
    return fields
