"""How a test ended, judged from what was raised and not from a report that tests and plugins may write in.

It also notices when code of the project has put its own in place of what judges tests.
"""

from __future__ import annotations

import importlib
import unittest
from types import FunctionType
from typing import Any

import pytest

from .protocol import plain

MESSAGE = 300
NAME = 100
WORST_FIRST = ("error", "failed", "xpassed", "xfailed", "skipped", "passed")
_Skipped = (pytest.skip.Exception, unittest.SkipTest)
_XFailed = pytest.xfail.Exception
_PLACES = (
    (
        "_pytest.runner",
        "call_and_report runtestprotocol pytest_runtest_protocol pytest_runtest_call pytest_runtest_setup",
    ),
    ("_pytest.runner", "pytest_runtest_teardown pytest_runtest_makereport call_runtest_hook CallInfo SetupState"),
    ("_pytest.runner.CallInfo", "from_call"),
    ("_pytest.python", "pytest_pyfunc_call Function Module Class"),
    ("_pytest.python.Function", "runtest setup"),
    ("_pytest.unittest.TestCaseFunction", "runtest addError addFailure addSkip"),
    ("_pytest.main", "pytest_runtestloop Session"),
    ("_pytest.raises.RaisesExc", "__enter__ __exit__ matches __init__"),
    ("_pytest.raises", "raises RaisesExc"),
    ("_pytest.python_api", "raises approx RaisesContext ApproxBase ApproxScalar"),
    ("_pytest.python_api.RaisesContext", "__enter__ __exit__"),
    ("_pytest.python_api.ApproxScalar", "__eq__"),
    ("_pytest.approx", "approx ApproxScalar"),
    ("_pytest.approx.ApproxScalar", "__eq__"),
    ("_pytest.recwarn", "warns WarningsChecker"),
    ("_pytest.assertion.rewrite", "rewrite_asserts AssertionRewriter AssertionRewritingHook"),
    ("_pytest.assertion.rewrite.AssertionRewritingHook", "exec_module find_spec"),
    ("_pytest.outcomes", "fail skip xfail exit Failed Skipped XFailed"),
    ("pytest", "raises approx fail skip xfail exit warns main"),
    ("pluggy.HookCaller", "__call__"),
    ("pluggy._callers", "_multicall"),
    ("unittest.case.TestCase", "run __call__ assertEqual assertTrue assertRaises assertFalse failUnlessEqual"),
)


def phase(when: str, raised: BaseException | None, report: pytest.TestReport, *, runs_xfail: bool) -> str:
    """The outcome of one phase of a test. The report only says whether what was raised had been expected."""
    if raised is None:
        strict = when == "call" and report.failed and str(report.longrepr).startswith("[XPASS(strict)]")
        return "xpassed" if strict else "passed"
    if isinstance(raised, _Skipped):
        return "skipped"
    if not runs_xfail and (isinstance(raised, _XFailed) or (report.skipped and hasattr(report, "wasxfail"))):
        return "xfailed"
    return "failed" if when == "call" else "error"


def worst(outcomes: list[str]) -> str:
    return next(outcome for outcome in WORST_FIRST if outcome in outcomes)


def description(raised: BaseException | None, top: str) -> tuple[str, str, str]:
    """Message, name of the type, and the deepest frame inside the tree ("src/client.py:41")."""
    if raised is None:
        return "", "", ""
    try:
        text = str(raised)
    except Exception:  # noqa: BLE001  its class belongs to the project
        text = "what was raised cannot say what it is"
    lines = [line.strip() for line in text[:20_000].splitlines() if line.strip()] or [""]
    # The project's own words may stand before what was compared.
    compared = [line for line in lines if line.startswith("assert ")] if isinstance(raised, AssertionError) else []
    name = plain(type(raised).__name__, NAME)
    return plain((compared or lines)[0], MESSAGE), name, _where(raised, top)


def _where(raised: BaseException, top: str) -> str:
    result = ""
    trace = raised.__traceback__
    while trace is not None:
        path = trace.tb_frame.f_code.co_filename
        if path.startswith(top + "/"):
            result = path[len(top) + 1 :] + ":" + str(trace.tb_lineno)
        trace = trace.tb_next
    return plain(result, 2 * MESSAGE)


class Guard:
    """What stood at the places that matter when this was made; later versions of pytest lack some."""

    def __init__(self) -> None:
        self._stood = [
            (owner, name, value, value.__code__ if isinstance(value, FunctionType) else None)
            for location, names in _PLACES
            for owner in [_found(location)]
            if owner is not None
            for name in names.split()
            for value in [_plain(owner, name)]
            if value is not None
        ]

    def replaced(self) -> str:
        """What stands there now in place of it, "" when nothing does."""
        for owner, name, value, code in self._stood:
            now = _plain(owner, name)
            if now is not value or (code is not None and now.__code__ is not code):
                return name
        return ""


def is_registered(config: pytest.Config, plugin: object) -> bool:
    hook = config.hook.pytest_runtest_makereport
    return any(each.plugin is plugin for each in hook.get_hookimpls())


def _plain(owner: object, name: str) -> Any:
    result = vars(owner).get(name)
    return getattr(result, "__func__", result) if isinstance(result, (classmethod, staticmethod)) else result


def _found(location: str) -> object:
    """A module, or a class in one."""
    try:
        return importlib.import_module(location)
    except ImportError:
        module, _, name = location.rpartition(".")
    try:
        return getattr(importlib.import_module(module), name, None)
    except ImportError:
        return None
