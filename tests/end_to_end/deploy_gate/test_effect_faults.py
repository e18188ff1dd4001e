"""A fault at any request of what a gate records or asks for: no deployment stands twice, and the next run mends it."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from cicd_agent.adapters.github.forge import GitHubForge
from cicd_agent.adapters.performers.perform import perform
from cicd_agent.domain.effect_policy import EffectPolicy
from cicd_agent.domain.effects import Deployment, Plan, Receipt, ReceiptState, ReviewRequest
from cicd_agent.domain.events.event import Event, EventKind, Ref
from tests.end_to_end.review.test_posting_faults import FAULTS
from tests.support.fakes.ports import FakeJournal
from tests.support.servers.github.app import FakeGitHub

SHA = "a" * 40
RUN = "https://github.test/o/r/actions/runs/81"
EVENT = Event(
    EventKind.PUSH,
    repo="o/r",
    default_branch="main",
    sha=SHA,
    head=Ref("main", SHA, "o/r"),
    delivery="81.1",
    server="https://github.test",
)
PLAN = Plan(
    (
        Deployment("record", "production", SHA, "queued", "score 91, needs 75"),
        ReviewRequest("ask", 7, ("octocat", "contributor", "o/owners")),
    )
)
GRANT = EffectPolicy(
    deployment="production", reviewers=frozenset({"octocat", "contributor", "o/owners"}), pulls=frozenset({7})
)
FIRST = [
    ("GET", "/deployments"),
    ("POST", "/deployments"),
    ("POST", "/deployments/[0-9]+/statuses"),
    ("GET", "/pulls/7"),
    ("POST", "/pulls/7/requested_reviewers"),
]
LATER = [
    ("GET", "/deployments"),
    ("POST", "/graphql"),
    ("POST", "/graphql"),
    ("GET", "/pulls/7"),
    ("POST", "/pulls/7/requested_reviewers"),
]


@pytest.fixture
def hub() -> Iterator[FakeGitHub]:
    with FakeGitHub() as hub:
        hub.add_repo("o/r").shas.add(SHA)
        hub.add_pull(7)
        hub.gate.permit("octocat", "write")
        hub.gate.data.teams.add("owners")
        hub.token = hub.add_token("ghs_all", deployments="write", pull_requests="write")
        yield hub


def carried(hub: FakeGitHub, folder: Path) -> tuple[Receipt, ...]:
    with GitHubForge(hub.token, "o/r", api_url=hub.url, timeout=1, sleep=lambda _: None) as forge:
        return perform(
            PLAN, forge=forge, workflow=None, folder=folder, journal=FakeJournal(), redact=str, event=EVENT, grant=GRANT
        ).receipts


def assert_whole(hub: FakeGitHub) -> None:
    [one] = hub.gate.data.deployments
    assert (one.sha, one.environment) == (SHA, "production")
    [status] = one.statuses
    assert (status.state, status.description, status.log_url) == ("queued", "score 91, needs 75", RUN)
    assert set(hub.gate.data.asked[7]) == {"octocat", "@owners"}


def sent(hub: FakeGitHub) -> list[tuple[str, str]]:
    return [(request.method, request.path.removeprefix("/repos/o/r").partition("?")[0]) for request in hub.received]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(
    ("earlier", "index"), [(earlier, index) for earlier in (False, True) for index in range(len(FIRST))]
)
def test_a_fault_at_any_request_records_nothing_twice_and_the_next_run_mends_it(
    hub: FakeGitHub, tmp_path: Path, index: int, fault: str, *, earlier: bool
) -> None:
    if earlier:
        carried(hub, tmp_path)
    requests = LATER if earlier else FIRST
    method, path = requests[index]
    given: Mapping[str, Any] = {"nth": requests[: index + 1].count((method, path)), **FAULTS[fault]}
    (hub.fail if "status" in given else hub.drop)(method, f"{path}$", **given)
    receipts = carried(hub, tmp_path)
    assert len(hub.gate.data.deployments) <= 1
    assert {one.state for one in receipts} <= {ReceiptState.DONE, ReceiptState.UNCHANGED, ReceiptState.DEGRADED}
    hub.recover()
    carried(hub, tmp_path)
    assert_whole(hub)


def test_the_faults_are_tried_at_every_request_there_is(hub: FakeGitHub, tmp_path: Path) -> None:
    for requests in (FIRST, LATER):
        hub.received.clear()
        carried(hub, tmp_path)
        assert_whole(hub)
        ids = {str(one.id) for one in hub.gate.data.deployments}
        shown = [
            (way, "/".join("[0-9]+" if part in ids else part for part in path.split("/"))) for way, path in sent(hub)
        ]
        assert shown == requests


@pytest.mark.parametrize(
    ("granted", "missing"),
    [({"deployments": "write"}, "pull-requests: write"), ({"pull_requests": "write"}, "deployments: write")],
)
def test_what_the_token_may_not_do_is_named_with_its_permission(
    hub: FakeGitHub, tmp_path: Path, granted: dict[str, str], missing: str
) -> None:
    hub.token = hub.add_token("ghs_some", **granted)
    refused = [one for one in carried(hub, tmp_path) if one.state is ReceiptState.DEGRADED]
    assert len(refused) == 1
    assert missing.partition(":")[0] in refused[0].detail
