"""Comments on commits, and issues: what GitHub keeps beside pull requests, which it lists among the issues."""

from tests.support.servers.github import issues as github_issues
from tests.support.servers.github.routes import Answer, Json, Refused, Route, Visit, paged, user
from tests.support.servers.github.state import WHEN, Comment, Issue, Pull
from tests.support.servers.openapi import github

LONGEST_TITLE = 256


def commit_comments(visit: Visit) -> Answer:
    """Oldest first, of a commit that it has."""
    sha = known(visit)
    return paged(visit, visit.repo.commit_comments.get(sha, []), lambda one: shown_comment(visit, one))


def comment_on_commit(visit: Visit) -> Answer:
    """A new comment."""
    sha = known(visit)
    comment = Comment(visit.new_id(), written(visit), visit.account)
    visit.repo.commit_comments.setdefault(sha, []).append(comment)
    return Answer(201, shown_comment(visit, comment))


def edit_commit_comment(visit: Visit) -> Answer:
    """Another text for a comment."""
    every = (one for said in visit.repo.commit_comments.values() for one in said)
    comment = next((one for one in every if one.id == int(visit.args[0])), None)
    if comment is None:
        raise Refused(404, "Not Found")
    comment.body = written(visit)
    return Answer(200, shown_comment(visit, comment))


def known(visit: Visit) -> str:
    """The commit that the address names."""
    sha = visit.args[0]
    if sha not in visit.repo.shas and not any(sha in pull.revisions for pull in visit.repo.pulls.values()):
        raise Refused(422, f"No commit found for SHA: {sha}")
    return sha


def issues(visit: Visit) -> Answer:
    """The newest first; open pull requests are issues, too."""
    switched_on(visit)
    labels = {name for name in visit.query.get("labels", "").split(",") if name}
    creator = visit.query.get("creator")
    every: list[Issue | Pull] = [*visit.repo.issues, *visit.repo.pulls.values()]
    found = [
        one
        for one in every
        if one.state == visit.query.get("state", "open")
        and labels <= {*one.labels}
        and (creator is None or (one.author is not None and one.author.login == creator))
    ]
    found.sort(key=lambda one: one.number, reverse=visit.query.get("direction", "desc") == "desc")
    return paged(visit, found, lambda one: shown_issue(visit, one))


def open_issue(visit: Visit) -> Answer:
    """A new issue; labels that do not exist are created with it."""
    switched_on(visit)
    number = 1 + max([one.number for one in visit.repo.issues] + [*visit.repo.pulls], default=0)
    issue = Issue(number, titled(visit), written(visit), visit.account, labels=tuple(visit.body.get("labels", ())))
    visit.repo.issues.append(issue)
    return Answer(201, shown_issue(visit, issue))


def edit_issue(visit: Visit) -> Answer:
    """Another title and text for an issue."""
    switched_on(visit)
    issue = next((one for one in visit.repo.issues if one.number == int(visit.args[0])), None)
    if issue is None:
        raise Refused(404, "Not Found")
    issue.title, issue.body = titled(visit), written(visit)
    return Answer(200, shown_issue(visit, issue))


def switched_on(visit: Visit) -> None:
    """A repository may have no issues at all."""
    if not visit.repo.has_issues:
        raise Refused(410, "Issues has been disabled in this repository.")


def titled(visit: Visit) -> str:
    """The title sent, when it can be stored."""
    title: str = visit.body["title"].strip()
    if not title or len(title) > LONGEST_TITLE:
        error = {"resource": "Issue", "code": "custom", "field": "title", "message": "title is too long or missing"}
        raise Refused(422, "Validation Failed", errors=[error])
    return title


def written(visit: Visit) -> str:
    """The text sent, when it can be stored."""
    return github_issues.written(visit, "Issue", "body")


def shown_comment(visit: Visit, comment: Comment) -> Json:
    """A comment as the API gives it."""
    return github().sample(
        "commit-comment",
        id=comment.id,
        body=comment.body,
        user=user(comment.author),
        author_association="NONE",
        created_at=WHEN,
        updated_at=WHEN,
        html_url=f"{visit.base_url}/{visit.repo.name}/commit/0#commitcomment-{comment.id}",
    )


def shown_issue(visit: Visit, issue: Issue | Pull) -> Json:
    """An issue as the API gives it; only a pull request has the key of that name."""
    url = f"{visit.base_url}/{visit.repo.name}/issues/{issue.number}"
    links = {"diff_url": url, "html_url": url, "patch_url": url, "url": url}
    return github().sample(
        "issue",
        id=700_000 + issue.number,
        number=issue.number,
        title=issue.title,
        body=issue.body,
        user=user(issue.author) if issue.author else None,
        state=issue.state,
        labels=[{"name": name} for name in issue.labels],
        html_url=url,
        created_at=issue.created_at if isinstance(issue, Issue) else WHEN,
        **({"pull_request": links} if isinstance(issue, Pull) else {}),
    )


ROUTES = (
    Route("GET", r"/commits/([0-9a-f]+)/comments", "contents=read", commit_comments),
    Route("POST", r"/commits/([0-9a-f]+)/comments", "contents=write", comment_on_commit),
    Route("PATCH", r"/comments/(\d+)", "contents=write", edit_commit_comment),
    Route("GET", r"/issues", "issues=read", issues),
    Route("POST", r"/issues", "issues=write", open_issue),
    Route("PATCH", r"/issues/(\d+)", "issues=write", edit_issue),
)
