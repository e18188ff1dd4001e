"""What a run enters in the audit log: before it acts, after it has acted, and when it fails."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cicd_agent.adapters.storage.store import SqlStore
from cicd_agent.app.recorder import Recorder
from cicd_agent.domain.audit_entry import ZERO_HASH, Row, canonical_json, entry_hash, parse_columns
from cicd_agent.domain.timeline import Timeline
from cicd_agent.settings.environment import Environment
from tests.support.jobs.pull_request import Job, Left

CHAIN = "octo/app"


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job(tmp_path)


def rows(folder: Path, chain: str = CHAIN) -> list[Row]:
    store = SqlStore.open(folder / "state.db")
    try:
        return list(store.rows(chain))
    finally:
        store.close()


def texts(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(row.text) for row in rows(folder)]


def state(job: Job) -> Path:
    """Where the job's audit log is."""
    return job.temp / "state"


def run(job: Job, *command: str) -> Left:
    return job.run(*command, state_dir=str(state(job)))


def plain(value: Any) -> Any:
    """As canonical JSON has it."""
    return json.loads(canonical_json({"it": value}))["it"]


def audit(left: Left) -> dict[str, Any]:
    told: dict[str, Any] = left.report["audit"]
    return told


def test_a_run_is_entered_and_then_what_became_of_it(job: Job) -> None:
    left = run(job)
    decided, done = texts(state(job))
    assert (decided["kind"], decided["mode"], decided["pull"], decided["sha"]) == ("run", "review", 7, job.head)
    assert decided["decision"] == left.outputs["decision"]
    assert decided["risk_level"] == left.outputs["risk_level"]
    assert decided["output"]["verdict"]["findings"] == plain(left.report["verdict"]["findings"])
    assert {each["kind"] for each in decided["actions"]} == {"comment", "review"}
    assert (done["kind"], done["of"], done["exit"]) == ("receipts", 1, 0)
    assert {each["kind"] for each in done["receipts"]} >= {"summary"}


def test_entries_are_a_chain_whose_end_the_report_names(job: Job) -> None:
    left = run(job)
    found, prev = rows(state(job)), ZERO_HASH
    for number, row in enumerate(found, 1):
        assert (row.seq, row.prev, row.columns) == (number, prev, parse_columns(row.text))
        assert row.hash == entry_hash(CHAIN, row.seq, prev, row.text)
        prev = row.hash
    assert audit(left) == {"state": "recorded", "repository": CHAIN, "seq": 2, "hash": prev, "why": ""}
    assert found[0].link.anchor in left.summary


def test_runs_of_a_job_go_on_with_the_chain(job: Job) -> None:
    run(job)
    run(job)
    assert [each["kind"] for each in texts(state(job))] == ["run", "receipts"] * 2


def test_a_decision_is_entered_before_anything_is_done(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    def die(*_: object, **__: object) -> Iterator[None]:
        seen.extend(each["kind"] for each in texts(state(job)))
        raise KeyboardInterrupt

    monkeypatch.setattr("cicd_agent.app.reporter.perform", die)
    with pytest.raises(KeyboardInterrupt):
        run(job)
    assert seen[0] == "run"
    assert texts(state(job))[0]["kind"] == "run"


def test_a_run_that_fails_is_entered_with_its_reason(job: Job) -> None:
    job.event.write_text("{")
    left = run(job)
    failed, done = texts(state(job))
    assert (left.exit, failed["decision"], failed["exit"], done["exit"]) == (2, "failed", 2, 2)
    assert failed["error"] == left.outputs["summary"]


def test_what_is_declined_is_entered_too(job: Job) -> None:
    told = json.loads(job.event.read_text())
    told["pull_request"]["draft"] = True
    job.event.write_text(json.dumps(told))
    run(job)
    assert texts(state(job))[0]["decision"] == "declined"


@pytest.mark.parametrize("inputs", [{}, {"state_dir": "off"}])
def test_where_nothing_is_to_be_kept_nothing_is(job: Job, inputs: dict[str, str]) -> None:
    left = job.run(**inputs)
    assert audit(left)["state"] == "off"
    assert list(job.temp.rglob("*.db")) == []
    assert "Audit log" not in left.summary


def test_a_book_that_cannot_be_opened_is_one_line_and_the_run_goes_on(job: Job) -> None:
    (job.place / "file").touch()
    left = job.run(state_dir=str(job.place / "file" / "state"))
    assert (left.exit, audit(left)["state"]) == (0, "failed")
    assert audit(left)["why"]
    assert left.log.count("the audit log could not be written") == 1
    assert "Not entered in the audit log" in left.summary
    assert left.outputs["findings_count"] == "1"


def test_a_book_in_the_checkout_is_refused(job: Job) -> None:
    left = job.run(state_dir=str(job.repo.path / "state"))
    assert left.exit == 2
    assert "lies in the checkout" in left.outputs["summary"]


def test_a_dry_run_enters_nothing(job: Job) -> None:
    run(job, "review", "--dry-run")
    assert rows(state(job)) == []


def test_what_is_no_entry_of_bearable_size_is_entered_by_its_digest(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cicd_agent.app.recorder.MAX_TEXT", 3_000)
    run(job)
    decided = texts(state(job))[0]
    assert decided["output"].keys() == {"withheld", "sha256"}
    assert decided["decision"] == "request_changes"


def test_the_server_is_part_of_the_name_where_it_is_not_githubs_own(job: Job) -> None:
    job.variables["GITHUB_SERVER_URL"] = "https://git.example.com"
    left = run(job)
    assert audit(left)["repository"] == f"git.example.com/{CHAIN}"


def test_output_in_which_a_secret_appears_only_as_it_is_stored_is_withheld() -> None:
    def redact(text: str) -> str:
        return text.replace('"a":"b"', '"a":"***"')  # as canonical JSON has it, without blanks

    recorder = Recorder({}, Environment.read({}), Timeline(), redact=redact, warn=print, now=lambda: 0.0)
    entry = recorder._redacted_entry(CHAIN, {"kind": "run", "output": {"a": "b"}})
    output = json.loads(entry.text)["output"]
    assert '"a":"b"' not in entry.text
    assert (output["withheld"], len(output["sha256"])) == (True, 64)
