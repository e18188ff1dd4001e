"""The stages apart: nobody asks and runs in one job, what a job brings is tried again, and the commit lands."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.jobs.gen_tests import AFTER, BEFORE, CLAMPS, EMPTY, SPLITS, Author, GeneratingJob, draft
from tests.support.jobs.pull_request import Left
from tests.support.servers.github.app import FakeGitHub
from tests.support.servers.github.git_state import GitData
from tests.support.servers.openai.app import OpenAIServer, Step, hang, status

FAST = {"timeout_minutes": "0.35"}
"""One second for the model: its retries do not wait."""


@dataclass(frozen=True)
class Staged:
    """The files of a workflow in three jobs, and what each job left. All three held a key, the last one a token."""

    job: GeneratingJob
    gathered: Path
    asked: Path
    decision: Path
    proposed: Left
    tried: Left


@pytest.fixture(scope="module")
def staged(tmp_path_factory: pytest.TempPathFactory) -> Staged:
    job = GeneratingJob(tmp_path_factory.mktemp("staged"))
    gathered, asked, decision = (job.place / f"{name}.json" for name in ("gathered", "asked", "decision"))
    left = job.write("gather", "gen-tests", "--out", str(gathered))
    assert left.exit == 0, left.log
    asked.write_bytes(gathered.read_bytes())
    author = Author(parse=[draft(SPLITS, EMPTY)], clamp=[draft(CLAMPS)])
    with OpenAIServer(*author.steps) as server:
        proposed = job.write("gen-tests", url=server.url, stage="ask", evidence_file=str(asked), python="/nowhere")
    with OpenAIServer() as server:  # it fails when anybody asks
        inputs = {"evidence_file": str(asked), "decision_file": str(decision), "deliver": "commit"}
        tried = job.write("gen-tests", url=server.url, stage="try", **inputs)
    return Staged(job, gathered, asked, decision, proposed, tried)


def body(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text())["body"]
    return found


@contextmanager
def hub(job: GeneratingJob, head_repo: str = "octo/app") -> Iterator[FakeGitHub]:
    with FakeGitHub() as hub:
        repo = hub.add_repo("octo/app", job.repo.path)
        files = {path: text.encode() for path, text in {**BEFORE, **AFTER}.items()}
        head = repo.store.plant(files, sha=job.head)
        pull = hub.add_pull(7, base="main", head="topic", head_repo=head_repo)
        repo.store.branches |= {pull.head_ref: head, "main": head}
        job.variables["GITHUB_API_URL"] = hub.url
        hub.token = hub.add_token("ghs_app", login="app[bot]", contents="write", pull_requests="write")
        yield hub


def deliver(job: GeneratingJob, hub: FakeGitHub, decision: Path) -> Left:
    inputs = {"decision_file": str(decision), "deliver": "commit", "github_token": hub.token}
    return job.write("gen-tests", stage="deliver", **inputs)


def store(hub: FakeGitHub) -> GitData:
    return hub.repos["octo/app"].store


def test_the_asking_job_asks_and_runs_nothing(staged: Staged) -> None:
    assert staged.proposed.exit == 0, staged.proposed.log
    tests = body(staged.asked)["tests"]
    assert {"test_parse_splits", "test_clamp"} <= {each["name"] for each in tests["proposed"]}
    assert (tests["screened"], tests["settled"]) == ([], None)


def test_the_trying_job_asks_nobody_and_writes_to_nobody(staged: Staged) -> None:
    left = staged.tried
    assert left.exit == 0, left.log
    assert (left.outputs["tests_added"], left.outputs["possible_bugs"]) == ("3", "1")
    assert left.outputs["degraded"] == "false"
    decision = body(staged.decision)
    [commit] = [each for each in decision["plan"]["effects"] if each["kind"] == "commit"]
    assert [file["path"] for file in commit["files"]] == ["tests/test_calc.py"]
    assert all(each["key"] != commit["key"] for each in left.report["receipts"])


def test_the_delivering_job_commits_what_was_tried_once(staged: Staged) -> None:
    with hub(staged.job) as github:
        left = deliver(staged.job, github, staged.decision)
        assert left.exit == 0, left.log
        [moved] = {*store(github).branches.values()} - {staged.job.head}
        [commit] = [each for each in body(staged.decision)["plan"]["effects"] if each["kind"] == "commit"]
        assert store(github).files(moved)["tests/test_calc.py"].decode() == commit["files"][0]["text"]
        assert store(github).commits[moved].parents == (staged.job.head,)
        assert "[skip ci]" not in store(github).commits[moved].message
        branches = dict(store(github).branches)
        again = deliver(staged.job, github, staged.decision)
        assert again.exit == 0, again.log
        assert store(github).branches == branches
    assert left.outputs["tests_added"] == "3"


@pytest.mark.parametrize(
    "forge",
    [
        lambda file: file.update(text="import os\n"),
        lambda file: file.update(path="calc.py"),
        lambda file: file.update(path="conftest.py", text="import os\n"),
        lambda file: file.update(path=".github/workflows/ci.yml"),
    ],
    ids=["lines go", "the code itself", "a conftest", "a workflow"],
)
def test_a_tampered_decision_changes_nothing(
    staged: Staged, tmp_path: Path, forge: Callable[[dict[str, Any]], None]
) -> None:
    whole = json.loads(staged.decision.read_text())
    [commit] = [each for each in whole["body"]["plan"]["effects"] if each["kind"] == "commit"]
    forge(commit["files"][0])
    forged = tmp_path / "decision.json"
    forged.write_text(json.dumps(whole))
    with hub(staged.job) as github:
        left = deliver(staged.job, github, forged)
        assert {*store(github).branches.values()} == {staged.job.head}
        assert not github.of("POST", "/git/")
    assert "Traceback" not in left.log
    [receipt] = [each for each in left.report["receipts"] if each["key"] == commit["key"]]
    assert receipt["state"] == "failed"


def tampered(staged: Staged, place: Path, forge: Callable[[dict[str, Any]], object]) -> Left:
    """What the trying job makes of other evidence, where nothing can be run."""
    whole = json.loads(staged.asked.read_text())
    forge(whole["body"]["tests"])
    evidence = place / "evidence.json"
    evidence.write_text(json.dumps(whole))
    files = {"evidence_file": str(evidence), "decision_file": str(place / "decision.json")}
    return staged.job.write("gen-tests", stage="try", deliver="commit", python="/nowhere/python", **files)


def test_a_trial_that_is_only_claimed_publishes_nothing(staged: Staged, tmp_path: Path) -> None:
    def forge(tests: dict[str, Any]) -> None:
        [*_, chosen] = tests["proposed"]
        report = {"candidate": chosen, "runs": 9, "passed": 9, "label": "pins new behaviour", "settled": True}
        files = {"tests/test_calc.py": f"{tests['modules']['tests/test_calc.py']}\n\n{chosen['code']}\n"}
        tests |= {"screened": [report], "settled": {"reports": [report], "files": files, "runs": 9}}

    left = tampered(staged, tmp_path, forge)
    assert left.exit == 0, left.log
    assert left.outputs["tests_added"] == "0"
    assert left.report["generated"]["files"] == {}
    assert left.report["generated"]["patch"] == ""
    assert {each["stopped"] for each in left.report["generated"]["reports"]} == {"tried"}
    assert "commit" not in {each["kind"] for each in body(tmp_path / "decision.json")["plan"]["effects"]}


def test_a_candidate_under_the_key_of_another_is_no_candidate(staged: Staged, tmp_path: Path) -> None:
    def forge(tests: dict[str, Any]) -> None:
        tests["proposed"][0] |= {"name": "test_forged", "code": "def test_forged():\n    assert 1 == 1\n"}

    left = tampered(staged, tmp_path, forge)
    assert left.exit == 0, left.log
    names = [each["candidate"]["name"] for each in left.report["generated"]["reports"]]
    assert len(names) == len(body(staged.asked)["tests"]["proposed"]) - 1
    assert "test_forged" not in names


@pytest.mark.parametrize(
    "modules",
    [{"tests/test_calc.py": f"import os\n{BEFORE['tests/test_calc.py']}"}, {"tests/test_more.py": "import os\n"}],
    ids=["with a line more", "that is not there"],
)
def test_a_test_module_that_is_not_the_checkouts_is_refused(
    staged: Staged, tmp_path: Path, modules: dict[str, str]
) -> None:
    left = tampered(staged, tmp_path, lambda tests: tests["modules"].update(modules))
    assert left.exit == 2
    assert "Traceback" not in left.log
    [path] = modules
    assert f"another text than the checkout of {path}" in left.log


@pytest.mark.parametrize(
    ("steps", "inputs"),
    [([status(500)] * 5, {}), ([hang()] * 5, FAST), (None, FAST)],
    ids=["it fails", "it hangs", "nobody listens"],
)
def test_a_dead_model_costs_five_requests_at_most(
    staged: Staged, tmp_path: Path, steps: list[Step] | None, inputs: dict[str, str]
) -> None:
    evidence = tmp_path / "evidence.json"
    evidence.write_bytes(staged.gathered.read_bytes())
    server = OpenAIServer(*(steps or []))
    with server:
        url = server.url if steps else "http://127.0.0.1:9/v1"
        left = staged.job.write("gen-tests", url=url, stage="ask", evidence_file=str(evidence), **inputs)
        assert server.requests <= 5
        server.steps.clear()
    assert left.exit == 0, left.log
    assert "Traceback" not in left.log
    # What the job after it tells: nobody was heard, and by whose fault.
    assert [gap for gap in body(evidence)["gaps"] if "127.0.0.1" in gap["why"]]


def test_tests_by_rule_are_delivered_though_the_model_is_dead(staged: Staged, tmp_path: Path) -> None:
    decision = tmp_path / "decision.json"
    # Both functions have goals; nobody listens there.
    url = "http://127.0.0.1:9/v1"
    left = staged.job.write("decide", "gen-tests", "--in", str(staged.gathered), "--out", str(decision), url=url)
    assert left.exit == 0, left.log
    left = staged.job.write("perform", "gen-tests", "--in", str(decision))
    assert left.exit == 0, left.log
    assert left.outputs["degraded"] == "true"
    assert left.report["account"]["usage"]["requests"] <= 5
    assert (staged.job.folder / "tests.patch").read_text().startswith("diff --git")
    kept = staged.job.certificate["tests"]
    assert left.outputs["tests_added"] == str(len(kept))
    assert "test_clamp_of_zero_and_1_and_3" in {each["name"] for each in kept}
    assert {each["origin"] for each in kept} <= {"documented", "observed"}
    assert "the model was not used" in left.log
    assert "**Degraded:**" in left.summary


def test_the_branch_of_a_fork_is_left_alone_and_told_so(staged: Staged) -> None:
    own = staged.job.event.read_text()
    payload = staged.job.payload()
    payload["pull_request"]["head"]["repo"] = {"full_name": "fork/app", "default_branch": "main", "id": 2}
    try:
        staged.job.event.write_text(json.dumps(payload))
        with hub(staged.job, head_repo="fork/app") as github:
            left = deliver(staged.job, github, staged.decision)
            assert {*store(github).branches.values()} == {staged.job.head}
            assert not github.of("POST", "/git/")
    finally:
        staged.job.event.write_text(own)
    assert left.exit == 0, left.log
    assert "Traceback" not in left.log
    assert [line for line in left.log.splitlines() if "fork" in line], left.log
    assert Path(left.outputs["patch_file"]).read_text().startswith("diff --git")
