"""A reply goes to the event's own comment, once, redacted and inert, whatever the plan says."""

from dataclasses import replace

import pytest

from cicd_agent.adapters.performers.comments import reply as post
from cicd_agent.adapters.performers.context import EffectContext
from cicd_agent.domain.effects import ReceiptState, Reply
from cicd_agent.domain.events.comment_markers import MOST_REPLIES
from cicd_agent.domain.events.event import Comment, Event, EventKind, PullRequest
from cicd_agent.domain.text.markdown import marker
from cicd_agent.domain.text.redaction import MASK, Redactor
from cicd_agent.errors import BudgetExhausted
from tests.support.fakes.ports import FakeForge, FakeJournal
from tests.support.samples.plans import KEY, refusal

COMMENT = Comment(2, "@cicd-agent why?", in_reply_to=1)
EVENT = Event(EventKind.REVIEW_COMMENT, pull=PullRequest(5), comment=COMMENT, server="https://github.test")
REPLY = Reply("reply-2", 5, 2, "Because.")
NOTE = replace(REPLY, key="reply-2-note", body="No answer.")


@pytest.fixture
def forge() -> FakeForge:
    """Pull request 5 with a finding of ours, 1, and a person's answer to it, 2."""
    forge = FakeForge()
    first = forge.say_inline(5, f"{marker('f')}\nfound")
    asked = forge.say_inline(5, COMMENT.body, "maintainer")
    forge.below[asked.id] = first.id
    return forge


def carried(forge: FakeForge | None, reply: Reply = REPLY, event: Event = EVENT) -> tuple[ReceiptState, str]:
    receipt = post(EffectContext(forge, FakeJournal(), event, str), reply)
    return receipt.state, receipt.detail


def said(forge: FakeForge) -> list[str]:
    return [one.body for one in forge.inline[5][2:]]


def test_it_is_said_once_in_the_thread_and_journalled_first(forge: FakeForge) -> None:
    journal = FakeJournal()
    receipt = post(EffectContext(forge, journal, EVENT, str), REPLY)
    assert receipt.state is ReceiptState.DONE
    assert receipt.url.startswith("https://github.test/")
    assert said(forge) == [f"{marker('reply-2')}\nBecause."]
    assert journal.entries == [("intent", "reply-2"), ("receipt", "reply-2")]
    assert carried(forge) == (ReceiptState.UNCHANGED, "it is answered already")
    assert len(said(forge)) == 1


def test_an_answer_may_follow_a_note_and_no_note_an_answer(forge: FakeForge) -> None:
    assert carried(forge, NOTE)[0] is ReceiptState.DONE
    assert carried(forge, NOTE)[0] is ReceiptState.UNCHANGED
    assert carried(forge)[0] is ReceiptState.DONE
    assert carried(forge, NOTE)[0] is ReceiptState.UNCHANGED
    assert len(said(forge)) == 2


def test_somebody_elses_marker_is_no_answer(forge: FakeForge) -> None:
    forge.below[forge.say_inline(5, f"{marker('reply-2')}\nno", "mallory").id] = 1
    assert carried(forge)[0] is ReceiptState.DONE


def test_in_the_conversation_it_is_a_comment(forge: FakeForge) -> None:
    event = replace(EVENT, kind=EventKind.ISSUE_COMMENT, comment=replace(COMMENT, in_reply_to=0))
    for state in (ReceiptState.DONE, ReceiptState.UNCHANGED):
        assert carried(forge, event=event)[0] is state
    assert [one.body for one in forge.conversation[5]] == [f"{marker('reply-2')}\nBecause."]
    assert said(forge) == []


@pytest.mark.parametrize(
    ("reply", "event"),
    [
        (replace(REPLY, pull=6), EVENT),
        (replace(REPLY, to=1), EVENT),
        (replace(REPLY, key="review"), EVENT),
        (replace(REPLY, key="reply-3"), EVENT),
        (REPLY, replace(EVENT, comment=None)),
        (REPLY, replace(EVENT, pull=None)),
        (REPLY, replace(EVENT, kind=EventKind.PULL_REQUEST)),
    ],
)
def test_a_reply_to_anything_but_the_events_comment_fails(forge: FakeForge, reply: Reply, event: Event) -> None:
    assert carried(forge, reply, event)[0] is ReceiptState.FAILED
    assert forge.calls == []


def test_there_is_an_end_to_it(forge: FakeForge) -> None:
    for number in range(MOST_REPLIES):
        forge.below[forge.say_inline(5, f"{marker(f'reply-{100 + number}')}\nno").id] = 1
    assert carried(forge) == (ReceiptState.SKIPPED, f"it would be more than {MOST_REPLIES} in one thread")


def test_nothing_is_said_below_a_comment_that_is_gone(forge: FakeForge) -> None:
    forge.inline[5].pop()
    assert carried(forge)[0] is ReceiptState.SKIPPED
    forge.inline[5].clear()
    assert carried(forge)[0] is ReceiptState.SKIPPED


@pytest.mark.parametrize("method", ["thread", "reply"])
@pytest.mark.parametrize("status", [401, 403, 404, 422, 0])
def test_a_refusal_is_told_and_kept(forge: FakeForge, method: str, status: int) -> None:
    forge.refusals[method] = refusal(status, "locked")
    context = EffectContext(forge, FakeJournal(), EVENT, str)
    assert post(context, REPLY).state is ReceiptState.DEGRADED
    assert [of for of, _ in context.refusals] == [status]


def test_the_end_of_the_time_is_told(forge: FakeForge, monkeypatch: pytest.MonkeyPatch) -> None:
    def overdue(*_: object) -> None:
        raise BudgetExhausted("the time limit of the run is over")

    monkeypatch.setattr(forge, "reply", overdue)
    assert carried(forge)[0] is ReceiptState.DEGRADED


def test_without_a_connection_it_is_skipped() -> None:
    assert carried(None) == (ReceiptState.SKIPPED, "no connection to GitHub")


def test_secrets_are_masked_and_what_could_act_is_shown_as_source(forge: FakeForge) -> None:
    body = f"{KEY} @octocat <img src=x>" + " word" * 20_000
    post(EffectContext(forge, FakeJournal(), EVENT, Redactor([KEY]).redact), replace(REPLY, body=body))
    [text] = said(forge)
    assert KEY not in text
    assert MASK in text
    assert text.startswith(f"{marker('reply-2')}\n```\n")
    assert len(text) <= 60_000
