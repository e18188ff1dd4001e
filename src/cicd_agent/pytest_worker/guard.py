"""Notices when code of the project has put its own in place of what judges tests."""

from __future__ import annotations

import importlib
from types import FunctionType
from typing import Any

import pytest

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
