import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.support import tiers

LONG = {
    "tests/cli/test_cost.py::test_a": 2.1,
    "tests/cli/test_cost.py::test_b": 0.12,
    "tests/attacks/test_attacks.py::test_a": 9.0,
    "tests/app/test_main.py::test_a": 9.0,
    "tests/adapters/sandbox/test_landlock.py::test_a": 9.0,
    "tests/end_to_end/review/test_incremental_forged.py::test_a": 9.0,
    "tests/end_to_end/test_canaries.py::test_a[gen-tests]": 9.0,
    "tests/test_architecture.py::test_a": 9.0,
}


def test_slow_is_what_was_recorded_over_the_limit_and_neither_security_wiring_nor_architecture() -> None:
    assert [test for test in LONG if tiers.is_slow(test, LONG)] == ["tests/cli/test_cost.py::test_a"]


def test_a_test_that_was_never_recorded_is_fast() -> None:
    assert not tiers.is_slow("tests/cli/test_cost.py::test_new", LONG)


def test_the_record_holds_what_takes_long_alone(tmp_path: Path) -> None:
    reports = [
        SimpleNamespace(nodeid="tests/a.py::slow", when="call", user_properties=[]),
        SimpleNamespace(nodeid="tests/a.py::slow", when="teardown", user_properties=[("x", "y"), (tiers.CPU, 0.62)]),
        SimpleNamespace(nodeid="tests/a.py::fast", when="teardown", user_properties=[(tiers.CPU, 0.12)]),
        SimpleNamespace(category="warnings"),
    ]
    assert tiers.record(reports, tmp_path / "durations.json") == 1
    assert json.loads((tmp_path / "durations.json").read_text()) == {"tests/a.py::slow": 0.62}


def test_this_test_runs_with_every_change(request: pytest.FixtureRequest) -> None:
    assert request.node.get_closest_marker("slow") is None
    assert all(seconds > 0 for seconds in tiers.recorded().values())
