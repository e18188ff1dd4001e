"""A job with secrets in reach is refused in a stranger's checkout, however it was taken; in the base's it is not."""

import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from cicd_agent.adapters.git.repository import GitRepository
from cicd_agent.app.security.guards import refuse_foreign_checkout
from cicd_agent.domain.events.event import Actor, Event, EventKind, PullRequest, Ref
from cicd_agent.errors import ConfigError
from tests.support.jobs.comments import Talk
from tests.support.jobs.pull_request import Job, Left
from tests.support.servers.github.app import FakeGitHub
from tests.support.servers.github.run_state import Commit

FORK = {"full_name": "mallory/app", "id": 2}
HERE = {"full_name": "octo/app", "default_branch": "main", "id": 1}
REFUSED = "this job has secrets in reach"


class Exposed:
    """Pull request 7 of octo/app from a fork, and a workspace whose checkout is put somewhere."""

    def __init__(self, place: Path) -> None:
        self.job = Job(place)
        self.repo = self.job.repo
        self.repo.git("checkout", "--quiet", "-b", "merged", self.job.base)
        self.repo.git("merge", "--quiet", "--no-ff", "-m", "Merge 7", self.job.head)
        self.merge = self.repo.head
        self.repo.git("checkout", "--quiet", "--detach", self.job.base)
        self.job.variables |= {"GITHUB_SHA": self.job.base, "GITHUB_EVENT_NAME": "pull_request_target"}
        payload = self.job.payload()
        payload["pull_request"]["head"]["repo"] = FORK
        self.job.event.write_text(json.dumps(payload))

    def stand(self, *where: str) -> None:
        self.repo.git("checkout", "--quiet", *where)

    def run(self, *argv: str, **inputs: str) -> Left:
        """The job, with fresh files of the runner's."""
        shutil.rmtree(self.job.temp)
        self.job.temp.mkdir()
        return self.job.run(*argv, **inputs)

    def refusal(self, repository: Path, **different: Any) -> str:
        """What the guard says of a folder, "" when nothing."""
        event = Event(
            EventKind.PULL_REQUEST_TARGET,
            name="pull_request_target",
            repo="octo/app",
            sha=self.job.head,
            base=Ref("main", self.job.base, "octo/app"),
            head=Ref("topic", self.job.head, "mallory/app"),
            pull=PullRequest(7, author=Actor("mallory"), from_fork=True, is_open=different.pop("is_open", True)),
        )
        for name, value in different.items():
            event = _with(event, name, value)
        try:
            refuse_foreign_checkout(event, GitRepository(repository, self.repo.env), self.job.base)
        except ConfigError as error:
            return str(error)
        return ""


def _with(event: Event, name: str, value: object) -> Event:
    fields = {field: getattr(event, field) for field in event.__dataclass_fields__}
    return Event(**(fields | {name: value}))


@pytest.fixture(scope="module")
def exposed(tmp_path_factory: pytest.TempPathFactory) -> Exposed:
    """One set of repositories for all; each test says where it stands."""
    return Exposed(tmp_path_factory.mktemp("exposed") / "job")


def told(left: Left, what: str) -> None:
    assert left.exit == 2, left.log
    assert REFUSED in left.log
    assert what in left.log
    assert "docs/explanation/protection.md" in left.log
    assert "Traceback" not in left.log


@pytest.mark.parametrize("mode", ["review", "gen-tests", "analyse-failure", "route", "deploy-gate"])
def test_every_mode_refuses_the_head_and_the_gate_holds(exposed: Exposed, mode: str) -> None:
    exposed.stand("topic")
    left = exposed.run(mode)
    told(left, "the head of pull request 7")
    if mode == "deploy-gate":
        assert left.outputs["decision"] == "hold"


@pytest.mark.parametrize(
    ("where", "what"),
    [
        (("topic",), "is the head of pull request 7"),
        (("--detach", "topic"), "is the head of pull request 7"),
        (("merged",), "a commit on top of the head of pull request 7"),
        (("--detach", "merged"), "a commit on top of the head of pull request 7"),
    ],
    ids=["the branch", "detached", "the merge", "the merge, detached"],
)
def test_the_head_and_the_merge_commit_are_found_however_they_were_taken(
    exposed: Exposed, where: tuple[str, ...], what: str
) -> None:
    exposed.stand(*where)
    assert what in exposed.refusal(exposed.repo.path)


def test_the_base_and_what_is_no_part_of_the_change_are_left_alone(exposed: Exposed) -> None:
    exposed.stand("main")
    assert exposed.refusal(exposed.repo.path) == ""
    exposed.stand("--detach", "main")
    assert exposed.refusal(exposed.repo.path) == ""


def test_a_folder_of_the_checkout_and_a_shallow_clone_are_the_checkout(exposed: Exposed, tmp_path: Path) -> None:
    exposed.stand("merged")
    (exposed.repo.path / "sub").mkdir(exist_ok=True)
    assert "on top of the head" in exposed.refusal(exposed.repo.path / "sub")
    clone = tmp_path / "clone"
    exposed.repo.git("clone", "--quiet", "--depth=1", f"file://{exposed.repo.path}", str(clone))
    assert (clone / ".git" / "shallow").exists()
    assert "on top of the head" in exposed.refusal(clone)


def test_a_head_that_moved_after_the_event_is_known_by_where_it_was_fetched_to(exposed: Exposed) -> None:
    exposed.stand("merged")
    event = {"head": Ref("topic", "e" * 40, "mallory/app"), "sha": "e" * 40}
    assert exposed.refusal(exposed.repo.path, **event) == ""
    exposed.repo.git("update-ref", "refs/remotes/pull/7/merge", exposed.merge)
    try:
        assert "refs/pull/7/merge" in exposed.refusal(exposed.repo.path, **event)
    finally:
        exposed.repo.git("update-ref", "-d", "refs/remotes/pull/7/merge")


def test_a_base_that_has_the_merged_change_in_it_is_the_base(exposed: Exposed) -> None:
    exposed.stand("merged")
    assert exposed.refusal(exposed.repo.path, is_open=False) == ""
    exposed.stand("topic")
    assert exposed.refusal(exposed.repo.path, is_open=False) != ""


@pytest.mark.parametrize("kind", [EventKind.WORKFLOW_RUN, EventKind.ISSUE_COMMENT])
def test_after_a_run_and_a_comment_only_a_forks_head_is_foreign(exposed: Exposed, kind: EventKind) -> None:
    exposed.stand("topic")
    assert "the head of" in exposed.refusal(exposed.repo.path, kind=kind)
    own = Ref("topic", exposed.job.head, "octo/app")
    assert exposed.refusal(exposed.repo.path, kind=kind, head=own) == ""
    gone = Ref("topic", exposed.job.head, "")
    assert "the head of" in exposed.refusal(exposed.repo.path, kind=kind, head=gone)


@pytest.mark.parametrize("kind", [EventKind.PULL_REQUEST, EventKind.PUSH, EventKind.REVIEW_COMMENT, EventKind.LOCAL])
def test_events_without_a_strangers_secrets_may_take_the_head(exposed: Exposed, kind: EventKind) -> None:
    exposed.stand("topic")
    assert exposed.refusal(exposed.repo.path, kind=kind) == ""


def test_the_base_is_reviewed_on_pull_request_target(exposed: Exposed) -> None:
    exposed.stand("--detach", exposed.job.base)
    left = exposed.run()
    assert left.exit == 0, left.log
    assert left.report["verdict"]["findings"]


def test_no_checkout_is_none_of_a_stranger(exposed: Exposed, tmp_path: Path) -> None:
    with FakeGitHub() as hub:
        hub.add_repo("octo/app", exposed.repo.path)
        hub.add_pull(7, base="main", head="topic", head_repo="mallory/app")
        exposed.job.variables |= {"GITHUB_WORKSPACE": str(tmp_path), "GITHUB_API_URL": hub.url}
        try:
            left = exposed.run(github_token=hub.token)
        finally:
            exposed.job.variables["GITHUB_WORKSPACE"] = str(exposed.repo.path)
    assert left.exit == 0, left.log
    assert REFUSED not in left.log


def test_a_failed_run_of_a_fork_is_not_looked_into_from_its_checkout(exposed: Exposed) -> None:
    exposed.stand("topic")
    run: Mapping[str, Any] = {
        "id": 99,
        "event": "pull_request",
        "conclusion": "failure",
        "head_branch": "topic",
        "head_sha": exposed.job.head,
        "head_repository": FORK,
    }
    kept = exposed.job.event.read_text()
    exposed.job.event.write_text(json.dumps({"action": "completed", "repository": HERE, "workflow_run": run}))
    exposed.job.variables["GITHUB_EVENT_NAME"] = "workflow_run"
    try:
        told(exposed.run("analyse-failure"), "the head of the run's change")
    finally:
        exposed.job.event.write_text(kept)
        exposed.job.variables["GITHUB_EVENT_NAME"] = "pull_request_target"


def test_a_comments_job_with_the_forks_head_checked_out_is_refused_before_the_config_is_read(tmp_path: Path) -> None:
    with Talk(tmp_path, head_repo="mallory/app") as talk:
        left = talk.comment(f"@cicd-agent review {talk.pull.head_sha[:7]}")
        assert talk.server.requests == 0
        assert talk.said == []
        told(left, "the head of pull request 7")
        shutil.rmtree(talk.job.repo.path / ".git")
        (talk.job.temp / "report.json").unlink(missing_ok=True)
        assert REFUSED not in talk.comment("Looks right to me.").log


class Moved:
    """The event of `Exposed` names a head that its author has replaced since."""

    GONE = "e" * 40

    def __init__(self, exposed: Exposed, hub: FakeGitHub) -> None:
        self.exposed, self.hub = exposed, hub
        self.repo = hub.add_repo("octo/app", exposed.repo.path)
        self.pull = hub.add_pull(7, base="main", head="topic", head_repo="mallory/app")

    def run(self) -> Left:
        job = self.exposed.job
        kept = job.event.read_text()
        payload = json.loads(kept)
        payload["pull_request"]["head"]["sha"] = self.GONE
        job.event.write_text(json.dumps(payload))
        job.variables["GITHUB_API_URL"] = self.hub.url
        try:
            return self.exposed.run(github_token=self.hub.token)
        finally:
            job.event.write_text(kept)
            del job.variables["GITHUB_API_URL"]


@pytest.fixture
def moved(exposed: Exposed) -> Iterator[Moved]:
    with FakeGitHub() as hub:
        yield Moved(exposed, hub)


@pytest.mark.parametrize("where", ["topic", "merged"])
def test_a_head_that_replaced_the_events_is_refused_as_well(moved: Moved, where: str) -> None:
    moved.exposed.stand("--detach", where)
    told(moved.run(), "is a commit of pull request 7, whose head has moved from eeeeeee to")


def test_what_may_have_been_the_head_in_between_is_refused(moved: Moved) -> None:
    moved.exposed.stand("--detach", moved.exposed.job.base)
    moved.exposed.repo.git("commit", "--quiet", "--allow-empty", "-m", "In between")
    told(moved.run(), "on no branch that is known, and may be of pull request 7, whose head has moved")


def test_a_newer_commit_of_the_base_is_fine_whatever_the_head_does(moved: Moved) -> None:
    moved.exposed.stand("--detach", moved.exposed.job.base)
    moved.exposed.repo.git("commit", "--quiet", "--allow-empty", "-m", "Merged meanwhile")
    newer = moved.exposed.repo.head
    moved.repo.commits |= {"main": Commit(newer), newer: Commit(newer)}
    left = moved.run()
    assert REFUSED not in left.log
    assert left.exit == 0, left.log


def test_a_token_that_may_not_compare_refuses_nobody(moved: Moved) -> None:
    moved.exposed.stand("--detach", moved.exposed.job.base)
    moved.exposed.repo.git("commit", "--quiet", "--allow-empty", "-m", "Merged meanwhile")
    moved.hub.fail("GET", "compare", 403)
    assert REFUSED not in moved.run().log


def test_another_commit_is_fine_while_the_head_stands(exposed: Exposed) -> None:
    exposed.stand("--detach", exposed.job.base)
    exposed.repo.git("commit", "--quiet", "--allow-empty", "-m", "A branch of tools")
    with FakeGitHub() as hub:
        world = Moved(exposed, hub)
        world.GONE = exposed.job.head
        left = world.run()
    assert REFUSED not in left.log
    assert left.exit == 0, left.log
