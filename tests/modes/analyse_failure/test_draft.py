"""What a model may answer, and that it may answer nothing."""

import json

import pytest

from cicd_agent.agent.schema import Misread, read, strict
from cicd_agent.domain.facts import Cause
from cicd_agent.modes.analyse_failure.result import FailureDraft
from tests.modes.analyse_failure.model_builders import draft


def test_the_schema_is_strict_and_asks_for_proof_before_conclusions() -> None:
    schema = strict(FailureDraft)
    assert schema["additionalProperties"] is False
    assert schema["required"] == [*schema["properties"]] == [*FailureDraft.model_fields]
    assert schema["required"][:2] == ["insufficient_evidence", "claims"]
    assert schema["properties"]["cause"]["enum"] == [each.value for each in Cause]


def test_a_draft_survives_its_own_json() -> None:
    assert read(draft().model_dump_json(), FailureDraft) == draft()


@pytest.mark.parametrize(
    "change",
    [{"confidence": 1.2}, {"confidence": "high"}, {"cause": "nobody"}, {"claims": "none"}, {"verdict": 1}, {"fix": {}}],
)
def test_what_is_not_of_the_shape_is_no_answer(change: dict[str, object]) -> None:
    with pytest.raises(Misread):
        read(json.dumps({**draft().model_dump(mode="json"), **change}), FailureDraft)


def test_a_model_that_does_not_know_asks_for_a_person() -> None:
    assert draft().unsettled == ""
    assert draft(insufficient_evidence=True).unsettled == "the model finds the evidence insufficient"
    assert draft(escalate="Who owns the limit?").unsettled == "Who owns the limit?"
