from dataclasses import replace

from cicd_agent.domain.chart import Pie, Slice
from cicd_agent.domain.events.event import Event, EventKind
from cicd_agent.domain.evidence import Evidence, Gap
from cicd_agent.domain.finding import Category, Finding, Location, Severity
from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.verdict import Conclusion, Risk, RiskLevel, Strength, Verdict
from cicd_agent.modes.protocol import Account
from cicd_agent.modes.review import page as pages
from cicd_agent.modes.review.coverage import pictures
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
    assert "\nNothing found.\n" in page(evidence())
    assert "\nThe rules found nothing.\n" in page(evidence(), account=Account())
    assert "\nThe rules found nothing.\n" in page(evidence(), account=Account(model="gpt", degraded="it is down"))
    assert "\nNothing found in 4 of 6 files: the rest was not looked at.\n" in page(evidence(*gaps(2)))
    assert "\nNothing of the change was looked at.\n" in page(evidence(*gaps(6)))
    weak = replace(VERDICT, findings=(finding("src/a.py"),))
    assert "\n1 finding below the thresholds, none above.\n" in page(evidence(), weak)


def test_every_file_that_was_not_looked_at_is_named() -> None:
    few, many = page(evidence(*gaps(2))), page(evidence(*gaps(5)))
    assert "Not looked at: `src/a.py` (too large), `src/b.py` (too large)." in few
    assert "Not looked at: 5 (too large)." in many
    assert "<summary>5 not looked at</summary>" in many
    assert all(f"| `{gap.what}` | too large |" in many for gap in gaps(5))


def test_what_is_done_well_is_one_line_with_a_link() -> None:
    well = replace(VERDICT, strengths=(Strength("It closes @all", Location("src/a.py", 2)), Strength("Tested")))
    assert "\nDone well: It closes `@all` ([`src/a.py:2`](https://github.example/o/r/blob/" in page(evidence(), well)
    assert "); Tested.\n" in page(evidence(), well)
    assert "Done well" not in page(evidence())


def test_there_is_no_picture_of_a_change_that_was_read_whole_and_has_few_findings() -> None:
    few = replace(VERDICT, findings=(finding("src/a.py"), finding("tests/b.py")))
    assert tuple(pictures(few, evidence(), Account())) == ()


def test_a_picture_shows_how_many_lines_were_looked_at() -> None:
    partly = Account(left_out=("src/f.py", "src/a.py"))
    assert tuple(pictures(VERDICT, evidence(*gaps(2)), partly)) == (
        Pie(
            "Added lines",
            (Slice("looked at", 6), Slice("not looked at, too large", 4), Slice("looked at by rules only", 2)),
        ),
    )


def test_a_picture_shows_where_findings_are_by_folder_or_else_by_category() -> None:
    spread = replace(VERDICT, findings=(*[finding("src/a.py")] * 3, finding("top.py")))
    assert tuple(pictures(spread, evidence(), Account())) == (
        Pie("Findings by folder", (Slice("src/", 3), Slice("(top)", 1))),
    )
    together = replace(VERDICT, findings=(*[finding("src/a.py")] * 3, finding("src/b.py", Category.TESTING)))
    assert tuple(pictures(together, evidence(), Account())) == (
        Pie("Findings by category", (Slice("security", 3), Slice("testing", 1))),
    )


def test_what_the_rules_alone_have_read_was_looked_at() -> None:
    change = change_of(("src/a.py", None, "x = 1\n"), ("vendor/b.py", None, "y = 1\n"), ("uv.lock", None, "z\n"))
    seen = evidence(Gap("vendor/b.py", "vendored"), Gap("uv.lock", "lock file"), change=change)
    body = page(seen)
    assert "Looked at: 2 of 3 files, 2 of 3 added lines. Not looked at: `uv.lock` (lock file)." in body
    assert "Looked at by the rules alone: 1 vendored." in body
    assert "by the rules alone" not in page(seen, account=Account())
    ignored = page(evidence(Gap("vendor/b.py", "paths-ignore"), change=change))
    assert "Not looked at: `vendor/b.py` (paths-ignore)." in ignored
