"""What tests execute: lines and branches of files."""

from __future__ import annotations

import ast
import contextlib
import io
import json
import os
import sys
from typing import Any

import coverage


class Measure:
    """Coverage of the files `measured` and `tried`. Contexts are names that callers choose."""

    def __init__(self, top: str, measured: list[str], tried: list[str]) -> None:
        self._top = top
        self._measured = measured
        paths = {os.path.join(top, path) for path in (*measured, *tried)}
        self._coverage = coverage.Coverage(
            data_file=None,
            branch=True,
            config_file=False,
            include=sorted(paths),
            messages=False,
        )
        # Files that nothing imports are no trouble.
        vars(self._coverage)["_warn"] = lambda *_, **__: None
        # For its own debugging only it notes where it was made, by reading the sources of all that is imported.
        vars(sys.modules["coverage.collector"])["short_stack"] = str
        if sys.version_info >= (3, 14) and tried:
            with contextlib.suppress(coverage.CoverageException):
                # The default there knows no contexts.
                self._coverage.set_option("run:core", "ctrace")

    def start(self) -> None:
        self._coverage.start()

    def switch(self, context: str) -> None:
        self._coverage.switch_context(context)

    def stop(self) -> None:
        self._coverage.stop()

    def contexts(self, path: str) -> dict[int, list[str]]:
        return self._coverage.get_data().contexts_by_lineno(os.path.join(self._top, path))

    def coverage_fields(self) -> list[dict[str, Any]]:
        """Fields of FileCoverage for each measured file that coverage can read."""
        if not self._measured:
            return []
        locations = [os.path.join(self._top, path) for path in self._measured]
        report = self._report([location for location in locations if os.path.isfile(location)])
        return [
            {"path": path, **item}
            for path in self._measured
            for location in [os.path.join(self._top, path)]
            for item in [report.get(location) or self._unexecuted(location)]
            if item is not None
        ]

    def _report(self, locations: list[str]) -> dict[str, dict[str, Any]]:
        written = io.StringIO()
        try:
            with contextlib.redirect_stdout(written):
                self._coverage.json_report(morfs=locations, outfile="-", ignore_errors=True)
            files = json.loads(written.getvalue())["files"]
        except (coverage.CoverageException, ValueError):
            return {}
        return {os.path.join(self._directory(), name): _fields(item) for name, item in files.items()}

    def _directory(self) -> str:
        return coverage.files.relative_directory()

    def _unexecuted(self, location: str) -> dict[str, Any] | None:
        """A file of which nothing was executed; None when it is no Python."""
        try:
            statements = self._coverage.analysis2(location)[1]
        except coverage.CoverageException:
            return None
        return {"statements": statements, "executed": [], "branches": [], "taken": []}


def _fields(result: dict[str, Any]) -> dict[str, Any]:
    taken = [tuple(arc) for arc in result.get("executed_branches", ())]
    missing = [tuple(arc) for arc in result.get("missing_branches", ())]
    executed = result["executed_lines"]
    return {
        "statements": sorted({*executed, *result["missing_lines"]}),
        "executed": executed,
        "branches": sorted({*taken, *missing}),
        "taken": sorted(taken),
    }


def statement_lines(text: str, line: int) -> range:
    """The lines of the innermost statement that this one is in, without those of statements within it."""
    result = range(line, line + 1)
    try:
        tree = ast.parse(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return result
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt):
            body = getattr(node, "body", None)
            last = body[0].lineno - 1 if body else node.end_lineno or node.lineno
            if node.lineno <= line <= max(last, node.lineno):
                result = range(node.lineno, max(last, node.lineno) + 1)
    return result
