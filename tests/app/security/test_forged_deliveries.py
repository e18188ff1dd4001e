"""A decision from a file delivers what the job's own settings and event allow, whatever its plan says."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from cicd_agent.app.context import RunContext
from cicd_agent.app.security.effect_policy import effect_policy
from cicd_agent.domain.effects import Commit, Effect, OpenPull, Plan, TextFile
from cicd_agent.domain.events.event import Event, EventKind
from cicd_agent.modes.protocol import Ports
from cicd_agent.rendering.dry_run import dry_run
from cicd_agent.settings.loader import load
from tests.end_to_end.test_notices import forged, perform, states
from tests.support.jobs.pull_request import Job
from tests.support.servers.github.app import FakeGitHub
from tests.support.servers.github.git_state import GitData

OLD = "def test_one():\n    assert 1 + 1 == 2\n"
NEW = f"{OLD}\n\ndef test_two():\n    assert 2 + 2 == 4\n"
GOOD = (TextFile("tests/test_app.py", NEW),)


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job(tmp_path, {"app.py": "a = 1\n"}, {"app.py": "a = 2\n", "tests/test_app.py": OLD})


@pytest.fixture
def hub(job: Job) -> Iterator[FakeGitHub]:
    with FakeGitHub() as hub:
        repo = hub.add_repo("octo/app", job.repo.path)
        head = repo.store.plant({"app.py": b"a = 2\n", "tests/test_app.py": OLD.encode()}, sha=job.head)
        pull = hub.add_pull(7, base="main", head="topic")
        repo.store.branches |= {pull.head_ref: head, "main": head}
        job.variables["GITHUB_API_URL"] = hub.url
        hub.token = hub.add_token("ghs_app", login="app[bot]", contents="write", pull_requests="write")
        yield hub


def store(hub: FakeGitHub) -> GitData:
    return hub.repos["octo/app"].store


def commit(job: Job, **changed: Any) -> Commit:
    given: Mapping[str, Any] = {"key": "k", "pull": 7, "head": job.head, "message": "Add tests", "files": GOOD}
    return Commit(**{**given, **changed})


def open_pull(job: Job, **changed: Any) -> OpenPull:
    given = {"key": "k", "pull": 7, "head": job.head, "title": "t", "body": "b", "message": "m", "files": GOOD}
    return OpenPull(**{**given, **changed})


@pytest.mark.parametrize("deliver", ["", "patch", "comment"])
def test_nothing_is_delivered_unless_this_job_asks_for_it(job: Job, hub: FakeGitHub, deliver: str) -> None:
    left = perform(job, hub, forged(job, commit(job), open_pull(job, key="l")), deliver=deliver)
    assert {key: state for key, state in states(left).items() if key in {"k", "l"}} == {"k": "failed", "l": "failed"}
    assert {*store(hub).branches.values()} == {job.head}
    assert not hub.of("POST", "/git/|/pulls$")


@pytest.mark.parametrize(
    "changed",
    [
        {"pull": 8},
        {"head": "c" * 40},
        {"files": (TextFile("tests/test_app.py", "def test_one():\n    pass\n"),)},
        {"files": (TextFile("tests/conftest.py", "import os\n"),)},
        {"files": (TextFile(".github/workflows/ci.yml", "on: push\n"),)},
        {"files": (TextFile("app.py", "a = 2\n\n\ndef test_a():\n    pass\n"),)},
        {"files": (*GOOD, TextFile("../test_a.py", "import os\n"))},
    ],
)
@pytest.mark.parametrize("make", [commit, open_pull])
def test_a_forged_plan_reaches_no_other_pull_request_and_no_other_file(
    job: Job, hub: FakeGitHub, make: Any, changed: Mapping[str, Any]
) -> None:
    effect: Effect = make(job, **changed)
    left = perform(job, hub, forged(job, effect), deliver="commit" if make is commit else "pull-request")
    assert states(left)["k"] == "failed"
    assert {*store(hub).branches.values()} == {job.head}
    assert not hub.of("POST", "/git/|/pulls$")
    assert not hub.of("PATCH", "/git/")


def test_an_honest_plan_is_carried_out_once(job: Job, hub: FakeGitHub) -> None:
    decision = forged(job, commit(job))
    assert states(perform(job, hub, decision, deliver="commit"))["k"] == "done"
    branches = dict(store(hub).branches)
    [moved] = {*branches.values()} - {job.head}
    assert store(hub).files(moved)["tests/test_app.py"].decode() == NEW
    assert states(perform(job, hub, decision, deliver="commit"))["k"] == "unchanged"
    assert store(hub).branches == branches


@pytest.mark.parametrize(("given", "granted"), [("", "patch"), ("commit", "commit"), ("pull-request", "pull-request")])
def test_a_job_grants_what_its_own_input_says(given: str, granted: str) -> None:
    scene = RunContext(Event(EventKind.PUSH), load({"deliver": given}, ""), Ports())
    assert {effect_policy(scene, is_own=own).deliver for own in (True, False)} == {granted}


def test_a_dry_run_names_the_branch_and_every_file(job: Job) -> None:
    told = dry_run(Plan((commit(job), open_pull(job, body="What is\x1b[0m new"))))
    for words in (
        f"commit on the branch of pull request 7, if that still ends in {job.head[:7]}:",
        f"pull request of tests against the branch of pull request 7, if that still ends in {job.head[:7]}:",
        f"  tests/test_app.py: {len(NEW)} characters",
        "    Add tests",
        "    What is<U+001B>[0m new",
    ):
        assert words in told
