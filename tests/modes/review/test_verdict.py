from dataclasses import replace
from typing import Any

import pytest

from cicd_agent.agent.messages import Answer
from cicd_agent.analysis.rules.run import RuleDraft
from cicd_agent.domain.events.event import Event, EventKind, PullRequest
from cicd_agent.domain.evidence import Evidence, Gap
from cicd_agent.domain.finding import Category, Finding, Location, Origin, Severity
from cicd_agent.domain.repository.change import Change, ChangeSource
from cicd_agent.domain.repository.diff import ChangeKind, FileDiff
from cicd_agent.domain.repository.diff_parser import parse_diff
from cicd_agent.domain.repository.paths import Area, PathKind
from cicd_agent.domain.verdict import Conclusion, RiskLevel, SuppressedBy, Verdict
from cicd_agent.modes.review.questions.draft import Claim, ClaimedSide, ReviewDraft
from cicd_agent.modes.review.verdict import verify
from cicd_agent.settings.schema import Settings

DIFF = """\
diff --git a/app.py b/app.py
--- a/app.py
+++ b/app.py
@@ -1,2 +1,5 @@
 import os
+token = load()  # cicd-agent: ignore[hush] known to the team
+os.system(token)
+run()
 end
"""
CHANGE = Change(
    "b" * 40,
    "h" * 40,
    ChangeSource.GIT,
    parse_diff(DIFF),
    texts={"app.py": "".join(line[1:] + "\n" for line in DIFF.splitlines()[4:])},
)
EVIDENCE = Evidence(Event(EventKind.PULL_REQUEST, pull=PullRequest(1)), CHANGE)


def finding(line: int = 3, **fields: Any) -> Finding:
    return Finding(
        **{
            "id": "shell",
            "title": "a shell",
            "message": "why",
            "severity": Severity.HIGH,
            "category": Category.SECURITY,
            "location": Location("app.py", line),
            "quote": "os.system(token)",
            **fields,
        }
    )


def claim(**fields: Any) -> Claim:
    return Claim(
        **{
            "path": "app.py",
            "side": ClaimedSide.NEW,
            "line": 4,
            "quote": "run()",
            "severity": Severity.HIGH,
            "category": Category.RELIABILITY,
            "confidence": 0.9,
            "title": "it runs",
            "explanation": "why",
            "advice": None,
            "suggestion": None,
            **fields,
        }
    )


def answer(*claims: Claim, **fields: Any) -> Answer[ReviewDraft]:
    said: dict[str, Any] = {
        "summary": "It runs.",
        "risk_level": RiskLevel.LOW,
        "confidence": 0.8,
        "escalate_to_human": False,
        "escalation_reason": None,
        **fields,
    }
    return Answer("review", ReviewDraft(findings=claims, **said))


def judge(
    *findings: Finding,
    answers: tuple[Answer[ReviewDraft], ...] = (),
    areas: tuple[Area, ...] = (),
    evidence: Evidence = EVIDENCE,
    **settings: Any,
) -> Verdict:
    return verify(RuleDraft(findings=findings, areas=areas), answers, evidence, Settings(**settings))


def test_nothing_found_by_rules_alone_is_a_success_but_no_approval() -> None:
    verdict = judge()
    assert (verdict.conclusion, verdict.decision, verdict.confidence) == (Conclusion.SUCCESS, "comment", None)


def test_approval_needs_rules_and_a_model_that_both_find_nothing_in_a_change_read_whole() -> None:
    assert judge(answers=(answer(),)).decision == "approve"
    assert judge(finding(severity=Severity.MEDIUM), answers=(answer(),)).decision == "comment"
    assert judge(answers=(replace(answer(), left_out=("big.py",)),)).decision == "comment"
    assert judge(answers=(Answer("review", None, failure="down"),)).decision == "comment"
    unread = replace(EVIDENCE, gaps=(Gap("src/big.py", "too large"),))
    assert judge(answers=(answer(),), evidence=unread).decision == "comment"


def test_an_unread_source_file_is_never_a_success_and_never_green_with_fail_on() -> None:
    big = FileDiff("src/big.py", "src/big.py", ChangeKind.MODIFIED, omitted="too large")
    evidence = replace(EVIDENCE, change=replace(CHANGE, files=(*CHANGE.files, big)), gaps=(Gap(big.path, "too large"),))
    verdict = judge(evidence=evidence)
    assert verdict.conclusion is Conclusion.NEUTRAL
    assert verdict.risk.level is RiskLevel.HIGH
    assert verdict.escalate == ("not analysed: `src/big.py` (too large)",)
    for level in ("critical", "high", "medium", "low"):
        assert judge(evidence=evidence, fail_on=level).conclusion is Conclusion.FAILURE
    assert judge(evidence=evidence, fail_on="high", paths_ignore=("src/big.py",)).conclusion is Conclusion.SUCCESS


def test_a_lock_file_that_is_not_read_line_by_line_stands_in_nobodys_way() -> None:
    evidence = replace(EVIDENCE, gaps=(Gap("uv.lock", "lock file"),))
    assert judge(answers=(answer(),), evidence=evidence).decision == "approve"


def test_a_high_finding_requests_changes_whoever_says_it() -> None:
    assert judge(finding()).decision == "request_changes"
    assert judge(answers=(answer(claim()),)).decision == "request_changes"
    assert judge(answers=(answer(claim(confidence=0.5)),)).decision == "comment"


def test_fail_on_counts_rules_and_the_models_findings_only_when_asked_to() -> None:
    assert judge(finding()).conclusion is Conclusion.NEUTRAL
    assert judge(finding(), fail_on="high").conclusion is Conclusion.FAILURE
    assert judge(finding(), fail_on="critical").conclusion is Conclusion.NEUTRAL
    model = (answer(claim()),)
    assert judge(answers=model, fail_on="low").conclusion is Conclusion.NEUTRAL
    assert judge(answers=model, fail_on="low", fail_on_model=True).conclusion is Conclusion.FAILURE


def test_risk_is_raised_by_findings_and_areas_and_never_lowered_by_the_model() -> None:
    assert judge().risk.level is RiskLevel.LOW
    assert judge(finding(severity=Severity.CRITICAL), answers=(answer(),)).risk.level is RiskLevel.CRITICAL
    area = Area(PathKind.MIGRATION, RiskLevel.HIGH, "touches a migration", ("m.sql",))
    assert judge(areas=(area,), answers=(answer(),)).risk.level is RiskLevel.HIGH
    assert judge(answers=(answer(claim()),)).risk.level is RiskLevel.HIGH


def test_a_bare_word_of_the_model_raises_no_risk_without_a_quote() -> None:
    assert judge(answers=(answer(risk_level=RiskLevel.CRITICAL),)).risk.level is RiskLevel.LOW


def test_severity_of_rules_too_is_capped_by_their_confidence() -> None:
    [only] = judge(finding(severity=Severity.CRITICAL, confidence=0.6)).findings
    assert only.severity is Severity.MEDIUM


def test_the_config_silences_and_grades_rules() -> None:
    verdict = judge(finding(), rules={"shell": "off"})
    assert not verdict.findings
    assert [each.by for each in verdict.suppressed] == [SuppressedBy.CONFIG]
    assert verdict.risk.level is RiskLevel.LOW
    assert judge(finding(), rules={"shell": "low"}).findings[0].severity is Severity.LOW


def test_ignored_paths_are_suppressed_and_listed() -> None:
    verdict = judge(finding(), paths_ignore=("*.py", "!keep.py"))
    assert [each.by for each in verdict.suppressed] == [SuppressedBy.PATH]


def test_a_comment_on_the_line_silences_but_the_risk_does_not_fall_when_the_change_itself_adds_it() -> None:
    verdict = judge(finding(line=2, id="hush"))
    [hushed] = verdict.suppressed
    assert (hushed.by, hushed.reason, hushed.in_change) == (SuppressedBy.COMMENT, "known to the team", True)
    assert verdict.decision == "comment"
    assert verdict.risk.level is RiskLevel.HIGH


def test_a_claim_that_says_what_a_rule_says_is_merged_and_its_severity_still_weighs() -> None:
    same = claim(quote="os.system(token)", category=Category.SECURITY, severity=Severity.CRITICAL, title="Shell call")
    verdict = judge(finding(), answers=(answer(same),))
    assert [each.origin for each in verdict.findings] == [Origin.RULE]
    assert "says what `shell` says at app.py:3" in verdict.merged[0].reason
    assert verdict.risk.level is RiskLevel.CRITICAL


def test_a_claim_that_says_what_somebody_silenced_is_silent_too() -> None:
    same = claim(quote="os.system(token)", category=Category.SECURITY, title="A shell is run")
    verdict = judge(finding(), answers=(answer(same),), rules={"shell": "off"})
    assert not verdict.findings
    assert len(verdict.suppressed) == 2


def test_two_claims_about_the_same_lines_become_the_surer_one_when_they_say_the_same() -> None:
    verdict = judge(answers=(answer(claim(confidence=0.75), claim(confidence=0.95, title="no lock")),))
    assert [each.title for each in verdict.findings] == ["no lock", "it runs"]
    again = judge(answers=(answer(claim(confidence=0.75), claim(confidence=0.95, title="It  RUNS")),))
    assert [each.title for each in again.findings] == ["It RUNS"]
    assert [each.reason for each in again.merged] == ["says what `model` says at app.py:4"]


def test_what_the_change_itself_silences_is_no_reason_to_approve_it() -> None:
    verdict = judge(finding(line=2, id="hush"), answers=(answer(),))
    assert not verdict.findings
    assert verdict.decision == "comment"
    assert judge(finding(line=2, id="hush", severity=Severity.LOW), answers=(answer(),)).decision == "approve"


def test_nothing_that_goes_in_is_lost() -> None:
    claims = [claim(), claim(quote="no such code"), claim(path="else.py"), claim(line=1)]
    rules = [finding(), finding(line=2, id="hush"), finding(line=4, id="off")]
    verdict = judge(*rules, answers=(answer(*claims),), rules={"off": "off"})
    listed = (verdict.findings, verdict.rejected, verdict.merged, verdict.suppressed)
    assert sum(map(len, listed)) == len(claims) + len(rules)


def test_findings_are_sorted_worst_first() -> None:
    verdict = judge(
        finding(line=2, severity=Severity.LOW), finding(line=3, severity=Severity.CRITICAL), finding(line=4)
    )
    assert [each.severity for each in verdict.findings] == [Severity.CRITICAL, Severity.HIGH, Severity.LOW]


def test_a_person_is_asked_for_when_the_model_asks_or_most_of_it_is_unproven() -> None:
    asks = judge(answers=(answer(escalate_to_human=True, escalation_reason="a lock is missing"),))
    assert any("a lock is missing" in why for why in asks.escalate)
    unproven = judge(answers=(answer(claim(quote="no such code")),))
    assert any("1 of the model's 1 claims" in why for why in unproven.escalate)
    assert not judge(answers=(answer(),)).escalate


def test_confidence_is_the_models_when_it_was_heard_and_the_findings_when_they_decide() -> None:
    assert judge(answers=(answer(confidence=0.6),)).confidence == pytest.approx(0.6)
    assert judge(finding(), answers=(answer(confidence=0.6),)).confidence == pytest.approx(1.0)


def test_a_models_suggestion_may_be_committed_only_if_it_quotes_whole_lines_and_the_file_still_parses() -> None:
    def committable(quote: str, suggestion: str) -> bool:
        [found] = verify(
            RuleDraft(), [answer(claim(quote=quote, suggestion=suggestion))], EVIDENCE, Settings()
        ).findings
        assert found.suggestion == suggestion
        return found.committable

    assert committable("run()", "walk()")
    assert not committable("run(", "walk()")
    assert not committable("run()", "walk(")
