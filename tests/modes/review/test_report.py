from dataclasses import replace
from typing import Any

import pytest

from cicd_agent.domain.effects import (
    Annotation,
    Comment,
    Effect,
    InlineComment,
    Level,
    Output,
    Review,
    ReviewEvent,
    Summary,
)
from cicd_agent.domain.events.event import Event, EventKind, PullRequest
from cicd_agent.domain.evidence import Evidence, Gap
from cicd_agent.domain.finding import Category, Finding, Location, Origin, Passage, Severity
from cicd_agent.domain.repository.change import Change, ChangeSource
from cicd_agent.domain.repository.diff import Churn, Side
from cicd_agent.domain.repository.diff_parser import parse_diff
from cicd_agent.domain.text.sanitizer import problems
from cicd_agent.domain.usage import Usage
from cicd_agent.domain.verdict import Conclusion, Rejected, Risk, RiskLevel, Suppressed, SuppressedBy, Verdict
from cicd_agent.modes.protocol import Account
from cicd_agent.modes.review import page as pages
from cicd_agent.modes.review.report import report
from cicd_agent.settings.schema import Settings
from tests.support.pages import markdown

inline = markdown(pages.inline)
summary = markdown(pages.page)

DIFF = """\
diff --git a/app.py b/app.py
--- a/app.py
+++ b/app.py
@@ -1,3 +1,3 @@
 import os
-old()
+new()
 end
"""
CHANGE = Change("b" * 40, "a1b2c3d" + "0" * 33, ChangeSource.GIT, parse_diff(DIFF))
EVENT = Event(EventKind.PULL_REQUEST, repo="o/r", sha=CHANGE.head, pull=PullRequest(7), server="https://github.example")
EVIDENCE = Evidence(EVENT, CHANGE)


def finding(**fields: Any) -> Finding:
    return Finding(
        **{
            "id": "shell",
            "title": "a shell",
            "message": "It is one.",
            "severity": Severity.HIGH,
            "category": Category.SECURITY,
            "location": Location("app.py", 2),
            "quote": "new()",
            **fields,
        }
    )


def verdict(*findings: Finding, **fields: Any) -> Verdict:
    return Verdict(
        **{
            "conclusion": Conclusion.NEUTRAL,
            "decision": "comment",
            "confidence": None,
            "risk": Risk(RiskLevel.HIGH, 70),
            "findings": findings,
            **fields,
        }
    )


def effects(result: Verdict, evidence: Evidence = EVIDENCE, **settings: Any) -> tuple[Effect, ...]:
    return report(result, evidence, Account(), Settings(**settings)).effects


def of(kind: type, found: tuple[Effect, ...]) -> list[Any]:
    return [effect for effect in found if isinstance(effect, kind)]


def test_a_finding_becomes_one_comment_one_review_one_annotation_one_summary() -> None:
    found = effects(verdict(finding()))
    [review] = of(Review, found)
    assert (review.pull, review.commit, review.event) == (7, CHANGE.head, ReviewEvent.COMMENT)
    [comment] = review.comments
    assert (comment.path, comment.line, comment.side, comment.start) == ("app.py", 2, Side.RIGHT, 0)
    [only] = of(Comment, found)
    assert not only.only_edit
    [annotation] = of(Annotation, found)
    assert (annotation.path, annotation.line, annotation.level) == ("app.py", 2, Level.WARNING)
    assert len(of(Summary, found)) == 1


def test_what_concerns_the_pull_request_comes_before_what_tells_of_it() -> None:
    kinds = [effect.kind for effect in effects(verdict(finding()))]
    assert kinds.index("review") < kinds.index("summary") < kinds.index("output")


def test_nothing_found_writes_no_new_comment_but_edits_an_old_one() -> None:
    found = effects(verdict())
    assert not of(Review, found)
    assert of(Comment, found)[0].only_edit


@pytest.mark.parametrize(("comment", "reviews", "comments"), [("review", 1, 1), ("summary", 0, 1), ("off", 0, 0)])
def test_the_comment_input_says_what_is_written(comment: str, reviews: int, comments: int) -> None:
    found = effects(verdict(finding()), comment=comment)
    assert (len(of(Review, found)), len(of(Comment, found))) == (reviews, comments)


def test_without_a_pull_request_there_is_nobody_to_comment_to() -> None:
    found = effects(verdict(finding()), replace(EVIDENCE, event=Event(EventKind.PUSH, sha=CHANGE.head)))
    assert not of(Review, found)
    assert not of(Comment, found)
    assert of(Annotation, found)


def test_findings_below_the_thresholds_are_in_the_summary_only() -> None:
    weak = [finding(severity=Severity.LOW, title="too small"), finding(confidence=0.5, title="too unsure")]
    found = effects(verdict(*weak))
    assert not of(Review, found)
    assert not of(Annotation, found)
    body = of(Summary, found)[0].body
    assert "2 findings below your thresholds" in body
    assert "too small" in body
    assert "too unsure" in body


def test_no_more_inline_comments_than_asked_for_and_the_rest_is_counted() -> None:
    [review] = of(Review, effects(verdict(*[finding()] * 9), max_comments=3))
    assert len(review.comments) == 3
    assert "6 more in the summary comment" in review.body
    assert len({comment.key for comment in review.comments}) == 3


@pytest.mark.parametrize(
    "location",
    [
        Location("app.py", 0),
        Location("app.py", 99),
        Location("else.py", 2),
        Location("app.py", 1, side=Side.LEFT),
        Location("app.py", 2, start=2),
        Location("app.py", 3, start=1, side=Side.LEFT),
    ],
)
def test_a_finding_without_a_place_in_the_diff_is_no_inline_comment_but_stays_in_the_summary(
    location: Location,
) -> None:
    found = effects(verdict(finding(location=location)))
    assert not of(Review, found)
    assert "a shell" in of(Summary, found)[0].body


@pytest.mark.parametrize("shown", [{"binary": True}, {"excerpt_of": Churn(9, 9)}])
def test_where_github_shows_no_lines_there_is_no_inline_comment_but_an_annotation(shown: dict[str, Any]) -> None:
    [file] = CHANGE.files
    found = effects(verdict(finding()), replace(EVIDENCE, change=replace(CHANGE, files=(replace(file, **shown),))))
    assert not of(Review, found)
    assert of(Annotation, found)[0].line == 2
    assert "a shell" in str(of(Comment, found)[0])


def test_a_deleted_line_is_commented_on_the_left_and_annotated_on_the_file() -> None:
    found = effects(verdict(finding(location=Location("app.py", 2, side=Side.LEFT))))
    [comment] = of(Review, found)[0].comments
    assert comment.side is Side.LEFT
    assert of(Annotation, found)[0].line == 0


def test_only_blocking_findings_are_errors() -> None:
    blocked = finding()
    found = effects(verdict(blocked, finding(severity=Severity.MEDIUM, quote="x"), blocking=(blocked.fingerprint,)))
    assert [annotation.level for annotation in of(Annotation, found)] == [Level.ERROR, Level.WARNING]


def test_outputs_of_the_mode_are_all_set() -> None:
    found = {output.name: output.value for output in of(Output, effects(verdict(finding())))}
    assert found == {
        "decision": "comment",
        "findings_count": "1",
        "blocking_count": "0",
        "confidence": "",
        "summary": "Changes requested: 1 finding (1 high) to fix before merge · risk high (70)",
    }


def page(result: Verdict, evidence: Evidence = EVIDENCE, account: Account = Account()) -> str:
    return summary(result, evidence, account, Settings())


def test_code_is_linked_at_the_commit_that_was_looked_at() -> None:
    link = f"[`app.py:2`](https://github.example/o/r/blob/{CHANGE.head}/app.py#L2)"
    assert link in page(verdict(finding()))


def test_the_summary_says_what_was_not_looked_at_and_why() -> None:
    evidence = replace(EVIDENCE, gaps=(Gap("app.py", "lock file"), Gap("", "the commit list was cut at 250")))
    text = page(verdict(), evidence)
    assert "Nothing in this change was analysed" in text
    assert "Not analysed: `app.py` (lock file)" in text
    assert "Nothing in this change was analysed" in text
    assert "Note: the commit list was cut at 250." in text


def test_rejected_merged_and_suppressed_claims_are_listed_with_their_reasons() -> None:
    text = page(
        verdict(
            rejected=(Rejected(finding(title="ghost"), "its path is not in the change"),),
            merged=(Rejected(finding(title="twin"), "says what `shell` says"),),
            suppressed=(Suppressed(finding(title="hushed"), SuppressedBy.COMMENT, "we know", in_change=True),),
        )
    )
    for words in ("1 unproven claim", "1 merged", "1 suppressed", "ghost", "twin", "hushed", "we know"):
        assert words in text
    assert "**added by this change**" in text


def test_the_cost_is_named_and_an_unknown_one_is_called_unknown() -> None:
    used = Usage(3, 18_000, 204)
    assert "m-1, 3 requests · 18,204 tokens · $0.09" in page(
        verdict(), account=Account(model="m-1", usage=used, cost_usd=0.09)
    ).replace("\\", "")
    unknown = page(verdict(), account=Account(model="m", usage=Usage(1, None, None))).replace("\\", "")
    assert "tokens unknown · cost unknown" in unknown
    assert "rules only" in page(verdict())


def test_a_degraded_run_says_so_and_a_person_is_asked_for_with_the_reason() -> None:
    text = page(verdict(escalate=("the risk is critical",)), account=Account(degraded="the model is down"))
    assert "**Degraded:** the model is down" in text
    assert "Needs human review: the risk is critical." in text


@pytest.mark.parametrize(
    "evil",
    ["![x](https://e.example/a)", "<img src=x>", "@everyone", "fixes #1", "a | b", "`", "```\n", "~~~", "<!-- x -->"],
)
def test_whatever_foreign_words_say_what_is_published_is_inert(evil: str) -> None:
    foreign = finding(
        title=evil, message=evil, advice=evil, suggestion=evil, origin=Origin.MODEL, id="model", confidence=0.9
    )
    lists = {
        "rejected": (Rejected(foreign, evil),),
        "merged": (Rejected(foreign, evil),),
        "suppressed": (Suppressed(foreign, SuppressedBy.COMMENT, evil),),
        "escalate": (evil,),
        "remarks": (evil,),
        "contradictions": (evil,),
    }
    account = Account(model=evil, usage=Usage(1, 1, 1), degraded=evil, notices=(evil,), left_out=(evil,))
    evidence = replace(EVIDENCE, gaps=(Gap(evil, evil), Gap("", evil)))
    for text in (page(verdict(foreign, **lists), evidence, account), inline(foreign, CHANGE)):
        assert problems(text, {"github.example"}) == ()


def test_a_proved_suggestion_is_offered_and_any_other_is_only_shown_with_the_reason() -> None:
    rests = (Passage(Location("lib/pool.py", 8), "return None"),)
    assert "**See also** `lib/pool.py:8`:\n\n```\nreturn None\n```" in inline(finding(elsewhere=rests), CHANGE)
    assert "```suggestion\nnew(1)\n```" in inline(finding(suggestion="new(1)", committable=True), CHANGE)
    shown = inline(finding(suggestion="new(1)"), CHANGE)
    assert "```suggestion" not in shown
    assert "new(1)" in shown
    assert "*Not offered as a suggestion: the whole file is not known.*" in shown


def test_an_inline_comment_says_how_to_silence_its_rule() -> None:
    assert "cicd-agent: ignore[shell] reason" in inline(finding(), CHANGE)


def test_a_key_is_the_same_on_the_next_run_when_lines_have_shifted() -> None:
    def key(line: int) -> str:
        shifted = replace(CHANGE, files=parse_diff(DIFF.replace("@@ -1,3 +1,3 @@", f"@@ -{line},3 +{line},3 @@")))
        found = effects(verdict(finding(location=Location("app.py", line + 1))), replace(EVIDENCE, change=shifted))
        [comment] = of(Review, found)[0].comments
        assert isinstance(comment, InlineComment)
        return comment.key

    assert key(1) == key(50)
