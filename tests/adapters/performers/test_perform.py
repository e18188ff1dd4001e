"""A plan is carried out whole, redacted and inert, and nothing of it is lost when GitHub refuses."""

import json
from pathlib import Path
from typing import get_args

import pytest

from cicd_agent.adapters.performers.perform import LOCAL as STAYS_HERE
from cicd_agent.adapters.performers.perform import PERFORMERS, perform
from cicd_agent.domain.effects import Annotation, Artifact, Comment, Effect, Level, Output, Plan, ReceiptState, Summary
from cicd_agent.domain.text.markdown import marker
from cicd_agent.domain.text.redaction import MASK
from cicd_agent.errors import AgentError, BudgetExhausted
from cicd_agent.rendering.dry_run import dry_run
from tests.support.fakes.ports import FakeJournal
from tests.support.samples.plans import COMMENT, EVENT, KEY, LOCAL, PLAN, Site, inline, refusal, review


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_a_plan_is_carried_out_whole(site: Site) -> None:
    receipts = site.perform()
    assert {receipt.state for receipt in receipts.values()} == {ReceiptState.DONE}
    assert site.said == [f"{marker('review')}\nthe summary"]
    (posted,) = site.forge.reviews
    assert [one.body for one in posted.comments] == [f"{marker('f1')}\nlook here", f"{marker('f2')}\nlook here"]
    assert receipts["review-1"].url.startswith("https://github.test/")
    assert (site.folder / "findings.sarif").read_text() == "{}"
    site.assert_told()
    assert site.warnings == []


@pytest.mark.parametrize("name", ["certificate.json", "findings.sarif"])
def test_a_document_without_its_secrets_is_still_one(site: Site, name: str) -> None:
    half = len(KEY) // 2
    site.perform(Artifact("file", name, json.dumps({"said": [KEY[:half], KEY[half:]], "n": 1}, indent=1)), *LOCAL[:2])
    written = (site.folder / name).read_text()
    assert json.loads(written)["n"] == 1
    assert KEY[:half] not in written


@pytest.mark.parametrize("status", [401, 403, 404, 429, 502, 0])
def test_a_refusal_is_one_warning_and_everything_else_stands(site: Site, status: int) -> None:
    for call in ("post_review", "post_comment", "comments", "review_comments"):
        site.forge.refusals[call] = refusal(status, "Resource not accessible by integration")
    receipts = site.perform()
    assert [receipts[key].state for key in ("review", "review-1")] == [ReceiptState.DEGRADED] * 2
    assert len(site.warnings) == 1
    assert "Resource not accessible" in site.warnings[0]
    assert "Resource not accessible" in site.summary
    site.assert_told()


def test_the_end_of_the_time_is_no_end_of_the_outputs(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def overdue(*_: object) -> None:
        raise BudgetExhausted("the time limit of the run is over")

    monkeypatch.setattr(site.forge, "post_comment", overdue)
    receipts = site.perform()
    assert receipts["review"].state is ReceiptState.DEGRADED
    assert "time limit" in site.warnings[0]
    site.assert_told()


def test_a_cancelled_run_still_writes_its_outputs(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def cancelled(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(site.forge, "post_review", cancelled)
    with pytest.raises(KeyboardInterrupt):
        site.perform()
    site.assert_told()
    assert site.journal.entries[-1] == ("intent", "review-1")


def test_without_a_connection_the_rest_is_done_without_a_warning(site: Site) -> None:
    site.connected = False
    receipts = site.perform()
    assert receipts["review"].state is ReceiptState.SKIPPED
    assert site.warnings == []
    site.assert_told()


def test_without_a_runner_files_are_written_and_the_rest_is_skipped(tmp_path: Path) -> None:
    receipts = perform(
        PLAN, forge=None, workflow=None, folder=tmp_path, journal=FakeJournal(), redact=str, event=EVENT
    ).receipts
    states = {receipt.kind: receipt.state for receipt in receipts}
    assert states.pop("artifact") is ReceiptState.DONE
    assert set(states.values()) == {ReceiptState.SKIPPED}


@pytest.mark.parametrize("secret", [KEY, KEY[::-1], KEY.encode().hex(), "\n".join(KEY), KEY[3:20]])
def test_a_secret_reaches_no_sink(site: Site, secret: str) -> None:
    text = f"the key is {secret}!"
    site.perform(
        Comment("review", 5, text),
        review(inline("f1", text)),
        Annotation("a", Level.ERROR, text, text, text, 1),
        Summary("summary", text),
        Output("o", "decision", text),
        Output("l", "long", text + " " * 70_000),
        Artifact("sarif", "findings.sarif", text, "sarif_file"),
    )
    sinks = [*site.said, *(one.body for one in site.forge.reviews[0].comments), site.printed.getvalue()]
    sinks += [path.read_text("utf-8") for path in site.folder.iterdir() if path.is_file()]
    assert sum(MASK in sink for sink in sinks) >= 6
    assert not any(secret in sink for sink in sinks)
    assert not any(KEY[at : at + 12] in sink for sink in sinks for at in range(len(KEY) - 11))


HOSTILE = "![x](https://evil.example/?q=1) @octocat <img src=x>"


def test_markdown_that_could_act_is_shown_as_source(site: Site) -> None:
    site.perform(Comment("review", 5, HOSTILE), review(inline("f1", HOSTILE)), Summary("summary", HOSTILE))
    shown = f"```\n{HOSTILE}\n```"
    assert shown in site.said[0]
    assert shown in site.forge.reviews[0].comments[0].body
    assert shown in site.summary


def test_a_foreign_diagram_is_shown_as_source(site: Site) -> None:
    site.perform(Summary("summary", '# All\n\n```mermaid\npie\n"a" : 1\n```\n'))
    assert site.summary.startswith("````\n# All")


def test_many_annotations_are_counted_in_the_last_and_in_the_summary(site: Site) -> None:
    many = [Annotation(f"a{n}", Level.ERROR, "t", str(n)) for n in range(11)]
    receipts = site.perform(*many, Summary("summary", "x"))
    assert [receipts[one.key].state for one in many] == [ReceiptState.DONE] * 9 + [ReceiptState.SKIPPED] * 2
    assert "2 annotations more than the runner shows" in site.summary


def test_notes_find_room_in_a_full_summary(site: Site) -> None:
    site.forge.refusals["comments"] = refusal(403, "no permission")
    site.perform(COMMENT, Summary("summary", ("full" * 50 + "\n") * 6_000))
    assert "no permission" in site.summary
    assert "did not fit" in site.summary


@pytest.mark.parametrize(
    "name", ["../up", "/etc/passwd", ".hidden", "a/b", "", "journal.jsonl", "report.json", "a\0", "-x", "é"]
)
def test_a_file_is_written_beside_the_report_and_nowhere_else(site: Site, name: str) -> None:
    receipts = site.perform(Artifact("file", name, "x"), *LOCAL[:2])
    assert receipts["file"].state is ReceiptState.FAILED
    assert "Not done" in site.summary
    assert {path.name for path in site.folder.iterdir()} == {"summary"}


def test_an_output_that_is_not_declared_fails_alone(site: Site) -> None:
    receipts = site.perform(Output("o2", "PATH", "/evil"), *LOCAL)
    assert receipts["o2"].state is ReceiptState.FAILED
    assert "PATH" not in site.outputs
    site.assert_told()


def test_a_folder_that_cannot_be_written_fails_its_files_alone(site: Site) -> None:
    (site.folder / "findings.sarif").mkdir()
    receipts = site.perform()
    assert receipts["sarif"].state is ReceiptState.FAILED
    assert site.outputs["decision"] == "comment"


def test_errors_are_written_in_one_line_each(site: Site) -> None:
    site.forge.refusals["comments"] = refusal(403, "two\nlines ::error::x ##[error]y")
    site.perform()
    assert [one.name for one in site.step.commands] == ["warning", "warning"]
    assert isinstance(site.forge.refusals["comments"], AgentError)


def test_a_dry_run_tells_all_and_does_nothing() -> None:
    told = dry_run(Plan((*PLAN.effects, Output("o2", "decision", "a\nb\u202e"))))
    for words in (
        "comment `review` on pull request 5",
        "the summary",
        "src/a.py:3 (RIGHT)",
        "look here",
        "findings.sarif",
    ):
        assert words in told
    assert "output decision=a<U+000A>b<U+202E>" in told
    assert dry_run(Plan()) == "nothing to do"


def test_every_effect_is_carried_out_by_somebody() -> None:
    elsewhere = [effect for effect in get_args(Effect) if effect not in STAYS_HERE]
    kinds = [effect.__dataclass_fields__["kind"].default for effect in elsewhere]
    assert {*kinds} == {*PERFORMERS}
