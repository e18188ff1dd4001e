"""Numbers that a team has declared: read by a JSON pointer, weighted in the score, and holding where they say so."""

import json
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cicd_agent.domain.gate_evidence import Reading, State
from cicd_agent.modes.deploy_gate.result import GateDecision, GateResult, LiftedBy
from cicd_agent.modes.deploy_gate.score import digest, policy
from cicd_agent.modes.deploy_gate.signals.report_files import COMMITTED
from cicd_agent.modes.deploy_gate.signals.team_signals import number_at
from cicd_agent.settings.loader import load
from cicd_agent.settings.schema import Settings, TeamSignal
from tests.modes.deploy_gate.evidences import decide, evidence, with_reading
from tests.modes.deploy_gate.gate_world import BASE, SHA, GateWorld, change


def signal(**more: Any) -> TeamSignal:
    return TeamSignal(**{"source": "eval.json#/score", "green": 0.9, "red": 0.8, "weight": 10, **more})


def read(content: bytes | None, *, environment: str = "production", **more: Any) -> Reading:
    one = GateWorld(files={} if content is None else {"eval.json": content})
    return one.gate(environment=environment, signals={"eval": signal(**more)}).reading("eval")


@pytest.mark.parametrize(
    ("content", "pointer", "value"),
    [
        (b'{"score": 0.93}', "/score", 0.93),
        (b'{"suites": [{"a/b": {"~": -2}}]}', "/suites/0/a~1b/~0", -2),
        (b"0.5", "", 0.5),
        (b'\xef\xbb\xbf{"": 1}', "/", 1),
    ],
)
def test_a_pointer_leads_to_a_number(content: bytes, pointer: str, value: float) -> None:
    assert number_at(content, pointer) == value


@pytest.mark.parametrize(
    ("content", "pointer", "problem"),
    [
        (b'{"score": NaN}', "/score", "NaN is no number"),
        (b'{"score": -Infinity}', "/score", "-Infinity is no number"),
        (b'{"score": 1e999}', "/score", "too large"),
        (b'{"score": ' + b"9" * 5_000 + b"}", "/score", "too large"),
        (b'{"score": "0.99"}', "/score", "is a text"),
        (b'{"score": true}', "/score", "is a truth value"),
        (b'{"score": null}', "/score", "is null"),
        (b'{"score": [1]}', "/score", "is a list"),
        (b'{"score": 0.1, "score": 0.99}', "/score", "twice"),
        (b"[1, 2]", "/2", "there is no `/2`"),
        (b"[1, 2]", "/-1", "there is no"),
        (b"[1, 2]", "/01", "there is no"),
        (b"[1, 2]", "/-", "there is no"),
        (b'{"a": 1}', "/a/b", "there is no"),
        (b'{"a": 1}', "a", "begins with a slash"),
        (b'{"score": 0.9', "/score", "it is no JSON"),
        (b"", "/score", "it is no JSON"),
        (b"[" * 100_000, "/0", "nested too deeply"),
    ],
)
def test_what_is_no_number_is_an_error_with_the_reason(content: bytes, pointer: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        number_at(content, pointer)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=15,
)


def numbers(value: Any, pointer: str = "") -> dict[str, float]:
    """Every number in it, by its pointer."""
    if isinstance(value, dict):
        parts = [(key.replace("~", "~0").replace("/", "~1"), each) for key, each in value.items()]
    elif isinstance(value, list):
        parts = [(str(at), each) for at, each in enumerate(value)]
    else:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return {pointer: float(value)} if is_number else {}
    return {where: found for key, each in parts for where, found in numbers(each, f"{pointer}/{key}").items()}


@given(JSON)
def test_every_number_is_found_by_its_pointer_and_nothing_else(value: Any) -> None:
    content = json.dumps(value).encode()
    for pointer, number in numbers(value).items():
        assert number_at(content, pointer) == number
        with pytest.raises(ValueError, match="there is no"):
            number_at(content, f"{pointer}/x")


@given(st.binary(max_size=100), st.text(max_size=20))
def test_no_file_and_no_pointer_is_another_exception(content: bytes, pointer: str) -> None:
    with suppress(ValueError):
        assert isinstance(number_at(content, pointer), float)


def test_a_number_that_a_step_has_left_is_known_with_its_source() -> None:
    reading = read(b'{"score": 0.93}')
    assert (reading.state, reading.value, reading.source) == (State.KNOWN, 0.93, "eval.json#/score")


@pytest.mark.parametrize(
    ("content", "state"),
    [(None, State.MISSING), (b'{"score": "high"}', State.NONSENSE), (b" " * 1_000_001, State.NONSENSE)],
)
def test_a_file_that_is_not_there_is_missing_and_one_that_says_nothing_is_a_fault(
    content: bytes | None, state: State
) -> None:
    assert read(content).state is state


def test_a_number_that_the_change_brings_itself_is_a_fault() -> None:
    one = GateWorld(files={"eval.json": b'{"score": 1}'})
    held = replace(change(BASE, SHA), paths=("eval.json",))
    one.repository.changes = {**one.repository.changes, ("", SHA): held}
    reading = one.gate(signals={"eval": signal()}).reading("eval")
    assert reading.state is State.NONSENSE
    assert COMMITTED in reading.problem


def test_a_signal_of_another_environment_does_not_count() -> None:
    assert read(b'{"score": 1}', environments=("Staging",)).problem == "it was not read"
    assert read(b'{"score": 1}', environments=("Staging",), environment="staging").value == 1
    settings = Settings(signals={"eval": signal(environments=("staging",), stop=True)})
    assert ("eval" in policy(settings, "production").weights, policy(settings, "production").stops) == (False, ())
    assert policy(settings, "staging").stops == ("eval",)


def judged(value: float | None, state: State = State.KNOWN, **more: Any) -> GateResult:
    reading = Reading("eval", state, value, f"{value}", "eval.json#/score", problem="" if value is not None else "gone")
    seen = with_reading(evidence(), reading)
    return decide(seen, settings=Settings(signals={"eval": signal(**more)}))


@pytest.mark.parametrize(("value", "points"), [(0.95, 10), (0.9, 10), (0.85, 5), (0.8, 0), (0.1, 0)])
def test_it_has_its_part_in_the_score(value: float, points: float) -> None:
    [factor] = [each for each in judged(value, weight=10).factors if each.name == "eval"]
    assert factor.points == pytest.approx(points * factor.weight / 10, abs=0.01)
    assert factor.weight == pytest.approx(100 * 10 / 100, abs=0.01)


def test_less_is_better_where_green_is_less_than_red() -> None:
    fast, slow = (judged(value, green=200, red=500, stop=True) for value in (180.0, 900.0))
    assert fast.decision is GateDecision.PROCEED
    assert [(hold.id, hold.text) for hold in slow.stops if hold.id.startswith("signal-")] == [
        ("signal-eval", "`eval` is 900.0, above 500")
    ]


@pytest.mark.parametrize(
    ("value", "state", "held"),
    [
        (0.8, State.KNOWN, False),
        (0.79, State.KNOWN, True),
        (None, State.MISSING, True),
        (None, State.NONSENSE, True),
    ],
)
def test_with_stop_it_holds_by_itself_below_red_and_where_it_is_not_known(
    value: float | None,
    state: State,
    held: bool,  # noqa: FBT001
) -> None:
    result = judged(value, state, weight=0, stop=True)
    assert (result.decision is GateDecision.HOLD) == held
    assert [hold.lift for hold in result.stops if hold.id == "signal-eval"] == [LiftedBy.OVERRIDE] * held


def test_without_stop_only_a_fault_holds() -> None:
    assert judged(0.1, weight=1).decision is GateDecision.PROCEED
    assert judged(None, State.MISSING, weight=1).decision is GateDecision.PROCEED
    assert {hold.id for hold in judged(None, State.NONSENSE, weight=1).stops} == {"fault-eval"}


def test_what_it_would_take_is_said_in_its_own_unit() -> None:
    result = judged(0.81, weight=60)
    assert any("eval at 0.8" in each for each in result.would_proceed), result.would_proceed


def test_an_approval_is_of_the_signals_as_they_are_set() -> None:
    assert digest(Settings()) != digest(Settings(signals={"eval": signal()}))
    assert digest(Settings(signals={"eval": signal()})) != digest(Settings(signals={"eval": signal(stop=True)}))


def test_the_file_declares_them() -> None:
    text = b"signals:\n  eval: {weight: 10, green: 0.9, red: 0.8, from: eval.json#/score, stop: true}\n"
    loaded = load({}, text, "c.yml")
    assert loaded.problems == ()
    assert loaded.settings.signals == {"eval": signal(stop=True)}


@pytest.mark.parametrize("name", ["tests", "budget", "0", "two words", "a" * 41])
def test_a_name_that_is_taken_or_none_is_refused(name: str) -> None:
    text = f'signals:\n  "{name}": {{green: 1, red: 0, from: a.json}}\n'.encode()
    [problem] = load({}, text, "c.yml").problems
    assert "a name of its own" in str(problem)
