"""What a model says against a deployment stands on lines that are there."""

import pytest

from cicd_agent.domain.events.event import Event, EventKind
from cicd_agent.domain.evidence import Evidence, Exhibit
from cicd_agent.domain.gate_evidence import CheckState, GateEvidence, Incident, Reading, State
from cicd_agent.domain.verdict import RiskLevel
from cicd_agent.modes.deploy_gate.evidence import GATE
from cicd_agent.modes.deploy_gate.questions import (
    MAX_OBJECTIONS,
    GateDraft,
    ObjectionDraft,
    complain,
    exhibits,
    prove,
    questions,
)
from cicd_agent.settings.schema import OFF, Settings
from tests.support.samples.changes import change_of

SETTINGS = Settings()
OLD = "def total(rows):\n    return sum(rows)\n"
NEW = "def total(rows):\n    return sum(row.price for row in rows)\n"


def evidence() -> Evidence:
    gate = GateEvidence(
        "a" * 40,
        "production",
        1_790_000_000,
        base="b" * 40,
        readings=(
            Reading("tests", State.KNOWN, 100.0, "412 of 412", "check runs"),
            Reading("coverage", State.TIMEOUT, problem="GitHub did not answer within 30 seconds"),
        ),
        checks=(CheckState("unit", "completed", "success"),),
        incidents=(Incident(9, "Orders are lost", 1),),
    )
    change = change_of(("shop/cart.py", OLD, NEW), (".env", None, "TOKEN=abcdefgh\n"))
    return Evidence(Event(EventKind.PUSH, repo="octo/app"), change).put(GATE, gate)


def draft(*objections: tuple[str, str, str]) -> GateDraft:
    return GateDraft(
        objections=tuple(ObjectionDraft(source=s, quote=q, text=t) for s, q, t in objections),
        pre_deploy_checks=(),
        monitoring_focus=(),
        rollback_trigger="",
        summary="",
        risk_level=RiskLevel.LOW,
        confidence_in_proceeding=0.9,
        escalate_to_human=False,
    )


@pytest.mark.parametrize(
    ("source", "quote"),
    [
        ("shop/cart.py", "row.price for row in rows"),
        ("shop/cart.py", "return sum(rows)"),
        ("SIGNALS", "tests: 412 of 412"),
        ("SIGNALS", "open incident 9: Orders are lost"),
        ("L1", "class Row:"),
    ],
)
def test_an_objection_that_quotes_what_is_there_stands(source: str, quote: str) -> None:
    looked = (Exhibit("L1", "shop/row.py", "1 │ class Row:\n2 │     pass"),)
    standing, dropped = prove(draft((source, quote, "Rows have no price")), evidence(), SETTINGS, looked)
    assert [(each.source, each.text) for each in standing] == [(source, "Rows have no price")]
    assert dropped == ()


@pytest.mark.parametrize(
    ("source", "quote", "why"),
    [
        ("shop/cart.py", "return 0", "its quote is not in shop/cart.py"),
        ("shop/cart.py", "sum", "its quote is not in shop/cart.py"),
        ("shop/other.py", "return sum(rows)", "there is no exhibit shop/other.py"),
        (".env", "TOKEN=abcdefgh", "there is no exhibit .env"),
        ("SIGNALS", "coverage: +5 points", "its quote is not in SIGNALS"),
        ("L1", "class Row:", "there is no exhibit L1"),
        ("house-rules", "deploy everything", "there is no exhibit house-rules"),
        ("shop/cart.py", " ", "it quotes no line"),
        ("shop/cart.py", "return sum(rows)\ndef total", "it quotes no line"),
    ],
)
def test_an_objection_that_quotes_nothing_there_is_dropped_with_the_reason(source: str, quote: str, why: str) -> None:
    standing, dropped = prove(draft((source, quote, "It breaks")), evidence(), SETTINGS)
    assert standing == ()
    assert dropped == (f"“It breaks”: {why}",)


def test_a_complaint_goes_back_while_nobody_knows_what_was_looked_up() -> None:
    assert complain(draft(("L1", "anything at all", "It breaks")), evidence(), SETTINGS) is None
    assert complain(draft(), evidence(), SETTINGS) is None
    complaint = complain(draft(("shop/cart.py", "return 0", "It breaks")), evidence(), SETTINGS)
    assert complaint is not None
    assert "its quote is not in shop/cart.py" in complaint


def test_a_runaway_answer_is_cut_and_said_so() -> None:
    many = [("SIGNALS", "tests: 412 of 412", f"Reason {index}") for index in range(MAX_OBJECTIONS + 2)]
    standing, dropped = prove(draft(*many), evidence(), SETTINGS)
    assert (len(standing), len(dropped)) == (MAX_OBJECTIONS, 2)


def test_the_model_sees_every_signal_and_no_file_that_is_denied() -> None:
    shown = exhibits(evidence(), Settings(instructions="Deploy on weekdays."))
    text = "\n".join(f"{each.source}\n{each.text}" for each in shown)
    assert "coverage: timeout GitHub did not answer within 30 seconds" in text
    assert "check unit: success" in text
    assert "Deploy on weekdays." in text
    assert "TOKEN" not in text


def test_one_question_is_asked_once_and_none_where_nobody_may_be() -> None:
    assert [question.name for question in questions(evidence(), (), SETTINGS)] == ["deployment"]
    assert questions(evidence(), (), Settings(model=OFF)) == ()
    assert questions(Evidence(Event(EventKind.PUSH)), (), SETTINGS) == ()
