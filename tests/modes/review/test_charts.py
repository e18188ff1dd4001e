"""The share of a change that was looked at is drawn as it was: what was shown in part is not drawn as seen."""

from cicd_agent.domain.events.event import Event, EventKind
from cicd_agent.domain.evidence import Evidence, Gap
from cicd_agent.domain.verdict import Conclusion, Risk, RiskLevel, Verdict
from cicd_agent.modes.protocol import Account
from cicd_agent.modes.review.coverage import pictures
from tests.support.samples.changes import change_of

VERDICT = Verdict(Conclusion.NEUTRAL, "comment", None, Risk(RiskLevel.LOW, 0))
FILES = [(f"{name}.py", None, "x = 1\n" * lines) for name, lines in (("a", 1), ("b", 2), ("c", 4), ("d", 8))]


def test_each_file_counts_as_what_became_of_it() -> None:
    evidence = Evidence(Event(EventKind.LOCAL), change_of(*FILES), gaps=(Gap("d.py", "too large"),))
    account = Account(left_out=("b.py", "c.py lines 1 to 2, 4 to 4", "AGENTS.md from line 9", "d.py"))
    [drawn] = pictures(VERDICT, evidence, account)
    assert {each.label: each.value for each in drawn.slices} == {
        "looked at": 1,
        "looked at by rules only": 2,
        "in files not shown whole": 4,
        "not looked at, too large": 8,
    }
