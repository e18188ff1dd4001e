"""What runs complained of, as results of SARIF: findings of reviews, stops of gates, and explained failures."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Final
from urllib.parse import quote

from pydantic import TypeAdapter, ValidationError

from cicd_agent.audit.summary import RunSummary
from cicd_agent.domain.finding import Finding
from cicd_agent.domain.text.json_view import Node
from cicd_agent.rendering.sarif import plain, result_of, rule_id, rule_of

NOWHERE: Final = ".github/cicd-agent.yml"
"""Where a result is shown that is about no file: an upload is refused without one, and this is what the gate obeys."""
_MAX_RULE: Final = 200
_DECIDED: Final = frozenset({"hold", "rollback"})


@dataclass(frozen=True, slots=True)
class Result:
    rule: str
    data: dict[str, Any]
    described: dict[str, Any]


def results_of(run: RunSummary) -> Iterator[Result]:
    """What a run complained of; nothing of what cannot be read."""
    output = run.data["output"]
    for result in (
        *_findings(output["verdict"]),
        *_stops(run, output["gated"]),
        *_failure(output["diagnosis"]),
    ):
        result.data.setdefault("properties", {}).update(_properties(run))
        yield result


def _properties(run: RunSummary) -> dict[str, Any]:
    row = run.row
    return {
        "repository": row.repository,
        "commit": row.columns.sha,
        "mode": row.columns.mode,
        "at": run.when,
        "auditSeq": row.seq,
        "auditHash": row.hash,
    }


@cache
def _shape() -> TypeAdapter[Finding]:
    return TypeAdapter(Finding)


def _findings(verdict: Node) -> Iterator[Result]:
    for each in verdict["findings"].objects:
        try:
            finding = _shape().validate_python(each.value)
        except (ValidationError, RecursionError):
            continue
        rule = rule_id(finding)[:_MAX_RULE]
        data = {**result_of(finding, 0), "ruleId": rule}
        yield Result(rule, data, {**rule_of([finding]), "id": rule})


def _stops(run: RunSummary, gated: Node) -> Iterator[Result]:
    if run.row.columns.decision not in _DECIDED:
        return
    location = gated["environment"].scalar
    for stop in gated["stops"].objects:
        if stop["lifted"].scalar:
            continue
        text = f"{run.row.columns.decision} {location}: {stop['text']}. {stop['remedy']}"
        yield _result(f"gate/{stop['id']}", text, "error", (location, *stop["about"].texts))


def _failure(diagnosis: Node) -> Iterator[Result]:
    cause = diagnosis["cause"].scalar
    if not cause:
        return
    failure = next(diagnosis["failures"].objects, Node())
    meeting = next(diagnosis["meetings"].objects, Node())
    affected = diagnosis["affected"].texts
    path, line = meeting["path"].scalar, meeting["line"].count or 0
    if not path and affected:
        path = affected[0]
    text = f"{diagnosis['root_cause']}. {diagnosis['next_step']}"
    level = "error" if cause == "change" else "warning"
    about = (failure["strict"].scalar or failure["title"].scalar, "")
    yield _result(f"failure/{cause}", text, level, about, (path, line))


def _result(rule: str, text: str, level: str, about: tuple[str, ...], where: tuple[str, int] = ("", 0)) -> Result:
    path, line = where
    rule = rule[:_MAX_RULE]
    known = "\0".join((rule, path, *about))
    location: dict[str, Any] = {"artifactLocation": {"uri": _uri(path), "uriBaseId": "%SRCROOT%"}}
    if path and line:
        location["region"] = {"startLine": line}
    data = {
        "ruleId": rule,
        "level": level,
        "message": {"text": plain(text.strip()) or rule},
        "locations": [{"physicalLocation": location}],
        "partialFingerprints": {
            "cicdAgent/v1": hashlib.sha256(known.encode("utf-8", "surrogatepass")).hexdigest()[:16]
        },
    }
    return Result(rule, data, {"id": rule, "shortDescription": {"text": plain(rule)}})


def _uri(path: str) -> str:
    return quote(path, errors="replace") if path else NOWHERE
