"""One run of pytest, in the process that it has for itself: what is measured is told when all of it is over."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from .command_line import adapted, ours
from .plugin import MAX_TESTS, NODEID, Watch
from .protocol import plain

if TYPE_CHECKING:
    from collections.abc import Callable

    from .function_trace import Opened
    from .line_coverage import Measure

_COVERING_TESTS = 200
_MARGIN = 1.0
"""Seconds that have to be left for what comes after the mutants."""


def main(requested: dict[str, Any], tell: Callable[[dict[str, Any]], None]) -> None:
    """Run pytest and tell everything, the end last."""
    ends = time.monotonic() + requested["seconds"] * 0.9
    top = requested["top"]
    measure = opened = None
    tried = sorted({mutant["path"] for mutant in requested["mutants"]})
    if requested["measured"] or requested["traced"] or tried:
        from .line_coverage import Measure  # noqa: PLC0415  a third of a second that most runs do without

        measure = Measure(top, requested["measured"], tried, requested["omitted"], traced=requested["traced"])
    if requested["traced"]:
        from .function_trace import Opened  # noqa: PLC0415

        opened = Opened(top)
    line = adapted(requested["arguments"], top, paths=not requested["select"])
    line += [os.path.join(top, path) for path in requested["select"]]
    requested = {**requested, "line": line, "cache": os.path.join(os.environ["TMPDIR"], "cache")}
    contexts = measure if requested["traced"] or tried else None
    watch = Watch(requested, tell, contexts, opened)
    if measure is not None:
        measure.start()

    def after(_: pytest.Session) -> None:
        if measure is None:
            return
        measure.stop()
        if tried:
            tell({"mutants": _mutants(requested, measure, watch, ends)})

    watch.after = after
    sys.argv = ["pytest", *line]
    status = int(pytest.main([*ours(top, requested["cache"]), *line], plugins=[watch]))
    watch.look()
    if measure is not None:
        measure.stop()
        _tell_measured(requested, measure, opened, watch, tell)
    tell({"end": status, "problem": _problem(status, watch), "tests": len(watch.items)})


def _problem(status: int, watch: Watch) -> str:
    """Why what was told does not count, "" when it does."""
    if watch.replaced:
        return "pytest was patched (" + watch.replaced + ")"
    if watch.interrupted:
        return "pytest was interrupted"
    if status not in {0, 1, 5} and not watch.misfits:
        # What pytest itself prints says more.
        return {2: "pytest was interrupted", 3: "pytest broke down", 4: "pytest cannot be used so"}.get(
            status, "pytest ended in its own way"
        )
    if watch.finished < len(watch.items) and not watch.misfits:
        return f"{len(watch.items) - watch.finished} of {len(watch.items)} tests were not run"
    return ""


def _tell_measured(
    requested: dict[str, Any],
    measure: Measure,
    opened: Opened | None,
    watch: Watch,
    tell: Callable[[dict[str, Any]], None],
) -> None:
    covering: dict[str, list[str]] = {}
    if opened is not None:
        traces, covering = _traces(requested["top"], measure, opened, watch)
        tell({"traces": traces})
    tell({"coverage": [{**item, "tests": covering.get(item["path"], [])} for item in measure.coverage_fields()]})


def _traces(top: str, measure: Measure, opened: Opened, watch: Watch) -> tuple[dict[str, Any], dict[str, list[str]]]:
    """The traces with each name said once, and the tests by file of which they executed a function."""
    from .function_trace import functions_by_context  # noqa: PLC0415

    by_context = functions_by_context(measure, lambda path: _text(top, path))
    names = sorted({name for item in by_context.values() for name in item})
    files = sorted({path for item in opened.by.values() for path in item})
    name_at = {name: location for location, name in enumerate(names)}
    file_at = {path: location for location, path in enumerate(files)}
    covering: dict[str, list[str]] = {}
    tests = []
    for nodeid in list(watch.items)[:MAX_TESTS]:
        # What runs when a module is imported or collected belongs to all of its tests.
        contexts = ("test:" + nodeid, "module:" + nodeid.partition("::")[0])
        used = {name for context in contexts for name in by_context.get(context, ())}
        read = {path for context in contexts for path in opened.by.get(context, ())}
        tests.append(
            [plain(nodeid, NODEID), sorted(name_at[name] for name in used), sorted(file_at[path] for path in read)]
        )
        for path in {name.partition("::")[0] for name in used if not name.endswith("::")}:
            covering.setdefault(path, []).append(plain(nodeid, NODEID))
    traces = {
        "functions": [plain(name, NODEID) for name in names],
        "files": [plain(path, NODEID) for path in files],
        "tests": tests,
    }
    return traces, {path: item[:_COVERING_TESTS] for path, item in covering.items()}


def _mutants(requested: dict[str, Any], measure: Measure, watch: Watch, ends: float) -> list[dict[str, Any]]:
    """What became of each, by the tests that passed."""
    from .function_trace import statement_lines  # noqa: PLC0415
    from .mutation import try_mutants  # noqa: PLC0415

    top = requested["top"]
    lines = {path: measure.contexts(path) for path in {mutant["path"] for mutant in requested["mutants"]}}
    texts = {path: _text(top, path) for path in lines}
    against = [nodeid for nodeid in requested["against"] if nodeid in watch.passed]

    def executing(mutant: dict[str, Any]) -> list[str]:
        if requested["against"]:
            return against
        result = lines[mutant["path"]]
        contexts = {
            context
            for line in statement_lines(texts[mutant["path"]], mutant["line"])
            for context in result.get(line, ())
        }
        tests = [context[len("test:") :] for context in contexts if context.startswith("test:")]
        return sorted((test for test in tests if test in watch.passed), key=lambda test: (watch.passed[test], test))

    tests = {mutant["id"]: executing(mutant) for mutant in requested["mutants"]}
    longest = max((sum(watch.passed[test] for test in result) for result in tests.values()), default=0.0)
    seconds = 1.5 + 5 * longest
    late = set()

    def in_time(mutant: dict[str, Any]) -> list[str]:
        if time.monotonic() + seconds + _MARGIN > ends:
            late.add(mutant["id"])
            return []
        return tests[mutant["id"]]

    result = try_mutants(requested["mutants"], lambda path: texts[path], watch.try_once, in_time, seconds, top)
    return [{**each, "detail": "no time was left"} if each["id"] in late else each for each in result]


def _text(top: str, path: str) -> str:
    with open(os.path.join(top, path), encoding="utf-8", newline="") as file:
        return file.read()
