from dataclasses import replace

from cicd_agent.domain.events.event import Event, EventKind
from cicd_agent.domain.evidence import Evidence, Gap
from cicd_agent.domain.finding import Category, Finding, Location, Severity
from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.verdict import Conclusion, Risk, RiskLevel, Strength, Verdict
from cicd_agent.modes.protocol import Account
from cicd_agent.modes.review import page as pages
from cicd_agent.settings.schema import Settings
from tests.support.pages import markdown
from tests.support.samples.changes import change_of

summary = markdown(pages.page)

CHANGE = change_of(*((f"src/{name}.py", None, "x = 1\ny = 2\n") for name in "abcdef"))
VERDICT = Verdict(Conclusion.NEUTRAL, "comment", None, Risk(RiskLevel.LOW, 1))


def evidence(*gaps: Gap, change: Change = CHANGE) -> Evidence:
    return Evidence(Event(EventKind.PULL_REQUEST, server="https://github.example", repo="o/r"), change, gaps=gaps)


def gaps(number: int) -> tuple[Gap, ...]:
    return tuple(Gap(file.path, "too large") for file in CHANGE.files[:number])


def page(seen: Evidence, verdict: Verdict = VERDICT, account: Account = Account(model="gpt")) -> str:
    return summary(verdict, seen, account, Settings())


def finding(path: str, category: Category = Category.SECURITY) -> Finding:
    return Finding("x", "x", "", Severity.LOW, category, Location(path, 1))


def test_nothing_found_is_said_of_what_was_looked_at_and_by_whom() -> None:
    assert "### No findings · risk low" in page(evidence())
    assert "### No findings · risk low" in page(evidence(), account=Account())
    assert "### No findings by the rules · risk low" in page(
        evidence(), account=Account(model="gpt", degraded="it is down")
    )
    assert "### No findings in 4 of 6 files · risk low" in page(evidence(*gaps(2)))
    assert "### Nothing in this change was analysed · risk low" in page(evidence(*gaps(6)))
    weak = replace(VERDICT, findings=(finding("src/a.py"),))
    assert "### No findings above the thresholds, 1 below · risk low" in page(evidence(), weak)


def test_every_file_that_was_not_looked_at_is_named() -> None:
    few, many = page(evidence(*gaps(2))), page(evidence(*gaps(5)))
    assert "Not analysed: `src/a.py` (too large), `src/b.py` (too large)." in few
    assert "Not analysed: 5 (too large)." in many
    assert " · 5 not analysed</summary>" in many
    assert all(f"| `{gap.what}` | too large |" in many for gap in gaps(5))


def test_what_is_done_well_is_folded_and_has_a_link() -> None:
    well = replace(VERDICT, strengths=(Strength("It closes @all", Location("src/a.py", 2)), Strength("Tested")))
    assert "\n- It closes `@all` ([`src/a.py:2`](https://github.example/o/r/blob/" in page(evidence(), well)
    assert "\n- Tested\n" in page(evidence(), well)
    assert "done well" not in page(evidence())


def test_what_the_rules_alone_have_read_was_looked_at() -> None:
    change = change_of(("src/a.py", None, "x = 1\n"), ("vendor/b.py", None, "y = 1\n"), ("uv.lock", None, "z\n"))
    seen = evidence(Gap("vendor/b.py", "vendored"), Gap("uv.lock", "lock file"), change=change)
    body = page(seen)
    assert "Not analysed: `uv.lock` (lock file)." in body
    assert "Analysed by the rules alone: 1 vendored." in body
    assert "by the rules alone" not in page(seen, account=Account())
    ignored = page(evidence(Gap("vendor/b.py", "paths-ignore"), change=change))
    assert "Not analysed: `vendor/b.py` (paths-ignore)." in ignored
