"""Which patch of an answer is worth trying: one, once, if it is a patch at all."""

import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cicd_agent.agent.budget import Budget
from cicd_agent.agent.loop import ask
from cicd_agent.domain.facts import Cause
from cicd_agent.domain.trials.patch_trial import FailureSignature, Step, Trial, TrialReport
from cicd_agent.modes.analyse_failure.evidence import TRIALS
from cicd_agent.modes.analyse_failure.questions import MAX_PATCH, fixed, key, objection, questions, trial_of
from cicd_agent.modes.analyse_failure.result import CascadeStep, FailureDraft
from cicd_agent.modes.analyse_failure.rules import rules
from cicd_agent.modes.analyse_failure.verdict import verify
from cicd_agent.settings.schema import Settings
from tests.modes.analyse_failure.model_builders import (
    BLAMED,
    CHANGE_CITED,
    LINES,
    PATCH,
    answer,
    cite,
    draft,
    evidence,
    extract,
    failed_run,
    fix,
    job,
    problem,
    tried,
)
from tests.support.fakes.scripted_model import ScriptedModel

SETTINGS = Settings()
PATCHED = draft(fix=fix(patch=PATCH))


def test_the_patch_of_the_answer_is_tried_under_a_key_of_its_own() -> None:
    trial = trial_of((answer(None), answer(PATCHED)), evidence())
    assert trial == Trial(key(PATCH), PATCH)
    assert len(trial.key) == 16
    assert key(PATCH + "\n") != trial.key


def test_nothing_is_tried_twice() -> None:
    seen = evidence(trials=(tried(Step.DOES_NOT_APPLY),))
    assert trial_of((answer(PATCHED),), seen) is None


@pytest.mark.parametrize(
    "said",
    [
        None,
        draft(),
        draft(fix=fix(patch="")),
        draft(fix=fix(patch=" \n")),
        draft(fix=fix(patch="Return 3.")),
        draft(fix=fix(patch=PATCH), insufficient_evidence=True),
    ],
)
def test_without_a_patch_nothing_is_tried(said: FailureDraft | None) -> None:
    assert trial_of((answer(said),), evidence()) is None


@pytest.mark.parametrize(
    ("patch", "reason"),
    [
        (PATCH, ""),
        (f"diff --git a/src/retry.py b/src/retry.py\nindex 1..2 100644\n{PATCH}", ""),
        (f"```diff\n{PATCH}```", ""),
        (PATCH.replace("\n", "\r\n"), ""),
        ("--- /dev/null\n+++ b/new.py\n@@ -0,0 +1 @@\n+x = 1\n", ""),
        ("--- a/x\n+++ b/x\n", "it names x and says nothing about it"),
        ("*** a/x\n--- b/x\n***************\n", "it is no unified diff"),
        ("--- a/x\n+++ b/x\n@@ -1 +1 @@\n same\n", "it changes no line"),
        (PATCH + " x\n" * MAX_PATCH, "more than 30,000"),
    ],
)
def test_a_text_that_is_no_patch_is_not_tried(patch: str, reason: str) -> None:
    assert objection(patch).startswith(reason) if not reason.startswith("more") else reason in objection(patch)
    assert bool(objection(patch)) is bool(reason)


def test_the_patch_is_for_the_failure_whose_lines_are_cited_else_for_the_first() -> None:
    lines = {**LINES, 160: "E       KeyError: 'port'"}
    named = [replace(problem(100, 103, 102), test="test_retry_limit", strict="a" * 16)]
    named += [replace(named[0], line=160, first=160, last=160, text=lines[160], test="test_port", strict="b" * 16)]
    seen = evidence(failed_run(job(read=extract(lines, tuple(named)))))
    first, second = (
        FailureSignature("test_retry_limit", ("a" * 16,), tuple(LINES[number] for number in range(100, 104))),
        FailureSignature("test_port", ("b" * 16,), (lines[160],)),
    )
    other = draft(cite(160, lines[160]))
    assert fixed((answer(other),), seen, SETTINGS) == (second,)
    assert fixed((answer(draft()),), seen, SETTINGS) == (first,)
    assert fixed((answer(draft(CHANGE_CITED)),), seen, SETTINGS) == (first,)
    assert fixed((answer(None),), seen, SETTINGS) == (first,)


@given(st.text())
def test_any_text_is_judged(patch: str) -> None:
    made = trial_of((answer(draft(fix=fix(patch=patch))),), evidence())
    assert (made is None) is bool(objection(patch))


def test_from_the_question_to_a_patch_that_was_tried() -> None:
    """The steps of the mode in their order, with its own rules and a model that is corrected once."""
    seen = evidence()
    [asked] = questions(seen, (), SETTINGS)
    wrong = draft(cite(102, "E  assert 6 == 3"), fix=fix(patch="return 3"))
    right = draft(fix=fix(patch=PATCH), responsible_commit=BLAMED[:12])
    budget = Budget(requests=9, input_tokens=100_000, seconds=60, clock=time.monotonic)
    with ScriptedModel(wrong.model_dump_json(), right.model_dump_json()) as model:
        answers = (ask(asked, model, budget, key=b"secret", redact=str),)
    correction = model.requests[1].turns[-1].text
    assert "the quote does not stand there" in correction
    assert "it is no unified diff" in correction
    assert questions(seen, answers, SETTINGS) == ()
    trial = trial_of(answers, seen)
    assert trial is not None
    seen = seen.put(TRIALS, (TrialReport(trial.key, Step.VERIFIED, patch=trial.patch),))
    assert trial_of(answers, seen) is None
    found = rules(seen, SETTINGS)
    told = verify(found, answers, seen, SETTINGS)
    assert (told.cause, told.rung, told.confidence) == (Cause.CHANGE, CascadeStep.MEETS_CHANGE, found.confidence)
    assert (told.responsible, told.root_cause) == (BLAMED, right.root_cause)
    assert told.trial == seen[TRIALS][0]
    assert told.dropped == ()
