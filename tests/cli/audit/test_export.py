import csv
import io
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from cicd_agent.audit.summary import COLUMNS, inert
from cicd_agent.domain.audit_entry import entry_hash
from cicd_agent.errors import ConfigError
from cicd_agent.settings.environment import Environment
from tests.support.fakes.store import FakeStore
from tests.support.jobs.audit import FINDING, ask, decided, done, explained, held, reviewed
from tests.support.samples.chains import SHOP


@pytest.fixture
def store() -> FakeStore:
    made = FakeStore()
    made.append(done(1, made.append(reviewed())))
    for entry in (held(), explained(), decided(7, "acme/other")):
        made.append(entry)
    return made


def lines_of(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def sarif_of(store: FakeStore, *arguments: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(ask(store, "export", "--format", "sarif", *arguments).out)
    (run,) = told["runs"]
    assert told["version"] == "2.1.0"
    for result in run["results"]:
        rule = run["tool"]["driver"]["rules"][result["ruleIndex"]]
        assert rule["id"] == result["ruleId"]
        assert result["message"]["text"]
        (place,) = result["locations"]
        assert place["physicalLocation"]["artifactLocation"]["uri"]
    return dict(run)


def test_lines_hold_every_entry_in_the_order_of_its_chain(store: FakeStore) -> None:
    told = lines_of(ask(store, "export").out)
    assert [(each["repository"], each["seq"]) for each in told] == [
        ("acme/other", 1),
        *((SHOP, seq) for seq in range(1, 5)),
    ]
    assert [each["told"]["kind"] for each in told[1:3]] == ["run", "receipts"]
    for before, after in pairwise(told[1:]):
        assert after["prev"] == before["hash"]


def test_lines_are_enough_to_prove_the_chain_by(store: FakeStore) -> None:
    for each in lines_of(ask(store, "export", "--repository", SHOP).out):
        text = json.dumps(each["told"], ensure_ascii=False, separators=(",", ":"), sort_keys=True)
        assert entry_hash(SHOP, each["seq"], each["prev"], text) == each["hash"]


def test_what_is_picked_out_comes_newest_first(store: FakeStore) -> None:
    told = lines_of(ask(store, "export", "--of", "review").out)
    assert [(each["repository"], each["seq"]) for each in told] == [("acme/other", 1), (SHOP, 2), (SHOP, 1)]


def test_a_table_has_a_line_for_each_run(store: FakeStore) -> None:
    rows = list(csv.DictReader(io.StringIO(ask(store, "export", "--format", "csv").out)))
    assert [row["decision"] for row in rows] == ["approve", "request_changes", "hold", "change"]
    assert tuple(rows[0]) == COLUMNS
    assert rows[1]["at"] == "2026-09-22T14:13:20Z"
    assert (rows[1]["input_tokens"], rows[1]["output_tokens"], rows[1]["models"]) == ("1200", "", "gpt-5.5")


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "  =1", "＝1"])
def test_no_cell_is_a_formula(text: str) -> None:
    store = FakeStore()
    store.append(decided(1, actor=text, ref=f'"{text}', error=f"a\n{text}"))
    (row,) = csv.DictReader(io.StringIO(ask(store, "export", "--format", "csv").out))
    assert row["actor"].startswith("'")
    assert row["ref"] == f'"{text}'.replace("\t", "<U+0009>").replace("\r", "<U+000D>")
    assert "\n" not in row["error"]
    assert inert("a=1") == "a=1"


def test_complaints_are_results_with_their_places(store: FakeStore) -> None:
    results = sarif_of(store)["results"]
    places = [each["locations"][0]["physicalLocation"] for each in results]
    assert [each["ruleId"] for each in results] == ["http-timeout", "gate/score", "failure/change"]
    assert places[0]["artifactLocation"]["uri"] == "src/a%20b.py"
    assert places[0]["region"] == {"startLine": 10, "endLine": 12}
    assert places[1]["artifactLocation"]["uri"] == ".github/cicd-agent.yml"
    assert places[2]["region"] == {"startLine": 41}
    assert results[1]["message"]["text"] == "hold production: the score is below the threshold. Approve it"
    assert len({each["partialFingerprints"]["cicdAgent/v1"] for each in results}) == 3
    assert [each["properties"]["auditSeq"] for each in results] == [1, 3, 4]
    assert results[0]["properties"]["auditHash"] == store.chains[SHOP][0].hash


def test_a_gate_that_proceeds_complains_of_nothing() -> None:
    store = FakeStore()
    store.append(decided(1, mode="deploy-gate", decision="proceed"))
    assert sarif_of(store)["results"] == []


def test_findings_that_cannot_be_read_are_left_out() -> None:
    store = FakeStore()
    broken = [{**FINDING, "severity": "enormous"}, {**FINDING, "location": []}, {}, {**FINDING, "id": "x" * 5_000}]
    store.append(decided(1, output={"verdict": {"findings": broken}}))
    (result,) = sarif_of(store)["results"]
    assert result["ruleId"] == "x" * 200


def test_a_file_is_written_at_once_and_a_link_is_not_followed(store: FakeStore, tmp_path: Path) -> None:
    path, elsewhere = tmp_path / "out.jsonl", tmp_path / "elsewhere"
    elsewhere.write_text("kept")
    path.symlink_to(elsewhere)
    found = ask(store, "export", "--out", str(path))
    assert found.out == ""
    assert len(lines_of(path.read_text())) == 5
    assert elsewhere.read_text() == "kept"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["elsewhere", "out.jsonl"]


def test_a_file_that_cannot_be_written_is_one_line(store: FakeStore, tmp_path: Path) -> None:
    for name in ("missing/out.csv", ".", "a\0b"):
        with pytest.raises(ConfigError, match=r"--out .* cannot be written"):
            ask(store, "export", "--out", str(tmp_path / name))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("form", ["jsonl", "csv", "sarif"])
@pytest.mark.parametrize("to_file", [False, True])
def test_what_is_secret_now_leaves_in_no_export(form: str, tmp_path: Path, *, to_file: bool) -> None:
    secret = "Zq7" + "kP0wXv4nB8sLm2"
    store = FakeStore()
    finding = {**FINDING, "message": f"see {secret}"}
    store.append(decided(1, actor=secret, error=secret[::-1], output={"verdict": {"findings": [finding]}}))
    surroundings = Environment(inputs={"github-token": secret})
    path = tmp_path / "out"
    arguments = ["--format", form, *(["--out", str(path)] if to_file else [])]
    found = ask(store, "export", *arguments, environment=surroundings)
    text = path.read_text() if to_file else found.out
    assert secret not in text
    assert secret[::-1] not in text
    assert "secret" in text


def test_an_empty_book_exports_to_valid_documents() -> None:
    assert ask(FakeStore(), "export").out.strip() == ""
    assert len(ask(FakeStore(), "export", "--format", "csv").out.splitlines()) == 1
    assert sarif_of(FakeStore())["results"] == []
