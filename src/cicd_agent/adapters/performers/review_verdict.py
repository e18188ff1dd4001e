"""What our account says of a pull request as a whole: once, about its head, and taken back when it no longer holds."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from cicd_agent.domain.effects import Receipt, ReceiptState, Review, ReviewEvent
from cicd_agent.domain.ports.forge import Forge, PostedReview
from cicd_agent.domain.text.markdown import find_marker
from cicd_agent.errors import AgentError, ForgeRefused

OURS = "<!-- cicd-agent:review-"
ABOUT_ONE_REQUEST = frozenset({401, 403, 404, 422})
"""Refusals after which others are still worth a try."""


@dataclass(frozen=True, slots=True)
class PlannedVerdict:
    """What is to be said: `event` by the next review, and which `stale` reviews of ours are to be dismissed.

    `why` tells of a verdict that is not given although it was wanted, `note` of anything else worth a word. When GitHub
    refuses the verdict, those of `instead` are stale.
    """

    event: ReviewEvent
    why: str = ""
    note: str = ""
    url: str = ""
    stale: tuple[PostedReview, ...] = ()
    instead: tuple[PostedReview, ...] = ()


@dataclass(frozen=True, slots=True)
class VerdictPerformer:
    """Posts verdicts on GitHub. `withheld` is why none may be a yes, "" when it may.

    `refusals` gets, by HTTP status, what GitHub said no to although the run goes on without it.
    """

    forge: Forge
    withheld: str
    redact: Callable[[str], str]
    refusals: dict[int, AgentError]

    def post(self, review: Review, send: Callable[[Review], Receipt]) -> Receipt:
        """Post the review, as a comment when GitHub refuses the verdict, then dismiss what no longer holds.

        `send` raises ForgeRefused when GitHub will not have it. Without a verdict and without comments nothing is
        posted.
        """
        planned = self._plan(review)
        stale, troubles = planned.stale, [planned.why] if planned.why else []
        receipt: Receipt | None = None
        if planned.event is not ReviewEvent.COMMENT:
            try:
                receipt = send(replace(review, event=planned.event))
            except ForgeRefused as error:
                troubles.append(self._recorded(error))
                stale = planned.instead
        elif not review.comments:
            note = planned.note or "nothing to say at a line"
            receipt = Receipt(review.key, review.kind, ReceiptState.UNCHANGED, note, planned.url)
        if receipt is None and review.comments:
            receipt = send(replace(review, event=ReviewEvent.COMMENT))
        if receipt is None:
            receipt = Receipt(review.key, review.kind, ReceiptState.DEGRADED)
        troubles += self._dismissals(review, stale)
        if not troubles:
            return receipt
        detail = self.redact(" ".join([*troubles, *([receipt.detail] if receipt.detail else [])]))
        return replace(receipt, state=ReceiptState.DEGRADED, detail=detail)

    def _plan(self, review: Review) -> PlannedVerdict:
        """Compare what is wanted with what stands."""
        try:
            # Asked as late as can be: a verdict on a commit that has been replaced would stay on its successor.
            is_head = self.forge.pull(review.pull).head.sha == review.commit
            posted = self.forge.posted_reviews(review.pull, OURS)
        except ForgeRefused as error:
            why = f"No verdict, since what stands is not known: {self._recorded(error)}"
            return PlannedVerdict(ReviewEvent.COMMENT, why=why)
        if not is_head:
            why = "" if review.event is ReviewEvent.COMMENT else "No verdict: the pull request has moved on meanwhile."
            return PlannedVerdict(ReviewEvent.COMMENT, why=why)
        ours = [one for one in posted if one.is_ours and find_marker(one.body).startswith(OURS)]
        return _planned(review, ours, review.withheld or self.withheld)

    def _dismissals(self, review: Review, stale: tuple[PostedReview, ...]) -> Iterator[str]:
        """Dismiss them; a line for what could not be."""
        for one in stale:
            of, acts = ("request for changes", "blocks") if one.state == "CHANGES_REQUESTED" else ("approval", "counts")
            try:
                self.forge.dismiss(review.pull, one.id, f"It no longer holds at {review.commit[:7]}.")
            except ForgeRefused as error:
                why = self._recorded(error)
                yield f"Our {of} of {one.commit[:7]} no longer holds but still {acts}: {why} Dismiss it by hand."
                return

    def _recorded(self, refusal: ForgeRefused) -> str:
        """Its words; raised again when it is about more than this one request."""
        if refusal.status not in ABOUT_ONE_REQUEST:
            raise refusal
        self.refusals.setdefault(refusal.status, refusal)
        return str(refusal)


def _planned(review: Review, ours: list[PostedReview], withheld: str) -> PlannedVerdict:
    approvals = tuple(one for one in ours if one.state == "APPROVED")
    # An approval that came later has lifted the block already.
    since = ours.index(approvals[-1]) if approvals else 0
    blocks = tuple(one for one in ours[since:] if one.state == "CHANGES_REQUESTED")
    dismissed = next((one for one in ours if one.state == "DISMISSED" and one.commit == review.commit), None)
    if review.event is ReviewEvent.COMMENT or (review.event is ReviewEvent.APPROVE and withheld):
        return _none(review, approvals, blocks, withheld)
    if dismissed:
        # Who dismissed it knows why. It is not said again of the same commit.
        note = "our verdict on this commit was dismissed: it is not given again"
        return PlannedVerdict(ReviewEvent.COMMENT, note=note, url=dismissed.url)
    if review.event is ReviewEvent.REQUEST_CHANGES:
        if not blocks:
            return PlannedVerdict(review.event, instead=approvals)
        return PlannedVerdict(ReviewEvent.COMMENT, note="our request for changes stands already", url=blocks[-1].url)
    if approvals and approvals[-1].commit == review.commit and not blocks:
        return PlannedVerdict(ReviewEvent.COMMENT, note="it is approved already", url=approvals[-1].url)
    return PlannedVerdict(review.event, instead=(*approvals, *blocks))


def _none(
    review: Review, approvals: tuple[PostedReview, ...], blocks: tuple[PostedReview, ...], withheld: str
) -> PlannedVerdict:
    """Neither yes nor no: approvals give way to that, and so do blocks where a yes is allowed, which lifting one is.

    A run that knows too little for a yes knows too little to take back the approval of this very commit, too.
    """
    if not withheld:
        return PlannedVerdict(ReviewEvent.COMMENT, stale=(*approvals, *blocks))
    note = f"our request for changes stays: {withheld}" if blocks else f"not approved: {withheld}"
    earlier = tuple(one for one in approvals if one.commit != review.commit)
    return PlannedVerdict(ReviewEvent.COMMENT, note=note, stale=earlier)
