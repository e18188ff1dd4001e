"""The pull requests of a repository, as far as they are looked for by their head."""

from tests.support.servers.github.pulls import pull
from tests.support.servers.github.routes import Answer, Json, Route, Visit, paged
from tests.support.servers.openapi import github


def pulls(visit: Visit) -> Answer:
    """Those in a state, newest first; `head` is `owner:branch`, and without a colon GitHub does not filter by it."""
    state, head = visit.query.get("state", "open"), visit.query.get("head", "")
    base = visit.query.get("base", "")
    owner, colon, branch = head.partition(":")
    listed = [
        it
        for it in sorted(visit.repo.pulls.values(), key=lambda it: -it.number)
        if state in {it.state, "all"}
        and base in {it.base_ref, ""}
        and (not colon or ((it.head_repo or "").split("/")[0] == owner and it.head_ref == branch))
    ]
    return paged(visit, listed, lambda it: shown(visit, it.number))


def shown(visit: Visit, number: int) -> Json:
    """A pull request as lists show it: less than when it is asked for by itself."""
    whole = pull(Visit(**{**_fields(visit), "args": [str(number)]})).body
    return github().sample("pull-request-simple", **{name: whole[name] for name in _SHOWN})


def _fields(visit: Visit) -> dict[str, Json]:
    return {name: getattr(visit, name) for name in Visit.__dataclass_fields__}


_SHOWN = (
    *("id", "html_url", "number", "title", "body", "state", "draft", "user", "author_association"),
    *("labels", "base", "head", "created_at", "updated_at"),
)

ROUTES = (Route("GET", r"/pulls", "pull_requests=read", pulls),)
