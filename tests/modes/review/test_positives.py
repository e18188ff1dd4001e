import pytest

from cicd_agent.domain.finding import Category, Finding, Location, Severity
from cicd_agent.domain.repository.change import Change, ChangeSource
from cicd_agent.domain.repository.diff_parser import parse_diff
from cicd_agent.domain.verdict import RiskLevel, Strength
from cicd_agent.modes.review.claims import positives
from cicd_agent.modes.review.questions.draft import ClaimedStrength, ReviewDraft
from tests.support.samples.changes import change_of

DIFF = """\
diff --git a/app.py b/app.py
--- a/app.py
+++ b/app.py
@@ -1,3 +1,5 @@
 import os
-old()
+with closing(connect()) as db:
+    run(db, timeout=10)
+    run(db, timeout=10)
 end()
"""
CHANGE = Change("b" * 40, "h" * 40, ChangeSource.GIT, parse_diff(DIFF))


def draft(*claims: ClaimedStrength) -> ReviewDraft:
    return ReviewDraft(
        summary="",
        findings=(),
        strengths=claims,
        risk_level=RiskLevel.LOW,
        confidence=0.9,
        escalate_to_human=False,
        escalation_reason=None,
    )


def claim(
    quote: str = "with closing(connect()) as db:", path: str = "app.py", what: str = "It closes."
) -> ClaimedStrength:
    return ClaimedStrength(path=path, quote=quote, what=what)


def finding(line: int = 2, category: Category = Category.SECURITY) -> Finding:
    return Finding("x", "x", "", Severity.LOW, category, Location("app.py", line))


def test_a_strength_that_quotes_added_code_stands_at_its_lines() -> None:
    assert positives([draft(claim())], CHANGE, ()) == ((Strength("It closes", Location("app.py", 2)),), ())


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (claim(quote="with open(path) as file:"), "its quote is not in the diff"),
        (claim(quote="old()"), "its quote is not in the diff"),
        (claim(quote="end()"), "the change does not add it"),
        (claim(quote="run(db, timeout=10)"), "its quote occurs at several places"),
        (claim(path="other.py"), "its path is not in the change"),
        (claim(what=" . "), "it does not say what"),
        (claim(quote=""), "it quotes no code"),
    ],
)
def test_what_is_not_proved_is_recorded_and_not_shown(said: ClaimedStrength, why: str) -> None:
    kept, [rejected] = positives([draft(said)], CHANGE, ())
    assert kept == ()
    assert rejected.reason.startswith(f"praise without proof: {why}")
    assert rejected.claim.location.path == said.path


def test_nothing_is_praised_where_a_finding_stands() -> None:
    kept, [rejected] = positives([draft(claim())], CHANGE, [finding()])
    assert kept == ()
    assert "a finding stands at its lines" in rejected.reason


def test_two_are_enough() -> None:
    kept, [rejected] = positives([draft(claim(), claim(), claim())], CHANGE, ())
    assert len(kept) == 2
    assert "enough of its kind" in rejected.reason


def with_tests(code: int, tests: int) -> Change:
    return change_of(
        ("src/app.py", None, "".join(f"x{number} = {number}\n" for number in range(code))),
        ("tests/test_app.py", None, "".join(f"assert x{number}\n" for number in range(tests))),
    )


@pytest.mark.parametrize(("code", "tests", "said"), [(40, 12, True), (40, 11, False), (19, 50, False), (0, 50, False)])
def test_code_that_comes_with_tests_is_counted(code: int, tests: int, said: bool) -> None:  # noqa: FBT001  a table
    kept, _ = positives([], with_tests(code, tests), ())
    assert kept == ((Strength(f"{code} lines of code come with {tests} lines of tests"),) if said else ())


def test_tests_that_are_found_weak_are_no_strength() -> None:
    assert positives([], with_tests(40, 40), [finding(category=Category.TESTING)]) == ((), ())
