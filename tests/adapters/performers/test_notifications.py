"""People are told what the plan says, on one line without secrets, and nothing suffers when they cannot be told."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from cicd_agent.domain.effects import Button, Comment, Notification, Plan, ReceiptState
from cicd_agent.domain.ports.actions import Notifier
from cicd_agent.domain.text.redaction import MASK
from cicd_agent.errors import AgentError, BudgetExhausted, NotifierRefused
from cicd_agent.rendering.dry_run import dry_run
from tests.support.samples.plans import KEY, LOCAL, Site

RED = Notification("red", "main turned red: test_limit", "https://github.test/o/r/actions/runs/81")


@dataclass
class Ear(Notifier):
    """Hears what is told, until it has something against it."""

    heard: list[tuple[str, str]] = field(default_factory=list)
    below: list[tuple[str, ...]] = field(default_factory=list)
    links: list[tuple[Button, ...]] = field(default_factory=list)
    against: AgentError | None = None

    def send(self, text: str, url: str, details: Sequence[str] = (), buttons: Sequence[Button] = ()) -> None:
        self.heard.append((text, url))
        self.below.append(tuple(details))
        self.links.append(tuple(buttons))
        if self.against is not None:
            raise self.against


@pytest.fixture
def ear() -> Ear:
    return Ear()


@pytest.fixture
def site(tmp_path: Path, ear: Ear) -> Site:
    return Site(tmp_path, notifier=ear)


def test_it_is_told_once_journalled_first(site: Site, ear: Ear) -> None:
    assert site.perform(RED, *LOCAL)["red"].state is ReceiptState.DONE
    assert ear.heard == [(RED.text, RED.url)]
    assert site.journal.entries[:2] == [("intent", "red"), ("receipt", "red")]
    assert site.warnings == []
    site.assert_told()


def test_nobody_to_tell_is_no_trouble(site: Site) -> None:
    site.notifier = None
    receipt = site.perform(RED, *LOCAL)["red"]
    assert (receipt.state, receipt.detail) == (ReceiptState.SKIPPED, "no Slack is configured")
    assert site.warnings == []
    assert "Not done" not in site.summary
    site.assert_told()


@pytest.mark.parametrize("against", [NotifierRefused("Slack refused"), BudgetExhausted("the time is over")])
def test_a_refusal_is_one_warning_and_is_not_tried_again(site: Site, ear: Ear, against: AgentError) -> None:
    ear.against = against
    receipts = site.perform(RED, replace(RED, key="more"), *LOCAL)
    assert [receipts[key].state for key in ("red", "more")] == [ReceiptState.DEGRADED] * 2
    assert len(ear.heard) == 1
    assert site.warnings == [f"Not done: notification: {against}"]
    assert str(against).rstrip(".") in site.summary
    site.assert_told()


def test_it_takes_no_connection_to_github(site: Site, ear: Ear) -> None:
    site.connected = False
    assert site.perform(RED)["red"].state is ReceiptState.DONE
    assert len(ear.heard) == 1


def test_secrets_are_masked_and_the_text_is_one_visible_line(site: Site, ear: Ear) -> None:
    site.perform(replace(RED, text=f"a\nb \u202e {KEY}"), *LOCAL)
    assert ear.heard == [(f"a b <U+202E> {MASK}", RED.url)]
    assert not any(KEY in str(detail) for detail in site.journal.details)


ELSEWHERE = pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/",
        "http://github.test/",
        "https://github.test.evil.example/",
        "https://mallory@github.test/",
        "https://github.test:8443/",
        "https://github.test/a b",
        "javascript:alert(1)",
        f"https://github.test/?q={KEY}",
        "",
    ],
)


@ELSEWHERE
def test_it_links_to_the_events_server_and_gives_nothing_away(site: Site, ear: Ear, url: str) -> None:
    assert site.perform(replace(RED, url=url))["red"].state is ReceiptState.DONE
    assert ear.heard == [(RED.text, "")]


@ELSEWHERE
def test_a_button_leads_there_too_or_is_left_out(site: Site, ear: Ear, url: str) -> None:
    there = Button("Look", f"{RED.url}/job/1")
    receipt = site.perform(replace(RED, buttons=(Button("Look", url), there)))["red"]
    assert ear.links == [(there,)]
    assert (receipt.state, receipt.detail) == (ReceiptState.DONE, "told without 1 button that leads nowhere of ours")


def test_a_button_opens_the_comment_of_this_run_where_that_was_posted(site: Site, ear: Ear) -> None:
    button = Button("Look", RED.url, of="asks")
    site.perform(Comment("asks", 5, "Please look."), replace(RED, buttons=(button,)))
    assert [one.url for one in ear.links[0]] == [site.forge.conversation[5][-1].url]
    site.perform(replace(RED, key="again", buttons=(replace(button, of="never"),)))
    assert [one.url for one in ear.links[1]] == [RED.url]


def test_details_and_buttons_are_masked_and_visible_and_the_empty_are_left_out(site: Site, ear: Ear) -> None:
    buttons = (Button(f"ask\n{KEY}\u200b", RED.url), Button(" ", RED.url))
    site.perform(replace(RED, details=(f"a\n{KEY}", " \n", "b\u202e"), buttons=buttons))
    assert ear.below == [(f"a {MASK}", "b<U+202E>")]
    assert ear.links == [(Button(f"ask {MASK}<U+200B>", RED.url),)]


def test_a_plan_full_of_messages_is_cut_off(site: Site, ear: Ear) -> None:
    receipts = site.perform(*(replace(RED, key=f"n{number}") for number in range(50)))
    assert [one.state for one in receipts.values()] == [ReceiptState.DONE] * 3 + [ReceiptState.SKIPPED] * 47
    assert len(ear.heard) == 3


def test_nothing_to_say_is_not_said(site: Site, ear: Ear) -> None:
    assert site.perform(replace(RED, text=" \n"))["red"].state is ReceiptState.SKIPPED
    assert ear.heard == []


def test_a_dry_run_tells_of_it() -> None:
    assert dry_run(Plan((replace(RED, text="a\nb"),))) == f"message: a<U+000A>b {RED.url}"
    asking = replace(RED, details=("score 61\u202e",), buttons=(Button("Look", RED.url),))
    assert dry_run(Plan((asking,))) == (f"message: {RED.text} {RED.url}\n    score 61<U+202E>\n    [Look] {RED.url}")
