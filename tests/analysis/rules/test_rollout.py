"""A new rule gives notice for one minor version, and does nothing else in it, unless a repository asks for more."""

from dataclasses import replace
from typing import Any

import pytest

from cicd_agent import __version__
from cicd_agent.agent.messages import Answer
from cicd_agent.analysis.rules import RULES
from cicd_agent.analysis.rules.run import RuleDraft
from cicd_agent.analysis.rules.suppression import FIRST, NEW, notice_only, on_probation, weighed
from cicd_agent.domain.effects import Annotation, InlineComment, Review, Summary
from cicd_agent.domain.finding import Severity
from cicd_agent.domain.verdict import Conclusion, RiskLevel, SuppressedBy, Verdict
from cicd_agent.domain.version import minor
from cicd_agent.modes import Account
from cicd_agent.modes.deploy_gate.policy import digest
from cicd_agent.modes.review.report import report
from cicd_agent.modes.review.verdict import verify
from cicd_agent.settings.schema import Settings
from scripts.pages.rules import page
from tests.modes.review.test_verdict import CHANGE, EVIDENCE, answer, claim, finding

FRESH = {"shell": "0.3"}
GRAVE = finding(severity=Severity.CRITICAL)


def judged(*answers: Answer[Any], new: dict[str, str] = FRESH, **settings: Any) -> Verdict:
    return verify(RuleDraft(findings=(GRAVE,)), answers, EVIDENCE, Settings(fail_on="low", **settings), new)


@pytest.mark.parametrize(
    ("since", "version", "counts_from"),
    [
        ("0.1", "0.1.0", None),
        ("0.1", "0.1.9", None),
        ("0.2", "0.2.0", "0.3"),
        ("0.2", "0.2.7", "0.3"),
        ("0.2", "0.3.0", None),
        ("0.9", "1.0.0", None),
        ("1.10", "1.10.2", "1.11"),
        ("1.9", "1.10.0", None),
        ("0.3", "0.2.0", "0.3"),
    ],
)
def test_a_rule_is_new_in_the_minor_version_that_brought_it(since: str, version: str, counts_from: str | None) -> None:
    rule = replace(RULES[0], id="made-up", since=since)
    assert on_probation([rule], version).get("made-up") == counts_from


def test_the_rules_of_the_first_release_are_established() -> None:
    assert {rule.id for rule in RULES if rule.since == FIRST}.isdisjoint(NEW)
    assert on_probation(RULES, f"{FIRST}.0") == {}


def test_no_rule_is_of_a_version_to_come() -> None:
    assert [rule.id for rule in RULES if minor(rule.since) > minor(__version__)] == []


def test_the_canary_ring_has_them_all_count() -> None:
    assert notice_only(Settings(ring="canary"), FRESH) == {}
    assert judged(ring="canary").conclusion is Conclusion.FAILURE
    assert judged(new={}).blocking == judged(ring="canary").blocking != ()


def test_in_the_stable_ring_it_fails_nothing_blocks_nothing_and_raises_no_risk() -> None:
    found, nothing = judged(), verify(RuleDraft(), (), EVIDENCE, Settings(fail_on="low"))
    assert found.risk == nothing.risk
    assert judged(new={}).risk.level is RiskLevel.CRITICAL
    assert (found.conclusion, found.decision, found.blocking) == (nothing.conclusion, nothing.decision, ())
    assert found.findings == ()
    (told,) = found.suppressed
    assert (told.finding, told.by, told.reason) == (GRAVE, SuppressedBy.RING, "new rule, counts from 0.3")
    assert not told.weighs


def test_neither_its_severity_in_the_config_nor_a_comment_of_the_change_makes_it_weigh() -> None:
    silenced = finding(line=2, id="hush", severity=Severity.CRITICAL)
    found = verify(RuleDraft(findings=(silenced,)), (), EVIDENCE, Settings(), {"hush": "0.3"})
    assert found.risk.level is RiskLevel.LOW
    graded = judged(rules={"shell": "critical"})
    assert (graded.findings, graded.blocking) == ((), ())
    assert [each.by for each in judged(rules={"shell": "off"}).suppressed] == [SuppressedBy.CONFIG]


def test_other_modes_weigh_it_as_little() -> None:
    rules = RuleDraft(findings=(GRAVE,))
    assert weighed(rules, CHANGE, Settings(), FRESH) == ([], [])
    assert weighed(rules, CHANGE, Settings(ring="canary"), FRESH) == ([GRAVE], [GRAVE])


def test_an_approval_of_a_deployment_is_bound_to_what_counts() -> None:
    canary = Settings(ring="canary")
    assert digest(Settings(), FRESH) != digest(canary, FRESH)
    assert digest(Settings(), {}) == digest(canary, {}) == digest(canary, FRESH)


def test_it_does_not_take_a_claim_of_the_model_with_it() -> None:
    same = claim(line=GRAVE.location.line, quote=GRAVE.quote, category=GRAVE.category)
    found = judged(answer(same))
    assert [each.id for each in found.findings] == ["model"]
    assert [each.by for each in found.suppressed] == [SuppressedBy.RING]


def test_it_is_folded_in_the_summary_and_nowhere_else() -> None:
    plan = report(judged(), EVIDENCE, Account(), Settings())
    assert not [each for each in plan.effects if isinstance(each, Annotation | InlineComment | Review)]
    (body,) = [each.body for each in plan.effects if isinstance(each, Summary)]
    before, _, folded = body.partition("<details>")
    assert GRAVE.title not in before
    assert "1 by new rules" in folded
    assert "new rule, counts from 0.3" in folded
    assert "suppressed" not in folded


def test_the_page_says_since_when_there_is_a_rule() -> None:
    assert page().count(f"· since {FIRST}") == len([rule for rule in RULES if rule.since == FIRST]) > 0
