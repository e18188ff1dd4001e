"""Whatever a model says to a person, only what it can quote counts, and what is published of it does nothing."""

import json
from dataclasses import replace
from pathlib import PurePath

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cicd_agent.agent.messages import Answer
from cicd_agent.analysis.rules.run import RuleDraft
from cicd_agent.app.run_record import Decision, common_outputs
from cicd_agent.app.serialization import dump
from cicd_agent.domain.effects import Reply, Summary
from cicd_agent.domain.events.event import Comment, Event, EventKind, PullRequest, Ref, Trust
from cicd_agent.domain.evidence import Evidence, Exhibit
from cicd_agent.domain.text.sanitizer import problems
from cicd_agent.domain.verdict import ChatReply, Manner
from cicd_agent.modes.protocol import Account
from cicd_agent.modes.review.mode import MODE as REVIEW
from cicd_agent.modes.review.questions.reply import MAX_QUOTE_LINES, MAX_QUOTES, Quoted, ReplyDraft, complain, prove
from cicd_agent.settings.schema import Settings
from tests.support.samples.changes import change_of
from tests.support.strategies import drafts

SETTINGS = Settings()
CHANGE = change_of(("a.py", "x = 1\ny = 2\n", "x = 1\ny = 3\nz = 4\nz = 4\n"))
EVENT = Event(
    EventKind.REVIEW_COMMENT,
    action="created",
    repo="o/r",
    pull=PullRequest(7),
    base=Ref("main", "b" * 40),
    head=Ref("f", "h" * 40),
    sha="h" * 40,
    trust=Trust.WRITER,
    comment=Comment(2, "@cicd-agent why?", in_reply_to=1, path="a.py", line=2, side="RIGHT"),
    server="https://github.test",
)
EVIDENCE = Evidence(EVENT, CHANGE, (Exhibit("T1", "the finding", "Wrong."),))
LOOKUP = Exhibit("L1", "read_file b.py", "1 | def f():\n2 |     return 1\n3 | def g():")


def draft(*quotes: tuple[str, str], answer: str = "So it is.", stands: bool = True) -> ReplyDraft:
    return ReplyDraft(
        answer=answer, stands=stands, quotes=tuple(Quoted(exhibit=name, quote=quote) for name, quote in quotes)
    )


def proved(*quotes: tuple[str, str]) -> tuple[list[str], str]:
    found, dropped = prove(draft(*quotes), Answer("reply", None, lookups=(LOOKUP,)), CHANGE, "a.py")
    return [f"{each.source}|{each.text}" for each in found], " ".join(dropped)


@pytest.mark.parametrize(
    ("name", "quote", "found"),
    [
        ("E1", "y = 3", "a.py:2|y = 3"),
        ("E1", "  y  =   3 ", "a.py:2|y = 3"),
        ("E1", "y = 2", "a.py:2|y = 2"),
        ("L1", "return 1", "read_file b.py|return 1"),
        ("L1", "def f():\n    return 1", "read_file b.py|def f():\n    return 1"),
    ],
)
def test_a_quote_stands_where_it_is_said_to(name: str, quote: str, found: str) -> None:
    assert proved((name, quote)) == ([found], "")


@pytest.mark.parametrize(
    ("name", "quote", "reason"),
    [
        ("E1", "y = 4", "it is not in the diff"),
        ("E1", "", "it is not in the diff"),
        ("E1", "z = 4", "quote more"),
        ("E1", "return 1", "it is not in the diff"),
        ("L1", "y = 3", "not in what was looked up"),
        ("L1", "1", "it quotes no code"),
        ("L1", "", "it quotes no code"),
        ("L1", "def f():\ndef g():", "not in what was looked up"),
        ("L2", "return 1", "it was not looked up"),
        ("T1", "Wrong.", "it was not looked up"),
        ("x" * 999, "return 1", "it was not looked up"),
        ("E1", "y = 3\n" * 40, f"of {MAX_QUOTE_LINES} lines each"),
    ],
)
def test_a_quote_that_stands_nowhere_is_dropped_with_the_reason(name: str, quote: str, reason: str) -> None:
    found, dropped = proved((name, quote))
    assert found == []
    assert reason in dropped


def test_quotes_have_a_limit() -> None:
    found, dropped = proved(*[("E1", "y = 3")] * (MAX_QUOTES + 2))
    assert len(found) == MAX_QUOTES
    assert dropped.count("more than") == 2


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        (draft(("E1", "y = 3")), ""),
        (draft(("L1", "anything")), ""),  # compared when it is known what was looked up
        (draft(("E1", "y = 4")), "it is not in the diff"),
        (draft(("T1", "Wrong.")), "no such exhibit of code"),
        (draft(answer=" \n"), "`answer` is empty"),
        (draft(stands=False), "no code is quoted"),
        (draft(("E1", "y = 3"), stands=False), ""),
    ],
)
def test_what_does_not_hold_is_sent_back(said: ReplyDraft, complaint: str) -> None:
    assert complaint in (complain(said, CHANGE, "a.py") or "")
    assert bool(complain(said, CHANGE, "a.py")) == bool(complaint)


@pytest.mark.parametrize(("quotes", "stands"), [((("E1", "y = 3"),), False), ((("E1", "y = 4"),), None), ((), None)])
def test_a_finding_is_taken_back_on_code_alone(
    quotes: tuple[tuple[str, str], ...],
    stands: bool | None,  # noqa: FBT001  a table of cases
) -> None:
    said = REVIEW.verify(RuleDraft(), [Answer("reply", draft(*quotes, stands=False))], EVIDENCE, SETTINGS)
    assert isinstance(said, ChatReply)
    assert said.stands is stands


@given(said=st.none() | drafts(ReplyDraft), model=st.text(max_size=30), complaint=st.text(max_size=50))
@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_any_answer_is_published_once_and_inert(said: ReplyDraft | None, model: str, complaint: str) -> None:
    verdict = REVIEW.verify(RuleDraft(), [Answer("reply", said, failure=complaint)], EVIDENCE, SETTINGS)
    account = Account(model=model, degraded=complaint, cost_usd=None)
    plan = REVIEW.report(verdict, EVIDENCE, account, SETTINGS)
    [reply] = [effect for effect in plan.effects if isinstance(effect, Reply)]
    [summary] = [effect for effect in plan.effects if isinstance(effect, Summary)]
    assert (reply.pull, reply.to) == (7, 2)
    assert problems(reply.body, EVENT.hosts) == ()
    assert problems(summary.body, EVENT.hosts) == ()
    assert len(reply.body) < 60_000
    assert isinstance(verdict, ChatReply)
    decision = Decision("review", EVENT, account, plan, EVIDENCE, result=verdict)
    assert json.loads(dump(decision))["body"]["verdict"] is None
    assert {common_outputs(decision, PurePath())[name] for name in ("risk_level", "risk_score")} == {""}


def test_two_runs_ask_the_same_bytes_once() -> None:
    first, second = (REVIEW.questions(EVIDENCE, (), SETTINGS) for _ in range(2))
    assert [(each.instructions, each.evidence) for each in first] == [
        (each.instructions, each.evidence) for each in second
    ]
    assert len(first) == 1
    assert REVIEW.questions(EVIDENCE, [Answer("reply", None)], SETTINGS) == ()
    assert REVIEW.questions(Evidence(EVENT), (), SETTINGS) == ()


def test_help_needs_no_model() -> None:
    event = replace(EVENT, comment=Comment(2, "@cicd-agent help"))
    said = REVIEW.verify(RuleDraft(), (), Evidence(event), SETTINGS)
    assert isinstance(said, ChatReply)
    assert said.manner is Manner.HELP
    assert problems(said.text, ()) == ()
