"""What tests execute: lines and branches of files, and which functions and files each test used."""

from __future__ import annotations

import ast
import contextlib
import io
import json
import os
import sys
from typing import TYPE_CHECKING, Any

import coverage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_MAX_FILES = 2_000
_READERS = ("/_pytest/assertion/rewrite.py", "/linecache.py")


class Measure:
    """Coverage of the files `measured` and `tried`, of all of the tree when it is `traced`.

    Contexts are names that callers choose.
    """

    def __init__(self, top: str, measured: list[str], tried: list[str], omitted: list[str], *, traced: bool) -> None:
        self._top = top
        self._measured = measured
        paths = {os.path.join(top, path) for path in (*measured, *tried)}
        self._coverage = coverage.Coverage(
            data_file=None,
            # Of what is only traced it is enough to know the lines.
            branch=bool(paths),
            config_file=False,
            include=[top + "/*"] if traced else sorted(paths),
            omit=[*(top + "/" + name + "/*" for name in omitted), "*/site-packages/*"] if traced else None,
            messages=False,
        )
        # Files that nothing imports are no trouble.
        vars(self._coverage)["_warn"] = lambda *_, **__: None
        # For its own debugging only it notes where it was made, by reading the sources of all that is imported.
        vars(sys.modules["coverage.collector"])["short_stack"] = str
        if sys.version_info >= (3, 14) and (traced or tried):
            with contextlib.suppress(coverage.CoverageException):
                # The default there knows no contexts.
                self._coverage.set_option("run:core", "ctrace")

    def start(self) -> None:
        self._coverage.start()

    def switch(self, context: str) -> None:
        self._coverage.switch_context(context)

    def stop(self) -> None:
        self._coverage.stop()

    def files(self) -> list[str]:
        result = self._coverage.get_data().measured_files()
        return sorted(path[len(self._top) + 1 :] for path in result if path.startswith(self._top + "/"))

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


class Opened:
    """The files of the tree that are opened, by what runs at that time. What looks at names alone is not seen."""

    def __init__(self, top: str) -> None:
        self.context = ""
        self.by: dict[str, set[str]] = {}
        beginning, separator = top + "/", "/__pycache__/"

        def hook(event: str, arguments: tuple[Any, ...]) -> None:
            if event != "open" or not isinstance(arguments[0], (str, bytes)):
                return
            path = os.path.abspath(os.fsdecode(arguments[0]))
            if path.startswith(beginning) and separator not in path and not (path.endswith(".py") and _by_reader()):
                result = self.by.setdefault(self.context, set())
                if len(result) < _MAX_FILES:
                    result.add(path[len(beginning) :])

        # A hook cannot be taken away again by anybody.
        sys.addaudithook(hook)


def _by_reader() -> bool:
    """Whether a source is opened to be imported, measured or quoted: its functions are known otherwise."""
    frame = sys._getframe(2)  # noqa: SLF001  the hook is called by whoever opens
    for _ in range(4):
        path = frame.f_code.co_filename
        if path.startswith("<frozen importlib") or path.endswith(_READERS) or "/coverage/" in path:
            return True
        if frame.f_back is None:
            return False
        frame = frame.f_back
    return False


def functions_by_context(measure: Measure, read_text: Callable[[str], str]) -> dict[str, set[str]]:
    """Context → functions ("path::qualified name", "path::" is what runs at import) of which it executed something."""
    by_context: dict[str, set[str]] = {}
    for path in measure.files():
        try:
            spans = list(_functions(ast.parse(read_text(path)), ""))
        except (OSError, ValueError, SyntaxError, RecursionError, MemoryError):
            spans = []
        for line, contexts in measure.contexts(path).items():
            for name in _at(spans, line):
                for context in contexts:
                    by_context.setdefault(context, set()).add(path + "::" + name)
    return by_context


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


def _functions(node: ast.AST, prefix: str) -> Iterator[tuple[int, int, str, bool]]:
    """First and last line of the body, qualified name, and whether the body begins on the line of the definition."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            name = prefix + child.name
            if not isinstance(child, ast.ClassDef):
                first = child.body[0].lineno
                yield first, child.end_lineno or first, name, first == child.lineno
            yield from _functions(child, name + ".")
        else:
            yield from _functions(child, prefix)


def _at(spans: list[tuple[int, int, str, bool]], line: int) -> list[str]:
    """The innermost function of a line; where it shares the line with its definition, what runs at import as well."""
    inside = [span for span in spans if span[0] <= line <= span[1]]
    if not inside:
        return [""]
    innermost = max(inside, key=lambda span: span[0])
    shared = innermost[3] and innermost[0] == line
    return [innermost[2], *(_at([span for span in spans if span != innermost], line) if shared else [])]
