"""How a test ended, judged from what was raised and not from a report that tests and plugins may write in."""

from __future__ import annotations

import unittest

import pytest

from .protocol import plain

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
