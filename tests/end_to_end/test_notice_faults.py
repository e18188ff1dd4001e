"""A fault at any request of what is said beside a pull request: nothing stands twice, and the next run mends it."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import pytest

from cicd_agent.adapters.github.forge import GitHubForge
from cicd_agent.adapters.performers.perform import perform
from cicd_agent.domain.effect_policy import EffectPolicy
from cicd_agent.domain.effects import CommitComment, Issue, Plan, Receipt, ReceiptState
from cicd_agent.domain.events.event import Event, EventKind, Ref
from cicd_agent.domain.ports.forge import Forge
from tests.end_to_end.review.test_posting_faults import FAULTS
from tests.support.fakes.ports import FakeJournal
from tests.support.servers.github.app import FakeGitHub
from tests.support.servers.github.state import Account, Comment, Repo
from tests.support.servers.github.state import Issue as Standing

SHA = "a" * 40
BOT = Account("github-actions[bot]")
EVENT = Event(EventKind.PUSH, repo="o/r", default_branch="main", sha=SHA, head=Ref("main", SHA, "o/r"))
PLAN = Plan((CommitComment("failure-7c1e", SHA, "It fails."), Issue("failure-7c1e", "It fails", "It fails on main.")))
OLD = "<!-- cicd-agent:failure-7c1e -->\nold"
FIRST = [
    ("GET", f"/commits/{SHA}/comments"),
    ("POST", f"/commits/{SHA}/comments"),
    ("GET", "/issues"),
    ("POST", "/graphql"),
    ("GET", "/issues"),
    ("POST", "/issues"),
]
LATER = [
    ("GET", f"/commits/{SHA}/comments"),
    ("POST", "/graphql"),
    ("PATCH", "/comments/[0-9]+"),
    ("GET", "/issues"),
    ("PATCH", "/issues/[0-9]+"),
]
REQUESTS = [(earlier, index) for earlier in (False, True) for index in range(len(LATER if earlier else FIRST))]


@pytest.fixture
def hub() -> Iterator[FakeGitHub]:
    with FakeGitHub() as hub:
        hub.add_repo("o/r").shas.add(SHA)
        hub.token = hub.add_token("ghs_all", contents="write", issues="write")
        yield hub


def stand(hub: FakeGitHub) -> None:
    """What an earlier run of ours has said."""
    repo = hub.repos["o/r"]
    repo.commit_comments[SHA] = [Comment(hub.new_id(), OLD, BOT)]
    repo.issues.append(Standing(1, "old", OLD, BOT, labels=("cicd-agent",)))


def carried(hub: FakeGitHub, folder: Path) -> tuple[Receipt, ...]:
    with GitHubForge(hub.token, "o/r", api_url=hub.url, timeout=1, sleep=lambda _: None) as forge:
        return perform(
            PLAN,
            forge=cast("Forge", forge),
            workflow=None,
            folder=folder,
            journal=FakeJournal(),
            redact=str,
            event=EVENT,
            grant=EffectPolicy(commit_comment=True, issue=True),
        ).receipts


def assert_quiet(repo: Repo) -> None:
    assert len(repo.commit_comments.get(SHA, ())) <= 1
    assert len(repo.issues) <= 1


def assert_whole(repo: Repo) -> None:
    [comment], [issue] = repo.commit_comments[SHA], repo.issues
    assert comment.body.endswith("It fails.")
    assert (issue.title, issue.body.partition("\n")[2]) == ("It fails", "It fails on main.")


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(("earlier", "index"), REQUESTS)
def test_a_fault_at_any_request_says_nothing_twice_and_the_next_run_mends_it(
    hub: FakeGitHub, tmp_path: Path, index: int, fault: str, *, earlier: bool
) -> None:
    if earlier:
        stand(hub)
    requests, repo = LATER if earlier else FIRST, hub.repos["o/r"]
    method, path = requests[index]
    given: Mapping[str, Any] = {"nth": requests[: index + 1].count((method, path)), **FAULTS[fault]}
    (hub.fail if "status" in given else hub.drop)(method, f"{path}$", **given)
    receipts = carried(hub, tmp_path)
    assert_quiet(repo)
    assert {one.state for one in receipts} <= {ReceiptState.DONE, ReceiptState.DEGRADED}
    hub.recover()
    carried(hub, tmp_path)
    assert_whole(repo)
    already = len(hub.received)
    assert {one.state for one in carried(hub, tmp_path)} == {ReceiptState.UNCHANGED}
    assert {request.method for request in hub.received[already:]} <= {"GET", "POST"}
    assert not [
        request for request in hub.received[already:] if request.method == "POST" and "graphql" not in request.path
    ]


@pytest.mark.parametrize("earlier", [False, True], ids=["the first run", "a later run"])
def test_the_faults_are_tried_at_every_request_there_is(hub: FakeGitHub, tmp_path: Path, *, earlier: bool) -> None:
    if earlier:
        stand(hub)
    carried(hub, tmp_path)
    assert_whole(hub.repos["o/r"])
    sent = [(request.method, request.path.removeprefix("/repos/o/r")) for request in hub.received]
    ids = [(method, path.rpartition("/")[0] + "/[0-9]+" if method == "PATCH" else path) for method, path in sent]
    assert ids == (LATER if earlier else FIRST)


@pytest.mark.parametrize(
    ("granted", "missing"),
    [({"issues": "write"}, "contents: write"), ({"contents": "write"}, "issues: write"), ({}, "contents: write")],
)
def test_what_the_token_may_not_do_is_named_with_its_permission(
    hub: FakeGitHub, tmp_path: Path, granted: dict[str, str], missing: str
) -> None:
    hub.token = hub.add_token("ghs_some", **granted)
    refused = [one for one in carried(hub, tmp_path) if one.state is ReceiptState.DEGRADED]
    assert len(refused) == 2 - len(granted)
    assert f"lacks `{missing}`" in refused[0].detail
