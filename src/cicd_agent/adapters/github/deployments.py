"""The deployments of an environment, each with what became of it: lists by REST, the statuses of 100 in one query."""

from collections.abc import Sequence
from itertools import islice
from typing import Annotated, Any

from pydantic import BeforeValidator

from cicd_agent.adapters.github.channel import PER_PAGE, Channel
from cicd_agent.adapters.github.errors import printable
from cicd_agent.adapters.github.graphql import Nodes, query
from cicd_agent.adapters.github.payloads import Epoch, Shape, Text, Viewed, at
from cicd_agent.domain.gate_evidence import HELD, PastDeployment
from cicd_agent.errors import ForgeRefused

MAX_PAGES = 10
"""Of the deployments of one environment without a success among them, and of the statuses of one deployment."""
MAX_STATUSES = 50
"""Statuses of one deployment that the query shows; where there are more, they are listed."""
DEPLOYED = "deployments: read"
SUCCESS = "success"
# The number of a deployment is not asked for: GraphQL's integers have 32 bits, and it may be larger.
STATUSES = """\
query($ids: [ID!]!, $first: Int!) {
  viewer { login }
  nodes(ids: $ids) {
    ... on Deployment {
      id
      latestStatus { state description logUrl createdAt }
      statuses(first: $first) { totalCount nodes { state description logUrl createdAt } }
    }
  }
}
"""


class DeploymentStatus(Shape):
    state: Annotated[str, BeforeValidator(lambda state: str(state).lower())]
    description: Text = ""
    url: Text = at("log_url", default="")
    created: Epoch = at("created_at", default=0)


class QueriedStatus(DeploymentStatus):
    """The same as GraphQL names it."""

    url: Text = at("logUrl", default="")
    created: Epoch = at("createdAt", default=0)


class Deployment(Shape):
    """A deployment; what became of it is asked for elsewhere. `payload` is whatever its maker put there."""

    id: int
    node: Text = at("node_id", default="")
    sha: str
    ref: str = ""
    url: str = ""
    creator: Text = at("creator", "login", default="")
    created: Epoch = at("created_at", default=0)
    payload: Any = None

    def as_past(
        self, newest: DeploymentStatus | None = None, statuses: Sequence[DeploymentStatus] = ()
    ) -> PastDeployment:
        status = newest or DeploymentStatus(state="")
        return self.to(
            PastDeployment,
            state=status.state,
            ended=status.created,
            url=status.url or self.url,
            held=status.state == "failure" and status.description.startswith(HELD),
            succeeded=max((each.created or self.created for each in statuses if each.state == SUCCESS), default=0),
        )


class StatusesOfDeployment(Shape):
    id: str
    newest: QueriedStatus | None = at("latestStatus", default=None)
    statuses: Nodes[QueriedStatus] = at("statuses", "nodes", default=())
    total: int = at("statuses", "totalCount", default=0)


class Statuses(Viewed):
    deployments: Nodes[StatusesOfDeployment] = at("data", "nodes")


def list_deployments(channel: Channel, environment: str) -> tuple[PastDeployment, ...]:
    """The deployments of an environment, newest first: 100 at least, and more until one that succeeded is among them.

    Raises ForgeRefused where none of the newest thousand has: what runs there is not known then.
    """
    task = f"list the deployments to {printable(environment)}"
    limit = f"only the newest {MAX_PAGES * PER_PAGE:,} deployments to {printable(environment)} were read"
    wanted = {"environment": environment}
    listed = channel.entries(task, "/deployments", Deployment, MAX_PAGES, wanted, needs=DEPLOYED, limit=limit)
    result: list[PastDeployment] = []
    while page := tuple(islice(listed, PER_PAGE)):
        result += _with_statuses(channel, page)
        if any(one.succeeded for one in result):
            break
    else:
        if len(result) >= MAX_PAGES * PER_PAGE:
            why = f"none of the newest {len(result):,} has succeeded, and no more are read"
            raise ForgeRefused(f"What runs in {printable(environment)} is not known", why=why)
    return tuple(sorted(result, key=lambda one: one.id, reverse=True))


def list_statuses(channel: Channel, deployment: int) -> list[DeploymentStatus]:
    task, path = "say what became of a deployment", f"/deployments/{deployment}/statuses"
    return [*channel.entries(task, path, DeploymentStatus, MAX_PAGES, needs=DEPLOYED)]


def _with_statuses(channel: Channel, page: Sequence[Deployment]) -> list[PastDeployment]:
    ids = [one.node for one in page]
    answer = query(
        channel,
        "say what became of the deployments",
        STATUSES,
        {"ids": ids, "first": MAX_STATUSES},
        Statuses,
        is_complete=lambda it: not it.errors and {*ids} == {one.id for one in it.deployments},
        needs=DEPLOYED,
        reason="it answered a part of it, and gave no reason",
    )
    found = {one.id: one for one in answer.deployments}
    result = []
    for one in page:
        known = found[one.node]
        statuses: Sequence[DeploymentStatus] = known.statuses
        if known.total > len(known.statuses):
            statuses = list_statuses(channel, one.id)
        result.append(one.as_past(known.newest, statuses))
    return result
