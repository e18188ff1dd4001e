import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cicd_agent.agent.budget import Budget
from cicd_agent.agent.loop import ask
from cicd_agent.agent.messages import Answer, Question, Reply, Request, Role, Stop
from cicd_agent.agent.prices import Price
from cicd_agent.domain.evidence import Exhibit
from cicd_agent.domain.usage import Usage
from cicd_agent.domain.verdict import Draft
from cicd_agent.errors import Exit, ModelUnavailable
from tests.agent.drafts import DRAFTS, Nested, Note
from tests.support.fakes.scripted_model import ScriptedModel, Step
from tests.support.strategies import answers

GOOD = '{"summary": "fine", "confidence": 0.9}'
EVIDENCE = (Exhibit("D1", "a.py", "password = 'hunter2'\n"),)


def plenty(**limits: Any) -> Budget:
    defaults: dict[str, Any] = {"requests": 20, "input_tokens": 100_000, "seconds": 60, "clock": time.monotonic}
    return Budget(**(defaults | limits))


def never(_: Draft) -> str | None:
    return None


def put(
    *steps: Step, budget: Budget | None = None, check: Any = never, draft: Any = Note, max_rounds: int = 8
) -> tuple[Answer[Any], ScriptedModel]:
    question = Question("review", "Find faults.", EVIDENCE, draft, check)
    with ScriptedModel(*steps) as model:
        answer = ask(
            question,
            model,
            budget or plenty(),
            key=b"key",
            redact=lambda text: text.replace("hunter2", "***"),
            max_rounds=max_rounds,
        )
    return answer, model


def test_a_valid_answer_is_taken_at_once() -> None:
    answer, model = put(GOOD)
    assert answer.draft == Note(summary="fine", confidence=0.9)
    assert (answer.rounds, answer.failure, answer.exit, answer.complaint) == (1, "", Exit.OK, "")
    assert answer.usage == Usage(1, 100, 10, 0, 0)
    assert model.requests[0].schema_name == "Note"
    assert model.requests[0].cache_key == "cicd-agent-review"


def test_what_is_sent_is_redacted_and_fenced() -> None:
    _, model = put(GOOD)
    assert "hunter2" not in str(model.requests)
    assert "1|password = '***'" in model.requests[0].evidence


@pytest.mark.parametrize(
    "text",
    [
        f"```json\n{GOOD}\n```",
        f"```\n{GOOD}```",
        f"\n\n```JSON\r\n{GOOD}\r\n```  \n",
        f"  {GOOD}\n",
        '{"confidence": 1, "summary": "```json\\n{}\\n```"}',
    ],
)
def test_one_fence_and_blanks_around_an_answer_are_forgiven(text: str) -> None:
    assert put(text)[0].rounds == 1


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("I found nothing.", "not one JSON object"),
        (f"Here you are:\n```json\n{GOOD}\n```", "not one JSON object"),
        (f"```json\n```json\n{GOOD}\n```\n```", "not one JSON object"),
        (GOOD + GOOD, "not one JSON object"),
        (GOOD[:-1], "not one JSON object"),
        ('{"summary": "a", "summary": "b", "confidence": 1}', "a name is repeated"),
        ('{"summary": "a", "confidence": NaN}', "NaN is not a finite number"),
        ('{"summary": "a", "confidence": -Infinity}', "-Infinity is not a finite number"),
        ('{"summary": "a", "confidence": 1e999}', "1e999 is not a finite number"),
        ('{"summary": "a", "confidence": ' + "9" * 5_000 + "}", "not one JSON object"),
        ("[" * 20_000, "not one JSON object"),
        ('{"summary": "a"}', "confidence: Field required"),
        ('{"summary": "a", "confidence": "0.9"}', "confidence: Input should be a valid number"),
        ('{"summary": "a", "confidence": 2}', "confidence: Input should be less than or equal to 1"),
        ('{"summary": "a", "confidence": 1, "note": ""}', "note: Extra inputs are not permitted"),
        ('["summary"]', "the object: "),
        ("null", "the object: "),
        ('{"summary": "\\ud800", "confidence": 1}', "It does not match the schema"),
        ("", "It was empty."),
        (" \n\t", "It was empty."),
    ],
)
def test_an_answer_that_is_none_is_corrected(text: str, complaint: str) -> None:
    answer, model = put(text, GOOD)
    assert answer.draft == Note(summary="fine", confidence=0.9)
    assert (answer.rounds, answer.failure) == (2, "")
    said, correction = model.requests[1].turns
    assert (said.role, correction.role) == (Role.ASSISTANT, Role.USER)
    assert said.text.removesuffix("\n(cut)") == (text[:8_000] or "(no answer)")
    assert complaint in correction.text


def test_after_two_corrections_there_is_no_more() -> None:
    answer, model = put("no", "no", "no")
    assert (answer.draft, answer.rounds, answer.exit) == (None, 3, Exit.MISBEHAVED)
    assert "no valid answer from scripted in 3 rounds" in answer.failure
    assert len(answer.failure.splitlines()) == 1
    assert answer.usage.requests == 3
    assert [len(request.turns) for request in model.requests] == [0, 2, 4]


def test_each_request_extends_the_one_before() -> None:
    _, model = put("no", "no", GOOD)
    for earlier, later in zip(model.requests, model.requests[1:], strict=False):
        assert later.turns[: len(earlier.turns)] == earlier.turns
        assert (later.instructions, later.evidence, later.schema) == (
            earlier.instructions,
            earlier.evidence,
            earlier.schema,
        )


def test_rounds_are_bounded_by_the_caller_too() -> None:
    answer, _ = put("no", max_rounds=1)
    assert (answer.draft, answer.rounds) == (None, 1)


def test_a_complaint_of_the_check_goes_back_redacted_and_visible() -> None:
    complaints = iter(["the quote `hunter2\u200b` is not in the diff", None])
    answer, model = put(GOOD, GOOD, check=lambda _: next(complaints))
    assert (answer.complaint, answer.rounds) == ("", 2)
    assert "the quote `***<U+200B>` is not in the diff" in model.requests[1].turns[1].text


def test_a_draft_that_the_check_never_likes_is_kept_with_the_complaint() -> None:
    answer, _ = put(GOOD, GOOD, GOOD, check=lambda _: "the quote is not in the diff")
    assert answer.draft is not None
    assert (answer.complaint, answer.failure, answer.rounds) == ("the quote is not in the diff", "", 3)


def test_a_valid_draft_outlives_later_answers_that_are_none() -> None:
    answer, _ = put(GOOD, "no", "no", check=lambda _: "no such line")
    assert answer.draft is not None
    assert (answer.complaint, answer.failure) == ("no such line", "")


def test_a_valid_draft_outlives_a_server_that_dies_but_the_failure_is_told() -> None:
    answer, _ = put(GOOD, ModelUnavailable("gone", requests=5), check=lambda _: "no such line")
    assert answer.draft is not None
    assert (answer.complaint, answer.failure, answer.exit) == ("no such line", "gone.", Exit.MODEL)
    assert answer.usage.requests == 6


@pytest.mark.parametrize("stop", [Stop.REFUSED, Stop.FILTERED])
def test_a_refusal_and_a_filter_are_not_argued_with(stop: Stop) -> None:
    answer, _ = put(Reply("", stop=stop, detail="not\nthis", usage=Usage(1, 9, 3)))
    assert (answer.draft, answer.rounds, answer.exit) == (None, 0, Exit.MISBEHAVED)
    assert "not<U+000A>this" in answer.failure
    assert answer.usage == Usage(1, 9, 3)


def test_an_answer_cut_off_is_asked_for_again_shorter() -> None:
    answer, model = put(Reply(GOOD[:-5], stop=Stop.CUT_OFF), GOOD)
    assert answer.draft is not None
    assert "Say less" in model.requests[1].turns[1].text


def test_a_dead_server_is_a_failure_with_its_requests_counted_and_its_cost_known() -> None:
    budget = plenty()
    answer, _ = put(ModelUnavailable("nobody there", requests=5), budget=budget)
    assert (answer.draft, answer.failure, answer.exit) == (None, "nobody there.", Exit.MODEL)
    assert answer.usage == Usage(requests=5)
    assert budget.cost_usd == 0


def test_what_a_lost_request_cost_is_unknown() -> None:
    budget = plenty()
    answer, _ = put(ModelUnavailable("timed out", requests=3, lost=1), budget=budget)
    assert answer.usage.input is None
    assert budget.cost_usd is None


def test_a_spent_budget_is_a_failure_before_any_request() -> None:
    answer, _ = put(budget=plenty(requests=0))
    assert (answer.draft, answer.exit, answer.usage.requests) == (None, Exit.BUDGET, 0)


def test_evidence_that_cannot_fit_is_a_failure_that_names_the_inputs() -> None:
    answer, _ = put(budget=plenty(input_tokens=500))
    assert answer.exit is Exit.BUDGET
    assert "max-input-tokens" in answer.failure
    assert answer.left_out == ("a.py",)


def test_a_budget_that_ends_between_two_rounds_keeps_the_first_draft() -> None:
    answer, _ = put(GOOD, budget=plenty(requests=1), check=lambda _: "no such line")
    assert answer.draft is not None
    assert answer.exit is Exit.BUDGET
    assert "1 requests" in answer.failure


def test_the_output_asked_for_is_what_the_money_buys_and_the_wait_what_time_is_left() -> None:
    prices = {"scripted": Price(input=0.0001, cached=0.0001, output=100.0)}
    _, model = put(GOOD, budget=plenty(usd=0.5, prices=prices))
    assert model.requests[0].max_output_tokens == pytest.approx(5_000, abs=5)
    assert 0 < (model.requests[0].seconds or 0) <= 60


def test_what_the_dialect_wants_back_is_sent_back() -> None:
    items = ({"type": "reasoning", "encrypted_content": "gAAA"},)
    _, model = put(Reply("no", items=items), GOOD)
    assert model.requests[1].turns[0].items == items


def test_a_bug_in_a_check_is_not_hidden() -> None:
    def broken(_: Draft) -> str | None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        put(GOOD, check=broken)


@given(st.data())
@settings(max_examples=60)
def test_whatever_fits_the_schema_ends_in_a_draft_or_a_complaint(data: st.DataObject) -> None:
    draft = data.draw(st.sampled_from(DRAFTS))
    said = [json.dumps(data.draw(answers(draft))) for _ in range(3)]
    model = ScriptedModel(*said)
    question = Question("q", "Answer.", (), draft, never)
    answer = ask(question, model, plenty(), key=b"key", redact=str)
    assert (answer.draft is None) == bool(answer.failure)
    assert answer.exit in {Exit.OK, Exit.MISBEHAVED}


@given(st.text(st.characters(exclude_categories=()), max_size=80))
@settings(max_examples=100)
def test_no_answer_whatever_makes_the_loop_fall(text: str) -> None:
    answer, _ = put(text, text, text, draft=Nested)
    assert answer.exit is Exit.MISBEHAVED
    assert len(answer.failure.splitlines()) == 1


def test_the_script_is_strict_both_ways() -> None:
    request = Request("i", "e", "s", {})
    with ScriptedModel(lambda asked: Reply(asked.evidence)) as model:
        assert model.complete(request).text == "e"
        with pytest.raises(AssertionError, match="request 2 is not in the script"):
            model.complete(request)
    with pytest.raises(AssertionError, match="1 steps of the script were not asked for"), ScriptedModel(GOOD):
        pass


def test_what_stands_beside_the_diff_is_not_asked_about_without_it() -> None:
    exhibits = (Exhibit("rules", "rules", "Be kind."), Exhibit("", "a.py", "word " * 9_000, whole=True))
    question = Question("q", "Look.", exhibits, Note, never)
    with ScriptedModel() as model:
        answer = ask(question, model, plenty(input_tokens=9_000), key=b"k", redact=str)
    assert "none of the evidence" in answer.failure
