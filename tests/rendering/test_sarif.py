"""Findings as SARIF, in the shape that code scanning accepts."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cicd_agent.domain.finding import Category, Finding, Location, Origin, Passage, Severity
from cicd_agent.domain.repository.diff import Side
from cicd_agent.rendering.sarif import MOST_RESULTS, sarif


def finding(**changes: Any) -> Finding:
    values: dict[str, Any] = {
        "id": "http-timeout",
        "title": "request without a timeout",
        "message": "it waits forever",
        "severity": Severity.HIGH,
        "category": Category.RELIABILITY,
        "location": Location("src/a.py", 12, 10),
        "quote": "get(url)",
    }
    return Finding(**{**values, **changes})


def run_of(*findings: Finding) -> dict[str, Any]:
    (run,) = json.loads(sarif(findings, version="1.2.3"))["runs"]
    assert isinstance(run, dict)
    return run


def test_a_finding_has_its_place_level_and_fingerprint() -> None:
    run = run_of(finding())
    (result,) = run["results"]
    assert result["level"] == "error"
    assert result["message"]["text"] == "request without a timeout. it waits forever."
    assert result["locations"] == [
        {
            "physicalLocation": {
                "artifactLocation": {"uri": "src/a.py", "uriBaseId": "%SRCROOT%"},
                "region": {"startLine": 10, "endLine": 12},
            }
        }
    ]
    assert result["partialFingerprints"] == {"cicdAgent/v1": finding().fingerprint}
    assert run["tool"]["driver"]["version"] == "1.2.3"


def test_each_result_points_to_its_rule() -> None:
    run = run_of(
        finding(),
        finding(id="sql", category=Category.SECURITY, severity=Severity.MEDIUM),
        finding(id="sql", category=Category.SECURITY, severity=Severity.CRITICAL),
        finding(id="model", origin=Origin.MODEL, category=Category.TESTING),
    )
    rules = run["tool"]["driver"]["rules"]
    assert [rules[result["ruleIndex"]]["id"] for result in run["results"]] == [
        "http-timeout",
        "sql",
        "sql",
        "model/testing",
    ]
    assert [result["ruleId"] for result in run["results"]] == [rules[r["ruleIndex"]]["id"] for r in run["results"]]
    assert rules[1]["properties"]["security-severity"] == "9.5"
    assert "security-severity" not in rules[0]["properties"]


def test_a_deleted_line_is_named_in_words_and_its_file_located() -> None:
    (result,) = run_of(finding(location=Location("src/a.py", 7, side=Side.LEFT)))["results"]
    assert result["message"]["text"].startswith("Before the change, line 7: ")
    assert "region" not in result["locations"][0]["physicalLocation"]


def test_a_finding_on_a_whole_file_has_no_region() -> None:
    (result,) = run_of(finding(location=Location("uv.lock")))["results"]
    assert "region" not in result["locations"][0]["physicalLocation"]


def test_what_a_finding_rests_on_elsewhere_is_related_to_it() -> None:
    rests = (Passage(Location("lib/pool.py", 8), "return None"), Passage(Location("lib/all.py"), "take"))
    [result] = run_of(finding(elsewhere=rests))["results"]
    assert [each["id"] for each in result["relatedLocations"]] == [1, 2]
    places = [each["physicalLocation"] for each in result["relatedLocations"]]
    assert [each["artifactLocation"]["uri"] for each in places] == ["lib/pool.py", "lib/all.py"]
    assert [each.get("region") for each in places] == [{"startLine": 8, "endLine": 8}, None]


def test_no_finding_is_an_empty_run() -> None:
    run = run_of()
    assert run["results"] == []
    assert run["invocations"][0]["toolExecutionNotifications"] == []


def test_findings_beyond_the_limit_are_counted() -> None:
    run = run_of(*[finding()] * (MOST_RESULTS + 7))
    assert len(run["results"]) == MOST_RESULTS
    (note,) = run["invocations"][0]["toolExecutionNotifications"]
    assert note["message"]["text"] == "7 findings more than fit"


def test_foreign_text_makes_no_link() -> None:
    (result,) = run_of(finding(message="see [here](https://evil.example) \\[x](y)\u202e"))["results"]
    assert "\\[here\\](https" in result["message"]["text"]
    assert "\\\\\\[x\\]" in result["message"]["text"]
    assert "<U+202E>" in result["message"]["text"]


@pytest.mark.parametrize("path", ["a b.py", "ü/%.py", "-rf", "a\nb", "#?&", "\ud800.py"])
def test_a_path_is_a_relative_uri(path: str) -> None:
    (result,) = run_of(finding(location=Location(path, 1)))["results"]
    uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert uri.isascii()
    assert not set(uri) & set(" \n#?\\")


@given(
    st.lists(
        st.builds(
            finding,
            title=st.text(max_size=20),
            message=st.text(max_size=40),
            severity=st.sampled_from(Severity),
            category=st.sampled_from(Category),
            confidence=st.floats(0, 1),
            origin=st.sampled_from(Origin),
            location=st.builds(
                Location, st.text(min_size=1, max_size=20), st.integers(0, 99), side=st.sampled_from(Side)
            ),
        ),
        max_size=5,
    )
)
def test_any_findings_make_a_document_of_the_required_shape(findings: list[Finding]) -> None:
    text = sarif(findings, version="1")
    assert text.encode("utf-8", "replace")
    run = run_of(*findings)
    assert len(run["results"]) == len(findings)
    for result in run["results"]:
        assert result["level"] in {"note", "warning", "error"}
        assert result["message"]["text"]
        assert 0 <= result["rank"] <= 100
        assert len(result["locations"]) == 1
        region = result["locations"][0]["physicalLocation"].get("region", {"startLine": 1, "endLine": 1})
        assert 1 <= region["startLine"] <= region["endLine"]
