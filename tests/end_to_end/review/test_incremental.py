"""What was reviewed once is not asked about again, and what is taken over is what would have been found."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.jobs.incremental import AFTER, BEFORE, Site, claim, draft, model_findings, rulings, site
from tests.support.servers.openai.app import Step, answer, status

ALL = (answer(draft(*map(claim, ("alpha", "beta", "gamma")))), rulings("keep", "keep", "keep"))
FITS = answer({"contradictions": []})
CHANGED = {"beta.py": AFTER["beta.py"].replace("(rows)", "(all_rows)")}


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Site]:
    with site(tmp_path) as found:
        yield found


def test_an_unchanged_pull_request_costs_no_request_and_soon_no_edit(here: Site) -> None:
    first = here.run(*ALL)
    again = here.run()
    third = here.run()
    # The first edit says what the second run cost, then nothing changes any more.
    states = [{each["key"]: each["state"] for each in left.report["receipts"]}["review"] for left in (again, third)]
    assert states == ["done", "unchanged"]
    for name in ("decision", "risk_level", "risk_score", "confidence", "findings_count", "escalate_to_human"):
        assert again.outputs[name] == first.outputs[name]
    assert (again.outputs["degraded"], again.report["account"]["usage"]["requests"]) == ("false", 0)
    assert "0 of 3 files sent to the model, 3 unchanged since" in again.summary
    assert "from the previous review, 0 requests" in again.summary
    for name in ("findings", "rejected", "merged", "remarks", "escalate", "risk"):
        assert again.report["verdict"][name] == first.report["verdict"][name]


def test_only_the_file_that_changed_is_asked_about(here: Site) -> None:
    first, since = here.run(*ALL), here.job.head
    here.push(CHANGED)
    second = here.run(answer(draft(claim("beta", title="Said anew"))), rulings("keep"))
    assert "beta_last" in here.asked(2)
    assert "beta_last" in here.asked(1)
    assert "alpha" not in here.asked(2) + here.asked(1)
    assert "gamma_last" not in here.asked(2) + here.asked(1)
    before, after = model_findings(first), model_findings(second)
    assert {path: each["fingerprint"] if "fingerprint" in each else each["quote"] for path, each in after.items()} == {
        path: each["fingerprint"] if "fingerprint" in each else each["quote"] for path, each in before.items()
    }
    assert len(here.pull.review_comments) == 3
    assert f"1 of 3 files sent to the model, 2 unchanged since {since[:7]}" in here.body
    assert second.outputs["degraded"] == "false"
    here.run()


def test_ten_pushes_to_one_file_ask_ten_times_about_one_file(here: Site) -> None:
    here.run(*ALL)
    for push in range(10):
        here.push({"beta.py": AFTER["beta.py"].replace("(rows)", f"(rows_{push})")})
        left = here.run(answer(draft(claim("beta"))), rulings("keep"))
        assert set(model_findings(left)) == set(AFTER)
        assert len(left.report["verdict"]["remarks"]) == 2
    assert len(here.pull.review_comments) == 3


def test_a_rebase_that_shifts_every_line_costs_nothing_and_moves_the_findings(here: Site) -> None:
    first = here.run(*ALL)
    here.rebase({path: "import os\n" * 9 + text for path, text in BEFORE.items()})
    again = here.run()
    lines = {path: each["location"]["line"] for path, each in model_findings(again).items()}
    assert lines == {path: each["location"]["line"] + 9 for path, each in model_findings(first).items()}
    assert "3 unchanged since" in here.body
    assert f"analysed at {here.job.head[:7]}" in here.body
    here.run()


@pytest.mark.parametrize(
    ("steps", "decision"),
    [((answer(draft(claim("alpha"))), rulings("drop")), "comment"), ((answer(draft()),), "approve")],
    ids=["something was dropped", "nothing was found"],
)
def test_what_the_judge_dropped_is_still_a_doubt(here: Site, steps: tuple[Step, ...], decision: str) -> None:
    here.run(*ALL)
    here.push({path: text.replace("(rows)", "( rows )") for path, text in AFTER.items()})
    first = here.run(*steps)
    again = here.run()
    assert first.outputs["decision"] == again.outputs["decision"] == decision
    assert again.report["verdict"]["rejected"] == first.report["verdict"]["rejected"]


def test_what_could_not_be_proved_is_told_again(here: Site) -> None:
    wrong = answer(draft(claim("alpha"), claim("beta", quote="made up"), claim("delta")))
    first = here.run(wrong, wrong, wrong, rulings("keep"))
    again = here.run()
    for name in ("rejected", "escalate", "findings"):
        assert again.report["verdict"][name] == first.report["verdict"][name]
    assert len(first.report["verdict"]["rejected"]) == 2


def test_a_request_for_a_person_stays(here: Site) -> None:
    said = draft(claim("alpha"), escalate_to_human=True, escalation_reason="Nobody tests it.")
    assert here.run(answer(said), rulings("keep")).outputs["escalate_to_human"] == "true"
    assert "Nobody tests it" in str(here.run().report["verdict"]["escalate"])


def test_a_judge_that_was_not_heard_is_asked_again(here: Site) -> None:
    here.run(ALL[0], status(400, "no"))
    here.run(*ALL)
    here.run()


def test_a_judge_that_was_not_heard_costs_no_file_without_claims(here: Site) -> None:
    here.run(answer(draft(claim("beta"))), status(400, "no"))
    here.run(answer(draft(claim("beta"))), rulings("keep"))
    assert "alpha" not in here.asked(2)
    here.run()


def test_a_run_whose_model_fails_keeps_what_is_remembered(here: Site) -> None:
    here.run(*ALL)
    here.push(CHANGED)
    left = here.run(status(401, "no"))
    assert left.outputs["degraded"] == "true"
    assert set(model_findings(left)) == {"alpha.py", "gamma.py"}
    here.run(answer(draft(claim("beta"))), rulings("keep"))
    assert "alpha" not in here.asked(2)


def test_a_run_without_a_model_recalls_nothing_and_leaves_the_memory_where_it_is(here: Site) -> None:
    here.run(*ALL)
    memory = here.memory.read_bytes()
    assert not model_findings(here.run(model="off", min_severity="low"))
    assert not model_findings(here.run(openai_api_key="", base_url=""))
    assert here.memory.read_bytes() == memory
    here.run()


def test_what_did_not_fit_is_asked_next_time(here: Site) -> None:
    large = {"zeta.py": "".join(f"zeta_{number} = {number * number}\n" for number in range(1_500))}
    here.push(large)
    first = here.run(*ALL, max_input_tokens="26000")
    assert "Not shown to the model" in first.summary
    assert first.outputs["decision"] != "approve"
    here.run(answer(draft()))
    assert "zeta_1499" in here.asked()
    assert "alpha" not in here.asked()
    here.run()


def test_other_words_are_compared_and_nothing_else(tmp_path: Path) -> None:
    with site(tmp_path, body="It only renames.") as here:
        said = {"claim": "only renames", "but": "the change also reads a row", "path": "beta.py"}
        first = here.run(*ALL, answer({"contradictions": [said]}))
        again = here.run()
        assert again.report["verdict"]["contradictions"] == first.report["verdict"]["contradictions"] != []
        here.job.body = "It reads a row."
        here.job.event.write_text(here.job.event.read_text().replace("It only renames.", here.job.body))
        left = here.run(FITS)
        assert "return rows" not in here.asked()
        assert not left.report["verdict"]["contradictions"]
        assert left.outputs["degraded"] == "false"
        assert set(model_findings(left)) == set(AFTER)
        here.run()


@pytest.mark.parametrize(
    "inputs", [{"instructions": "Look at the names."}, {"model": "other"}, {"paths_ignore": "docs/"}]
)
def test_who_is_asked_otherwise_is_asked_everything(here: Site, inputs: dict[str, str]) -> None:
    here.run(*ALL)
    here.run(*ALL, **inputs)
    assert all(name in here.asked(2) for name in AFTER)
    here.run(**inputs)


def test_another_guideline_of_the_base_branch_asks_everything(here: Site) -> None:
    here.run(*ALL)
    here.rebase({"AGENTS.md": "Every function has a test.\n"})
    here.run(*ALL)
    here.run()


def test_other_thresholds_ask_nothing_and_show_something_else(here: Site) -> None:
    here.run(*ALL)
    left = here.run(min_severity="critical")
    assert "3 findings below your thresholds" in here.body
    assert left.report["account"]["usage"]["requests"] == 0


def test_what_was_reviewed_is_remembered_without_a_comment(here: Site) -> None:
    here.run(answer(draft()))
    here.run()
    assert not here.pull.comments
    here.push(CHANGED)
    here.run(answer(draft(claim("beta"))), rulings("keep"), comment="off")
    assert set(model_findings(here.run(comment="off"))) == {"beta.py"}
    assert not here.pull.comments


def test_who_deletes_the_comment_gets_it_again_for_nothing(here: Site) -> None:
    here.run(*ALL)
    here.pull.comments.clear()
    here.run()
    assert "3 unchanged since" in here.body


def test_who_empties_the_cache_gets_a_whole_review(here: Site) -> None:
    here.run(*ALL)
    here.memory.unlink()
    here.run(*ALL)
    assert "asked about" not in here.body


def test_without_a_cache_nothing_is_remembered(here: Site) -> None:
    here.run(*ALL)
    here.run(*ALL, cache_dir="")
    assert "asked about" not in here.body
    assert kept_evidence(here)["memory"] == ""


@pytest.mark.parametrize("key", ["local", ""], ids=["a short key", "no key"])
def test_a_server_of_ones_own_is_asked_once_too(here: Site, key: str) -> None:
    here.run(*ALL, openai_api_key=key)
    here.run(openai_api_key=key)


def test_a_dry_run_recalls_and_keeps_nothing(here: Site) -> None:
    here.run(*ALL)
    memory = here.memory.read_bytes()
    here.push(CHANGED)
    here.dry_run(answer(draft(claim("beta"))), rulings("keep"))
    assert "alpha" not in here.asked(2)
    assert here.memory.read_bytes() == memory
    here.run(answer(draft(claim("beta"))), rulings("keep"))


def test_two_pull_requests_share_a_cache_and_no_memory(here: Site, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    with site(tmp_path / "other") as other:
        other.cache, other.server = here.cache, here.server
        other.hub.add_pull(8, base="main", head="topic")
        other.job.event.write_text(other.job.event.read_text().replace('"number": 7', '"number": 8'))
        here.run(*ALL)
        other.run(answer(draft()))
        assert len(here.files) == 2
        assert set(model_findings(here.run())) == set(AFTER)
        assert not model_findings(other.run())


def test_kept_answers_and_what_is_remembered_stand_beside_each_other(here: Site) -> None:
    here.run(*ALL)
    answers = {*here.cache.iterdir()} - {here.memory}
    assert len(answers) == 2
    lines = here.remembered()
    here.memory.unlink()
    here.server.steps.clear()
    left = here.job.run("review", **here.given)
    assert left.report["account"]["usage"]["from_cache"] == 2
    assert here.remembered() == lines
    assert {*here.cache.iterdir()} - {here.memory} == answers
    assert not here.notes


def test_a_place_that_cannot_be_written_costs_the_memory_and_is_named(here: Site) -> None:
    here.run(*ALL)
    path = here.memory
    path.unlink()
    path.mkdir()
    left = here.run(*ALL)
    assert "what was reviewed could not be kept" in left.log
    assert left.outputs["degraded"] == "false"


def kept_evidence(here: Site) -> Any:
    return json.loads((here.job.temp / "cicd-agent/review/evidence.json").read_text())["body"]
