"""The audit log for other tools, a line or a result at a time, however long it is."""

import csv
import hashlib
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Final
from urllib.parse import quote

from pydantic import TypeAdapter, ValidationError

from cicd_agent import __version__
from cicd_agent.audit.query import RunFilter, entry_document, select_chains
from cicd_agent.audit.summary import COLUMNS, RunSummary
from cicd_agent.domain.audit_entry import Kind, Row
from cicd_agent.domain.finding import Finding
from cicd_agent.domain.ports.storage import EntryQuery, Store
from cicd_agent.domain.text.json_view import Node
from cicd_agent.domain.text.visible import visible_line
from cicd_agent.rendering.sarif import MOST_RESULTS, plain, result_of, rule_id, rule_of

ALL: Final = 2**52
_MAX_RULES: Final = 5_000
_MAX_CELL: Final = 30_000
"""Spreadsheets hold little more in one."""


def export_rows(store: Store, query: EntryQuery, picked: RunFilter, *, runs_only: bool) -> Iterator[Row]:
    """Chains as they are stored, from their beginnings; where something is picked out of them, the newest first."""
    if picked or query != EntryQuery(repository=query.repository, kind=Kind.RUN):
        found = store.find(replace(query, kind=Kind.RUN if runs_only or picked else None, limit=ALL))
        yield from filter(picked.picks, found)
        return
    for repository in select_chains(store, query.repository):
        for row in store.rows(repository):
            if not runs_only or (row.seq and row.columns.kind is Kind.RUN):
                yield row


def _jsonl(rows: Iterator[Row]) -> Iterator[str]:
    for row in rows:
        yield _dumped(entry_document(row))


def _csv(rows: Iterator[Row]) -> Iterator[str]:
    yield _cells(COLUMNS)
    for row in rows:
        yield _cells(RunSummary.of(row).cells)


def _cells(cells: tuple[str, ...]) -> str:
    """One line, on which every cell is quoted: nothing in one begins a line, or another cell."""
    out = io.StringIO()
    shown = [visible_line(cell[:_MAX_CELL]).replace("##[", "## [") for cell in cells]
    csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="").writerow(shown)
    return out.getvalue()


def _sarif(rows: Iterator[Row]) -> Iterator[str]:
    rules: dict[str, tuple[int, dict[str, Any]]] = {}
    yield '{"$schema":"https://json.schemastore.org/sarif-2.1.0.json","version":"2.1.0","runs":[{"results":['
    number, left_out = 0, 0
    for row in rows:
        for result in results_of(RunSummary.of(row)):
            if result.rule not in rules and len(rules) >= _MAX_RULES:
                left_out += 1
                continue
            index, _ = rules.setdefault(result.rule, (len(rules), result.described))
            data = _dumped({**result.data, "ruleIndex": index})
            yield data if not number else f",{data}"
            number += 1
    notes = []
    if number > MOST_RESULTS:
        notes.append(f"{number:,} results: code scanning shows {MOST_RESULTS:,} of one upload")
    if left_out:
        notes.append(f"{left_out:,} results have more rules than fit")
    end = {
        "tool": {
            "driver": {
                "name": "cicd-agent",
                "version": __version__,
                "rules": [described for _, described in rules.values()],
            }
        },
        "invocations": [
            {
                "executionSuccessful": True,
                "toolExecutionNotifications": [{"level": "note", "message": {"text": note}} for note in notes],
            }
        ],
        "originalUriBaseIds": {"%SRCROOT%": {"description": {"text": "The root of the checkout."}}},
        "columnKind": "unicodeCodePoints",
    }
    yield f"],{_dumped(end)[1:]}]}}"


def _dumped(data: dict[str, Any]) -> str:
    """On one line, in ASCII: a runner that reads along finds no command in it, and a terminal none of its own."""
    return json.dumps(data, separators=(",", ":")).replace("##[", "#\\u0023[")


FORMATS: Final[dict[str, Callable[[Iterator[Row]], Iterator[str]]]] = {"jsonl": _jsonl, "csv": _csv, "sarif": _sarif}
"""The lines of each format."""


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
