"""Comments of a conversation; that of a pull request the API keeps under issues as well."""

import time

from tests.support.servers.github.routes import Answer, Json, Refused, Route, Visit, paged, too_long, user
from tests.support.servers.github.state import Comment
from tests.support.servers.openapi import github


def comments(visit: Visit) -> Answer:
    """Oldest first, whatever the client would like, and only what was touched `since`."""
    since = visit.query.get("since", "")
    touched = [comment for comment in conversation(visit) if comment.updated_at >= since]
    return paged(visit, touched, lambda comment: shown(visit, comment))


def post(visit: Visit) -> Answer:
    """A new comment."""
    comment = Comment(visit.new_id(), written(visit), visit.account, created_at=now(), updated_at=now())
    conversation(visit).append(comment)
    return Answer(201, shown(visit, comment))


def conversation(visit: Visit) -> list[Comment]:
    """What was said on an issue or a pull request."""
    issue = next((one for one in visit.repo.issues if one.number == int(visit.args[0])), None)
    return issue.comments if issue is not None else visit.pull.comments


def edit(visit: Visit) -> Answer:
    """Another text for a comment."""
    every = (comment for pull in visit.repo.pulls.values() for comment in pull.comments)
    comment = next((comment for comment in every if comment.id == int(visit.args[0])), None)
    if comment is None:
        raise Refused(404, "Not Found")
    comment.body, comment.updated_at = written(visit), now()
    return Answer(200, shown(visit, comment))


def now() -> str:
    """The machine's time, to the second, as GitHub writes it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def written(visit: Visit, resource: str = "IssueComment", field: str = "data") -> str:
    """The text sent, when it can be stored; `resource` and `field` are what GitHub calls it when it cannot."""
    body: str = visit.body["body"]
    error = {"resource": resource, "code": "unprocessable", "field": field}
    if problem := too_long(body) or ("" if body.strip() else "Body can't be blank"):
        raise Refused(422, "Validation Failed", errors=[error | {"message": problem}])
    return body


def shown(visit: Visit, comment: Comment) -> Json:
    """A comment as the API gives it."""
    return github().sample(
        "issue-comment",
        id=comment.id,
        body=comment.body,
        user=user(comment.author),
        author_association="NONE",
        created_at=comment.created_at,
        updated_at=comment.updated_at,
        html_url=f"{visit.base_url}/{visit.repo.name}/pull/0#issuecomment-{comment.id}",
    )


ROUTES = (
    Route("GET", r"/issues/(\d+)/comments", "issues=read; pull_requests=read", comments),
    Route("POST", r"/issues/(\d+)/comments", "issues=write; pull_requests=write", post),
    Route("PATCH", r"/issues/comments/(\d+)", "issues=write; pull_requests=write", edit),
)
