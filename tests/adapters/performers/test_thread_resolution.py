"""A thread is resolved only if it is ours, unanswered and of the event's pull request, whatever a plan says."""

from dataclasses import replace
from pathlib import Path

import pytest

from cicd_agent.domain.effects import Plan, ReceiptState, Resolve
from cicd_agent.domain.events.thread import Thread
from cicd_agent.domain.repository.diff import Side
from cicd_agent.rendering.dry_run import dry_run
from tests.support.samples.plans import LOCAL, SHA, Site, refusal, state

OURS = Thread("T1", "src/a.py", 3, Side.RIGHT, key="0123456789abcdef-1", url="https://github.test/t1")
RESOLVE = Resolve("resolve-f1", 5, "T1")


@pytest.fixture
def site(tmp_path: Path) -> Site:
    site = Site(tmp_path)
    site.forge.discussed[5] = [OURS]
    return site


def test_our_own_open_thread_is_resolved_after_the_intent_is_journalled(site: Site) -> None:
    receipt = site.perform(RESOLVE)["resolve-f1"]
    assert (receipt.state, receipt.url) == (ReceiptState.DONE, OURS.url)
    assert site.forge.discussed[5][0].resolved
    assert site.journal.entries == [("intent", "resolve-f1"), ("receipt", "resolve-f1")]
    assert site.warnings == []


@pytest.mark.parametrize(
    ("thread", "why"),
    [
        (replace(OURS, key=""), "no such thread of ours"),
        (replace(OURS, id="T2"), "no such thread of ours"),
        (replace(OURS, resolved=True), "resolved already"),
        (replace(OURS, answered=True), "a person has answered"),
    ],
)
def test_any_other_thread_is_left_alone_without_a_word(site: Site, thread: Thread, why: str) -> None:
    site.forge.discussed[5] = [thread]
    receipt = site.perform(RESOLVE, *LOCAL)["resolve-f1"]
    assert receipt.state is ReceiptState.SKIPPED
    assert why in receipt.detail
    assert "resolve" not in site.forge.calls
    assert "Not done" not in site.summary


def test_a_plan_for_another_pull_request_is_refused_without_a_call(site: Site) -> None:
    receipts = site.perform(replace(RESOLVE, pull=6), *LOCAL)
    assert receipts["resolve-f1"].state is ReceiptState.FAILED
    assert site.forge.calls == []


def test_a_thread_of_another_pull_request_is_not_found(site: Site) -> None:
    site.forge.discussed = {5: [], 6: [OURS]}
    assert site.perform(RESOLVE)["resolve-f1"].state is ReceiptState.SKIPPED
    assert not site.forge.discussed[6][0].resolved


@pytest.mark.parametrize("status", [403, 404, 422])
@pytest.mark.parametrize("call", ["resolve", "threads"])
def test_a_token_that_may_not_is_asked_once_and_no_warning(site: Site, status: int, call: str) -> None:
    site.forge.discussed[5].append(replace(OURS, id="T2"))
    site.forge.refusals[call] = refusal(status, "Resource not accessible by integration")
    receipts = site.perform(RESOLVE, Resolve("resolve-f2", 5, "T2"), *LOCAL)
    for key in ("resolve-f1", "resolve-f2"):
        assert receipts[key].state is ReceiptState.SKIPPED
        assert "Resource not accessible" in receipts[key].detail
    assert site.forge.calls.count(call) == 1
    assert site.warnings == []
    assert "Not done" not in site.summary


def test_an_outage_is_told_and_not_tried_again(site: Site) -> None:
    site.forge.discussed[5].append(replace(OURS, id="T2"))
    site.forge.refusals["resolve"] = refusal(502)
    receipts = site.perform(RESOLVE, Resolve("resolve-f2", 5, "T2"), *LOCAL)
    assert {receipts[key].state for key in ("resolve-f1", "resolve-f2")} == {ReceiptState.DEGRADED}
    assert site.forge.calls.count("resolve") == 1
    assert len(site.warnings) == 1


def test_a_commit_that_was_pushed_upon_resolves_nothing(site: Site) -> None:
    site.forge.pulls[5] = state("f" * 40)
    site.forge.ancestors["f" * 40] = (SHA,)
    receipt = site.perform(RESOLVE)["resolve-f1"]
    assert receipt.state is ReceiptState.SKIPPED
    assert "moved on" in receipt.detail


def test_a_plan_that_wants_them_all_gets_some(site: Site) -> None:
    site.forge.discussed[5] = [replace(OURS, id=f"T{n}") for n in range(30)]
    receipts = site.perform(*(Resolve(f"r{n}", 5, f"T{n}") for n in range(30)))
    assert site.forge.calls.count("resolve") == 20
    assert site.forge.calls.count("threads") == 1
    assert [receipt.state for receipt in receipts.values()].count(ReceiptState.SKIPPED) == 10


def test_a_dry_run_says_what_would_be_resolved() -> None:
    assert "thread T<U+202E> of pull request 5: resolved" in dry_run(Plan((Resolve("r", 5, "T\u202e"),)))
