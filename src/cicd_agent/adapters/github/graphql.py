"""GitHub's GraphQL API, which shows what REST does not: one envelope, one way to say why there is no answer."""

from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypeVar

from pydantic import Field

from cicd_agent.adapters.github.channel import Channel
from cicd_agent.adapters.github.errors import Call, printable
from cicd_agent.adapters.github.payloads import Problem, Shape
from cicd_agent.errors import ForgeRefused

READS = "pull-requests: read"
STATUS = {"FORBIDDEN": 403, "INSUFFICIENT_SCOPES": 403, "NOT_FOUND": 404, "RATE_LIMITED": 429}
"""GraphQL answers 200 whatever it thinks: the status that REST would have given to an error of each type."""
OTHER_STATUS = 422
T = TypeVar("T")


class Nodes(Shape, Generic[T]):
    """A list, as far as it was asked for; null where something was deleted or may not be seen."""

    nodes: tuple[T | None, ...] | None = None

    @property
    def present(self) -> tuple[T, ...]:
        return tuple(node for node in self.nodes or () if node is not None)


class CountedNodes(Nodes[T], Generic[T]):
    """With the number that there are in all."""

    total: int = Field(alias="totalCount")


class PageInfo(Shape):
    """Where a list goes on."""

    more: bool = Field(alias="hasNextPage")
    end: str | None = Field(None, alias="endCursor")

    def next_after(self, cursor: str | None) -> str | None:
        """Where the next page begins, None after the last; a server that repeats itself has no next one either."""
        return self.end if self.more and self.end and self.end != cursor else None


class PagedNodes(Nodes[T], Generic[T]):
    """One page of them."""

    page: PageInfo = Field(alias="pageInfo")


class Author(Shape):
    """Who wrote something; null where the account was deleted."""

    kind: str = Field("", alias="__typename")
    login: str
    id: int | None = Field(None, alias="databaseId")

    def is_viewer(self, viewer: str) -> bool:
        """Whether it is the account we act as, whose login has a suffix in one place and none in the other."""
        if self.kind == "Bot":
            return self.login.removesuffix("[bot]").lower() == viewer.removesuffix("[bot]").lower()
        return self.login.lower() == viewer.lower()


class Closer(Shape):
    """Who resolved a thread. Bots are users here: known by their number, or by a suffix that no person's login has."""

    login: str
    id: int | None = Field(None, alias="databaseId")

    def is_bot(self, author: Author | None) -> bool:
        """Whether it is this bot. An account that a person may use, too, proves nothing."""
        if author is None or author.kind != "Bot":
            return False
        login = f"{author.login.removesuffix('[bot]')}[bot]"
        return self.login.lower() == login.lower() or (self.id is not None and self.id == author.id)


class Oid(Shape):
    """A commit by its SHA alone."""

    oid: str


def login_of(author: Author | None) -> str:
    """A login as REST gives it, where a bot's has a suffix; "" for a deleted account."""
    if author is None:
        return ""
    return f"{author.login.removesuffix('[bot]')}[bot]" if author.kind == "Bot" else author.login


def graphql_call(channel: Channel, task: str, query: str, variables: Mapping[str, Any], needs: str = READS) -> Call:
    body = {"query": query, "variables": variables}
    return Call(task, "POST", channel.wire.graphql, needs, body=body)


def refusal(
    call: Call, problems: Sequence[Problem] | None, default: str = "it gave no answer and no reason"
) -> ForgeRefused:
    """The failure of a query that was answered with errors, or with nothing."""
    first = next(iter(problems or ()), Problem(message=default))
    status = STATUS.get(first.type, OTHER_STATUS)
    remedy = f"The job needs `{call.needs}`, if the token may have it" if status in {403, 404} else ""
    return ForgeRefused(f"GitHub refused to {call.task}", why=printable(first.message), remedy=remedy, status=status)
