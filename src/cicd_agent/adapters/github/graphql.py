"""GitHub's GraphQL API, which shows what REST does not: one envelope, one way to say why there is no answer."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Generic, TypeVar

from pydantic import BeforeValidator

from cicd_agent.adapters.github.channel import READS, Channel
from cicd_agent.adapters.github.errors import Call, printable
from cicd_agent.adapters.github.payloads import Problem, Shape, Viewed, at
from cicd_agent.domain.events.event import same_login
from cicd_agent.errors import ForgeRefused

STATUS = {"FORBIDDEN": 403, "INSUFFICIENT_SCOPES": 403, "NOT_FOUND": 404, "RATE_LIMITED": 429}
"""GraphQL answers 200 whatever it thinks: the status that REST would have given to an error of each type."""
OTHER_STATUS = 422
T = TypeVar("T")
A = TypeVar("A", bound=Viewed)


def _without_null(nodes: object) -> object:
    return [node for node in nodes if node is not None] if isinstance(nodes, list) else nodes or ()


Nodes = Annotated[tuple[T, ...], BeforeValidator(_without_null)]
"""A list, as far as it was asked for; GitHub puts null where something was deleted or may not be seen."""


class Author(Shape):
    """Who wrote something; null where the account was deleted."""

    kind: str = at("__typename", default="")
    login: str
    id: int | None = at("databaseId", default=None)

    def is_viewer(self, viewer: str) -> bool:
        """Whether it is the account we act as."""
        return same_login(self.login, viewer, is_bot=self.kind == "Bot")


class Closer(Shape):
    """Who resolved a thread. Bots are users here: known by their number, or by a suffix that no person's login has."""

    login: str
    id: int | None = at("databaseId", default=None)

    def is_bot(self, author: Author | None) -> bool:
        """Whether it is this bot. An account that a person may use, too, proves nothing."""
        if author is None or author.kind != "Bot":
            return False
        login = f"{author.login.removesuffix('[bot]')}[bot]"
        return self.login.lower() == login.lower() or (self.id is not None and self.id == author.id)


class NodePage(Shape, Generic[T]):
    nodes: Nodes[T] = ()
    more: bool = at("pageInfo", "hasNextPage")
    end: str | None = at("pageInfo", "endCursor", default=None)

    def next_after(self, cursor: str | None) -> str | None:
        """Where the next page begins, None after the last; a server that repeats itself has no next one either."""
        return self.end if self.more and self.end and self.end != cursor else None


def login_of(author: Author | None) -> str:
    """A login as REST gives it, where a bot's has a suffix; "" for a deleted account."""
    if author is None:
        return ""
    return f"{author.login.removesuffix('[bot]')}[bot]" if author.kind == "Bot" else author.login


def query(
    channel: Channel,
    task: str,
    text: str,
    variables: Mapping[str, Any],
    shape: type[A],
    *,
    is_complete: Callable[[A], bool],
    needs: str = READS,
    reason: str = "it gave no answer and no reason",
) -> A:
    """The answer to a query or mutation. Raises ForgeRefused when it is not complete, with GitHub's reason if any."""
    owner, _, name = channel.repo.partition("/")
    known = {"owner": owner, "name": name} if "$owner" in text else {}
    body = {"query": text, "variables": {**known, **variables}}
    call = Call(task, "POST", channel.wire.graphql, needs, body=body)
    answer = channel.read(call, shape)
    if is_complete(answer):
        return answer
    first = next(iter(answer.errors or ()), Problem(message=reason))
    status = STATUS.get(first.type, OTHER_STATUS)
    remedy = f"The job needs `{needs}`, if the token may have it" if status in {403, 404} else ""
    raise ForgeRefused(f"GitHub refused to {task}", why=printable(first.message), remedy=remedy, status=status)
