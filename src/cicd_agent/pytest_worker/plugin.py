"""The plugin that orders the tests of a session, watches each of them, and tells how it ended."""

from __future__ import annotations

import os
import random
import sys
from contextlib import suppress
from time import perf_counter
from typing import TYPE_CHECKING, Any

import pytest

from .command_line import adapted, ours
from .guard import Guard, is_registered
from .outcome import description, phase, worst
from .protocol import plain

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from .function_trace import Opened
    from .line_coverage import Measure

MAX_TESTS = 20_000
NODEID = 500


class Watch:
    """Watches one session. `measure` and `opened` are told whose turn it is, where they are wanted."""

    def __init__(
        self,
        wanted: dict[str, Any],
        tell: Callable[[dict[str, Any]], None],
        measure: Measure | None,
        opened: Opened | None,
    ) -> None:
        self._wanted = wanted
        self._top: str = wanted["top"]
        self._tell = tell
        self._measure = measure
        self._opened = opened
        self._guard = Guard()
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
        own = [*ours(self._top, self._wanted["cache"]), *self._wanted["line"]]
        cut = len(args) - len(own)
        args[:cut] = adapted(args[:cut], self._top, paths=not self._wanted["select"])
        known = early_config.known_args_namespace
        parsed = early_config._parser.parse_known_args(list(args))  # noqa: SLF001  as pytest itself does
        known.file_or_dir = parsed.file_or_dir
        os.chdir(self._wanted["directory"])

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
        """The last word about the order."""
        yield
        if self._wanted["order"] is not None:
            random.Random(self._wanted["order"]).shuffle(items)  # noqa: S311  to be repeated
        elif self._wanted["in_order"]:
            locations = {name: location for location, name in reversed(list(enumerate(self._wanted["select"])))}
            items.sort(
                key=lambda item: min((locations[name] for name in _names(item.nodeid) if name in locations), default=0)
            )

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Say what there is to run."""
        self.items = {item.nodeid: item for item in session.items}
        self.turn("")
        for start in range(0, min(len(session.items), MAX_TESTS), 1000):
            part = session.items[start : min(start + 1000, MAX_TESTS)]
            self._tell({"collected": [plain(item.nodeid, NODEID) for item in part]})

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
        self.turn("test:" + item.nodeid)
        self._tell({"at": plain(item.nodeid, NODEID)})
        seed = self._wanted["random_seed"]
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
        self.look()

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Somebody ends the session, which is for nobody in it to do; pytest itself does where a module is broken."""
        self.interrupted = not isinstance(excinfo.value, pytest.Session.Interrupted)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        summary = session.config.hook.pytest_terminal_summary
        with suppress(AttributeError):
            for each in summary.get_hookimpls():
                summary._remove_plugin(each.plugin)  # noqa: SLF001  there is no other way

    def look(self) -> None:
        if not self.replaced:
            self.replaced = self._guard.replaced()
        if not self.replaced and self._config is not None and not is_registered(self._config, self):
            self.replaced = "our plugin"

    def turn(self, context: str) -> None:
        if self._measure is not None:
            self._measure.switch(context)
        if self._opened is not None:
            self._opened.context = context

    def try_once(self, nodeids: list[str]) -> tuple[str, str] | None:
        """Run tests again in this process: the first that does not pass, and what it raised."""
        self._measure = self._opened = None
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
        if self.finished <= MAX_TESTS:
            self._send_outcome(nodeid, outcome, seconds, raised)

    def _send_outcome(self, nodeid: str, outcome: str, seconds: float, raised: BaseException | None) -> None:
        message, exception, where = description(raised, self._top)
        self._tell(
            {
                "test": {
                    "nodeid": plain(nodeid, NODEID),
                    "outcome": outcome,
                    "seconds": round(seconds, 6),
                    "message": message,
                    "exception": exception,
                    "where": where,
                }
            }
        )


def _names(nodeid: str) -> list[str]:
    """Itself, and all that it is part of: the test without parameters, the class, the file."""
    names = [nodeid]
    plain_id, bracket, _ = nodeid.partition("[")
    if bracket:
        names.append(plain_id)
    while "::" in plain_id:
        plain_id = plain_id.rpartition("::")[0]
        names.append(plain_id)
    return names
