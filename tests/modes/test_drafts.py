"""Whatever a model may say in a mode's words, verification and report take it."""

import time
from dataclasses import replace
from pathlib import PurePath
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cicd_agent.agent.budget import Budget
from cicd_agent.agent.loop import ask
from cicd_agent.agent.messages import Answer, Call, Question, Reply
from cicd_agent.app.run_record import Decision, common_outputs
from cicd_agent.app.serialization import dump
from cicd_agent.domain.events.event import Event, EventKind, PullRequest, Ref
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.finding import Category, Severity
from cicd_agent.domain.verdict import Draft, RiskLevel
from cicd_agent.modes import modes
from cicd_agent.modes.protocol import Account, Mode
from cicd_agent.modes.review.questions.draft import Claim, ClaimedSide, ReviewDraft
from cicd_agent.settings.schema import Settings
from tests.modes.analyse_failure import model_builders as failures
from tests.modes.deploy_gate import evidences as gates
from tests.modes.gen_tests import specimens
from tests.modes.route import routing
from tests.support.fakes.scripted_model import ScriptedModel
from tests.support.samples.changes import change_of
from tests.support.strategies import drafts

SETTINGS = Settings()
OLD = "import os\n\n\ndef run(x):\n    return x\n"
NEW = "import os\n\n\ndef run(x):\n    os.system(x)\n    return x\n"
EVENT = Event(
    EventKind.PULL_REQUEST,
    repo="o/r",
    pull=PullRequest(7, title="Rename run", body="It only renames a file."),
    base=Ref("main", "b" * 40),
    head=Ref("f", "h" * 40),
    sha="h" * 40,
)
SPECIMENS = {
    "review": Evidence(
        EVENT, change_of(("src/app.py", OLD, NEW), ("src/new.py", None, "a\nb\n"), ("docs/old.md", "gone\n", None))
    ),
    "gen-tests": specimens.evidence(EVENT),
    "analyse-failure": failures.evidence(),
    "deploy-gate": gates.evidence(event=EVENT),
    "route": routing.evidence(routing.CODE, routing.MIGRATION, affected=routing.PROVED),
}
"""What each mode is given to ask about."""
CLAIM = Claim(
    path="src/app.py",
    side=ClaimedSide.NEW,
    line=5,
    quote="os.system(x)",
    severity=Severity.HIGH,
    category=Category.RELIABILITY,
    confidence=0.75,
    title="Its status is dropped",
    explanation="Nobody sees that it failed.",
    advice=None,
    suggestion=None,
)
DRAFTS: dict[str, list[Draft]] = {
    "review": [
        ReviewDraft(
            summary="It runs a command.",
            findings=(CLAIM,),
            risk_level=RiskLevel.LOW,
            confidence=0.8,
            escalate_to_human=False,
            escalation_reason=None,
        )
    ],
    "gen-tests": [specimens.DRAFT],
    "analyse-failure": [failures.draft()],
    "deploy-gate": [gates.draft(("It may be too much.", "limit = 5"))],
    "route": [],
}
"""What is said to a mode's first questions, so that it asks all its others."""
ASKED = {
    "review": ["review", "judge", "description"],
    "gen-tests": ["tests calc.py::grade", "flaky tests/test_calc.py::test_other"],
    "analyse-failure": ["failure"],
    "deploy-gate": ["deployment"],
    "route": [],
}


def asked(mode: Mode[Any]) -> list[Question[Any]]:
    """Every question of a mode: the first ones, and those that follow the answers of DRAFTS."""
    evidence = SPECIMENS[mode.name]
    first = list(mode.questions(evidence, (), SETTINGS))
    answers = [Answer(each.name, draft) for each, draft in zip(first, DRAFTS[mode.name], strict=True)]
    return [*first, *mode.questions(evidence, answers, SETTINGS)]


def requests(question: Question[Any]) -> list[str]:
    """What is sent for a question until it is given up, but for the time that is left."""
    refused = [Reply("no", calls=(Call(f"c{number}", "nothing", "{}"),)) for number in range(3)]
    model = ScriptedModel(*refused)
    budget = Budget(requests=9, input_tokens=500_000, seconds=600, clock=time.monotonic)
    ask(question, model, budget, key=b"secret of this installation", redact=str, max_rounds=3)
    return [repr(replace(request, seconds=None)) for request in model.requests]


def test_every_mode_has_a_specimen() -> None:
    assert [*SPECIMENS] == [*DRAFTS] == [*ASKED] == [*modes()]
    assert {name: [question.name for question in asked(mode)] for name, mode in modes().items()} == ASKED


@pytest.mark.parametrize("mode", modes().values(), ids=modes().keys())
@given(data=st.data())
@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_any_draft_that_fits_its_schema_is_judged_and_reported(mode: Mode[Any], data: st.DataObject) -> None:
    evidence = SPECIMENS[mode.name]
    questions = asked(mode)
    answers = [
        Answer(question.name, data.draw(st.none() | drafts(question.draft)), model="m", optional=question.optional)
        for question in questions
    ]
    for question, answer in zip(questions, answers, strict=True):
        if answer.draft is not None:
            assert question.check(answer.draft) != ""
    verdict = mode.verify(mode.rules(evidence, SETTINGS), answers, evidence, SETTINGS)
    plan = mode.report(verdict, evidence, Account(model="m"), SETTINGS)
    decision = Decision(mode.name, EVENT, Account(), plan, evidence, result=verdict)
    assert dump(decision)
    assert all(isinstance(value, str) for value in common_outputs(decision, PurePath()).values())


@pytest.mark.parametrize("mode", modes().values(), ids=modes().keys())
def test_two_runs_of_a_mode_send_the_same_bytes(mode: Mode[Any]) -> None:
    first, second = ([requests(question) for question in asked(mode)] for _ in range(2))
    assert first == second
