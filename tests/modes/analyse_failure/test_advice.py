"""What a model advises, and its patch: as far as it was tried, and never to try again."""

import pytest

from cicd_agent.domain.facts import Cause
from cicd_agent.domain.trials.patch_trial import Step
from cicd_agent.modes.analyse_failure.result import Remedy
from tests.modes.analyse_failure.model_builders import (
    MADE_UP,
    PATCH,
    diagnosis,
    draft,
    evidence,
    fix,
    judged,
    reasons,
    tried,
)


@pytest.mark.parametrize(
    ("kind", "description", "stands"),
    [
        (Remedy.CODE_CHANGE, "Return 3 again.", True),
        (Remedy.DEPENDENCY_UPDATE, "Take httpx 1.", True),
        (Remedy.CODE_CHANGE, "Retry the request three times.", True),
        (Remedy.RETRY, "Return 3 again.", False),
        (Remedy.CODE_CHANGE, "Re-run the failed jobs.", False),
        (Remedy.INVESTIGATE, "Run the job again.", False),
        (Remedy.CODE_CHANGE, " ", False),
    ],
)
def test_the_next_step_is_the_models_unless_it_is_to_try_again(kind: Remedy, description: str, *, stands: bool) -> None:
    rules = diagnosis(Cause.CHANGE)
    told = judged(draft(fix=fix(kind, description)), rules)
    assert (told.remedy, told.next_step) == ((kind, description) if stands else (rules.remedy, rules.next_step))
    assert told.rerun is False


@pytest.mark.parametrize("step", Step)
def test_a_patch_is_offered_as_far_as_its_trial_came(step: Step) -> None:
    seen = evidence(trials=(tried(Step.REFUSED, "another"), tried(step)))
    told = judged(draft(fix=fix(patch=PATCH)), diagnosis(Cause.CHANGE), seen)
    assert told.trial is not None
    assert told.trial.step is step
    assert ("the patch" in reasons(told)) is not told.trial.is_offered
    wrong = step in {Step.REFUSED, Step.NOT_GREEN}
    assert told.next_step == ("Look at the log." if wrong else "Return 3 again.")


def test_of_several_trials_of_a_patch_the_last_counts() -> None:
    seen = evidence(trials=(tried(Step.APPLIES), tried(Step.NOT_GREEN)))
    told = judged(draft(fix=fix(patch=PATCH)), seen=seen)
    assert told.trial is not None
    assert told.trial.step is Step.NOT_GREEN


@pytest.mark.parametrize(("step", "is_offered"), [(Step.APPLIES, False), (Step.VERIFIED, True)])
def test_without_proof_a_patch_is_offered_only_if_it_is_proof_itself(step: Step, *, is_offered: bool) -> None:
    seen = evidence(trials=(tried(step),))
    for said in (draft(MADE_UP, fix=fix(patch=PATCH)), draft(cause=Cause.FLAKY, fix=fix(patch=PATCH))):
        told = judged(said, seen=seen)
        assert (told.trial is not None) is is_offered


def test_what_is_no_patch_is_told() -> None:
    told = judged(draft(fix=fix(patch="return 3")))
    assert told.trial is None
    assert reasons(told)["the patch"].startswith("it is no unified diff")
