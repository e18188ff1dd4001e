"""The audit log for other tools, a line or a result at a time, however long it is."""

import csv
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Final

from cicd_agent import __version__
from cicd_agent.audit.query import entry_document, select_chains
from cicd_agent.audit.sarif import results_of
from cicd_agent.audit.summary import COLUMNS, RunSummary
from cicd_agent.domain.audit_entry import Kind, Row
from cicd_agent.domain.ports.storage import EntryQuery, Store
from cicd_agent.domain.text.visible import visible_line
from cicd_agent.rendering.sarif import MOST_RESULTS

_ALL: Final = 2**52
_MAX_RULES: Final = 5_000
_MAX_CELL: Final = 30_000
"""Spreadsheets hold little more in one."""


def export_rows(store: Store, query: EntryQuery, *, runs_only: bool) -> Iterator[Row]:
    """Chains as they are stored, from their beginnings; where something is picked out of them, the newest first."""
    if query != EntryQuery(repository=query.repository, kind=Kind.RUN):
        yield from store.find(replace(query, kind=Kind.RUN if runs_only else None, limit=_ALL))
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
