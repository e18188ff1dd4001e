"""One run of pytest, in the process that it has for itself: what is measured is told when all of it is over."""

from __future__ import annotations

import gc
import os
import random
import sys
import time
from contextlib import suppress
from time import perf_counter
from typing import TYPE_CHECKING, Any

import pytest

from .audit_events import Attempts, TemporaryFiles
from .command_line import adapted, ours
from .outcome import NAME, Guard, description, is_registered, phase, worst
from .plugins import is_any_used, unused_plugins
from .protocol import plain

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from .function_trace import FunctionTrace
    from .line_coverage import Measure

MAX_TESTS, _MAX_COLLECTED = 20_000, 100_000
"""Tests of which all is told, and whose names are. Of those beyond it is told which fail, and which were asked for."""
NODEID = 500
_COVERING_TESTS = 200
_NO_AUTOLOAD = "PYTEST_DISABLE_PLUGIN_AUTOLOAD"
_MARGIN = 1.0
"""Seconds that have to be left for what comes after the mutants."""


def main(requested: dict[str, Any], send: Callable[[dict[str, Any]], None]) -> None:
    """Run pytest and send everything, the end last."""
    ends = time.monotonic() + requested["seconds"] * 0.9
    top = requested["top"]
    requested["frozen"] = gc.get_freeze_count()
    tried = sorted({mutant["path"] for mutant in requested["mutants"]})
    measure, trace = _recorders(requested, tried)
    unused = [] if requested["all_plugins"] else unused_plugins()
    line = [part for name in unused for part in ("-p", "no:" + name)]
    line += adapted(requested["arguments"], top, paths=not requested["select"])
    line += [os.path.join(top, path) for path in requested["select"]]
    line += ["--ignore=" + os.path.join(top, path) for path in requested["left_out"] if "::" not in path]
    requested = {**requested, "line": line, "cache": os.path.join(os.environ["TMPDIR"], "cache")}
    watch = Watch(requested, send, measure if tried else None, trace)
    recorders = [each for each in (measure, trace) if each is not None]
    for each in recorders:
        each.start()

    def after(_: pytest.Session) -> None:
        for each in recorders:
            each.stop()
        if measure is not None and tried:
            send({"mutants": _mutants(requested, measure, watch, ends)})

    watch.after = after
    sys.argv = ["pytest", *line]
    if unused and not is_any_used() and _NO_AUTOLOAD not in os.environ:
        # Then pytest need not even look for them.
        os.environ[_NO_AUTOLOAD] = "ours"
    status = int(pytest.main([*ours(top, requested["cache"]), *line], plugins=[watch]))
    watch.check()
    for each in recorders:
        each.stop()
    covering: dict[str, list[str]] = {}
    if trace is not None:
        traces, covering = _traces(trace, watch)
        send({"traces": traces})
    if measure is not None:
        send({"coverage": [{**item, "tests": covering.get(item["path"], [])} for item in measure.coverage_fields()]})
    send({"end": status, "problem": _problem(status, watch), "tests": len(watch.items), "without": len(unused)})


def _recorders(requested: dict[str, Any], tried: list[str]) -> tuple[Measure | None, FunctionTrace | None]:
    measure = trace = None
    if requested["measured"] or tried:
        from .line_coverage import Measure  # noqa: PLC0415  a third of a second that most runs do without

        measure = Measure(requested["top"], requested["measured"], tried)
    if requested["traced"]:
        from .function_trace import FunctionTrace  # noqa: PLC0415  most runs do without

        trace = FunctionTrace(requested["top"], requested["omitted"])
    return measure, trace


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


def _traces(trace: FunctionTrace, watch: Watch) -> tuple[dict[str, Any], dict[str, list[str]]]:
    """The traces with each name said once, and the tests by file of which they executed a function."""
    by_context, opened = trace.functions, trace.opened
    statements = trace.by_statement if len(trace.by_statement) <= MAX_TESTS else {}
    names = sorted({name for item in by_context.values() for name in item})
    files = sorted({path for item in opened.values() for path in item})
    name_at = {name: location for location, name in enumerate(names)}
    file_at = {path: location for location, path in enumerate(files)}
    covering: dict[str, list[str]] = {}
    # Under the node id "": all that ran before the first test.
    outside = tuple(context for context in {"", *by_context, *opened} if not context.startswith("test:"))
    # What runs when a module is imported or collected belongs to all of its tests.
    turns = {
        nodeid: ("test:" + nodeid, "module:" + nodeid.partition("::")[0])
        for nodeid in watch.items
        if "test:" + nodeid not in trace.lost
    }
    tests = [
        ["import:" + plain(statement, NODEID), sorted(name_at[name] for name in functions & name_at.keys()), []]
        for statement, functions in statements.items()
    ]
    # What came before the tests is told when all of it is known.
    before = [("", outside)] if all(context.startswith("test:") for context in trace.lost) else []
    for nodeid, contexts in [*before, *list(turns.items())[:MAX_TESTS]]:
        used = {name for context in contexts for name in by_context.get(context, ())}
        read = {path for context in contexts for path in opened.get(context, ())}
        tests.append(
            [plain(nodeid, NODEID), sorted(name_at[name] for name in used), sorted(file_at[path] for path in read)]
        )
        for path in {name.partition("::")[0] for name in used if nodeid and not name.endswith("::")}:
            covering.setdefault(path, []).append(plain(nodeid, NODEID))
    traces = {
        "functions": [plain(name, NODEID) for name in names],
        "files": [plain(path, NODEID) for path in files],
        "tests": tests,
    }
    return traces, {path: item[:_COVERING_TESTS] for path, item in covering.items()}


def _mutants(requested: dict[str, Any], measure: Measure, watch: Watch, ends: float) -> list[dict[str, Any]]:
    """What became of each, by the tests that passed."""
    from .line_coverage import statement_lines  # noqa: PLC0415
    from .mutation import try_mutants  # noqa: PLC0415

    top = requested["top"]
    lines = {path: measure.contexts(path) for path in {mutant["path"] for mutant in requested["mutants"]}}
    texts = {path: _text(top, path) for path in lines}
    requested = {**requested, "against": frozenset(requested["against"])}
    against = sorted(nodeid for nodeid in watch.passed if not requested["against"].isdisjoint(_names(nodeid)))

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

    result = try_mutants(
        requested["mutants"], lambda path: texts[path], watch.try_once, in_time, seconds, top, requested["frozen"]
    )
    return [{**each, "detail": "no time was left"} if each["id"] in late else each for each in result]


def _text(top: str, path: str) -> str:
    with open(os.path.join(top, path), encoding="utf-8", newline="") as file:
        return file.read()


class Watch:
    """Watches one session. `measure` and `trace` are told whose turn it is, where they are requested."""

    def __init__(
        self,
        requested: dict[str, Any],
        send: Callable[[dict[str, Any]], None],
        measure: Measure | None,
        trace: FunctionTrace | None,
    ) -> None:
        self._requested = requested
        self._top: str = requested["top"]
        self._send = send
        named = (*requested["select"], *requested["against"])
        self._named = frozenset(name for name in named if "::" in name)
        self._measure = measure
        self._trace = trace
        self._guard = Guard()
        self._attempts = Attempts()
        self._temporary = TemporaryFiles()
        self._config: pytest.Config | None = None
        self._phases: list[tuple[str, str, BaseException | None]] = []
        self._tries: list[tuple[str, str, BaseException | None]] | None = None
        self.items: dict[str, pytest.Item] = {}
        self.passed: dict[str, float] = {}
        """Node id → seconds."""
        self.finished = 0
        self.misfits = 0
        """How many files could not be collected."""
        self.replaced = ""
        self.interrupted = False
        self.after: Callable[[pytest.Session], None] | None = None
        """What is done when all tests have run, while fixtures and plugins are still there."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_load_initial_conftests(self, early_config: pytest.Config, args: list[str]) -> None:
        """Take out of the project's configuration what does not fit, before it is judged."""
        self._config = early_config
        if os.environ.get(_NO_AUTOLOAD) == "ours":
            del os.environ[_NO_AUTOLOAD]
        own = [*ours(self._top, self._requested["cache"]), *self._requested["line"]]
        cut = len(args) - len(own)
        args[:cut] = adapted(args[:cut], self._top, paths=not self._requested["select"])
        known = early_config.known_args_namespace
        parsed = early_config._parser.parse_known_args(list(args))  # noqa: SLF001  as pytest itself does
        known.file_or_dir = parsed.file_or_dir
        os.chdir(self._requested["directory"])

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_make_collect_report(self, collector: pytest.Collector) -> Generator[None, Any, None]:
        """Whose imports these are, and which files cannot be collected."""
        if isinstance(collector, pytest.Module):
            self.turn("module:" + collector.nodeid)
        outcome: Any = yield
        report = outcome.get_result()
        if report.failed:
            self.misfits += 1
            raised = report.call.excinfo.value
            self._send_outcome(collector.nodeid or ".", "error", 0.0, raised.__cause__ or raised)

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> Generator[None, Any, None]:
        """The last word about what is run, and in which order."""
        yield
        left_out = set(self._requested["left_out"])
        # `--deselect` goes by how a node id begins, and would take others along.
        items[:] = [item for item in items if plain(item.nodeid, NODEID) not in left_out]
        if self._requested["order"] is not None:
            random.Random(self._requested["order"]).shuffle(items)  # noqa: S311  to be repeated
        elif self._requested["in_order"]:
            locations = {name: location for location, name in reversed(list(enumerate(self._requested["select"])))}
            # A test that is named comes in its place, and once, although its file may be named as well.
            items[:] = {item.nodeid: item for item in reversed(items)}.values()
            items.reverse()
            items.sort(key=lambda item: next((locations[name] for name in _names(item.nodeid) if name in locations), 0))

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Say what there is to run."""
        self.items = {item.nodeid: item for item in session.items}
        self.turn("")
        for start in range(0, min(len(session.items), _MAX_COLLECTED), 1000):
            part = session.items[start : min(start + 1000, _MAX_COLLECTED)]
            self._send({"collected": [plain(item.nodeid, NODEID) for item in part]})

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, Any, None]:
        """Run them all, then what is to be done after."""
        yield
        self.turn("")
        if self.after is not None:
            self.after(session)

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, Any, None]:
        """One test from its fixtures to their end."""
        self._phases = []
        self._attempts.first = ""
        self._temporary.written.clear()
        self.turn("test:" + item.nodeid)
        self._send({"at": plain(item.nodeid, NODEID)})
        seed = self._requested["random_seed"]
        if seed is not None:
            random.seed(seed)
            if "numpy" in sys.modules:
                sys.modules["numpy"].random.seed(seed % 2**32)
        begun = perf_counter()
        yield
        self._finished(item.nodeid, perf_counter() - begun)

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, None]:
        """Judge one phase by what was raised in it."""
        outcome: Any = yield
        raised = call.excinfo.value if call.excinfo else None
        runs_xfail = bool(item.config.getoption("runxfail", default=False))
        self._phases.append((call.when, phase(call.when, raised, outcome.get_result(), runs_xfail=runs_xfail), raised))
        self.check()

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Somebody ends the session, which is for nobody in it to do; pytest itself does where a module is broken."""
        self.interrupted = not isinstance(excinfo.value, pytest.Session.Interrupted)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        summary = session.config.hook.pytest_terminal_summary
        with suppress(AttributeError):
            for each in summary.get_hookimpls():
                summary._remove_plugin(each.plugin)  # noqa: SLF001  there is no other way

    def check(self) -> None:
        if not self.replaced:
            self.replaced = self._guard.replaced()
        if not self.replaced and self._config is not None and not is_registered(self._config, self):
            self.replaced = "our plugin"

    def turn(self, context: str) -> None:
        if self._measure is not None:
            self._measure.switch(context)
        if self._trace is not None:
            self._trace.switch(context)

    def try_once(self, nodeids: list[str]) -> tuple[str, str] | None:
        """Run tests again in this process: the first that does not pass, and what it raised."""
        self._measure = self._trace = None
        for nodeid in nodeids:
            item = self.items[nodeid]
            self._tries = []
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
            bad = [raised for _, outcome, raised in self._tries if outcome != "passed"]
            if bad or not self._tries:
                return nodeid, type(bad[0]).__name__ if bad and bad[0] is not None else ""
        return None

    def _finished(self, nodeid: str, seconds: float) -> None:
        phases, self._phases = self._phases, []
        if self._tries is not None:
            self._tries = phases
            return
        when = {name for name, _, _ in phases}
        outcomes = [outcome for _, outcome, _ in phases]
        if not {"setup", "teardown"} <= when or ("call" not in when and outcomes == ["passed"] * len(outcomes)):
            outcomes.append("error")
            phases = [*phases, ("call", "error", RuntimeError("a plugin of the project ran it in its own way"))]
        outcome = worst(outcomes)
        self.finished += 1
        if outcome == "passed":
            self.passed[nodeid] = seconds
        raised = next((raised for _, each, raised in phases if each == outcome), None)
        is_good = outcome in {"passed", "skipped", "xfailed"}
        if self.finished <= MAX_TESTS or not is_good or not self._named.isdisjoint(_names(nodeid)):
            self._send_outcome(nodeid, outcome, seconds, raised)

    def _send_outcome(self, nodeid: str, outcome: str, seconds: float, raised: BaseException | None) -> None:
        message, exception, where = description(raised, self._top)
        self._send(
            {
                "test": {
                    "nodeid": plain(nodeid, NODEID),
                    "outcome": outcome,
                    "seconds": round(seconds, 6),
                    "message": message,
                    "exception": exception,
                    "where": where,
                    "reached": plain(self._attempts.first, NAME),
                    "temporary": [plain(name, NODEID) for name in self._temporary.written],
                }
            }
        )


def _names(nodeid: str) -> list[str]:
    """Itself, and all that it is part of: the test without parameters, the class, the file, the folders."""
    names = [nodeid]
    plain_id, bracket, _ = nodeid.partition("[")
    if bracket:
        names.append(plain_id)
    while "::" in plain_id:
        plain_id = plain_id.rpartition("::")[0]
        names.append(plain_id)
    while "/" in plain_id:
        plain_id = plain_id.rpartition("/")[0]
        names.append(plain_id)
    return [*names, "."]
