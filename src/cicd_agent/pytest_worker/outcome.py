"""How a test ended, judged from what was raised and not from a report that tests and plugins may write in.

It also notices when code of the project has put its own in place of what judges tests.
"""

from __future__ import annotations

import importlib
import unittest
from types import FunctionType
from typing import TYPE_CHECKING, Any

import pytest

from .protocol import plain, read_table

if TYPE_CHECKING:
    from collections.abc import Mapping

MESSAGE = 300
NAME = 100
WORST_FIRST = ("error", "failed", "xpassed", "xfailed", "skipped", "passed")
_Skipped = (pytest.skip.Exception, unittest.SkipTest)
_XFailed = pytest.xfail.Exception


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
    comparisons = [line for line in lines if line.startswith("assert ")] if isinstance(raised, AssertionError) else []
    name = plain(type(raised).__name__, NAME)
    return plain((comparisons or lines)[0], MESSAGE), name, _where(raised, top)


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
    """What judged tests when this was made; later versions of pytest lack some of it."""

    def __init__(self) -> None:
        self._original: list[tuple[Mapping[str, Any], str, Any, FunctionType | None, Any]] = []
        for location, names in read_table("guarded").items():
            owner = _resolved(location)
            if owner is not None:
                # This goes along with all that is put there later.
                attributes = vars(owner)
                self._original += [_original(attributes, name) for name in names.split() if name in attributes]

    def replaced(self) -> str:
        """What is there now in place of it, "" when nothing is."""
        for attributes, name, value, function, code in self._original:
            if attributes.get(name) is not value or (function is not None and function.__code__ is not code):
                return name
        return ""


def _original(attributes: Mapping[str, Any], name: str) -> tuple[Mapping[str, Any], str, Any, FunctionType | None, Any]:
    value = attributes[name]
    function = getattr(value, "__func__", value) if isinstance(value, (classmethod, staticmethod)) else value
    if not isinstance(function, FunctionType):
        return attributes, name, value, None, None
    return attributes, name, value, function, function.__code__


def is_registered(config: pytest.Config, plugin: object) -> bool:
    hook = config.hook.pytest_runtest_makereport
    return any(each.plugin is plugin for each in hook.get_hookimpls())


def _resolved(location: str) -> object:
    """A module, or a class in one; None where this pytest has neither."""
    module, _, name = location.rpartition(".")
    for path in (location, module):
        try:
            result = importlib.import_module(path)
        except ImportError:
            continue
        return result if path == location else getattr(result, name, None)
    return None
