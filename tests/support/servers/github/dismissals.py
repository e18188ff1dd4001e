"""Reviews that are taken back: what approved or blocked does so no longer."""

from dataclasses import replace

from tests.support.servers.github.pulls import shown_review
from tests.support.servers.github.routes import Answer, Refused, Route, Visit


def dismiss(visit: Visit) -> Answer:
    """A review that approves or blocks becomes one that was dismissed."""
    reviews = visit.pull.reviews
    at = next((at for at, one in enumerate(reviews) if one.id == int(visit.args[1])), None)
    if at is None:
        raise Refused(404, "Not Found")
    if not visit.repo.lets_dismiss:
        raise Refused(403, "Must have admin rights to dismiss a review on a protected branch")
    if not visit.body["message"].strip():
        raise Refused(422, "Validation Failed", errors=["Message can't be blank"])
    if reviews[at].state not in {"APPROVED", "CHANGES_REQUESTED"}:
        why = f"Can not dismiss a {reviews[at].state.lower()} pull request review"
        raise Refused(422, "Unprocessable Entity", errors=[why])
    reviews[at] = replace(reviews[at], state="DISMISSED")
    return Answer(200, shown_review(visit, reviews[at]))


ROUTES = (Route("PUT", r"/pulls/(\d+)/reviews/(\d+)/dismissals", "pull_requests=write", dismiss),)
