"""Other tools' SARIF: what real ones say is understood, what nobody should write is one line and never an exception."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cicd_agent.domain.finding import Category, Finding, Origin, Severity
from cicd_agent.modes.review import tool_findings as sarif_read
from cicd_agent.modes.review.tool_findings import path_of, read_sarif
from tests.support.samples.sarif import NOT_SARIF, WRONG, codeql, document, lint, semgrep, zizmor

ROOTS = ("/home/runner/work/app/app", "/github/workspace")


def one(run: dict[str, Any]) -> Finding:
    (result,), notes = read_sarif(document(run), ROOTS)
    assert notes == ()
    return result.finding


def test_a_finding_of_codeql_takes_what_its_rule_says_and_where_its_artifact_is() -> None:
    found = one(codeql())
    assert (found.id, found.origin) == ("CodeQL/py/command-line-injection", Origin.TOOL)
    assert (found.title, found.message) == (
        "Uncontrolled command line",
        "This command line depends on a user-provided value.",
    )
    assert (found.severity, found.category, found.confidence) == (Severity.CRITICAL, Category.SECURITY, 0.9)
    assert (found.location.path, found.location.line) == ("app.py", 5)


def test_a_finding_of_semgrep_takes_the_level_of_its_rule_and_its_snippet() -> None:
    (result,), _ = read_sarif(document(semgrep()), ROOTS)
    found = result.finding
    assert found.id == "Semgrep-OSS/python.lang.security.audit.dangerous-system-call"
    assert (found.severity, found.category, found.confidence) == (Severity.HIGH, Category.SECURITY, 1.0)
    assert "os.system" in result.snippet


def test_a_finding_of_zizmor_is_found_below_the_workspace_of_a_container() -> None:
    found = one(zizmor())
    assert found.id == "zizmor/template-injection"
    assert (found.severity, found.location.path) == (Severity.HIGH, ".github/workflows/ci.yml")


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("src/a.py", "src/a.py"),
        ("./src//a.py", "src/a.py"),
        ("src\\a.py", "src/a.py"),
        ("src/a%20b.py", "src/a b.py"),
        ("%SRCROOT%/src/a.py", "src/a.py"),
        ("/home/runner/work/app/app/src/a.py", "src/a.py"),
        ("file:///github/workspace/src/a.py", "src/a.py"),
        ("file://localhost/github/workspace/src/a.py", "src/a.py"),
        ("file:/github/workspace/src/a.py", "src/a.py"),
        ("file:///etc/passwd", "/etc/passwd"),
        ("../a.py", "../a.py"),
    ],
)
def test_a_path_is_understood_in_every_spelling(uri: str, path: str) -> None:
    assert path_of(uri, ROOTS) == path


def test_a_base_is_put_before_a_path_and_one_of_another_machine_is_not() -> None:
    run = lint("a.py")
    run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uriBaseId"] = "B"
    here = run | {"originalUriBaseIds": {"B": {"uri": "file:///github/workspace/src/"}}}
    elsewhere = run | {"originalUriBaseIds": {"B": {"uri": "file:///D:/work/"}}}
    assert (one(here).location.path, one(elsewhere).location.path) == ("src/a.py", "a.py")


@pytest.mark.parametrize(
    ("more", "severity", "confidence"),
    [
        ({}, "medium", 1.0),
        ({"level": "note"}, "low", 1.0),
        ({"level": "error", "rank": 40.0}, "high", 0.4),
        ({"rank": -1.0}, "medium", 1.0),
        ({"properties": {"security-severity": "5.0", "precision": "low"}}, "medium", 0.5),
        ({"properties": {"security-severity": "NaN"}, "level": "error"}, "high", 1.0),
    ],
)
def test_severity_and_confidence_are_the_tools(more: dict[str, Any], severity: str, confidence: float) -> None:
    found = one(lint(**more))
    assert (found.severity, found.confidence) == (severity, confidence)


@pytest.mark.parametrize(
    "more",
    [{"kind": "pass"}, {"baselineState": "absent"}, {"suppressions": [{"kind": "inSource"}]}],
)
def test_what_the_tool_itself_does_not_stand_by_is_not_read(more: dict[str, Any]) -> None:
    assert read_sarif(document(lint(**more)), ROOTS) == ((), ())


def test_a_message_by_id_is_filled_in() -> None:
    run = lint(message={"id": "m", "arguments": ["x"]})
    run["tool"]["driver"]["rules"] = [{"id": "L1", "messageStrings": {"m": {"text": "{0} is not {1}"}}}]
    assert one(run).message == "x is not {1}"


def test_an_id_becomes_one_that_a_comment_can_name() -> None:
    run = lint(ruleId="a b](\n;c")
    run["tool"]["driver"]["name"] = "My/Tool <b>"
    assert one(run).id == "My-Tool-b/a-b-c"


def test_a_run_that_did_not_end_is_told() -> None:
    run = lint() | {"invocations": [{"executionSuccessful": False}]}
    assert read_sarif(document(run), ROOTS)[1] == ("lint says that it did not run to its end",)


def test_more_results_than_are_read_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sarif_read, "MAX_RESULTS", 2)
    run = lint()
    results, notes = read_sarif(document(run | {"results": run["results"] * 3}), ROOTS)
    assert (len(results), notes) == (2, ("1 result beyond the first 2 were left out",))


@pytest.mark.parametrize("raw", NOT_SARIF)
def test_what_is_not_sarif_is_one_line(raw: bytes) -> None:
    results, notes = read_sarif(raw, ROOTS)
    assert results == ()
    assert len(notes) == 1
    assert "\n" not in notes[0]


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A real file in which some values are of a wrong type."""
    top = json.loads(document(codeql(), semgrep(), zizmor()))

    def damage(value: Any) -> Any:
        if draw(st.integers(0, 14)) == 0:
            return draw(st.sampled_from(WRONG))
        if isinstance(value, dict):
            return {key: damage(each) for key, each in value.items()}
        return [damage(each) for each in value] if isinstance(value, list) else value

    return json.dumps(damage(top)).encode()


@given(damaged())
def test_values_of_wrong_types_are_never_an_exception(raw: bytes) -> None:
    results, notes = read_sarif(raw, ROOTS)
    assert all(each.finding.title and each.finding.location.path for each in results)
    assert all("\n" not in note for note in notes)
    for each in results:
        (each.finding.title + each.finding.message + each.finding.id).encode()
