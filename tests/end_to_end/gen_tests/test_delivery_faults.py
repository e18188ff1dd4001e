"""A fault at any request of a delivery: no branch holds half of it, nothing is made twice, the next run mends it."""

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import pytest

from cicd_agent.adapters.github.forge import GitHubForge
from cicd_agent.adapters.performers.perform import perform
from cicd_agent.domain.effect_policy import EffectPolicy
from cicd_agent.domain.effects import Commit, OpenPull, Plan, Receipt, ReceiptState, TextFile
from cicd_agent.domain.events.event import Event, EventKind, PullRequest, Ref
from cicd_agent.domain.ports.forge import Forge
from tests.end_to_end.review.test_posting_faults import FAULTS, matrix
from tests.support.fakes.ports import FakeJournal
from tests.support.servers.github.app import FakeGitHub
from tests.support.servers.github.state import Pull, Repo

APP = {"login": "tests-app[bot]", "contents": "write", "pull_requests": "write"}
OLD = "def test_one():\n    assert 1 + 1 == 2\n"
FILES = (
    TextFile("tests/test_app.py", f"{OLD}\n\ndef test_two():\n    assert 2 + 2 == 4\n"),
    TextFile("tests/test_new.py", "def test_three():\n    assert 3 + 3 == 6\n"),
)
READ = [
    ("GET", "/pulls/7"),
    ("GET", "/git/commits/[0-9a-f]+"),
    ("POST", "/graphql"),
    ("GET", "/git/trees/[0-9a-f]+"),
    ("GET", "/git/trees/[0-9a-f]+"),
    ("GET", "/git/blobs/[0-9a-f]+"),
]
MADE = [("POST", "/git/trees"), ("POST", "/git/commits")]
OPENED = [
    *(one for one in READ if one != ("POST", "/graphql")),
    ("GET", "/pulls"),
    ("GET", "/git/ref/heads/cicd-agent/tests-7-[0-9a-f]{8}"),
    *MADE,
    ("POST", "/git/refs"),
    ("POST", "/pulls"),
    ("POST", "/graphql"),
]
COMMITTED = [*READ, *MADE, ("PATCH", "/git/refs/heads/topic")]
REQUESTS = {"commit": COMMITTED, "pull-request": OPENED}
MORE: Mapping[str, Mapping[str, Any]] = {
    **FAULTS,
    "401": {"status": 401, "body": {"message": "Bad credentials"}},
    "404": {"status": 404, "body": {"message": "Not Found"}},
    "409": {"status": 409, "body": {"message": "Conflict"}},
}
CASES = [(deliver, *case) for deliver, requests in REQUESTS.items() for case in matrix(requests, MORE)]
every_way = pytest.mark.parametrize("deliver", REQUESTS)


class Place:
    """A pull request of one commit, whose branch tests are delivered to."""

    def __init__(self, hub: FakeGitHub, folder: Path) -> None:
        self.hub, self.folder = hub, folder
        self.repo: Repo = hub.add_repo("o/r")
        store = self.repo.store
        self.head = store.plant({"app.py": b"x = 1\n", "tests/test_app.py": OLD.encode()})
        store.branches |= {"main": self.head, "topic": self.head}
        self.pull: Pull = hub.add_pull(7, head_sha=self.head)
        self.pull.head_ref = "topic"
        self.token = hub.add_token("ghs_app", **APP)

    def deliver(self, deliver: str) -> Receipt:
        commit = Commit("tests-1", 7, self.head, "Add tests", FILES)
        opened = OpenPull("tests-1", 7, self.head, "Tests of app", "What is new.", "Add tests", FILES)
        event = Event(
            EventKind.PULL_REQUEST, repo="o/r", default_branch="main", sha=self.head, pull=PullRequest(7), head=Ref()
        )
        with GitHubForge(self.token, "o/r", api_url=self.hub.url, timeout=1, sleep=lambda _: None) as forge:
            [receipt] = perform(
                Plan((commit if deliver == "commit" else opened,)),
                forge=cast("Forge", forge),
                workflow=None,
                folder=self.folder,
                journal=FakeJournal(),
                redact=str,
                event=event,
                grant=EffectPolicy(deliver="commit" if deliver == "commit" else "pull-request"),
            ).receipts
        return receipt

    @property
    def sent(self) -> list[tuple[str, str]]:
        return [(request.method, request.path.removeprefix("/repos/o/r")) for request in self.hub.received]

    def assert_quiet(self) -> None:
        """Each branch holds all of it or nothing, and there is one of each at most."""
        store = self.repo.store
        assert store.branches["main"] == self.head
        assert len(store.branches) <= 3
        assert len(self.repo.pulls) <= 2
        for branch, tip in store.branches.items():
            files = store.files(tip)
            assert tip == self.head or all(files[file.path].decode() == file.text for file in FILES), branch
            assert tip == self.head or store.commits[tip].parents == (self.head,)

    def assert_whole(self, deliver: str) -> None:
        self.assert_quiet()
        branches = self.repo.store.branches
        if deliver == "commit":
            assert branches["topic"] != self.head
            assert len(branches) == 2
            return
        assert branches["topic"] == self.head
        [made] = [one for number, one in self.repo.pulls.items() if number != 7]
        assert (made.base_ref, made.title) == ("topic", "Tests of app")
        assert branches[made.head_ref] == made.head_sha


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with FakeGitHub() as hub:
        yield Place(hub, tmp_path)


@every_way
def test_the_faults_are_tried_at_every_request_there_is(place: Place, deliver: str) -> None:
    assert place.deliver(deliver).state is ReceiptState.DONE
    place.assert_whole(deliver)
    requests = REQUESTS[deliver]
    assert len(place.sent) == len(requests), place.sent
    for (method, path), (verb, pattern) in zip(place.sent, requests, strict=True):
        assert method == verb
        assert re.fullmatch(pattern, path)


@pytest.mark.parametrize(("deliver", "index", "fault"), CASES)
def test_a_fault_at_any_request_leaves_nothing_half_done_and_the_next_run_mends_it(
    place: Place, deliver: str, index: int, fault: str
) -> None:
    requests = REQUESTS[deliver]
    method, path = requests[index]
    given: Mapping[str, Any] = {"nth": requests[: index + 1].count((method, path)), **MORE[fault]}
    act: Callable[..., None] = place.hub.fail if "status" in given else place.hub.drop
    act(method, f"{path}$", **given)
    receipt = place.deliver(deliver)
    assert receipt.state in {ReceiptState.DONE, ReceiptState.DEGRADED}, receipt
    place.assert_quiet()
    assert "\n" not in receipt.detail
    place.hub.recover()
    place.deliver(deliver)
    place.assert_whole(deliver)
    already = len(place.sent)
    assert place.deliver(deliver).state is ReceiptState.UNCHANGED
    later = place.sent[already:]
    assert not [one for one in later if one[0] != "GET" and one != ("POST", "/graphql")]


@pytest.mark.parametrize(
    ("permissions", "deliver", "missing"),
    [
        ({"pull_requests": "write"}, "commit", "contents: write"),
        ({"pull_requests": "write"}, "pull-request", "contents: write"),
        ({"contents": "write"}, "pull-request", "pull-requests: write"),
    ],
)
def test_a_missing_permission_is_named_in_one_line(
    place: Place, permissions: dict[str, str], deliver: str, missing: str
) -> None:
    place.token = place.hub.add_token("ghs_less", login="tests-app[bot]", **permissions)
    receipt = place.deliver(deliver)
    assert receipt.state is ReceiptState.DEGRADED
    assert f"lacks `{missing}`" in receipt.detail
    assert "\n" not in receipt.detail
    place.assert_quiet()


@pytest.mark.parametrize("told", [True, False])
def test_the_jobs_own_token_commits_nothing_whether_or_not_github_says_whose_it_is(place: Place, *, told: bool) -> None:
    place.token = place.hub.add_token("ghs_own", contents="write", pull_requests="write")
    place.hub.viewer_refused = not told
    receipt = place.deliver("commit")
    assert receipt.state is ReceiptState.DEGRADED
    assert "actions/create-github-app-token" in receipt.detail
    assert place.repo.store.branches["topic"] == place.head
    assert not place.hub.of("PATCH", "")


def test_the_jobs_own_token_opens_a_pull_request_and_says_that_its_workflows_wait(place: Place) -> None:
    place.token = place.hub.add_token("ghs_own", contents="write", pull_requests="write")
    receipt = place.deliver("pull-request")
    assert receipt.state is ReceiptState.DONE
    assert "wait until somebody approves them" in receipt.detail


def test_the_setting_that_forbids_pull_requests_is_named_with_the_branch_that_has_the_tests(place: Place) -> None:
    place.token = place.hub.add_token("ghs_own", contents="write", pull_requests="write")
    place.repo.lets_bots_approve = False
    receipt = place.deliver("pull-request")
    assert receipt.state is ReceiptState.DEGRADED
    assert "Allow Actions to create them under Settings, Actions, General" in receipt.detail
    assert "The branch `cicd-agent/tests-7-" in receipt.detail
    place.repo.lets_bots_approve = True
    place.deliver("pull-request")
    place.assert_whole("pull-request")


def test_a_protected_branch_keeps_its_rules(place: Place) -> None:
    place.repo.store.protected.add("topic")
    receipt = place.deliver("commit")
    assert receipt.state is ReceiptState.DEGRADED
    assert "Changes must be made through a pull request" in receipt.detail
    assert place.repo.store.branches["topic"] == place.head


@every_way
def test_a_head_that_has_moved_is_left_alone(place: Place, deliver: str) -> None:
    store = place.repo.store
    tip = store.commit(store.commits[place.head].tree, "pushed meanwhile", "octocat", (place.head,))
    store.branches["topic"] = tip
    place.pull.push(tip, ())
    receipt = place.deliver(deliver)
    assert receipt.state is ReceiptState.SKIPPED
    assert f"has moved from {place.head[:7]} to {tip[:7]}" in receipt.detail
    assert store.branches == {"main": place.head, "topic": tip}


@every_way
def test_a_folder_that_github_does_not_list_whole_is_not_written_to(place: Place, deliver: str) -> None:
    place.repo.store.too_many = True
    receipt = place.deliver(deliver)
    assert receipt.state is ReceiptState.DEGRADED
    assert "too many names" in receipt.detail
    place.assert_quiet()
