"""Findings for code scanning: SARIF 2.1.0, as far as GitHub reads it."""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from cicd_agent.domain.finding import Category, Finding, Location, Origin, Severity
from cicd_agent.domain.repository.diff import Side
from cicd_agent.domain.text.visible import visible
from cicd_agent.domain.text.words import count

MOST_RESULTS = 5_000
"""GitHub shows no more of one upload."""

_LONGEST = 2_000
_LEVELS = {Severity.LOW: "note", Severity.MEDIUM: "warning", Severity.HIGH: "error", Severity.CRITICAL: "error"}
# CVSS's bands: what code scanning sorts security findings by.
_SCORES = {Severity.LOW: "2.0", Severity.MEDIUM: "5.5", Severity.HIGH: "8.0", Severity.CRITICAL: "9.5"}


def sarif(findings: Sequence[Finding], *, version: str) -> str:
    """The findings as a SARIF document; `version` is ours. Those beyond GitHub's limit are only counted."""
    shown = findings[:MOST_RESULTS]
    rules: dict[str, list[Finding]] = {}
    for finding in shown:
        rules.setdefault(rule_id(finding), []).append(finding)
    places = {rule: index for index, rule in enumerate(rules)}
    cut = len(findings) - len(shown)
    notes = [{"level": "note", "message": {"text": f"{count(cut, 'finding')} more than fit"}}] if cut else []
    run = {
        "tool": {
            "driver": {
                "name": "cicd-agent",
                "version": version,
                "rules": [rule_of(of_rule) for of_rule in rules.values()],
            }
        },
        "invocations": [{"executionSuccessful": True, "toolExecutionNotifications": notes}],
        "originalUriBaseIds": {"%SRCROOT%": {"description": {"text": "The root of the checkout."}}},
        "columnKind": "unicodeCodePoints",
        "results": [result_of(finding, places[rule_id(finding)]) for finding in shown],
    }
    document = {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def rule_id(finding: Finding) -> str:
    return finding.id if finding.origin is Origin.RULE else f"model/{finding.category}"


def rule_of(findings: Sequence[Finding]) -> Mapping[str, Any]:
    """The rule of one or more findings that have it in common."""
    first, worst = findings[0], max((finding.severity for finding in findings), key=lambda severity: severity.rank)
    by_rule = first.origin is Origin.RULE
    properties: dict[str, Any] = {"tags": [first.category.value], "precision": "high" if by_rule else "medium"}
    if first.category is Category.SECURITY:
        properties["security-severity"] = _SCORES[worst]
    title = first.title if by_rule else f"The model's findings on {first.category}"
    return {
        "id": rule_id(first),
        "shortDescription": {"text": plain(title) or rule_id(first)},
        "defaultConfiguration": {"level": _LEVELS[worst]},
        "properties": properties,
    }


def result_of(finding: Finding, rule: int) -> Mapping[str, Any]:
    """A finding as a result; `rule` is the place of its rule among the rules."""
    where = finding.location
    parts = [finding.title, finding.message if finding.message != finding.title else "", finding.advice]
    text = " ".join(f"{part.strip().rstrip('.')}." for part in parts if part.strip())
    if where.side is Side.LEFT:
        text = f"Before the change, line {where.line}: {text}"
    related = [{"id": at, **_physical_location(each.location)} for at, each in enumerate(finding.elsewhere, 1)]
    return {
        "ruleId": rule_id(finding),
        "ruleIndex": rule,
        "level": _LEVELS[finding.severity],
        "message": {"text": plain(text) or rule_id(finding)},
        "locations": [_physical_location(where)],
        **({"relatedLocations": related} if related else {}),
        "partialFingerprints": {"cicdAgent/v1": finding.fingerprint},
        "rank": round(finding.confidence * 100, 1),
        "properties": {"severity": finding.severity.value, "origin": finding.origin.value},
    }


def _physical_location(where: Location) -> dict[str, Any]:
    # An upload is refused when a result has no file; only lines of the head commit can be shown in it.
    place: dict[str, Any] = {"artifactLocation": {"uri": quote(where.path, errors="replace"), "uriBaseId": "%SRCROOT%"}}
    if where.side is Side.RIGHT and where.line > 0:
        place["region"] = {"startLine": where.first, "endLine": where.line}
    return {"physicalLocation": place}


def plain(text: str) -> str:
    """Text in which SARIF finds no link."""
    shown = visible(text)
    cut = shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]}…"
    return cut.replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]")
