"""How a room of the fake says what it serves: routes, answers, refusals, pages, and the shapes many answers share."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from tests.support.servers.github.state import Account, Pull, Repo
from tests.support.servers.openapi import github

Json = Any
T = TypeVar("T")
LONGEST_BODY = 65_536


@dataclass(frozen=True)
class Answer:
    """What the fake answers."""

    status: int
    body: Json
    headers: Mapping[str, str] = field(default_factory=dict)


class Refused(Exception):
    """An answer that ends the request at once."""

    def __init__(self, status: int, message: str, *, errors: Json = None, **headers: str) -> None:
        body = {"message": message, "documentation_url": "https://docs.github.com/rest", "status": str(status)}
        super().__init__(message)
        self.answer = Answer(
            status,
            body if errors is None else body | {"errors": errors},
            {name.replace("_", "-"): value for name, value in headers.items()},
        )


@dataclass(frozen=True)
class Visit:
    """One authenticated request to one repository; `new_id` counts for the whole hub."""

    repo: Repo
    account: Account
    base_url: str
    path: str
    args: Sequence[str]
    query: Mapping[str, str]
    body: Json
    new_id: Callable[[], int]
    sign: Callable[[bytes], str]
    """Put content into the storage; the address is signed."""

    @property
    def pull(self) -> Pull:
        """The pull request whose number is the first argument."""
        pull = self.repo.pulls.get(int(self.args[0]))
        if pull is None:
            raise Refused(404, "Not Found")
        return pull


@dataclass(frozen=True)
class Route:
    """One operation of a repository. `pattern` is what follows /repos/owner/name, a regular expression.

    `needs` is what X-Accepted-GitHub-Permissions says of it: any of the sets parted by semicolons is enough.
    """

    method: str
    pattern: str
    needs: str
    answer: Callable[[Visit], Answer]


def paged(visit: Visit, items: Sequence[T], show: Callable[[T], Json]) -> Answer:
    """One page, with the links to the others."""
    size = min(int(visit.query.get("per_page", "30")), 100)
    number = int(visit.query.get("page", "1"))
    last = max(1, -(-len(items) // size))
    links = []
    rest = "".join(f"&{name}={value}" for name, value in visit.query.items() if name != "page")
    for name, page in (("prev", number - 1), ("next", number + 1), ("last", last), ("first", 1)):
        if (name in {"next", "last"} and number < last) or (name in {"prev", "first"} and number > 1):
            links.append(f'<{visit.base_url}{visit.path}?page={page}{rest}>; rel="{name}"')
    page_items = items[(number - 1) * size : number * size]
    return Answer(200, [show(item) for item in page_items], {"Link": ", ".join(links)} if links else {})


def user(account: Account) -> Json:
    """An account as answers show it."""
    return github().sample("simple-user", login=account.login, type=account.type, id=sum(account.login.encode()))


def too_long(body: str) -> str:
    """Why GitHub would not store a text, "" when it would."""
    return f"Body is too long (maximum is {LONGEST_BODY} characters)" if len(body) > LONGEST_BODY else ""
