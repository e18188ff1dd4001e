"""A label and a check run tell what the plan says, once, and nothing is lost where GitHub will have neither."""

from dataclasses import replace
from pathlib import Path

import pytest

from cicd_agent.domain.effect_policy import EffectPolicy
from cicd_agent.domain.effects import Annotation, CheckRun, Effect, Labels, Level, Plan, ReceiptState
from cicd_agent.domain.events.event import Event, EventKind
from cicd_agent.domain.text.redaction import MASK
from cicd_agent.domain.verdict import Conclusion, RiskLevel
from cicd_agent.rendering.dry_run import dry_run
from tests.support.samples.plans import COMMENT, KEY, LOCAL, SHA, Site, refusal, review, state

HIGH = Labels("labels", 5, RiskLevel.HIGH)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path, grant=EffectPolicy(labels=True, check_run=True))


def note(number: int, **fields: object) -> Annotation:
    return replace(Annotation(f"n{number}", Level.WARNING, "title", f"message {number}", "a.py", number), **fields)  # type: ignore[arg-type]


def check(*annotations: Annotation, summary: str = "all of it") -> CheckRun:
    return CheckRun("check-run", SHA, Conclusion.NEUTRAL, "risk high", summary, annotations)


def notes(count: int) -> tuple[Annotation, ...]:
    return tuple(note(number) for number in range(1, count + 1))


@pytest.mark.parametrize("before", [[], ["risk: low"], ["risk: low", "risk: medium", "risk: critical", "risk: high"]])
def test_one_label_of_the_family_stays_and_others_labels_are_left_alone(site: Site, before: list[str]) -> None:
    others = ["bug", "risk: unknown", "risky", "risk"]
    site.forge.marked.names = [*others, *before]
    assert site.perform(HIGH)["labels"].state is ReceiptState.DONE
    assert site.forge.marked.names == [*others, "risk: high"]
    site.forge.marked.calls.clear()
    assert site.perform(HIGH)["labels"].state is ReceiptState.UNCHANGED
    assert site.forge.marked.calls == ["labels"]


def test_a_label_in_other_letters_is_the_same_label_as_it_is_to_github(site: Site) -> None:
    site.forge.marked.names = ["Risk: High"]
    assert site.perform(HIGH)["labels"].state is ReceiptState.UNCHANGED
    site.forge.marked.names = ["RISK: LOW", "Risk: High"]
    site.perform(HIGH)
    assert site.forge.marked.names == ["Risk: High"]


def test_the_risk_of_a_replaced_commit_is_no_label(site: Site) -> None:
    site.forge.pulls[5] = state("f" * 40)
    assert site.perform(HIGH)["labels"].state is ReceiptState.SKIPPED
    assert site.forge.marked.names == []


def test_a_refused_label_is_degraded_and_nothing_is_taken_off(site: Site) -> None:
    site.forge.marked.names = ["risk: low"]
    site.forge.marked.refusals["add_label"] = refusal(403, "not accessible")
    assert site.perform(HIGH, *LOCAL)["labels"].state is ReceiptState.DEGRADED
    assert site.forge.marked.names == ["risk: low"]
    site.assert_told()


@pytest.mark.parametrize(
    "effect", [replace(HIGH, pull=6), replace(check(note(1)), commit="f" * 40)], ids=["a pull request", "a commit"]
)
def test_a_mark_on_another_target_is_refused_without_a_call(site: Site, effect: Effect) -> None:
    assert site.perform(effect, *LOCAL)[effect.key].state is ReceiptState.FAILED
    assert site.forge.marked.calls == []
    site.assert_told()


@pytest.mark.parametrize("effect", [HIGH, check(note(1))], ids=["labels", "check run"])
def test_a_mark_that_the_job_does_not_ask_for_is_not_made(site: Site, effect: Effect) -> None:
    site.grant = EffectPolicy()
    assert site.perform(effect)[effect.key].state is ReceiptState.FAILED
    assert site.forge.marked.calls == []


def test_a_check_run_has_its_annotations_and_the_runner_shows_none_of_them(site: Site) -> None:
    assert site.perform(check(note(1)), *LOCAL)["check-run"].state is ReceiptState.DONE
    [made] = site.forge.marked.checks.values()
    assert (made.conclusion, made.title, made.summary) == (Conclusion.NEUTRAL, "risk high", "all of it")
    assert [one.data for one in site.step.annotations] == ["m"]


@pytest.mark.parametrize("trouble", ["refused", "no connection", "not asked for"])
def test_without_its_check_run_the_runner_shows_the_findings(site: Site, trouble: str) -> None:
    site.forge.marked.refusals["find_check"] = refusal(403, "not accessible")
    site.connected = trouble != "no connection"
    site.grant = EffectPolicy(check_run=trouble != "not asked for")
    site.perform(check(note(1), note(2)), *LOCAL)
    assert {"message 1", "message 2"} <= {one.data for one in site.step.annotations}


def test_a_second_run_sends_nothing_and_other_words_of_the_summary_update_it(site: Site) -> None:
    site.perform(check(*notes(60)))
    site.forge.marked.calls.clear()
    assert site.perform(check(*notes(60)))["check-run"].state is ReceiptState.UNCHANGED
    assert site.forge.marked.calls == ["find_check"]
    assert site.perform(check(*notes(60), summary="other words"))["check-run"].state is ReceiptState.DONE
    [made] = site.forge.marked.checks.values()
    assert (made.summary, len(made.annotations)) == ("other words", 60)


def test_other_findings_are_another_check_run_for_annotations_cannot_be_taken_away(site: Site) -> None:
    site.perform(check(note(1)))
    site.perform(check(note(2)))
    assert [len(one.annotations) for one in site.forge.marked.checks.values()] == [1, 1]


def test_a_run_that_was_cut_off_is_continued_where_it_ended(site: Site) -> None:
    site.forge.marked.refusals["extend_check"] = refusal(502, "bad gateway")
    receipt = site.perform(check(*notes(120)))["check-run"]
    assert receipt.state is ReceiptState.DEGRADED
    assert len(site.step.annotations) > 0
    site.forge.marked.refusals.clear()
    assert site.perform(check(*notes(120)))["check-run"].state is ReceiptState.DONE
    [made] = site.forge.marked.checks.values()
    assert [one.line for one in made.annotations] == list(range(1, 121))


def test_a_thousand_findings_are_cut_and_counted(site: Site) -> None:
    receipt = site.perform(check(note(0), *notes(1_000)))["check-run"]
    [made] = site.forge.marked.checks.values()
    assert len(made.annotations) == 200
    assert site.forge.marked.calls == ["find_check", "start_check", *["extend_check"] * 3]
    left_out = (
        "Not shown at a line: 1 finding without a line in this commit"
        " and 800 findings more than the 200 that a check run is given"
    )
    assert receipt.detail == left_out
    assert made.summary.startswith(left_out)


@pytest.mark.parametrize("place", [{"line": 0}, {"path": ""}, {"path": "a\udcff.py"}, {"path": "a\n.py"}])
def test_what_has_no_line_that_github_could_show_is_counted(site: Site, place: dict[str, object]) -> None:
    receipt = site.perform(check(note(1, **place)))["check-run"]
    assert receipt.detail == "Not shown at a line: 1 finding without a line in this commit"
    assert site.forge.marked.checks[1].annotations == ()


def test_a_check_run_is_redacted_inert_and_within_githubs_limits(site: Site) -> None:
    text = f"the key is {KEY} @octocat\u202e"
    big = note(1, title=text + "x" * 999, message=text + "x" * 99_999)
    site.perform(replace(check(big, summary=f"![x](https://evil.example) {text}" + "line\n" * 50_000), title=text * 99))
    [made] = site.forge.marked.checks.values()
    [said] = made.annotations
    assert max(len(made.title), len(said.title)) <= 255
    assert len(made.summary) <= 60_000
    assert len(said.message) <= 4_096
    for words in (made.title, made.summary, said.title, said.message):
        assert MASK in words
        assert KEY not in words
    assert "\u202e" not in f"{made.title}{said.title}{said.message}"
    assert made.summary.startswith("```")


def test_a_dry_run_tells_of_marks_and_of_a_verdict_that_is_withheld() -> None:
    withheld = replace(review(), withheld="it comes from a fork")
    told = dry_run(Plan((HIGH, check(note(1)), withheld)))
    for words in (
        "label `risk: high` on pull request 5",
        f"check run `cicd-agent review` on {SHA}: neutral, 1 annotation",
        "all of it",
        "warning a.py:1: title",
        "it comes from a fork",
    ):
        assert words in told


def test_a_check_run_needs_no_pull_request(site: Site) -> None:
    site.event = Event(EventKind.PUSH, sha=SHA)
    assert site.perform(check(note(1)))["check-run"].state is ReceiptState.DONE


def test_a_forge_that_is_down_is_not_asked_for_marks(site: Site) -> None:
    site.forge.refusals["comments"] = refusal(0, "no answer")
    receipts = site.perform(COMMENT, HIGH, check(note(1)))
    assert site.forge.marked.calls == []
    assert {receipt.state for receipt in receipts.values()} == {ReceiptState.DEGRADED}
