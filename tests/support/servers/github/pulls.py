"""Pull requests, their files, reviews and inline comments, with the rules by which GitHub refuses a review."""

from urllib.parse import quote

from tests.support.servers.github.diff import misplaced
from tests.support.servers.github.routes import Answer, Json, Refused, Route, Visit, paged, too_long, user
from tests.support.servers.github.state import GHOST, WHEN, Pull, PullFile, Review, ReviewComment
from tests.support.servers.openapi import github

MOST_COMMITS = 250
MOST_FILES = 3_000
STATES = {"APPROVE": "APPROVED", "REQUEST_CHANGES": "CHANGES_REQUESTED", "COMMENT": "COMMENTED", None: "PENDING"}


def pull(visit: Visit) -> Answer:
    """One pull request."""
    return Answer(200, shown_pull(visit, visit.pull))


def shown_pull(visit: Visit, it: Pull) -> Json:
    """A pull request as the API gives it."""
    return github().sample(
        "pull-request",
        id=800_000 + it.number,
        html_url=f"{visit.base_url}/{visit.repo.name}/pull/{it.number}",
        number=it.number,
        title=it.title,
        body=it.body,
        state=it.state,
        draft=it.draft,
        user=user(it.author or GHOST),
        author_association=it.association,
        labels=[
            {"id": 1, "node_id": "", "url": "", "name": name, "description": None, "color": "", "default": False}
            for name in it.labels
        ],
        base=branch(it.base_ref, it.base_sha, visit.repo.name),
        head=branch(it.head_ref, it.head_sha, it.head_repo),
        comments=len(it.comments),
        review_comments=len(it.review_comments),
        changed_files=len(it.files),
        created_at=WHEN,
        updated_at=WHEN,
    )


def branch(ref: str, sha: str, repo: str | None) -> Json:
    """One end of a pull request; a deleted fork has no repository."""
    repository = github().sample("repository", full_name=repo, name=repo.split("/")[1]) if repo else None
    return {
        "label": ref,
        "ref": ref,
        "sha": sha,
        "repo": repository,
        "user": user(GHOST),
    }


def commits(visit: Visit) -> Answer:
    """Its commits, oldest first, never more than 250."""
    return paged(visit, visit.pull.commits[:MOST_COMMITS], lambda sha: github().sample("commit", sha=sha))


def files(visit: Visit) -> Answer:
    """Its files, never more than 3,000."""
    return paged(visit, visit.pull.files[:MOST_FILES], lambda file: shown_file(visit.pull.head_sha, file))


def shown_file(head: str, file: PullFile) -> Json:
    """A file as the API gives it: the patch is left out when there is none, as the old name is."""
    entry = github().sample(
        "diff-entry",
        filename=file.filename,
        status=file.status,
        sha=file.sha,
        additions=file.additions,
        deletions=file.deletions,
        changes=file.additions + file.deletions,
        contents_url=f"https://api.github.com/repos/o/r/contents/{quote(file.filename)}?ref={head}",
    )
    if file.patch is not None:
        entry["patch"] = file.patch
    if file.previous_filename:
        entry["previous_filename"] = file.previous_filename
    return entry


def review_comments(visit: Visit) -> Answer:
    """Inline comments, oldest first unless asked otherwise."""
    newest_first = visit.query.get("sort") == "created" and visit.query.get("direction") == "desc"
    items = visit.pull.review_comments[:: -1 if newest_first else 1]
    return paged(visit, items, lambda comment: shown_comment(visit, comment))


def reviews(visit: Visit) -> Answer:
    """Reviews, oldest first; somebody else's pending ones are not shown."""
    visible = [it for it in visit.pull.reviews if it.state != "PENDING" or it.author == visit.account]
    return paged(visit, visible, lambda review: shown_review(visit, review))


def post_review(visit: Visit) -> Answer:
    """A review with all its comments, or nothing."""
    it, body = visit.pull, visit.body or {}
    comments = body.get("comments", [])
    commit = body.get("commit_id", it.head_sha)
    if problem := unacceptable(visit, it, commit, comments):
        raise Refused(422, "Unprocessable Entity", errors=[problem])
    review = Review(visit.new_id(), visit.account, body.get("body", ""), STATES[body.get("event")], commit)
    it.reviews.append(review)
    it.review_comments += [
        ReviewComment(visit.new_id(), review.id, visit.account, commit, comment) for comment in comments
    ]
    return Answer(200, shown_review(visit, review))


def discard_review(visit: Visit) -> Answer:
    """Take back a review that was begun; one that was submitted stays."""
    review = next((it for it in visit.pull.reviews if it.id == int(visit.args[1])), None)
    if review is None or (review.state == "PENDING" and review.author != visit.account):
        raise Refused(404, "Not Found")
    if review.state != "PENDING":
        raise Refused(422, "Can not delete a non-pending pull request review")
    visit.pull.reviews.remove(review)
    visit.pull.review_comments[:] = [it for it in visit.pull.review_comments if it.review != review.id]
    return Answer(200, shown_review(visit, review))


def unacceptable(visit: Visit, it: Pull, commit: str, comments: Json) -> str:
    """Why the whole review is refused, "" when it is not."""
    if any(review.state == "PENDING" and review.author == visit.account for review in it.reviews):
        return "User can only have one pending review per pull request"
    if commit not in it.commits:
        return "The commit is not part of the pull request"
    event = visit.body.get("event")
    if event in {"APPROVE", "REQUEST_CHANGES"} and it.author == visit.account:
        return f"Can not {event.replace('_', ' ').lower()} your own pull request"
    if event == "APPROVE" and visit.account.login == "github-actions[bot]" and not visit.repo.lets_bots_approve:
        return "GitHub Actions is not permitted to approve pull requests."
    if event in {"COMMENT", "REQUEST_CHANGES"} and not visit.body.get("body") and not comments:
        return "Body can't be blank"
    reasons = [too_long(text) for text in (visit.body.get("body", ""), *(comment["body"] for comment in comments))]
    reasons += [misplaced(it.revisions[commit], comment) for comment in comments]
    return next(filter(None, reasons), "")


def shown_review(visit: Visit, review: Review) -> Json:
    """A review as the API gives it."""
    return github().sample(
        "pull-request-review",
        id=review.id,
        body=review.body,
        user=user(review.author),
        state=review.state,
        commit_id=review.commit,
        author_association="NONE",
        html_url=f"{visit.base_url}/{visit.repo.name}/pull/0#pullrequestreview-{review.id}",
        submitted_at=WHEN,
    )


def shown_comment(visit: Visit, comment: ReviewComment) -> Json:
    """An inline comment as the API gives it."""
    return github().sample(
        "pull-request-review-comment",
        id=comment.id,
        pull_request_review_id=comment.review,
        user=user(comment.author),
        commit_id=comment.commit,
        original_commit_id=comment.commit,
        author_association="NONE",
        html_url=f"{visit.base_url}/{visit.repo.name}/pull/0#discussion_r{comment.id}",
        **comment.fields,
    )


ROUTES = (
    Route("GET", r"/pulls/(\d+)", "pull_requests=read", pull),
    Route("GET", r"/pulls/(\d+)/commits", "pull_requests=read", commits),
    Route("GET", r"/pulls/(\d+)/files", "pull_requests=read", files),
    Route("GET", r"/pulls/(\d+)/comments", "pull_requests=read", review_comments),
    Route("GET", r"/pulls/(\d+)/reviews", "pull_requests=read", reviews),
    Route("POST", r"/pulls/(\d+)/reviews", "pull_requests=write", post_review),
    Route("DELETE", r"/pulls/(\d+)/reviews/(\d+)", "pull_requests=write", discard_review),
)
