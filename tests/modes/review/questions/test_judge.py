"""Whatever a judge says, it takes findings away or weakens them, and says why."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cicd_agent.agent.messages import Answer, Tier
from cicd_agent.analysis.rules.run import RuleDraft
from cicd_agent.domain.events.event import Event, EventKind, PullRequest
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.finding import Category, Finding, Location, Origin, Severity
from cicd_agent.domain.verdict import RiskLevel, Verdict
from cicd_agent.modes.review.questions.draft import Claim, ClaimedSide, ReviewDraft
from cicd_agent.modes.review.questions.judge import Judged, JudgeDraft, Ruling
from cicd_agent.modes.review.questions.sequence import questions
from cicd_agent.modes.review.verdict import verify
from cicd_agent.settings.schema import Settings
from tests.support.samples.changes import change_of

LINES = [f"line_{number}()" for number in range(200)]
AFTER = [*LINES[:5], "run()", *LINES[5:], "stop()"]
EVIDENCE = Evidence(
    Event(EventKind.PULL_REQUEST, pull=PullRequest(1)),
    change_of(
        ("app.py", "\n".join(LINES) + "\n", "\n".join(AFTER) + "\n"),
        ("new.py", None, "\n".join(f"each_{number}()" for number in range(200)) + "\n"),
        (".env", None, "hidden_word()\n"),
    ),
)


def claim(quote: str = "run()", **fields: Any) -> Claim:
    return Claim(
        **{
            "path": "app.py",
            "side": ClaimedSide.NEW,
            "line": 6,
            "quote": quote,
            "severity": Severity.HIGH,
            "category": Category.RELIABILITY,
            "confidence": 0.9,
            "title": f"{quote} fails",
            "explanation": "why",
            "advice": None,
            "suggestion": None,
            **fields,
        }
    )


def reviewed(*claims: Claim) -> Answer[ReviewDraft]:
    draft = ReviewDraft(
        summary="It runs.",
        findings=claims,
        risk_level=RiskLevel.LOW,
        confidence=0.8,
        escalate_to_human=False,
        escalation_reason=None,
    )
    return Answer("review", draft)


def ruling(name: str = "C1", said: Ruling = Ruling.KEEP, **fields: Any) -> Judged:
    return Judged(
        **{"id": name, "ruling": said, "reason": "See line 3.", "severity": None, "confidence": None, **fields}
    )


def ruled(*rulings: Judged, **fields: Any) -> Answer[JudgeDraft]:
    return Answer("judge", JudgeDraft(rulings=rulings), optional=True, **fields)


def verdict(*answers: Answer[Any], rules: RuleDraft | None = None, **settings: Any) -> Verdict:
    return verify(rules or RuleDraft(), answers, EVIDENCE, Settings(**settings))


def asked(*claims: Claim, **settings: Any) -> Any:
    return questions(EVIDENCE, (reviewed(*claims),), Settings(**settings))


def test_a_clean_change_is_asked_about_once() -> None:
    assert asked() == ()


def test_nobody_judges_what_was_not_answered_not_proven_or_is_not_to_be_judged() -> None:
    assert questions(EVIDENCE, (Answer("review", None, failure="down"),), Settings()) == ()
    assert asked(claim("made_up()")) == ()
    assert asked(claim(), judge="off") == ()


def test_the_judge_may_be_the_fast_model() -> None:
    tiers = [asked(claim(), **chosen)[0].tier for chosen in ({}, {"judge": "fast"})]
    assert tiers == [Tier.JUDGEMENT, Tier.FAST]


def test_the_judge_is_asked_once() -> None:
    for second in (ruled(), Answer("judge", None, failure="down", optional=True)):
        assert questions(EVIDENCE, (reviewed(claim()), second), Settings()) == ()


def test_the_judge_sees_each_claim_and_the_code_around_its_quote_once() -> None:
    [question] = asked(claim(), claim("line_5()", line=7), claim("each_100()", path="new.py", line=101))
    shown = {exhibit.id: exhibit for exhibit in question.evidence}
    assert [*shown] == ["C1", "C2", "C3", "E1", "E2"]
    assert "quote: run()\ntitle: run() fails\nexplanation: why" in shown["C1"].text
    assert shown["E1"].text.split("\n").count("run()") == 1
    assert shown["E2"].text.split("\n") == [f"each_{number}()" for number in range(70, 131)]
    assert shown["E2"].gutter[0] == "71+"
    assert question.optional


def test_what_a_model_may_not_be_shown_is_not_judged_and_stays() -> None:
    hidden = claim("hidden_word()", path=".env", line=1)
    assert asked(hidden) == ()
    [question] = asked(hidden, claim())
    assert "hidden_word" not in str(question.evidence)
    assert [exhibit.id for exhibit in question.evidence] == ["C2", "E1"]


def test_a_claim_that_is_not_defended_is_rejected_with_the_reason() -> None:
    result = verdict(reviewed(claim(), claim("stop()", line=0)), ruled(ruling(said=Ruling.DROP)))
    assert [finding.quote for finding in result.findings] == ["stop()"]
    [rejected] = result.rejected
    assert (rejected.claim.quote, rejected.reason) == ("run()", "not defended: See line 3.")
    assert not any("could not be proved" in why for why in result.escalate)


def test_a_judge_that_drops_everything_does_not_approve() -> None:
    assert verdict(reviewed(), ruled()).decision == "approve"
    assert verdict(reviewed(claim()), ruled(ruling(said=Ruling.DROP))).decision == "comment"


def test_a_judge_lowers_severity_and_confidence_and_raises_neither() -> None:
    low = ruling(severity=Severity.LOW, confidence=0.6)
    [finding] = verdict(reviewed(claim()), ruled(low)).findings
    assert (finding.severity, finding.confidence) == (Severity.LOW, 0.6)
    high = ruling(severity=Severity.CRITICAL, confidence=1.0)
    [finding] = verdict(reviewed(claim()), ruled(high)).findings
    assert (finding.severity, finding.confidence) == (Severity.HIGH, 0.9)


def test_less_confidence_carries_less_severity() -> None:
    [finding] = verdict(reviewed(claim()), ruled(ruling(confidence=0.4))).findings
    assert finding.severity is Severity.LOW


def test_what_a_judge_is_unsure_of_falls_below_the_threshold() -> None:
    result = verdict(reviewed(claim()), ruled(ruling(said=Ruling.UNSURE)))
    assert [finding.confidence for finding in result.findings] == [0.5]
    assert result.decision == "comment"


DROP = ruling(said=Ruling.DROP)


@pytest.mark.parametrize(
    "second",
    [
        Answer("judge", None, failure="down", optional=True),
        ruled(),
        ruled(ruling("C9", Ruling.DROP)),
        ruled(ruling("", Ruling.DROP)),
        ruled(ruling(said=Ruling.DROP, reason=" \n")),
        ruled(DROP, ruling()),
        ruled(DROP, DROP),
        ruled(DROP, left_out=("app.py",)),
        ruled(DROP, left_out=("app.py from line 5 +",)),
    ],
)
def test_without_a_valid_ruling_a_claim_stays_as_it_was(second: Answer[Any]) -> None:
    assert verdict(reviewed(claim()), second) == verdict(reviewed(claim()))


def test_a_judge_without_room_for_one_file_judges_the_others() -> None:
    assert verdict(reviewed(claim()), ruled(DROP, left_out=("new.py",))).findings == ()


RULE = Finding(
    id="shell",
    title="a shell",
    message="why",
    severity=Severity.HIGH,
    category=Category.SECURITY,
    location=Location("app.py", 6),
    quote="run()",
)
CLAIMS = st.lists(
    st.builds(
        lambda quote, severity, category, confidence: claim(
            quote, severity=severity, category=category, confidence=confidence
        ),
        st.sampled_from(["run()", "stop()", "line_5()", "made_up()"]),
        st.sampled_from(Severity),
        st.sampled_from(Category),
        st.floats(0, 1),
    ),
    max_size=4,
)
RULINGS = st.lists(
    st.builds(
        Judged,
        id=st.sampled_from(["C1", "C2", "C3", "C4", "C9", "", "run()"]),
        ruling=st.sampled_from(Ruling),
        reason=st.sampled_from(["", "No.", "a\nb"]),
        severity=st.none() | st.sampled_from(Severity),
        confidence=st.none() | st.floats(0, 1),
    ),
    max_size=6,
)


@given(CLAIMS, RULINGS)
def test_whatever_a_judge_says_nothing_is_added_and_nothing_raised(claims: list[Claim], rulings: list[Judged]) -> None:
    rules = RuleDraft(findings=(RULE,))
    before = verdict(reviewed(*claims), rules=rules)
    after = verdict(reviewed(*claims), ruled(*rulings), rules=rules)
    proven = [*before.findings, *(each.claim for each in before.merged)]
    for finding in after.findings:
        same = [
            each
            for each in proven
            if replace(finding, severity=each.severity, confidence=each.confidence) == each
            and finding.severity.rank <= each.severity.rank
            and finding.confidence <= each.confidence
        ]
        assert same
    assert RULE in after.findings
    assert after.risk.score <= before.risk.score
    assert (after.decision == "approve") <= (before.decision == "approve")
    everything = (*after.findings, *(each.claim for each in (*after.merged, *after.rejected)))
    assert sum(each.origin is Origin.MODEL for each in everything) == len(claims)
