"""Reviews: new comments at lines, and one verdict about the head that is taken back when it no longer holds."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from cicd_agent.adapters.performers.comments import upsert_comment
from cicd_agent.adapters.performers.context import UNPROCESSABLE, EffectContext, Outcome
from cicd_agent.adapters.performers.omissions import located_text
from cicd_agent.domain.effects import Comment, Receipt, ReceiptState, Review, ReviewEvent
from cicd_agent.domain.ports.forge import Forge, PostedReview
from cicd_agent.domain.text.markdown import find_marker, marker
from cicd_agent.domain.text.words import count
from cicd_agent.errors import ForgeRefused

MAX_COMMENTS = 30
"""Inline comments of one review that are still kind."""
OURS = "<!-- cicd-agent:"
OUR_REVIEWS = f"{OURS}review-"
OTHERS_WORTH_A_TRY = frozenset({401, 403, 404, UNPROCESSABLE})
"""Refusals after which other requests about the verdict are still sent."""


def review(run: EffectContext, effect: Review) -> Receipt:
    """Post the comments that do not stand yet and the verdict, as far as this job's policy lets it say one."""
    comments = effect.comments[:MAX_COMMENTS]
    cut = len(effect.comments) - len(comments)
    detail = f"{count(cut, 'inline comment')} left out, more than {MAX_COMMENTS} are unkind" if cut else ""

    def act(forge: Forge) -> Outcome:
        posted = forge.review_comments(effect.pull, OURS)
        existing = {find_marker(one.body) for one in posted if one.is_ours}
        fresh = replace(effect, comments=tuple(one for one in comments if marker(one.key) not in existing))
        if ReviewEvent.REQUEST_CHANGES in run.policy.events:
            return _post_verdict(run, forge, fresh, lambda one: _post(run, forge, one, detail))
        if comments and not fresh.comments:
            return Outcome(ReceiptState.UNCHANGED, "all of its comments stand already")
        return _post(run, forge, fresh, detail)

    objection = run.other_pull(effect.pull)
    if not objection and effect.commit != run.event.sha:
        objection = f"it names commit {effect.commit}, the event is about {run.event.sha}"
    if not objection and effect.event not in run.policy.events:
        objection = f"a review may not say {effect.event} here"
    return run.attempt(effect, objection, act)


def _post(run: EffectContext, forge: Forge, review: Review, detail: str) -> Outcome:
    """Post the review, as one comment when GitHub will not have the lines; a refused verdict is raised."""
    moved = run.movement(forge)
    if moved.gone:
        detail = f"{moved.describe(run.event.sha)}: no comments at its lines"
        return Outcome(ReceiptState.SKIPPED, detail, expected=True)
    verdict = "" if review.event is ReviewEvent.COMMENT else f"{review.event}, "
    comments = count(len(review.comments), "inline comment")
    run.intend(review, f"{verdict}{comments} on {review.commit}", pull=str(review.pull))
    bodies = tuple(replace(one, body=run.body(one.key, one.body)) for one in review.comments)
    try:
        url = forge.post_review(replace(review, body=run.body(review.key, review.body), comments=bodies))
    except ForgeRefused as error:
        if error.status != UNPROCESSABLE or verdict:
            raise
        substitute = upsert_comment(run, forge, _substitute(review, run.last_comment))
        note = "The comment has what the review would have said"
        if substitute.state is ReceiptState.SKIPPED:
            note = f"No comment: {substitute.detail}"
        return Outcome(ReceiptState.DEGRADED, f"{error} {note}", substitute.url)
    return Outcome(ReceiptState.DONE, detail, url)


def _substitute(review: Review, last_comment: Comment | None) -> Comment:
    """What the inline comments say, each with its line: below our comment, whose next edit takes it away again."""
    first = last_comment or Comment(key=review.key, pull=review.pull, body=review.body)
    parts = [first.body, *map(located_text, review.comments)]
    return replace(first, body="\n\n---\n\n".join(parts), only_edit=False)


@dataclass(frozen=True, slots=True)
class PlannedVerdict:
    """What is to be said: `event` by the next review, and which `stale` reviews of ours are to be dismissed.

    `problem` tells of a verdict that is not given although it was requested, `note` of anything else worth a word. When
    GitHub refuses the verdict, those of `instead` are stale.
    """

    event: ReviewEvent
    problem: str = ""
    note: str = ""
    url: str = ""
    stale: tuple[PostedReview, ...] = ()
    instead: tuple[PostedReview, ...] = ()


def _post_verdict(run: EffectContext, forge: Forge, review: Review, send: Callable[[Review], Outcome]) -> Outcome:
    """Post the review, as a comment when GitHub refuses the verdict, then dismiss what no longer holds.

    `send` raises ForgeRefused when GitHub will not have it. Without a verdict and without comments nothing is posted.
    """
    planned = _plan(run, forge, review)
    stale, problems = planned.stale, [planned.problem] if planned.problem else []
    outcome: Outcome | None = None
    if planned.event is not ReviewEvent.COMMENT:
        try:
            outcome = send(replace(review, event=planned.event))
        except ForgeRefused as error:
            problems.append(_recorded(run, error))
            stale = planned.instead
    elif not review.comments:
        outcome = Outcome(ReceiptState.UNCHANGED, planned.note or "nothing to say at a line", planned.url)
    if outcome is None and review.comments:
        outcome = send(replace(review, event=ReviewEvent.COMMENT))
    problems += _dismissals(run, forge, review, stale)
    outcome = outcome or Outcome(ReceiptState.DEGRADED)
    if not problems:
        return outcome
    return Outcome(ReceiptState.DEGRADED, " ".join(filter(None, [*problems, outcome.detail])), outcome.url)


def _plan(run: EffectContext, forge: Forge, review: Review) -> PlannedVerdict:
    """Compare what is requested with what stands."""
    try:
        # Read as late as can be: a verdict on a commit that has been replaced would stay on its successor.
        is_head = forge.pull(review.pull).head.sha == review.commit
        posted = forge.posted_reviews(review.pull, OUR_REVIEWS)
    except ForgeRefused as error:
        problem = f"No verdict, since what stands is not known: {_recorded(run, error)}"
        return PlannedVerdict(ReviewEvent.COMMENT, problem)
    if not is_head:
        problem = "" if review.event is ReviewEvent.COMMENT else "No verdict: the pull request has moved on meanwhile."
        return PlannedVerdict(ReviewEvent.COMMENT, problem)
    ours = [one for one in posted if one.is_ours and find_marker(one.body).startswith(OUR_REVIEWS)]
    return _planned(review, ours, review.withheld or run.policy.withheld)


def _planned(review: Review, ours: list[PostedReview], withheld: str) -> PlannedVerdict:
    approvals = tuple(one for one in ours if one.state == "APPROVED")
    # An approval that came later has lifted the block already.
    since = ours.index(approvals[-1]) if approvals else 0
    blocks = tuple(one for one in ours[since:] if one.state == "CHANGES_REQUESTED")
    dismissed = next((one for one in ours if one.state == "DISMISSED" and one.commit == review.commit), None)
    if review.event is ReviewEvent.COMMENT or (review.event is ReviewEvent.APPROVE and withheld):
        stale, note = (*approvals, *blocks), ""
        if withheld:
            # Lifting a block is a yes; and who knows too little for a yes takes no approval of this very commit back.
            stale = tuple(one for one in approvals if one.commit != review.commit)
            note = f"our request for changes stays: {withheld}" if blocks else f"not approved: {withheld}"
        return PlannedVerdict(ReviewEvent.COMMENT, note=note, stale=stale)
    if dismissed:
        # Who dismissed it knows why. It is not said again of the same commit.
        note = "our verdict on this commit was dismissed: it is not given again"
        return PlannedVerdict(ReviewEvent.COMMENT, note=note, url=dismissed.url)
    if review.event is ReviewEvent.REQUEST_CHANGES:
        if blocks:
            note = "our request for changes stands already"
            return PlannedVerdict(ReviewEvent.COMMENT, note=note, url=blocks[-1].url)
        return PlannedVerdict(review.event, instead=approvals)
    if approvals and approvals[-1].commit == review.commit and not blocks:
        return PlannedVerdict(ReviewEvent.COMMENT, note="it is approved already", url=approvals[-1].url)
    return PlannedVerdict(review.event, instead=(*approvals, *blocks))


def _dismissals(run: EffectContext, forge: Forge, review: Review, stale: tuple[PostedReview, ...]) -> Iterator[str]:
    """Dismiss them; a line for what could not be."""
    for one in stale:
        of, acts = ("request for changes", "blocks") if one.state == "CHANGES_REQUESTED" else ("approval", "counts")
        try:
            forge.dismiss(review.pull, one.id, f"It no longer holds at {review.commit[:7]}.")
        except ForgeRefused as error:
            reason = _recorded(run, error)
            yield f"Our {of} of {one.commit[:7]} no longer holds but still {acts}: {reason} Dismiss it by hand."
            return


def _recorded(run: EffectContext, refusal: ForgeRefused) -> str:
    """Its text; raised again when it is about more than this one request."""
    if refusal.status not in OTHERS_WORTH_A_TRY:
        raise refusal
    run.note_refusal(refusal)
    return str(refusal)
