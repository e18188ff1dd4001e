"""Whatever a judge says, it takes findings away or weakens them, and says why."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cicd_agent.agent.messages import Answer, Tier
from cicd_agent.analysis.rules.run import RuleDraft
from cicd_agent.domain.events.event import Event, EventKind, PullRequest
from cicd_agent.domain.evidence import Evidence, Exhibit
from cicd_agent.domain.finding import Category, Finding, Location, Origin, Severity
from cicd_agent.domain.verdict import RiskLevel, Verdict
from cicd_agent.modes.review.questions.draft import Claim, ClaimedSide, ReviewDraft
from cicd_agent.modes.review.questions.judge import Amended, Judged, JudgeDraft, Ruling
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
        **{
            "id": name,
            "ruling": said,
            "reason": "See line 3.",
            "quote": "line_3()",
            "amended": None,
            "severity": None,
            "confidence": None,
            **fields,
        }
    )


def ruled(*rulings: Judged, **fields: Any) -> Answer[JudgeDraft]:
    evidence = (Exhibit("E1", "app.py", "\n".join(AFTER)),)
    return Answer("judge", JudgeDraft(rulings=rulings), optional=True, evidence=evidence, **fields)


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
    assert (rejected.claim.quote, rejected.reason) == ("run()", "refuted on second look: See line 3.")
    assert not any("could not be proved" in why for why in result.escalate)


def test_a_judge_that_drops_everything_without_proof_does_not_approve() -> None:
    assert verdict(reviewed(), ruled()).decision == "approve"
    for unproved in ("", "run()", "line_3_of_another_file()"):
        result = verdict(reviewed(claim()), ruled(ruling(said=Ruling.DROP, quote=unproved)))
        assert result.decision == "comment"
        assert [finding.confidence for finding in result.findings] == [0.5]


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


def test_one_sure_claim_alone_in_a_small_change_is_not_judged() -> None:
    small = Evidence(EVIDENCE.event, change_of(("app.py", "one()\n", "one()\nrun()\n")))
    for confidence, claims, judged in ((0.9, 1, 0), (0.7, 1, 1), (0.9, 2, 1)):
        made = [claim(confidence=confidence), claim("one()", confidence=confidence)][:claims]
        assert len(questions(small, (reviewed(*made),), Settings())) == judged
    assert len(asked(claim())) == 1


@pytest.mark.parametrize(
    ("rulings", "words"),
    [
        ((ruling("C1"), ruling("C2")), ""),
        ((ruling("C1"),), "C2 has no ruling"),
        ((ruling("C1"), ruling("C2"), ruling("C2")), "C2 has several"),
        ((ruling("C1"), ruling("C2"), ruling("C99")), "'C99' is no claim"),
        ((ruling("C1"), ruling("C2", Ruling.DROP, quote="")), "C2: `drop` without a `quote`"),
        ((ruling("C1"), ruling("C2", Ruling.UNSURE, quote="")), ""),
    ],
)
def test_each_claim_wants_one_ruling_and_each_ruling_a_quote(rulings: tuple[Judged, ...], words: str) -> None:
    [question] = asked(claim(), claim("stop()", line=0))
    complaint = question.check(JudgeDraft(rulings=rulings))
    assert words in complaint if words else complaint is None


def test_a_judge_is_shown_what_the_reviewer_looked_up_and_may_quote_it() -> None:
    looked_up = Exhibit("L1", "read_file", "lib.py, lines 1 to 1 of 1\n1 | guard()")
    answer = replace(reviewed(claim()), lookups=(looked_up,))
    [question] = questions(EVIDENCE, (answer,), Settings())
    assert "R1" in [exhibit.id for exhibit in question.evidence]
    second = replace(ruled(ruling(said=Ruling.DROP, quote="guard()")), evidence=question.evidence)
    assert verdict(answer, second).findings == ()
    words = replace(ruled(ruling(said=Ruling.DROP, quote="explanation: why")), evidence=question.evidence)
    assert len(verdict(answer, words).findings) == 1


def test_a_judge_may_say_better_what_it_proves_anew() -> None:
    better = Amended(title="It stops first", explanation="Because.", advice=None, quote="stop()")
    [moved] = verdict(reviewed(claim()), ruled(ruling(amended=better))).findings
    assert (moved.title, moved.message, moved.quote) == ("It stops first", "Because.", "stop()")
    made_up = better.model_copy(update={"quote": "made_up()"})
    [kept] = verdict(reviewed(claim()), ruled(ruling(amended=made_up))).findings
    assert (kept.title, kept.quote) == ("run() fails", "run()")


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
