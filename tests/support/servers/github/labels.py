"""Labels of a pull request, which the API keeps under issues."""

from urllib.parse import unquote

from tests.support.servers.github.routes import Answer, Json, Refused, Route, Visit
from tests.support.servers.openapi import github

MOST = 100
LONGEST_NAME = 50


def labels(visit: Visit) -> Answer:
    """Those that it bears."""
    return Answer(200, [shown(name) for name in visit.pull.labels])


def add(visit: Visit) -> Answer:
    """More of them. One that the repository does not have is created, which takes more than putting it on."""
    pull, known = visit.pull, {name.casefold(): name for name in visit.repo.labels}
    for name in visit.body["labels"]:
        if len(name) > LONGEST_NAME or len(pull.labels) >= MOST:
            raise Refused(422, "Validation Failed")
        if name.casefold() not in known and not visit.account.may("issues=write"):
            error = {"resource": "Repository", "field": "label", "code": "unauthorized"}
            raise Refused(
                403,
                "You do not have permission to create labels on this repository.",
                errors=[error],
                X_Accepted_GitHub_Permissions="issues=write; pull_requests=write",
            )
        visit.repo.labels.add(known.setdefault(name.casefold(), name))
        if known[name.casefold()] not in pull.labels:
            pull.labels = (*pull.labels, known[name.casefold()])
    return labels(visit)


def remove(visit: Visit) -> Answer:
    """One less; what remains is the answer."""
    name = unquote(visit.args[1])
    if name.casefold() not in {one.casefold() for one in visit.pull.labels}:
        raise Refused(404, "Label does not exist")
    visit.pull.labels = tuple(one for one in visit.pull.labels if one.casefold() != name.casefold())
    return labels(visit)


def shown(name: str) -> Json:
    """A label as the API gives it."""
    return github().sample("label", name=name, color="ededed")


# The header of the real answers names `issues=write` as well; on a pull request that alone is refused.
ROUTES = (
    Route("GET", r"/issues/(\d+)/labels", "issues=read; pull_requests=read", labels),
    Route("POST", r"/issues/(\d+)/labels", "pull_requests=write", add),
    Route("DELETE", r"/issues/(\d+)/labels/([^/]+)", "pull_requests=write", remove),
)
