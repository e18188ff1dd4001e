"""One budget and many threads: what is allowed to one is not allowed to another."""

import random
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cicd_agent.agent.budget import MIN_OUTPUT, Budget
from cicd_agent.agent.loop import ask
from cicd_agent.agent.messages import Answer, Question, Reply, Request
from cicd_agent.agent.prices import Price
from cicd_agent.domain.evidence import Exhibit
from cicd_agent.domain.parallel import run_parallel
from cicd_agent.domain.usage import Usage
from cicd_agent.errors import BudgetExhausted, Exit, ModelUnavailable
from tests.agent.drafts import Note

PRICES = {"m": Price(input=5.0, cached=0.5, output=30.0)}


def budget(requests: int = 10, tokens: int = 100_000, usd: float | None = None) -> Budget:
    return Budget(
        requests=requests,
        input_tokens=tokens,
        seconds=60,
        clock=lambda: 0.0,
        usd=usd,
        prices=PRICES,
    )


def elsewhere(spent: Budget, tokens: int, outputs: int = 5_000) -> int:
    """What another thread is allowed, which keeps it."""
    return run_parallel([lambda: spent.allow("m", input_tokens=tokens, output_tokens=outputs), lambda: 0], 2)[0]


def test_what_one_thread_is_allowed_the_other_does_not_see() -> None:
    spent = budget(tokens=1_000)
    assert spent.allow("m", input_tokens=600, output_tokens=10) == 10
    with pytest.raises(BudgetExhausted, match="400 are left"):
        elsewhere(spent, 401)
    spent.charge("m", Usage(1, 100, 5), input_tokens=600, output_tokens=10)
    assert elsewhere(spent, 900) == 5_000


def test_what_was_allowed_and_never_sent_is_free_when_its_thread_asks_again() -> None:
    spent = budget(requests=1, tokens=1_000)
    assert spent.allow("m", input_tokens=1_000, output_tokens=10) == 10
    assert spent.allow("m", input_tokens=900, output_tokens=10) == 10
    spent.charge("m", Usage(), input_tokens=0, output_tokens=0)
    assert elsewhere(spent, 1_000) == 5_000


class Careless:
    """A model that uses what it may and a little less, or fails; it counts what it was sent."""

    name = "m"

    def __init__(self, seed: int) -> None:
        self.requests = self.input = self.output = 0
        self._drawn = random.Random(seed)
        self._lock = threading.Lock()

    def complete(self, request: Request) -> Reply:
        with self._lock:
            kind = self._drawn.choice(["good", "bad", "silent", "lost", "stopped"])
            self.requests += kind != "stopped"
            self.input += 200 * (kind not in {"lost", "stopped"})
            self.output += request.max_output_tokens * (kind not in {"lost", "stopped"})
        if kind == "lost":
            raise ModelUnavailable("gone", requests=1, lost=1)
        if kind == "stopped":
            raise BudgetExhausted("the time is over")
        if kind == "silent":
            return Reply('{"summary": "s", "confidence": 1}', usage=Usage(1, None, None, None, None))
        text = '{"summary": "s", "confidence": 1}' if kind == "good" else "no"
        return Reply(text, usage=Usage(1, 200, request.max_output_tokens))


@given(st.integers(0, 10**6), st.integers(0, 12), st.integers(0, 20_000), st.floats(0, 0.5))
@settings(max_examples=40, deadline=None)
def test_the_ceilings_hold_whatever_happens_side_by_side(seed: int, requests: int, tokens: int, usd: float) -> None:
    spent, model = budget(requests, tokens, usd), Careless(seed)
    question = Question("q", "Look.", (Exhibit("E", "a", "text"),), Note, lambda _: None)

    def task() -> Answer[Note]:
        return ask(question, model, spent, key=b"k", redact=str, max_rounds=3, max_output_tokens=2_000)

    answers = run_parallel([task] * 8, 8)
    assert all(answer.draft or answer.failure for answer in answers)
    assert model.requests <= requests
    assert model.input <= max(tokens, 0)
    assert model.input * 5e-6 + model.output * 30e-6 <= usd + 1e-9
    assert spent.usage.requests == model.requests


def test_parts_of_a_budget_spend_their_own_and_the_whole_knows() -> None:
    spent = budget(requests=12, tokens=100_000, usd=2.0)
    first, second = spent.divide("m", [30_000, 10_000])
    assert (first.evidence_tokens("m"), second.evidence_tokens("m")) == (30_000, 10_000)
    assert first.allow("m", input_tokens=75_000, output_tokens=5_000) == 5_000
    assert second.allow("m", input_tokens=25_000, output_tokens=5_000) == 5_000
    with pytest.raises(BudgetExhausted):
        second.allow("m", input_tokens=25_001, output_tokens=5_000)
    first.charge("m", Usage(1, 20_000, 1_000), input_tokens=1, output_tokens=1)
    second.charge("m", Usage(1, None, None, None, None), input_tokens=10_000, output_tokens=2_000)
    assert spent.usage.requests == 2
    assert spent.cost_usd is None
    assert spent.allow("m", input_tokens=70_000, output_tokens=MIN_OUTPUT) == MIN_OUTPUT
    with pytest.raises(BudgetExhausted) as over:
        spent.allow("m", input_tokens=70_001, output_tokens=MIN_OUTPUT)
    assert over.value.exit is Exit.BUDGET


def test_requests_of_many_questions_are_more_and_still_bounded() -> None:
    spent = budget(requests=16)
    parts = spent.divide("m", [1_000] * 8)
    for part in parts:
        for _ in range(5):
            part.allow("m", input_tokens=1, output_tokens=1)
            part.charge("m", Usage(1, 1, 1), input_tokens=1, output_tokens=1)
        with pytest.raises(BudgetExhausted, match="requests"):
            part.allow("m", input_tokens=1, output_tokens=1)
    assert spent.usage.requests == 40


def test_each_of_several_answers_is_paid_for_before_more_evidence_is_shown() -> None:
    assert budget(usd=0.5).evidence_tokens("m") == 40_000
    assert budget(usd=0.5).divided_tokens("m", 2) < 50_000
    assert budget(usd=0.5).divided_tokens("m", 9) == 0
    assert budget().divided_tokens("m", 3) == 97_000
