"""A recorded run is judged again offline, and the same grounds give the same report to the byte."""

import json
import os
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest

from tests.support.jobs.pull_request import Job
from tests.support.jobs.recorded import DRAFT, KEPT, KEY, folder, replay, review, same
from tests.support.servers.github.app import FakeGitHub
from tests.support.servers.openai.app import OpenAIServer, answer, malformed, status, tool_calls


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job(tmp_path)


def test_a_replay_gives_the_same_report_to_the_byte(job: Job, tmp_path: Path) -> None:
    with FakeGitHub() as hub, OpenAIServer(malformed(), status(503), answer(DRAFT), answer(KEPT)) as server:
        hub.add_repo("octo/app", job.repo.path)
        hub.add_pull(7, base="main", head="topic")
        job.variables["GITHUB_API_URL"] = hub.url
        left = review(job, server, github_token=hub.token)
        assert server.requests == 4
    assert left.exit == 0, left.log
    assert any(each["url"] for each in left.report["receipts"])
    assert any(each["origin"] == "model" for each in left.report["verdict"]["findings"])
    assert left.report["tape"] == str(folder(job) / "tape.jsonl")
    # Wherever it is, and with nothing of what the run had.
    moved = folder(job).rename(tmp_path / "moved")
    job.variables = {"PATH": os.environ["PATH"], "GITHUB_WORKSPACE": "/nowhere"}
    again = replay(job, tape=moved / "tape.jsonl")
    assert again.exit == 0, again.log
    assert (moved / "replay/report.json").read_bytes() == (moved / "report.json").read_bytes()
    assert len((moved / "report.json").read_bytes()) > 2_000


def test_a_run_without_a_model_is_replayed_too(job: Job) -> None:
    assert review(job).report["tape"]
    assert same(job)
    review(job, model="off")
    assert same(job)


def test_a_run_whose_model_failed_is_replayed_with_its_failure(job: Job) -> None:
    with OpenAIServer(*[status(401, "Incorrect API key")]) as server:
        assert review(job, server).outputs["degraded"] == "true"
    assert same(job)


def test_a_title_that_is_no_text_is_replayed(job: Job) -> None:
    job.event.write_text(job.event.read_text().replace('"title": "Change"', '"title": "\\ud800"'))
    review(job)
    assert same(job)


def test_a_declined_event_is_replayed(job: Job) -> None:
    payload = job.payload()
    payload["pull_request"]["draft"] = True
    job.event.write_text(json.dumps(payload))
    assert "draft" in review(job).outputs["summary"]
    assert same(job)


def test_a_secret_in_an_answer_is_not_on_the_tape(job: Job) -> None:
    printed = {**DRAFT, "summary": f"The key is {KEY[::-1]}, which is {KEY.encode().hex()}."}
    with OpenAIServer(answer(printed), answer(KEPT)) as server:
        review(job, server)
    for path in folder(job).rglob("*"):
        assert all(form not in path.read_text() for form in (KEY, KEY[::-1], KEY.encode().hex()))


DIFFERENT: dict[str, tuple[list[str], list[str]]] = {
    "a setting": (["--input", "fail-on=high"], ['setting  fail-on: "off" → "high"', "report   body.exit: 0 → 1"]),
    "the model": (["--input", "model=other"], ['in model: "gpt-5.5" → "other"', "gone     app.py:6  medium"]),
    "the rules": (
        ["--config", "RULES"],
        ['setting  rules.shell-injection: nothing → "off"', "gone     app.py:5"],
    ),
}


@pytest.mark.parametrize(("argv", "said"), DIFFERENT.values(), ids=DIFFERENT.keys())
def test_what_has_changed_is_named(job: Job, tmp_path: Path, argv: list[str], said: list[str]) -> None:
    with OpenAIServer(answer(DRAFT), answer(KEPT)) as server:
        review(job, server)
    rules = tmp_path / "rules.yml"
    rules.write_text("rules:\n  shell-injection: off\n")
    left = replay(job, *(str(rules) if each == "RULES" else each for each in argv))
    assert left.exit == 1
    assert "different" in left.log
    assert [each for each in said if each not in left.log] == []
    assert same(job)


def test_another_prompt_is_another_question(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    with OpenAIServer(answer(DRAFT), answer(KEPT)) as server:
        review(job, server)
    monkeypatch.setattr(import_module("cicd_agent.modes.review.questions.sequence"), "prompt", lambda: "Look for bugs.")
    left = replay(job)
    assert left.exit == 1
    assert "the tape does not hold" in left.log
    assert "differs in instructions line" in left.log


def test_another_program_is_named(job: Job) -> None:
    review(job)
    tape = folder(job) / "tape.jsonl"
    tape.write_text(tape.read_text().replace("cicd-agent 0", "cicd-agent 9"))
    report = folder(job) / "report.json"
    report.write_text(report.read_text().replace('"tool": "cicd-agent 0', '"tool": "cicd-agent 9'))
    assert "program  cicd-agent 9" in replay(job).log


def test_a_run_in_stages_is_replayed_from_the_evidence_that_gather_wrote(job: Job) -> None:
    evidence, decision = str(job.place / "gathered.json"), str(job.place / "decision.json")
    assert job.run("gather", "review", "--out", evidence).exit == 0
    with OpenAIServer(answer(DRAFT), answer(KEPT)) as server:
        given = {"base_url": server.url, "openai_api_key": KEY}
        assert job.run("decide", "review", "--in", evidence, "--out", decision, **given).exit == 0
    assert job.run("perform", "review", "--in", decision).exit == 0
    left = replay(job, "--evidence", evidence)
    assert "identical" in left.log, left.log


def test_a_replay_without_a_report_writes_one(job: Job) -> None:
    review(job)
    (folder(job) / "report.json").unlink()
    left = replay(job, "--output-dir", str(job.place / "new"))
    assert left.exit == 0
    assert "nothing to compare with" in left.log
    assert json.loads((job.place / "new/report.json").read_text())["body"]["verdict"]["findings"]


def test_a_replay_takes_what_gather_wrote(job: Job) -> None:
    review(job)
    evidence = (folder(job) / "evidence.json").rename(job.place / "gathered.json")
    left = replay(job)
    assert left.exit == 2
    assert "--keep-evidence" in left.log
    assert replay(job, "--evidence", str(evidence)).exit == 0


def _spoil_run(tape: Path, **changes: object) -> None:
    first, *rest = tape.read_text().split("\n")
    head = json.loads(first)
    tape.write_text("\n".join([json.dumps({**head, "run": {**head["run"], **changes}}), *rest]))


def _link_to_a_device(tape: Path) -> None:
    tape.unlink()
    tape.symlink_to("/dev/zero")


HOSTILE: dict[str, Callable[[Path], object]] = {
    "an empty tape": lambda tape: tape.write_bytes(b""),
    "no header": lambda tape: tape.write_bytes(b"[1]\n"),
    "a deep header": lambda tape: tape.write_bytes(b"[" * 200_000),
    "bytes": lambda tape: tape.write_bytes(b"\xff\xfe\x00\n\x00"),
    "a bad exchange": lambda tape: tape.write_bytes(tape.read_bytes() + b'{"key": 1}\n'),
    "another version": lambda tape: tape.write_text(tape.read_text().replace('"tape": 1', '"tape": 2')),
    "a mode that is none": lambda tape: _spoil_run(tape, mode="\x1b[2J::error::x"),
    "a setting that is none": lambda tape: _spoil_run(tape, settings={"shell": "rm"}),
    "a setting of another type": lambda tape: _spoil_run(tape, settings={"max-rounds": "8"}),
    "settings without end": lambda tape: tape.write_text(
        tape.read_text().replace('"max-cost-usd": null', '"max-cost-usd": 1e999')
    ),
    "settings without measure": lambda tape: tape.write_text(
        tape.read_text().replace('"max-input-tokens": 150000', f'"max-input-tokens": {10**400}')
    ),
    "a fence that is none": lambda tape: tape.write_text(tape.read_text().replace('"fence": "', '"fence": "xyz')),
    "no tape": lambda tape: tape.unlink(),
    "a device": _link_to_a_device,
    "other evidence": lambda tape: tape.with_name("evidence.json").write_text('{"kind": "evidence"}'),
    "another report": lambda tape: tape.with_name("report.json").write_text('{"kind": "report", "body": {}}'),
}


@pytest.mark.parametrize("spoil", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_tape_that_is_none_is_refused_in_one_line(job: Job, spoil: Callable[[Path], object]) -> None:
    review(job)
    spoil(folder(job) / "tape.jsonl")
    left = replay(job)
    assert left.exit == 2
    assert "Traceback" not in left.log
    assert len([line for line in left.log.splitlines() if "cicd-agent:" in line]) == 1
    assert not (folder(job) / "replay").exists()


def test_on_actions_the_diff_is_kept_only_when_that_is_asked_for(job: Job) -> None:
    review(job)
    assert (folder(job) / "evidence.json").stat().st_mode & 0o777 == 0o600
    job.run("review")
    assert (folder(job) / "tape.jsonl").exists()
    assert not (folder(job) / "evidence.json").exists()
    del job.variables["GITHUB_ACTIONS"]
    job.run("review")
    assert (folder(job) / "evidence.json").exists()


def test_a_dry_run_leaves_no_tape(job: Job) -> None:
    with OpenAIServer(answer(DRAFT), answer(KEPT)) as server:
        review(job, server, "--dry-run")
    assert not [*job.temp.rglob("*.jsonl")]
    assert not [*job.temp.rglob("evidence.json")]


def test_a_plan_may_not_write_to_the_tape(job: Job) -> None:
    decision = job.place / "decision.json"
    job.run("gather", "review", "--out", str(job.place / "evidence.json"))
    job.run("decide", "review", "--in", str(job.place / "evidence.json"), "--out", str(decision))
    before = (folder(job) / "tape.jsonl").read_bytes()
    decision.write_text(decision.read_text().replace('"name": "findings.sarif"', '"name": "tape.jsonl"'))
    left = job.run("perform", "review", "--in", str(decision))
    assert any(each["state"] == "failed" for each in left.report["receipts"])
    assert (folder(job) / "tape.jsonl").read_bytes() == before


def test_what_was_looked_up_is_on_the_tape_and_a_replay_looks_nothing_up(job: Job) -> None:
    read = ("read_file", json.dumps({"path": "app.py", "first_line": 1, "last_line": None}), "c1")
    missing = ("read_file", json.dumps({"path": "nowhere.py", "first_line": 1, "last_line": None}), "c2")
    wrong = ("search", json.dumps({"pattern": "(", "glob": None}), "c3")
    with OpenAIServer(tool_calls(read, missing, wrong), answer(DRAFT), answer(KEPT)) as server:
        left = review(job, server)
    assert left.exit == 0, left.log
    asked, judged = left.report["asked"]
    assert judged["question"] == "judge"
    assert [bool(action["trouble"]) for action in asked["actions"]] == [False, True, True]
    tape = folder(job) / "tape.jsonl"
    assert tape.read_text().count('{"looked_up"') == 3
    job.repo.write("app.py", "something else\n")
    job.repo.git("update-ref", "-d", "refs/heads/topic")
    assert same(job)


@pytest.mark.parametrize("line", ['{"looked_up": {"tool": 3}}', '{"offered": []}', '{"looked_up": '])
def test_a_tape_whose_look_ups_are_none_is_refused_in_one_line(job: Job, line: str) -> None:
    with OpenAIServer(answer(DRAFT), answer(KEPT)) as server:
        review(job, server)
    tape = folder(job) / "tape.jsonl"
    tape.write_text(tape.read_text() + line + "\n")
    left = replay(job)
    assert left.exit == 2
    assert "is no look-up" in left.log
    assert "Traceback" not in left.log
