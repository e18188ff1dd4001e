from dataclasses import replace

import pytest

from cicd_agent.analysis.rules.run import RuleDraft
from cicd_agent.analysis.rules.suppression import graded
from cicd_agent.domain.finding import Category, Finding, Location, Severity
from cicd_agent.domain.verdict import RiskLevel
from cicd_agent.modes.deploy_gate.verdict import verify as verify_gate
from cicd_agent.modes.review.verdict import verify as verify_review
from cicd_agent.modes.route.verdict import verify as verify_route
from cicd_agent.settings.schema import Settings
from tests.modes.route.routing import CODE, evidence

UNSURE = Finding(
    "sql-injection", "A query is put together", "Why.", Severity.CRITICAL, Category.SECURITY,
    Location(CODE[0], 1), confidence=0.7,
)  # fmt: skip


@pytest.mark.parametrize(
    ("known", "level"),
    [
        ({}, RiskLevel.HIGH),
        ({"rules": {"sql-injection": "critical"}}, RiskLevel.CRITICAL),
        ({"min_confidence": 0.8}, RiskLevel.LOW),
    ],
    ids=["no worse than it is sure", "the settings have the last word", "too unsure"],
)
def test_no_two_modes_give_one_change_different_levels(known: dict[str, object], level: RiskLevel) -> None:
    seen, settings = evidence(CODE), Settings.model_validate(known)
    found = RuleDraft(findings=(UNSURE,))
    assert verify_review(found, (), seen, settings).risk.level is level
    assert verify_route(found, (), seen, settings).risk.level is level
    assert verify_gate(found, (), seen, settings).risk.level is level


def test_what_a_rule_is_sure_of_keeps_its_severity() -> None:
    sure = replace(UNSURE, confidence=0.9)
    assert [each.severity for each in graded([UNSURE, sure])] == [Severity.HIGH, Severity.CRITICAL]
