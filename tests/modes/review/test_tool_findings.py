"""Other tools' findings in a review: on added lines only, once, ranked, silenced and counted as our own."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from cicd_agent.domain.events.event import Event, EventKind, Ref
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.finding import Finding, Location, Origin, Severity
from cicd_agent.domain.verdict import SuppressedBy, Verdict
from cicd_agent.modes.protocol import Ports
from cicd_agent.modes.review import page as pages
from cicd_agent.modes.review.mode import MODE as REVIEW
from cicd_agent.modes.review.report import sarif_text
from cicd_agent.modes.review.verdict import verify
from cicd_agent.modes.shared.change_reader import changed
from cicd_agent.settings.schema import Settings
from tests.support.fakes.ports import FakeRepository, FakeWorkspace
from tests.support.pages import markdown
from tests.support.samples.changes import change_of
from tests.support.samples.sarif import codeql, document, lint, semgrep

inline = markdown(pages.inline)

BEFORE = "import os\n\n\ndef go(name):\n    return name\n"
AFTER = 'import os\n\n\ndef go(name):\n    os.system(f"echo {name}")\n    return name\n'
CHANGE = change_of(("app.py", BEFORE, AFTER))
EVENT = Event(EventKind.LOCAL, base=Ref("main", CHANGE.base), head=Ref("", CHANGE.head))


def gathered(*runs: dict[str, Any], after: str = AFTER, others: Mapping[str, bytes] | None = None) -> Evidence:
    change = change_of(("app.py", BEFORE, after))
    files = {f"{index}.sarif": document(run) for index, run in enumerate(runs)} | dict(others or {})
    repository = FakeRepository(refs={"main": change.base}, changes={("", change.head): change})
    settings = Settings(sarif_files=tuple(files))
    return REVIEW.gather(EVENT, Ports(repository, workspace=FakeWorkspace(files)), settings)


def judged(evidence: Evidence, **settings: Any) -> Verdict:
    chosen = Settings(**settings)
    return verify(REVIEW.rules(evidence, chosen), (), evidence, chosen)


def of_tools(verdict: Verdict) -> list[Finding]:
    return [finding for finding in verdict.findings if finding.origin is Origin.TOOL]


def notes(evidence: Evidence) -> list[str]:
    return [gap.why for gap in evidence.gaps]


def test_a_finding_on_an_added_line_stands_in_the_review() -> None:
    (found,) = of_tools(judged(gathered(codeql())))
    assert (found.location, found.severity) == (Location("app.py", 5), Severity.CRITICAL)
    assert found.quote == 'os.system(f"echo {name}")'


def test_findings_outside_of_the_change_are_counted_in_one_line() -> None:
    evidence = gathered(lint(line=4), lint(line=6), lint("other.py"), lint("../app.py"), lint("/etc/passwd"))
    assert evidence.findings == ()
    assert notes(evidence) == ["5 findings of other tools outside the change left out"]


def test_a_range_stands_at_its_first_added_line() -> None:
    run = lint(line=4)
    run["results"][0]["locations"][0]["physicalLocation"]["region"]["endLine"] = 6
    assert [finding.location for finding in gathered(run).findings] == [Location("app.py", 5)]


def test_a_snippet_that_reads_differently_is_of_another_commit() -> None:
    evidence = gathered(semgrep(snippet="something_else()"))
    assert evidence.findings == ()
    assert "read differently in the commit under review" in notes(evidence)[0]
    assert len(gathered(semgrep()).findings) == 1


def test_the_same_result_twice_is_one_finding() -> None:
    assert len(gathered(codeql(), codeql()).findings) == 1
    assert len(gathered(lint(), lint(ruleId="L2")).findings) == 2


def test_what_a_rule_says_of_the_line_already_is_listed_and_not_said_again() -> None:
    verdict = judged(gathered(semgrep(), codeql()))
    assert [finding.id for finding in of_tools(verdict)] == ["CodeQL/py/command-line-injection"]
    (merged,) = verdict.merged
    assert merged.claim.id == "Semgrep-OSS/python.lang.security.audit.dangerous-system-call"
    assert merged.reason == "says what `shell-injection` says at app.py:5"


def test_a_sure_finding_is_never_merged_into_an_unsure_one() -> None:
    unsure, sure = lint(level="error", rank=60), lint(level="note")
    sure["tool"]["driver"]["name"] = "other"
    assert [each.id for each in of_tools(judged(gathered(unsure, sure)))] == ["lint/L1", "other/L1"]
    merged = judged(gathered(unsure, sure), min_confidence=0.5).merged
    assert [each.claim.id for each in merged] == ["other/L1"]


def test_a_louder_finding_is_never_merged_into_a_quieter_one() -> None:
    verdict = judged(gathered(codeql()), fail_on="critical")
    assert [finding.severity for finding in of_tools(verdict)] == [Severity.CRITICAL]
    assert len(verdict.blocking) == 1


@pytest.mark.parametrize(("setting", "standing"), [("off", []), ("low", [Severity.LOW])])
def test_the_config_file_silences_and_grades_a_tools_rule(setting: str, standing: list[Severity]) -> None:
    verdict = judged(gathered(lint()), rules={"lint/L1": setting})
    assert [finding.severity for finding in of_tools(verdict)] == standing
    assert [each.by for each in verdict.suppressed] == ([SuppressedBy.CONFIG] if setting == "off" else [])


def test_a_comment_on_the_line_silences_a_tools_rule() -> None:
    after = AFTER.replace('{name}")', '{name}")  # cicd-agent: ignore[CodeQL/py/command-line-injection] fine')
    verdict = judged(gathered(codeql(), after=after))
    assert of_tools(verdict) == []
    (silenced,) = (each for each in verdict.suppressed if each.finding.origin is Origin.TOOL)
    assert (silenced.by, silenced.reason, silenced.in_change) == (SuppressedBy.COMMENT, "fine", True)


def test_evidence_that_somebody_wrote_brings_no_finding_outside_of_added_lines() -> None:
    evidence = gathered(lint())
    (found,) = evidence.findings
    forged = (
        replace(found, location=Location("app.py", 1)),
        replace(found, location=Location("app.py", 5, start=1)),
        replace(found, origin=Origin.RULE),
        replace(found, suggestion="rm -rf /"),
    )
    assert of_tools(judged(replace(evidence, findings=forged))) == []


def test_what_cannot_be_read_is_one_line_each() -> None:
    evidence = gathered(others={"a.sarif": b"[", "b.sarif": document(lint(message=3))})
    assert notes(evidence) == [
        "sarif-files: a.sarif: it is not JSON",
        "sarif-files: b.sarif: 1 result without a file, a rule or a message left out",
    ]


def test_a_secret_in_a_message_is_masked() -> None:
    token = "ghp_" + "a1B2" * 9
    (found,) = gathered(lint(message={"text": f"Found {token}"})).findings
    assert token not in found.message + found.title


def test_the_comment_says_which_tool_it_was_and_our_own_sarif_leaves_it_out() -> None:
    evidence = gathered(lint())
    verdict = judged(evidence)
    (found,) = of_tools(verdict)
    assert "<sub>rule `L1` of lint · to suppress: `cicd-agent: ignore[lint/L1] reason`</sub>" in inline(
        found, changed(evidence)
    )
    assert "L1" not in sarif_text(verdict)
