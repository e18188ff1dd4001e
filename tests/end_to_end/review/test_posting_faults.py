"""A fault at any request of a run: nothing is said twice, the run tells what it lacks, and the next one mends it."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from cicd_agent.adapters.github.forge import GitHubForge
from cicd_agent.domain.text.markdown import find_marker, marker
from tests.support.jobs.pull_request import AFTER, BEFORE, Job, Left
from tests.support.servers.github.app import FakeGitHub
from tests.support.servers.github.state import Account, Comment, Pull, PullFile, Review, ReviewComment

BOT = Account("github-actions[bot]")
FAULTS: Mapping[str, Mapping[str, Any]] = {
    "500 before acting": {"status": 500},
    "502 after acting": {"status": 502, "acts": True},
    "dropped before acting": {},
    "dropped after acting": {"acts": True},
    "down": {"status": 503, "times": 99},
    "403": {"status": 403, "body": {"message": "Resource not accessible by integration"}},
    "422": {"status": 422, "body": {"message": "Validation Failed"}},
    "429": {"status": 429, "headers": {"Retry-After": "3600"}},
}


FIXED = [("POST", "/graphql"), ("POST", "/graphql")]
"""Where a thread of ours is fixed: it is looked at once more, then resolved."""


def expected(*, earlier: bool) -> list[tuple[str, str]]:
    """The requests of a run without a fault."""
    write = [("PATCH", "/issues/comments/[0-9]+")] if earlier else [("POST", "/issues/7/comments")]
    return [
        ("POST", "/graphql"),
        ("GET", "/issues/7/comments"),
        ("GET", "/pulls/7"),
        *write,
        ("GET", "/pulls/7/comments"),
        ("POST", "/pulls/7/reviews"),
    ]


READ_FAULTS = ("down", "403")
"""What reaches a run of a request that only reads: all the others the client has met with another attempt."""


def matrix(requests: Sequence[tuple[str, str]], faults: Iterable[str] = FAULTS) -> Iterator[tuple[int, str]]:
    """Which request meets which fault: one that writes every one, the first of those that read before it some.

    That the client tries again, and when it gives up, is tested where it does (tests/adapters/github).
    """
    for index, (method, _) in enumerate(requests):
        if method != "GET":
            yield from ((index, fault) for fault in faults)
        elif index == 0 or requests[index - 1][0] != "GET":
            yield from ((index, fault) for fault in READ_FAULTS)


WRITE = 3
"""The request that is another one where a comment of ours stands already."""
CASES = [
    *((False, index, fault) for index, fault in matrix(expected(earlier=False))),
    *((True, WRITE, fault) for fault in FAULTS),
]


@dataclass
class Site:
    """The job, its hub, and the pull request that both are about. With `earlier` a comment of ours stands already."""

    job: Job
    hub: FakeGitHub
    pull: Pull

    def earlier(self) -> None:
        self.pull.comments.append(Comment(self.hub.new_id(), f"{marker('review')}\nold", BOT))

    def fixed(self) -> ReviewComment:
        """A thread of ours about a file that is not in the change any more, and a token that may resolve it."""
        self.hub.token = self.hub.add_token("ghs_more", contents="write", pull_requests="write")
        self.pull.revisions = {"e" * 40: (PullFile("old.py", patch="@@ -0,0 +1 @@\n+eval(x)"), *self.pull.files)} | (
            self.pull.revisions
        )
        body = f"{marker('00112233aabbccdd-1')}\n**🟠 high · security** — an old issue"
        fields = {"path": "old.py", "line": 1, "side": "RIGHT", "body": body}
        comment = ReviewComment(self.hub.new_id(), 1, BOT, "e" * 40, fields)
        self.pull.review_comments.append(comment)
        return comment

    def pending(self, author: Account, body: str = "") -> None:
        self.pull.reviews.append(Review(self.hub.new_id(), author, body, "PENDING", self.pull.head_sha))

    def run(self) -> Left:
        self.job.variables["GITHUB_API_URL"] = self.hub.url
        return self.job.run(model="off", github_token=self.hub.token)

    def fault(self, method: str, path: str, fault: Mapping[str, Any], nth: int = 1) -> None:
        given = {"nth": nth, **fault}
        act = self.hub.fail if "status" in fault else self.hub.drop
        act(method, f"{path}$", **given)

    def assert_quiet(self) -> None:
        """Nothing stands twice, and nothing is left half said."""
        markers = Counter(find_marker(one.body) for one in self.pull.comments)
        markers += Counter(find_marker(str(one.fields["body"])) for one in self.pull.review_comments)
        markers += Counter(find_marker(one.body) for one in self.pull.reviews)
        assert set(markers.values()) <= {1}, markers
        assert all(one.state == "COMMENTED" for one in self.pull.reviews)

    def assert_whole(self) -> None:
        """One comment, one review, one inline comment."""
        self.assert_quiet()
        assert len(self.pull.comments) == len(self.pull.reviews) == len(self.pull.review_comments) == 1
        assert "### Changes requested" in self.pull.comments[0].body


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Job:
    return Job(tmp_path_factory.mktemp("job"), BEFORE, AFTER)


@pytest.fixture
def site(job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setattr("cicd_agent.adapters.github.forge.GitHubForge", partial(GitHubForge, sleep=lambda _: None))
    job.temp = tmp_path
    for name in ("output", "step_summary"):
        job.variables[f"GITHUB_{name.upper()}"] = str(tmp_path / name.removeprefix("step_"))
    job.variables["RUNNER_TEMP"] = str(tmp_path)
    with FakeGitHub() as hub:
        hub.add_repo("octo/app", job.repo.path)
        yield Site(job, hub, hub.add_pull(7, base="main", head="topic"))


@pytest.mark.parametrize(("earlier", "index", "fault"), CASES)
def test_a_fault_at_any_request_says_nothing_twice_and_the_next_run_mends_it(
    site: Site, index: int, fault: str, *, earlier: bool
) -> None:
    if earlier:
        site.earlier()
    requests = expected(earlier=earlier)
    method, path = requests[index]
    site.fault(method, path, FAULTS[fault], nth=requests[: index + 1].count((method, path)))
    left = site.run()
    assert left.exit == 0, left.log
    site.assert_quiet()
    if not (
        len(site.pull.comments) == len(site.pull.review_comments) == 1
        and "### Changes requested" in site.pull.comments[0].body
    ):
        assert "**Not done:**" in left.summary
        assert "::warning" in left.log
        assert {each["state"] for each in left.report["receipts"]} & {"degraded"}
    site.hub.recover()
    assert site.run().exit == 0
    site.assert_whole()


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("nth", [1, 2, 3])
def test_a_fault_in_resolving_a_thread_loses_nothing_and_the_next_run_mends_it(
    site: Site, nth: int, fault: str
) -> None:
    site.earlier()
    old = site.fixed()
    site.fault("POST", "/graphql", FAULTS[fault], nth=nth)
    left = site.run()
    assert left.exit == 0, left.log
    assert len(site.pull.review_comments) == 2
    told = {each["kind"]: each["state"] for each in left.report["receipts"]}
    if old.id not in site.pull.resolved:
        assert told.get("resolve", "unknown") in {"skipped", "degraded", "unknown"}
        assert ("Not done" in left.summary) == (told.get("resolve") == "degraded")
        assert ("threads of earlier reviews were not read" in left.summary) == ("resolve" not in told)
    site.hub.recover()
    assert site.run().exit == 0
    assert site.pull.resolved == {old.id: site.hub.tokens[site.hub.token]}
    site.assert_quiet()


def test_the_faults_in_resolving_are_tried_at_every_request_there_is(site: Site) -> None:
    site.earlier()
    site.fixed()
    assert site.run().exit == 0
    sent = [(request.method, request.path) for request in site.hub.received]
    assert sent[-2:] == FIXED
    assert sent.count(FIXED[0]) == 3
    assert len(sent) == len(expected(earlier=True)) + len(FIXED) == 8


@pytest.mark.parametrize("earlier", [False, True], ids=["the first run", "a later run"])
def test_the_faults_are_tried_at_every_request_there_is(site: Site, *, earlier: bool) -> None:
    if earlier:
        site.earlier()
    assert site.run().exit == 0
    site.assert_whole()
    sent = [(request.method, request.path.removeprefix("/repos/octo/app")) for request in site.hub.received]
    wanted = [
        (method, path.replace("[0-9]+", str(site.pull.comments[0].id))) for method, path in expected(earlier=earlier)
    ]
    assert sent == wanted


def test_a_pending_review_of_our_own_account_makes_room(site: Site) -> None:
    site.pending(site.hub.tokens[site.hub.token])
    assert site.run().exit == 0
    site.assert_whole()


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(("method", "path"), [("GET", "/pulls/7/reviews"), ("DELETE", "/pulls/7/reviews/[0-9]+")])
def test_a_fault_in_making_room_loses_no_finding(site: Site, fault: str, method: str, path: str) -> None:
    site.pending(site.hub.tokens[site.hub.token])
    site.fault(method, path, FAULTS[fault])
    left = site.run()
    assert left.exit == 0, left.log
    if not site.pull.review_comments:
        assert "app.py:5" in site.pull.comments[0].body
        assert "**Not done:**" in left.summary
    site.hub.recover()
    assert site.run().exit == 0
    site.assert_whole()


def test_a_persons_own_draft_is_not_thrown_away(site: Site) -> None:
    token = site.hub.add_token("ghp_person", login="octocat", kind="User", pull_requests="write")
    site.pending(site.hub.tokens[token], "I am not done yet")
    site.hub.token = token
    left = site.run()
    assert left.exit == 0
    assert [one.state for one in site.pull.reviews] == ["PENDING"]
    assert "app.py:5" in site.pull.comments[0].body
    assert "Submit or discard the review" in left.summary


def test_a_commit_that_was_pushed_over_gets_no_comments_at_its_lines(site: Site) -> None:
    site.pull.force_push("f" * 40, site.pull.files)
    left = site.run()
    assert left.exit == 0
    assert not site.pull.reviews
    (comment,) = site.pull.comments
    assert comment.body.split("\n")[1].startswith(f"> About commit {site.job.head[:7]}, which is no longer part")
    assert "no longer part of this pull request" in left.summary
    (review,) = [each for each in left.report["receipts"] if each["kind"] == "review"]
    assert review["state"] == "skipped"
    assert left.outputs["degraded"] == "false"


def test_a_commit_that_was_only_pushed_upon_is_reviewed_as_it_is(site: Site) -> None:
    site.pull.push("f" * 40, site.pull.files)
    assert site.run().exit == 0
    site.assert_whole()
    assert site.pull.reviews[0].commit == site.job.head


def test_what_was_said_of_a_newer_commit_is_not_overwritten(site: Site) -> None:
    site.earlier()
    newer = f"{marker('review')}\nnewer\n\n<sub>commit fffffff · rules only</sub>"
    site.pull.comments[0].body = newer
    site.pull.push("f" * 40, site.pull.files)
    assert site.run().exit == 0
    assert site.pull.comments[0].body == newer
