"""What one run of pytest tells of its tests, where there are very many."""

from typing import Any

import pytest

from cicd_agent.pytest_worker import pytest_run


def test_of_very_many_tests_those_are_told_that_fail_or_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pytest_run, "MAX_TESTS", 1)
    told: list[dict[str, Any]] = []
    requested = {"top": "/", "select": ["test_a.py", "test_a.py::test_new"], "against": []}
    watch = pytest_run.Watch(requested, told.append, None, None)
    for name, outcome in (("first", "passed"), ("second", "passed"), ("third", "failed"), ("new[1]", "passed")):
        watch._phases = [(when, outcome, None) for when in ("setup", "call", "teardown")]
        watch._finished(f"test_a.py::test_{name}", 0.0)
    assert [each["test"]["nodeid"][16:] for each in told] == ["first", "third", "new[1]"]
