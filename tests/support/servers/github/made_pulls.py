"""Pull requests that are opened and edited by the API, with the rules by which GitHub refuses to."""

from tests.support.servers.github.pulls import shown_pull
from tests.support.servers.github.routes import Answer, Refused, Route, Visit, too_long
from tests.support.servers.github.state import Pull

LONGEST_TITLE = 256


def open_pull(visit: Visit) -> Answer:
    """A pull request between two branches of this repository."""
    body, store = visit.body, visit.repo.store
    head, base = body["head"], body["base"]
    if visit.account.login == "github-actions[bot]" and not visit.repo.lets_bots_approve:
        raise Refused(403, "GitHub Actions is not permitted to create or approve pull requests.")
    for field, name in (("head", head), ("base", base)):
        if name not in store.branches:
            error = {"resource": "PullRequest", "field": field, "code": "invalid"}
            raise Refused(422, "Validation Failed", errors=[error])
    owner = visit.repo.name.split("/")[0]
    reason = storable(visit)
    if any((it.head_ref, it.base_ref, it.state) == (head, base, "open") for it in visit.repo.pulls.values()):
        reason = f"A pull request already exists for {owner}:{head}."
    if store.branches[head] == store.branches[base]:
        reason = f"No commits between {base} and {head}"
    if reason:
        error = {"resource": "PullRequest", "code": "custom", "message": reason}
        raise Refused(422, "Validation Failed", errors=[error])
    it = Pull(
        number=max(visit.repo.pulls, default=0) + 1,
        base_sha=store.branches[base],
        head_sha=store.branches[head],
        revisions={store.branches[head]: ()},
        head_repo=visit.repo.name,
        title=body["title"],
        body=body.get("body"),
        author=visit.account,
        base_ref=base,
        head_ref=head,
    )
    visit.repo.pulls[it.number] = it
    return Answer(201, shown_pull(visit, it))


def edit_pull(visit: Visit) -> Answer:
    """Another title and text."""
    if reason := storable(visit):
        error = {"resource": "PullRequest", "code": "custom", "message": reason}
        raise Refused(422, "Validation Failed", errors=[error])
    visit.pull.title, visit.pull.body = visit.body["title"], visit.body["body"]
    return Answer(200, shown_pull(visit, visit.pull))


def storable(visit: Visit) -> str:
    """Why GitHub would not store it, "" when it would."""
    title = visit.body["title"]
    if not title.strip() or len(title) > LONGEST_TITLE:
        return "title is too long or missing"
    return too_long(visit.body.get("body") or "")


ROUTES = (
    Route("POST", r"/pulls", "pull_requests=write", open_pull),
    Route("PATCH", r"/pulls/(\d+)", "pull_requests=write", edit_pull),
)
