import json
from typing import Any

import pytest
from hypothesis import given as generated
from hypothesis import settings as examples
from hypothesis import strategies as st

from cicd_agent.domain.gate_evidence import State
from cicd_agent.modes.deploy_gate.signals.signals_file import MAX_BYTES, SignalsFile, parse_signals, read_signals_file
from cicd_agent.modes.protocol import Ports
from cicd_agent.settings.schema import Settings
from tests.support.fakes.ports import FakeWorkspace

NOW = 1_900_000_000.0
ALL = {
    "version": 1,
    "measured_at": "2026-11-22T10:00:00Z",
    "coverage_before": 81.2,
    "coverage_after": 80.9,
    "coverage_delta": -0.3,
    "error_budget_remaining": 0.4,
    "traffic_per_minute": 120,
    "tests_passed": 412,
    "tests_total": 412,
}
READINGS = {"coverage", "tests", "budget", "traffic"}


def parsed(values: Any) -> SignalsFile:
    content = values if isinstance(values, bytes) else json.dumps(values).encode()
    return parse_signals(content, "s.json", NOW)


def test_everything_that_makes_sense_is_taken_as_it_is() -> None:
    file = parsed(ALL)
    assert (file.source, file.measured, file.budget, file.traffic) == ("s.json", 1_795_341_600, 0.4, 120)
    assert file.values.model_dump(exclude={"measured_at"}) == {key: ALL[key] for key in ALL if key != "measured_at"}
    assert file.faults == {}


def test_everything_is_optional_and_a_byte_order_mark_is_no_obstacle() -> None:
    assert parsed({}) == SignalsFile("s.json")
    assert parsed(b'\xef\xbb\xbf{"coverage_delta": 1}').values.coverage_delta == 1


@pytest.mark.parametrize(
    ("key", "value", "names"),
    [
        ("coverage_after", 101, {"coverage"}),
        ("coverage_after", "80.9", {"coverage"}),
        ("coverage_delta", float("nan"), {"coverage"}),
        ("coverage_delta", 5, {"coverage"}),
        ("error_budget_remaining", float("inf"), {"budget"}),
        ("error_budget_remaining", 40, {"budget"}),
        ("error_budget", 0.4, {"budget"}),
        ("traffic_per_minute", 0, {"traffic"}),
        ("tests_passed", 413, {"tests"}),
        ("tests_passed", None, {"tests"}),
        ("tests_total", True, {"tests"}),
        ("tests_failed", 1, {"tests"}),
        ("measured_at", "yesterday", READINGS),
        ("measured_at", "2026-11-22T10:00:00", READINGS),
        ("measured_at", "2099-01-01T00:00:00Z", READINGS),
        ("who_knows", 1, READINGS),
    ],
)
def test_what_makes_no_sense_is_a_fault_with_its_name_and_the_rest_stands(
    key: str, value: Any, names: set[str]
) -> None:
    found = parsed({**ALL, key: value})
    assert {*found.faults} == names
    assert {each.state for each in found.faults.values()} == {State.NONSENSE}
    assert all(each.problem and each.name == name for name, each in found.faults.items())
    if "budget" not in names:
        assert found.budget == 0.4


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"coverage: 80",
        b"[]",
        b"null",
        b'{"version": 2}',
        b'{"version": "1"}',
        b"\xff\xfe\x00",
        b"[" * 50_000,
        b'{"x": ' * 5_000,
        b'{"tests_total": ' + b"9" * 5_000 + b"}",
        b'{"coverage_delta": 1',
    ],
)
def test_a_file_that_is_not_understood_is_a_fault_of_all_that_it_could_have_said(content: bytes) -> None:
    found = parsed(content)
    assert found.faults.keys() >= {"tests"}
    assert found.budget_reading.state in {State.NONSENSE, State.MISSING}
    assert all(each.state is State.NONSENSE for each in found.faults.values())


@generated(
    st.one_of(
        st.binary(max_size=60),
        st.dictionaries(
            st.sampled_from([*ALL, "other"]),
            st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.lists(st.none())),
        ).map(lambda each: json.dumps(each).encode()),
    )
)
@examples(max_examples=60)
def test_no_content_is_too_strange_to_be_read(content: bytes) -> None:
    found = parsed(content)
    assert {*found.faults} <= READINGS
    assert found.budget is None or found.budget <= 1
    assert found.values.coverage_after is None or 0 <= found.values.coverage_after <= 100


def test_a_file_that_was_promised_and_is_not_there_is_a_fault() -> None:
    settings = Settings(signals_file="s.json")
    for world in (
        Ports(),
        Ports(workspace=FakeWorkspace()),
        Ports(workspace=FakeWorkspace({"s.json": b" " * (MAX_BYTES + 1)})),
    ):
        found = read_signals_file(world, settings)
        assert {each.state for each in found.faults.values()} == {State.ERROR}
        assert {*found.faults} == READINGS
    assert read_signals_file(Ports(), Settings()) == SignalsFile()


def test_what_is_left_of_the_error_budget() -> None:
    assert parsed({}).budget_reading.state is State.MISSING
    left = parsed({"error_budget_remaining": -0.5}).budget_reading
    assert (left.state, left.value, left.words) == (State.KNOWN, -0.5, "-50 % left")
