"""Exchanges of inline comments: one comment by its id, and answers below the comment that opened a thread."""

from dataclasses import replace

from tests.support.servers.github.issues import written
from tests.support.servers.github.pulls import shown_comment
from tests.support.servers.github.routes import Answer, Json, Refused, Route, Visit
from tests.support.servers.github.state import Pull, ReviewComment


def one(visit: Visit) -> Answer:
    """An inline comment of any pull request of the repository."""
    for pull in visit.repo.pulls.values():
        for comment in pull.review_comments:
            if comment.id == int(visit.args[0]):
                return Answer(200, shown(visit, pull, comment))
    raise Refused(404, "Not Found")


def answer(visit: Visit) -> Answer:
    """A reply, at the line of the comment that opened the thread; "replies to replies are not supported"."""
    first = next((it for it in visit.pull.review_comments if it.id == int(visit.args[1])), None)
    if first is None or "in_reply_to_id" in first.fields:
        raise Refused(404, "Not Found")
    posted = reply(first, visit.new_id(), written(visit), visit)
    visit.pull.review_comments.append(posted)
    return Answer(201, shown(visit, visit.pull, posted))


def reply(first: ReviewComment, ident: int, body: str, visit: Visit) -> ReviewComment:
    """A comment below another."""
    return replace(
        first, id=ident, author=visit.account, fields={**first.fields, "body": body, "in_reply_to_id": first.id}
    )


def shown(visit: Visit, pull: Pull, comment: ReviewComment) -> Json:
    """A comment, with its pull request."""
    address = f"{visit.base_url}/repos/{visit.repo.name}/pulls/{pull.number}"
    return shown_comment(visit, comment) | {"pull_request_url": address}


ROUTES = (
    Route("GET", r"/pulls/comments/(\d+)", "pull_requests=read", one),
    Route("POST", r"/pulls/(\d+)/comments/(\d+)/replies", "pull_requests=write", answer),
)
