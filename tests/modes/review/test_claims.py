from typing import Any

import pytest

from cicd_agent.agent.messages import Answer
from cicd_agent.analysis.rules.suppression import capped
from cicd_agent.domain.evidence import Exhibit
from cicd_agent.domain.finding import Category, Location, Passage, Severity
from cicd_agent.domain.repository.change import Change, ChangeSource
from cicd_agent.domain.repository.diff import Side
from cicd_agent.domain.repository.diff_parser import parse_diff
from cicd_agent.domain.verdict import RiskLevel
from cicd_agent.modes.review.claims import MAX_CLAIMS, Prover, claims_of, complain
from cicd_agent.modes.review.questions.draft import Claim, ClaimedSide, QuotedCode, ReviewDraft
from tests.support.samples.changes import change_of

DIFF = """\
diff --git a/old name.py b/new.py
similarity index 60%
rename from old name.py
rename to new.py
--- a/old name.py
+++ b/new.py
@@ -1,4 +1,5 @@
 import requests
-def fetch(url, timeout):
-    return requests.get(url, timeout=timeout)
+def fetch(url):
+    a = requests.get(url)
+    return a
 end
diff --git a/logo.png b/logo.png
index 1111111..2222222 100644
Binary files a/logo.png and b/logo.png differ
"""
CHANGE = Change("b" * 40, "h" * 40, ChangeSource.GIT, parse_diff(DIFF))


def claim(**fields: Any) -> Claim:
    return Claim(
        **{
            "path": "new.py",
            "side": ClaimedSide.NEW,
            "line": 3,
            "quote": "a = requests.get(url)",
            "severity": Severity.HIGH,
            "category": Category.RELIABILITY,
            "confidence": 0.9,
            "title": "no timeout",
            "explanation": "It hangs.",
            "advice": None,
            "suggestion": None,
            **fields,
        }
    )


def draft(*claims: Claim) -> ReviewDraft:
    return ReviewDraft(
        summary="It fetches.",
        findings=claims,
        risk_level=RiskLevel.LOW,
        confidence=0.8,
        escalate_to_human=False,
        escalation_reason=None,
    )


def test_the_line_is_taken_from_where_the_quote_stands() -> None:
    [finding] = Prover(CHANGE).prove([claim(line=4711)]).findings
    assert (finding.location.path, finding.location.line, finding.location.start) == ("new.py", 3, 0)
    assert finding.quote == "    a = requests.get(url)"


def test_a_quote_of_several_lines_is_a_range() -> None:
    [finding] = Prover(CHANGE).prove([claim(quote="a = requests.get(url)\nreturn a")]).findings
    assert (finding.location.start, finding.location.line) == (3, 4)


def test_the_old_side_goes_by_the_old_name_or_the_new_one_and_is_anchored_at_the_new() -> None:
    for path in ("old name.py", "new.py"):
        [finding] = Prover(CHANGE).prove([claim(path=path, side=ClaimedSide.OLD, quote="timeout=timeout")]).findings
        assert finding.location.path == "new.py"
        assert finding.location.side is Side.LEFT
        assert finding.location.line == 3


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"path": "nowhere.py"}, "path is not in the change"),
        ({"path": "logo.png"}, "not in the diff"),
        ({"quote": "requests.post(url)"}, "not in the diff"),
        ({"quote": ""}, "quotes no code"),
        ({"title": " "}, "what is wrong"),
    ],
)
def test_what_cannot_be_proved_is_rejected_with_its_reason(fields: dict[str, Any], reason: str) -> None:
    proof = Prover(CHANGE).prove([claim(**fields)])
    assert not proof.findings
    assert reason in proof.rejected[0].reason


def test_every_claim_is_either_found_or_rejected_even_of_a_runaway_answer() -> None:
    proof = Prover(CHANGE).prove([claim()] * (MAX_CLAIMS + 7))
    assert len(proof.findings) == MAX_CLAIMS
    assert len(proof.rejected) == 7


@pytest.mark.parametrize(
    ("confidence", "severity"),
    [(0.2, Severity.LOW), (0.5, Severity.MEDIUM), (0.7, Severity.HIGH), (0.85, Severity.CRITICAL)],
)
def test_severity_is_capped_by_confidence(confidence: float, severity: Severity) -> None:
    assert capped(Severity.CRITICAL, confidence) is severity
    assert capped(Severity.LOW, confidence) is Severity.LOW


def test_the_complaint_names_what_was_rejected_and_only_that() -> None:
    complaint = complain(draft(claim(), claim(path="nowhere.py", title="ghost")), Prover(CHANGE))
    assert complaint is not None
    assert "1 of your 2 findings" in complaint
    assert "ghost" in complaint
    assert "no timeout" not in complaint


def test_there_is_no_complaint_when_everything_stands() -> None:
    assert complain(draft(claim()), Prover(CHANGE)) is None
    assert complain(draft(), Prover(CHANGE)) is None


@pytest.mark.parametrize(
    "fields",
    [
        {"quote": "3+|    a = requests.get(url)"},
        {"quote": "3 + | a = requests.get(url)\n4 + | return a"},
        {"quote": "a = requests.get( url )"},
        {"quote": "a = requests.g…"},
        {"quote": "def fetch(url):\n…\nreturn a"},
        {"quote": "def fetch(url):\n    # ...\n    return a"},
        {"side": ClaimedSide.OLD},
        {"path": "src/new.py"},
        {"path": "./new.py"},
    ],
)
def test_what_models_get_wrong_when_they_copy_is_repaired(fields: dict[str, Any]) -> None:
    [finding] = Prover(CHANGE).prove([claim(**fields)]).findings
    assert (finding.location.path, finding.location.side) == ("new.py", Side.RIGHT)
    assert 3 in range(finding.location.first, finding.location.line + 1)


def test_a_base_name_of_two_files_is_a_path_only_where_the_quote_stands_in_one() -> None:
    change = change_of(("a/x.py", None, "one()\nboth()\n"), ("b/x.py", None, "two()\nboth()\n"))
    [finding] = Prover(change).prove([claim(path="x.py", quote="two()")]).findings
    assert finding.location.path == "b/x.py"
    [rejected] = Prover(change).prove([claim(path="x.py", quote="both()")]).rejected
    assert rejected.reason == "its path is not in the change"


LOOKED_UP = Exhibit("L1", "read_file", "lib/pool.py, lines 7 to 9 of 90\n7 | def take(self):\n8 |     return None")
SEARCHED = Exhibit("L2", "search", "lib/pool.py:8:    return None\nlib/other.py:3:take()")


@pytest.mark.parametrize("exhibit", [LOOKED_UP, SEARCHED])
def test_a_second_place_may_stand_in_what_was_looked_up(exhibit: Exhibit) -> None:
    cause = QuotedCode(path="lib/pool.py", quote="return None")
    made_up = QuotedCode(path="lib/pool.py", quote="return 1")
    elsewhere = QuotedCode(path="lib/wrong.py", quote="return None")
    [finding] = Prover(CHANGE, [exhibit]).prove([claim(elsewhere=(cause, made_up, elsewhere))]).findings
    assert finding.elsewhere == (Passage(Location("lib/pool.py", 8), "return None"),)
    assert finding.location.line == 3


def test_a_cause_in_unchanged_code_is_posted_at_the_changed_line_that_makes_it_a_bug() -> None:
    changed = QuotedCode(path="new.py", quote="return a")
    swapped = claim(path="lib/pool.py", quote="return None", elsewhere=(changed,))
    [finding] = Prover(CHANGE, [LOOKED_UP]).prove([swapped]).findings
    assert (finding.location.path, finding.location.line) == ("new.py", 4)
    assert [each.location.path for each in finding.elsewhere] == ["lib/pool.py"]
    assert complain(draft(swapped), Prover(CHANGE)) is None
    assert Prover(CHANGE, [LOOKED_UP]).prove([claim(path="lib/pool.py", quote="return None")]).rejected


def test_a_correction_loses_no_claim() -> None:
    first = draft(claim(), claim(title="ghost", quote="nowhere()"), claim(title="kept", quote="return a"))
    last = draft(claim(title="No  Timeout"), claim(title="found", quote="nowhere( )"))
    claims = claims_of(Answer("review", last, superseded=(first,)))
    assert [each.title for each in claims] == ["No  Timeout", "found", "ghost", "kept"]


def test_the_correction_asks_for_all_findings_and_never_to_leave_one_out() -> None:
    complaint = complain(draft(claim(quote="nowhere()")), Prover(CHANGE)) or ""
    assert "`elsewhere`" in complaint
    assert "leave out" not in complaint
