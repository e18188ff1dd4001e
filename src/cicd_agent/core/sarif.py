"""Findings as SARIF 2.1.0, the format of code scanning.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html and GitHub's "SARIF support for code scanning".
"""

import json
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import quote

from cicd_agent.core.diff import Side
from cicd_agent.core.finding import Category, Finding, Severity

MOST_RESULTS: Final = 5_000
"""GitHub shows no more of one run."""

_LEVELS: Final = {
    Severity.LOW: "note",
    Severity.MEDIUM: "warning",
    Severity.HIGH: "error",
    Severity.CRITICAL: "error",
}
_SECURITY: Final = {Severity.LOW: "3.0", Severity.MEDIUM: "5.5", Severity.HIGH: "8.0", Severity.CRITICAL: "9.5"}


def sarif(findings: Sequence[Finding], *, version: str) -> str:
    """The SARIF log of the findings, in their order; what is over the limit is counted in a notification."""
    shown = findings[:MOST_RESULTS]
    rules = list(dict.fromkeys(finding.id for finding in shown))
    run: dict[str, Any] = {
        "tool": {
            "driver": {
                "name": "cicd-agent",
                "semanticVersion": version,
                "rules": [_rule(next(each for each in shown if each.id == rule)) for rule in rules],
            }
        },
        "columnKind": "utf16CodeUnits",
        "results": [_result(finding, rules.index(finding.id)) for finding in shown],
    }
    if len(findings) > len(shown):
        text = f"{len(findings) - len(shown)} more findings stand in the JSON report"
        notification = {"level": "warning", "message": {"text": text}}
        run["invocations"] = [{"executionSuccessful": True, "toolExecutionNotifications": [notification]}]
    log = {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}
    return json.dumps(log, indent=1, ensure_ascii=False) + "\n"


def _rule(example: Finding) -> dict[str, Any]:
    is_rule = example.id != "model"
    name = example.title if is_rule else "found by the model, its quote checked against the diff"
    return {"id": example.id, "shortDescription": {"text": name}, "properties": {"tags": [example.category]}}


def _result(finding: Finding, rule: int) -> dict[str, Any]:
    where = finding.location
    artifact = {"uri": quote(where.path, errors="replace"), "uriBaseId": "%SRCROOT%"}
    place: dict[str, Any] = {"artifactLocation": artifact}
    text = f"{finding.title}. {finding.message} {finding.advice}".strip()
    if where.side is Side.LEFT:
        # A deleted line has no region in the files that code scanning shows.
        text = f"{text} (deleted line {where.line})"
    elif where.line:
        place["region"] = {"startLine": where.first, "endLine": where.line}
    properties: dict[str, Any] = {"confidence": finding.confidence, "severity": finding.severity}
    if finding.category is Category.SECURITY:
        properties["security-severity"] = _SECURITY[finding.severity]
    return {
        "ruleId": finding.id,
        "ruleIndex": rule,
        "level": _LEVELS[finding.severity],
        "message": {"text": text},
        "locations": [{"physicalLocation": place}],
        "partialFingerprints": {"cicdAgent/v1": finding.fingerprint},
        "properties": properties,
    }
