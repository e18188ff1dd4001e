"""Which patch of an answer is worth trying: one, once, if it is a patch at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cicd_agent.core.trial import Step, Trial
from cicd_agent.modes.analyse_failure.draft import FailureDraft
from cicd_agent.modes.analyse_failure.experiments import LONGEST, experiments, key, objection
from cicd_agent.settings import Settings
from tests.modes.analyse_failure.model_builders import PATCH, answer, draft, evidence, fix, tried

SETTINGS = Settings()
PATCHED = draft(fix=fix(patch=PATCH))


def test_the_patch_of_the_answer_is_tried_under_a_key_of_its_own() -> None:
    [trial] = experiments((answer(None), answer(PATCHED)), evidence(), SETTINGS)
    assert trial == Trial(key(PATCH), PATCH)
    assert len(trial.key) == 16
    assert key(PATCH + "\n") != trial.key


def test_nothing_is_tried_twice() -> None:
    seen = evidence(trials=(tried(Step.DOES_NOT_APPLY),))
    assert experiments((answer(PATCHED),), seen, SETTINGS) == ()


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
    assert experiments((answer(said),), evidence(), SETTINGS) == ()


@pytest.mark.parametrize(
    ("patch", "reason"),
    [
        (PATCH, ""),
        (f"diff --git a/src/retry.py b/src/retry.py\nindex 1..2 100644\n{PATCH}", ""),
        (f"```diff\n{PATCH}```", ""),
        (PATCH.replace("\n", "\r\n"), ""),
        ("--- /dev/null\n+++ b/new.py\n@@ -0,0 +1 @@\n+x = 1\n", ""),
        ("--- a/x\n+++ b/x\n", "it is no unified diff"),
        ("*** a/x\n--- b/x\n***************\n", "it is no unified diff"),
        ("--- a/x\n+++ b/x\n@@ -1 +1 @@\n same\n", "it changes no line"),
        (PATCH + " x\n" * LONGEST, "more than 30,000"),
    ],
)
def test_a_text_that_is_no_patch_is_not_tried(patch: str, reason: str) -> None:
    assert objection(patch).startswith(reason) if not reason.startswith("more") else reason in objection(patch)
    assert bool(objection(patch)) is bool(reason)


@given(st.text())
def test_any_text_is_judged(patch: str) -> None:
    made = experiments((answer(draft(fix=fix(patch=patch))),), evidence(), SETTINGS)
    assert len(made) == (not objection(patch))
