"""Whole runs with a review's options on: what they leave on GitHub, and that no fault says anything twice."""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from cicd_agent.adapters.github.forge import GitHubForge
from tests.end_to_end.review.test_posting_faults import FAULTS, Site, matrix
from tests.support.jobs.pull_request import AFTER, BEFORE, Job, Left
from tests.support.jobs.recorded import DRAFT
from tests.support.servers.github.app import FakeGitHub
from tests.support.servers.github.diff import split
from tests.support.servers.github.state import Account, Pull, Repo, Review
from tests.support.servers.openai.app import OpenAIServer, answer

CONFIG = {".github/cicd-agent.yml": "review-event: verdict\nlabels: on\ncheck-run: on\n"}
CLEAN = {"app.py": "import os\n\n\ndef go(name):\n    return os.fspath(name)\n"}
NOTHING = {**DRAFT, "findings": [], "risk_level": "low", "confidence": 0.9}
REQUESTS = [
    ("POST", "/graphql"),
    ("GET", "/issues/7/comments"),
    ("GET", "/pulls/7"),
    ("POST", "/issues/7/comments"),
    ("GET", "/pulls/7/comments"),
    ("GET", "/pulls/7"),
    ("GET", "/pulls/7/reviews"),
    ("POST", "/pulls/7/reviews"),
    ("GET", "/issues/7/labels"),
    ("POST", "/issues/7/labels"),
    ("DELETE", "/issues/7/labels/risk%3A%20low"),
    ("GET", "/commits/[0-9a-f]+/check-runs"),
    ("POST", "/check-runs"),
]
OF_OPTIONS = 4
"""The first request that is another one than without options: what comes before has its own tests."""


class Place(Site):
    """A site whose base branch has all three options on, and a token that may do all of it."""

    @property
    def repo(self) -> Repo:
        return self.hub.repos["octo/app"]

    @property
    def bot(self) -> Account:
        return self.hub.tokens[self.hub.token]

    def ready(self, **more: str) -> "Place":
        permissions = {"pull_requests": "write", "issues": "write", "checks": "write"} | more
        self.hub.token = self.hub.add_token("ghs_all", **permissions)
        return self

    def asked(self, draft: object = NOTHING) -> Left:
        """A run with a model that answers so."""
        self.job.variables["GITHUB_API_URL"] = self.hub.url
        with OpenAIServer(answer(draft)) as server:
            return self.job.run(base_url=server.url, api="chat", openai_api_key="sk-test", github_token=self.hub.token)

    def push(self, files: dict[str, str]) -> None:
        self.job.head = self.job.repo.commit({name: text.encode() for name, text in files.items()}, "Push")
        self.job.event.write_text(json.dumps(self.job.payload()))
        self.pull.push(self.job.head, split(self.job.repo.git("diff", "main...topic") + "\n"))

    def assert_marked(self) -> None:
        """Everything that the options ask for, once."""
        assert [one.state for one in self.pull.reviews] == ["CHANGES_REQUESTED"]
        assert len(self.pull.comments) == len(self.pull.review_comments) == 1
        assert self.pull.labels == ("bug", "risk: high")
        assert [len(one.annotations) for one in self.repo.check_runs] == [1]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Job:
    return Job(tmp_path_factory.mktemp("job"), {**BEFORE, **CONFIG}, AFTER)


@pytest.fixture
def site(shared: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    shared.temp = tmp_path
    yield from placed(shared, monkeypatch)


@pytest.fixture
def clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    yield from placed(Job(tmp_path, {**BEFORE, **CONFIG}, CLEAN), monkeypatch)


def placed(job: Job, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    monkeypatch.setattr("cicd_agent.adapters.github.forge.GitHubForge", partial(GitHubForge, sleep=lambda _: None))
    job.variables |= {
        "GITHUB_OUTPUT": str(job.temp / "output"),
        "GITHUB_STEP_SUMMARY": str(job.temp / "summary"),
        "RUNNER_TEMP": str(job.temp),
    }
    with FakeGitHub() as hub:
        hub.add_repo("octo/app", job.repo.path)
        pull: Pull = hub.add_pull(7, base="main", head="topic", labels=("bug", "risk: low"))
        yield Place(job, hub, pull).ready()


def test_the_faults_are_tried_at_every_request_there_is(site: Place) -> None:
    assert site.run().exit == 0
    site.assert_marked()
    sent = [(request.method, request.path.removeprefix("/repos/octo/app")) for request in site.hub.received]
    assert sent == [(method, path.replace("[0-9a-f]+", site.job.head)) for method, path in REQUESTS]


@pytest.mark.parametrize(("index", "fault"), [each for each in matrix(REQUESTS) if each[0] >= OF_OPTIONS])
def test_a_fault_at_any_request_says_nothing_twice_and_the_next_run_mends_it(
    site: Place, index: int, fault: str
) -> None:
    method, path = REQUESTS[index]
    site.fault(method, path, FAULTS[fault], nth=REQUESTS[: index + 1].count((method, path)))
    left = site.run()
    assert left.exit == 0, left.log
    assert len(site.pull.comments) <= 1
    assert len(site.pull.review_comments) <= 1
    assert len(site.repo.check_runs) <= 1
    assert sum(len(one.annotations) for one in site.repo.check_runs) <= 1
    try:
        site.assert_marked()
    except AssertionError:
        assert "**Not done:**" in left.summary
        assert "::warning" in left.log
        assert "degraded" in {each["state"] for each in left.report["receipts"]}
    site.hub.recover()
    assert site.run().exit == 0
    assert "CHANGES_REQUESTED" in [one.state for one in site.pull.reviews]
    assert len(site.pull.review_comments) == len(site.pull.comments) == 1
    assert site.pull.labels == ("bug", "risk: high")
    assert [len(one.annotations) for one in site.repo.check_runs] == [1]


def test_a_second_run_changes_nothing(site: Place) -> None:
    assert site.run().exit == 0
    before = len(site.hub.received)
    assert site.run().exit == 0
    site.assert_marked()
    verbs = {request.method for request in site.hub.received[before:] if request.path != "/graphql"}
    assert verbs == {"GET"}


def test_a_clean_change_is_approved_once_and_a_bad_push_takes_that_back(clean: Place) -> None:
    for _ in range(2):
        left = clean.asked()
        assert left.outputs["decision"] == "approve", left.log
        [approval] = clean.pull.reviews
        assert (approval.state, approval.commit) == ("APPROVED", clean.job.head)
        assert clean.pull.comments == []
    assert clean.pull.labels == ("bug", "risk: low")
    assert [one.conclusion for one in clean.repo.check_runs] == ["success"]
    clean.push(AFTER)
    clean.asked()
    assert [one.state for one in clean.pull.reviews] == ["APPROVED", "CHANGES_REQUESTED"]
    clean.push(CLEAN | {"more.py": "LIMIT = 1\n"})
    clean.asked()
    assert [one.state for one in clean.pull.reviews] == ["APPROVED", "CHANGES_REQUESTED", "APPROVED"]


def test_a_run_without_a_model_takes_an_approval_back_but_no_request_for_changes(clean: Place) -> None:
    clean.asked()
    clean.push(CLEAN | {"more.py": "LIMIT = 1\n"})
    clean.job.run(github_token=clean.hub.token)
    assert [one.state for one in clean.pull.reviews] == ["DISMISSED"]
    clean.push(AFTER)
    clean.job.run(github_token=clean.hub.token)
    clean.push(CLEAN)
    left = clean.job.run(github_token=clean.hub.token)
    assert [one.state for one in clean.pull.reviews] == ["DISMISSED", "CHANGES_REQUESTED"]
    assert "our request for changes stays" in json.dumps(left.report["receipts"])


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_taking_an_approval_back_is_told_and_the_next_run_mends_it(clean: Place, fault: str) -> None:
    old = Review(clean.hub.new_id(), clean.bot, "<!-- cicd-agent:review-x -->", "APPROVED", "c" * 40)
    clean.pull.reviews.append(old)
    clean.fault("PUT", "/dismissals", FAULTS[fault])
    left = clean.run()
    assert left.exit == 0, left.log
    if clean.pull.reviews[0].state == "APPROVED":
        assert "**Not done:**" in left.summary
        assert "::warning" in left.log
    clean.hub.recover()
    clean.run()
    assert [one.state for one in clean.pull.reviews] == ["DISMISSED"]
    assert clean.pull.comments == []


def test_a_block_that_nobody_may_dismiss_is_told_with_what_to_do(clean: Place) -> None:
    clean.repo.lets_bots_approve = clean.repo.lets_dismiss = False
    old = Review(clean.hub.new_id(), clean.bot, "<!-- cicd-agent:review-x -->", "CHANGES_REQUESTED", "c" * 40)
    clean.pull.reviews.append(old)
    left = clean.asked()
    assert [one.state for one in clean.pull.reviews] == ["CHANGES_REQUESTED"]
    assert "still blocks" in left.summary
    assert "Dismiss it by hand" in left.summary
    clean.repo.lets_dismiss = True
    clean.asked()
    assert [one.state for one in clean.pull.reviews] == ["DISMISSED"]


def test_where_a_workflow_may_not_approve_the_run_says_so_and_posts_nothing(clean: Place) -> None:
    clean.repo.lets_bots_approve = False
    left = clean.asked()
    assert left.exit == 0
    assert clean.pull.reviews == []
    assert "not permitted to approve" in left.summary
    assert "Settings, Actions, General" in left.log


def test_our_own_pull_request_is_reviewed_with_comments(site: Place) -> None:
    site.pull.author = site.bot
    left = site.run()
    assert [one.state for one in site.pull.reviews] == ["COMMENTED"]
    assert "Can not request changes your own pull request" in left.summary


def test_a_pull_request_from_a_fork_is_never_approved(clean: Place) -> None:
    payload = clean.job.payload()
    payload["pull_request"]["head"]["repo"] = {"full_name": "mallory/app"}
    clean.job.event.write_text(json.dumps(payload))
    left = clean.asked()
    assert left.outputs["decision"] == "approve"
    assert clean.pull.reviews == []
    assert "from a fork" in json.dumps(left.report["receipts"])


def test_a_decision_from_a_file_requests_changes_but_never_approves(clean: Place, tmp_path: Path) -> None:
    clean.pull.reviews.clear()
    decision = tmp_path / "decision.json"
    clean.job.variables["GITHUB_API_URL"] = clean.hub.url
    with OpenAIServer(answer(NOTHING)) as server:
        evidence = str(tmp_path / "evidence.json")
        clean.job.run("gather", "review", "--out", evidence, github_token=clean.hub.read_only)
        clean.job.run("decide", "review", "--in", evidence, "--out", str(decision), base_url=server.url, api="chat")
    assert '"event": "APPROVE"' in decision.read_text()
    left = clean.job.run("perform", "review", "--in", str(decision), github_token=clean.hub.token)
    assert clean.pull.reviews == []
    assert "only a run that has read the change itself approves it" in json.dumps(left.report["receipts"])
    decision.write_text(decision.read_text().replace('"event": "APPROVE"', '"event": "REQUEST_CHANGES"'))
    clean.job.run("perform", "review", "--in", str(decision), github_token=clean.hub.token)
    assert [one.state for one in clean.pull.reviews] == ["CHANGES_REQUESTED"]


@pytest.mark.parametrize(
    ("pattern", "forged"),
    [('"risk": "high"', '"risk": "security-hold"'), ('"name": "cicd-agent review"', '"name": "build"')],
    ids=["another label", "another check"],
)
def test_a_forged_decision_names_no_other_label_and_no_other_check(
    site: Place, tmp_path: Path, pattern: str, forged: str
) -> None:
    decision = tmp_path / "decision.json"
    site.job.variables["GITHUB_API_URL"] = site.hub.url
    evidence = str(tmp_path / "evidence.json")
    site.job.run("gather", "review", "--out", evidence, model="off", github_token=site.hub.read_only)
    site.job.run("decide", "review", "--in", evidence, "--out", str(decision), model="off")
    assert pattern in decision.read_text()
    decision.write_text(decision.read_text().replace(pattern, forged))
    assert site.job.run("perform", "review", "--in", str(decision), github_token=site.hub.token).exit == 2
    assert site.pull.labels == ("bug", "risk: low")
    assert site.repo.check_runs == []


def test_with_the_usual_permissions_the_review_stands_and_the_rest_is_named(site: Place) -> None:
    site.ready(issues="", checks="")
    site.repo.labels.clear()
    left = site.run()
    assert left.exit == 0
    assert [one.state for one in site.pull.reviews] == ["CHANGES_REQUESTED"]
    assert "issues: write" in left.summary
    assert "checks: " in left.summary
    assert "::warning file=app.py,line=5" in left.log


def test_somebody_elses_block_and_labels_are_none_of_ours(clean: Place) -> None:
    foreign = ["risk: unknown", "bug", "risk"]
    clean.pull.labels = tuple(foreign)
    person = Account("octocat", "User")
    review = Review(clean.hub.new_id(), person, "<!-- cicd-agent:review-x -->", "CHANGES_REQUESTED", clean.job.head)
    clean.pull.reviews.append(review)
    clean.asked()
    assert clean.pull.reviews[0] == review
    assert list(clean.pull.labels) == [*foreign, "risk: low"]
