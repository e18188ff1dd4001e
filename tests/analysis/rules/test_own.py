"""Rules of the team's own: found on added lines of their paths, silenced and counted like ours, and never for long."""

import pytest

from cicd_agent.analysis.rules import own
from cicd_agent.analysis.rules.run import ruled
from cicd_agent.analysis.rules.suppression import silence
from cicd_agent.domain.events.event import Event, EventKind
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.finding import Severity
from cicd_agent.domain.repository.change import Change
from cicd_agent.modes.shared.change_risk import change_risk
from cicd_agent.rendering.sarif import sarif
from cicd_agent.settings.loader import load
from cicd_agent.settings.run import OwnRule
from cicd_agent.settings.schema import Settings
from tests.support.samples.changes import change_of

PRINT = OwnRule(
    pattern=r"\bprint\(", message="Use the logger.", severity="high", paths=("src/",), except_paths=("*.md",)
)


def found(change: Change, **rules: OwnRule) -> list[tuple[str, str, int]]:
    findings = ruled(change, own=rules).findings
    return [(each.id, each.location.path, each.location.line) for each in findings if each.id.startswith("own/")]


def test_added_lines_of_its_paths_are_searched_and_nothing_else() -> None:
    change = change_of(
        ("src/a.py", 'print("old")\n', 'print("old")\nprint("new")\n'),
        ("src/gone.py", 'print("old")\n', "x = 1\n"),
        ("src/read.md", None, "print(1)\n"),
        ("tools/a.py", None, "print(1)\n"),
    )
    assert found(change, plain=PRINT) == [("own/plain", "src/a.py", 2)]
    everywhere = PRINT.model_copy(update={"paths": (), "except_paths": ()})
    assert len(found(change, plain=everywhere)) == 3


def test_a_finding_is_as_severe_as_the_team_says_and_can_be_silenced() -> None:
    change = change_of(("src/a.py", None, "print(1)\nprint(2)  # cicd-agent: ignore[own/plain] a tool\n"))
    settings = Settings(own_rules={"plain": PRINT})
    draft = ruled(change, own=settings.own_rules)
    accepted, suppressed = silence(draft.findings, change, settings)
    [finding] = [each for each in accepted if each.id == "own/plain"]
    assert (finding.title, finding.severity, finding.confidence) == ("Use the logger.", Severity.HIGH, 1.0)
    assert [each.finding.location.line for each in suppressed] == [2]
    assert '"Use the logger."' in sarif(accepted, version="1")


def test_the_risk_is_at_least_that_of_the_finding() -> None:
    change = change_of(("src/a.py", None, "print(1)\n"))
    settings = Settings(own_rules={"plain": PRINT})
    assert (
        change_risk(ruled(change, own=settings.own_rules), Evidence(Event(EventKind.LOCAL), change), settings).level
        == "high"
    )


def test_a_line_is_searched_in_its_first_characters_alone() -> None:
    change = change_of(("src/a.py", None, f"{'x' * 3_000} print(1)\n"))
    assert found(change, plain=PRINT) == []


def test_a_rule_that_takes_too_long_says_that_it_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own, "SECONDS", -1.0)
    change = change_of(("src/a.py", None, "print(1)\n"))
    [finding] = [each for each in ruled(change, own={"plain": PRINT}).findings if each.id == "own/plain"]
    assert (finding.location.line, finding.severity) == (0, Severity.HIGH)
    assert "not analysed from line 1 on" in finding.message


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("own-rules: {x: {pattern: '(a+)+b', message: m}}", "`x` must be a pattern without a repeat inside a repeat"),
        (
            "own-rules: {x: {pattern: '(', message: m}}",
            "a regular expression of Python (missing ), unterminated subpattern",
        ),
        ("own-rules: {x: {patern: a, message: m}}", "`x` must be a mapping of `pattern`, `message`"),
        ("own-rules: {x: {pattern: a, message: m, severity: huge}}", "`x` must be a mapping of `pattern`"),
        ("own-rules: {x: {pattern: a, message: m, paths: ['[z-a]']}}", "a list of patterns as .gitignore has them"),
        ("own-rules: {No Print: {pattern: a, message: m}}", "named in small letters, digits and hyphens"),
        ("own-rules: [a]", "`own-rules` must be a mapping of rule ids"),
    ],
)
def test_a_wrong_rule_is_one_line_and_the_others_stand(text: str, problem: str) -> None:
    good = "    good: {pattern: TODO, message: No todo.}\n"
    loaded = load({}, text)
    [only] = loaded.problems
    assert problem in str(only)
    assert str(only).count("\n") == 0
    if text.startswith("own-rules: {x"):
        both = load({}, f"own-rules:\n    x: {text.partition(': {x: ')[2][:-1]}\n{good}")
        assert [*both.settings.own_rules] == ["good"]


def test_an_organisation_can_lock_a_rule_for_all_its_repositories() -> None:
    organisation = "locked:\n  own-rules:\n    no-print: {pattern: 'print[(]', message: Use the logger.}\n"
    loaded = load({"organisation-config": organisation}, "own-rules: {no-todo: {pattern: TODO, message: No todo.}}")
    assert {*loaded.settings.own_rules} == {"no-print", "no-todo"}
