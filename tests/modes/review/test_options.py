"""What a review plans when its options are on: a verdict only where it is deserved, one label, one check run."""

from dataclasses import replace
from typing import Any, TypeVar

import pytest

from cicd_agent.domain.effects import Annotation, CheckRun, Comment, Effect, Labels, Plan, Review, ReviewEvent
from cicd_agent.domain.events.event import Event, EventKind, PullRequest
from cicd_agent.domain.evidence import Evidence, Gap
from cicd_agent.domain.finding import Category, Finding, Location, Severity
from cicd_agent.domain.repository.change import Change, ChangeSource
from cicd_agent.domain.repository.diff import Side
from cicd_agent.domain.repository.diff_parser import parse_diff
from cicd_agent.domain.verdict import Conclusion, Risk, RiskLevel, Verdict
from cicd_agent.modes.protocol import Account
from cicd_agent.modes.review.report import report
from cicd_agent.settings.schema import OFF, Settings

DIFF = """\
diff --git a/app.py b/app.py
--- a/app.py
+++ b/app.py
@@ -1,2 +1,2 @@
 import os
-old()
+new()
"""
CHANGE = Change("b" * 40, "a" * 40, ChangeSource.GIT, parse_diff(DIFF))
EVIDENCE = Evidence(Event(EventKind.PULL_REQUEST, repo="o/r", sha=CHANGE.head, pull=PullRequest(7)), CHANGE)
FINDING = Finding(
    id="shell",
    title="a shell",
    message="It is one.",
    severity=Severity.HIGH,
    category=Category.SECURITY,
    location=Location("app.py", 2),
    quote="new()",
)
E = TypeVar("E", bound=Effect)
CLEAN = Verdict(Conclusion.SUCCESS, "approve", 0.9, Risk(RiskLevel.LOW, 3))
BAD = Verdict(Conclusion.FAILURE, "request_changes", 0.9, Risk(RiskLevel.HIGH, 70), (FINDING,))


def plan(verdict: Verdict, evidence: Evidence = EVIDENCE, account: Account = Account(), **settings: Any) -> Plan:
    return report(verdict, evidence, account, Settings(**{"model": OFF, **settings}))


def of(kind: type[E], found: Plan) -> list[E]:
    return [effect for effect in found.effects if isinstance(effect, kind)]


def test_by_default_there_is_no_verdict_no_label_and_no_check_run() -> None:
    found = plan(BAD)
    assert {one.event for one in of(Review, found)} == {ReviewEvent.COMMENT}
    assert not of(Labels, found)
    assert not of(CheckRun, found)
    assert not of(Review, plan(CLEAN))


@pytest.mark.parametrize(
    ("verdict", "event", "comments"),
    [
        (CLEAN, ReviewEvent.APPROVE, 0),
        (BAD, ReviewEvent.REQUEST_CHANGES, 1),
        (replace(CLEAN, decision="comment"), ReviewEvent.COMMENT, 0),
    ],
)
def test_a_review_says_what_the_decision_says_when_asked_to(
    verdict: Verdict, event: ReviewEvent, comments: int
) -> None:
    [review] = of(Review, plan(verdict, review_event="verdict"))
    assert (review.event, len(review.comments), review.commit, review.withheld) == (event, comments, CHANGE.head, "")
    assert "\n" not in review.body.strip()
    assert review.body


@pytest.mark.parametrize(
    ("evidence", "account", "settings", "why"),
    [
        (EVIDENCE, Account(degraded="the model is down"), {}, "no model was used"),
        (EVIDENCE, Account(config_status="invalid"), {}, "config file"),
        (EVIDENCE, Account(left_out=("app.py",)), {}, "not everything"),
        (replace(EVIDENCE, gaps=(Gap("logo.bin", "binary"),)), Account(), {}, "not everything"),
        (EVIDENCE, Account(), {"deny_paths": ("*.py",)}, "not everything"),
        (EVIDENCE, Account(), {"paths_ignore": ("*.py",)}, "not everything"),
        (
            replace(EVIDENCE, event=replace(EVIDENCE.event, pull=PullRequest(7, from_fork=True))),
            Account(),
            {},
            "from a fork",
        ),
    ],
    ids=["degraded", "broken config", "no room", "binary", "denied", "ignored", "fork"],
)
def test_what_was_not_seen_whole_or_comes_from_a_fork_is_not_approved(
    evidence: Evidence, account: Account, settings: dict[str, Any], why: str
) -> None:
    [review] = of(Review, plan(CLEAN, evidence, account, review_event="verdict", **settings))
    assert review.event is ReviewEvent.COMMENT
    assert why in review.withheld
    [comment] = of(Comment, plan(CLEAN, evidence, account, review_event="verdict", **settings))
    assert f"Not approved on GitHub: {review.withheld.split('/')[0]}" in comment.body
    [review] = of(Review, plan(BAD, evidence, account, review_event="verdict", **settings))
    assert review.event is ReviewEvent.REQUEST_CHANGES


@pytest.mark.parametrize(("comment", "reviews", "lines"), [("review", 1, 1), ("summary", 1, 0), ("off", 0, 0)])
def test_a_verdict_keeps_to_what_is_written_at_all(comment: str, reviews: int, lines: int) -> None:
    found = of(Review, plan(BAD, review_event="verdict", comment=comment))
    assert (len(found), sum(len(one.comments) for one in found)) == (reviews, lines)
    assert len(of(Comment, plan(BAD, review_event="verdict", comment=comment))) == reviews


def test_the_label_says_the_risk_also_where_nothing_is_written() -> None:
    [label] = of(Labels, plan(BAD, labels="on", comment="off"))
    assert (label.pull, label.risk) == (7, RiskLevel.HIGH)


def test_a_check_run_has_the_findings_in_place_of_the_runners_annotations() -> None:
    deleted = replace(FINDING, location=Location("app.py", 2, side=Side.LEFT))
    bad = replace(BAD, findings=(FINDING, deleted), blocking=(FINDING.fingerprint,))
    found = plan(bad, check_run="on")
    [check] = of(CheckRun, found)
    assert not of(Annotation, found)
    assert (check.commit, check.conclusion) == (CHANGE.head, Conclusion.FAILURE)
    assert [(one.path, one.line, one.level) for one in check.annotations] == [
        ("app.py", 2, "error"),
        ("app.py", 0, "warning"),
    ]
    assert check.annotations == tuple(of(Annotation, plan(bad)))


def test_a_push_has_a_check_run_and_no_label_and_a_terminal_neither() -> None:
    on: dict[str, Any] = {"labels": "on", "check_run": "on", "review_event": "verdict"}
    pushed = plan(BAD, replace(EVIDENCE, event=Event(EventKind.PUSH, sha=CHANGE.head)), **on)
    assert (len(of(CheckRun, pushed)), len(of(Labels, pushed)), len(of(Review, pushed))) == (1, 0, 0)
    local = plan(BAD, replace(EVIDENCE, event=Event(EventKind.LOCAL, sha=CHANGE.head)), **on)
    assert not of(CheckRun, local)
    assert of(Annotation, local)
