"""Why a test is flaky, as experiments show it, and that what only looks like a reason is not taken for one."""

import random
from collections.abc import Mapping

import pytest

from cicd_agent.domain.trials.test_run import Outcome as End
from cicd_agent.domain.trials.test_run import Perturbation, RunResult, TestOutcome
from cicd_agent.modes.gen_tests.flaky.detection import hunt
from cicd_agent.modes.gen_tests.flaky.experiments import FlakyKind, FlakyTest, failed
from cicd_agent.modes.gen_tests.flaky.kinds import OFTEN
from tests.modes.gen_tests.flaky.worlds import Ends, after, drawing, evidence, needing, nodeid, pytest_runner, stable
from tests.modes.gen_tests.flaky.worlds import tossing as by_chance

OTHERS: dict[str, Ends] = {f"a_{number}": stable for number in range(30)}


def only(tests: Mapping[str, Ends], asked: int = 12, *, left: Mapping[str, tuple[str, ...]] | None = None) -> FlakyTest:
    [found] = hunt(asked, evidence(), pytest_runner(tests, left=left)).found
    return found


@pytest.mark.parametrize(
    ("kind", "ends", "shown_by"),
    [
        (FlakyKind.HASH_ORDER, lambda one, _: one.hash_seed % 3 != 1, "PYTHONHASHSEED=1 "),
        (FlakyKind.TIME, lambda one, _: one.time_zone == "UTC", "time zone "),
        (FlakyKind.TIME, lambda one, _: one.time_zone == "Asia/Kathmandu", "the time zone UTC and passes"),
        (FlakyKind.TIME, lambda one, _: one.forward_seconds < 35 * 86_400, "the clock 400 days ahead"),
        (FlakyKind.RANDOMNESS, drawing(), "the random seed "),
    ],
)
def test_what_is_varied_decides(kind: FlakyKind, ends: Ends, shown_by: str) -> None:
    found = only({**OTHERS, "b_it": ends})
    assert (found.kind, found.polluters) == (kind, ())
    assert shown_by in found.shown_by
    assert found.advice
    assert found.failing


def test_what_fails_only_where_threads_take_turns_often_is_a_race() -> None:
    chance = random.Random(7)
    found = only({**OTHERS, "b_it": lambda one, _: one.thread_switch != OFTEN or chance.random() < 0.2})
    assert found.kind is FlakyKind.RACE
    assert found.shown_by.startswith("alone, it failed 29 of 40 times with threads that take turns each microsecond")
    assert any(one.thread_switch == OFTEN for one in found.failing)


def test_what_fails_by_chance_whatever_threads_do_is_no_race() -> None:
    for seed in range(12):
        chance = random.Random(seed)
        found = hunt(12, evidence(), pytest_runner({**OTHERS, "b_it": lambda _, __: chance.random() > 0.3})).found  # noqa: B023
        assert [each.kind for each in found if each.kind is FlakyKind.RACE] == []


@pytest.mark.parametrize("polluter", ["a_0", "a_13", "a_29"])
def test_the_polluter_is_named(polluter: str) -> None:
    found = only({**OTHERS, "b_it": after(polluter)})
    assert (found.kind, found.polluters) == (FlakyKind.ORDER, (nodeid(polluter),))
    assert found.shown_by == "it passes alone and fails after 1 other test"


def test_the_test_that_it_needs_is_named() -> None:
    found = only({**OTHERS, "b_it": needing("a_7")})
    assert (found.kind, found.polluters) == (FlakyKind.ORDER, (nodeid("a_7"),))
    assert found.shown_by == "it fails alone and passes after 1 other test: it needs what it leaves"


@pytest.mark.parametrize("several", [("a_2", "a_25"), ("a_1", "a_14", "a_28"), ("a_3", "a_4")])
def test_where_it_takes_several_all_of_them_are_named_and_nobody_else(several: tuple[str, ...]) -> None:
    found = only({**OTHERS, "b_it": after(*several)}, 20)
    assert sorted(found.polluters) == sorted(map(nodeid, several))
    assert found.shown_by == f"it passes alone and fails after {len(several)} other tests"


def test_any_one_of_several_polluters_is_enough() -> None:
    found = only({**OTHERS, "b_it": lambda _, before: "a_3" not in before and "a_20" not in before})
    assert found.polluters in {(nodeid("a_3"),), (nodeid("a_20"),)}


def test_files_that_the_polluter_leaves_are_the_reason() -> None:
    found = only({**OTHERS, "b_it": after("a_5")}, left={"a_5": ("out.txt",)})
    assert found.kind is FlakyKind.LEFTOVER
    assert found.shown_by.endswith("which leaves out.txt behind")


def test_files_that_others_leave_are_not() -> None:
    found = only({**OTHERS, "b_it": after("a_5")}, left={"a_6": ("out.txt",)})
    assert found.kind is FlakyKind.ORDER


def test_what_shows_only_in_another_time_zone_after_a_polluter_is_by_order() -> None:
    found = only({**OTHERS, "b_it": lambda one, before: one.time_zone == "UTC" or "a_5" not in before})
    assert (found.kind, found.polluters) == (FlakyKind.ORDER, (nodeid("a_5"),))


def test_one_that_draws_and_is_polluted_as_well_has_the_reason_that_shows_alone() -> None:
    draws, polluted = drawing(), after("a_5")
    found = only({**OTHERS, "b_it": lambda one, before: bool(draws(one, before) and polluted(one, before))})
    assert found.kind is FlakyKind.RANDOMNESS


def test_one_that_draws_only_after_another_has_is_by_order_and_not_by_seed() -> None:
    def ends(one: Perturbation, before: object) -> bool:
        return "a_5" not in before or random.Random(one.random_seed or one.hash_seed).random() > 0.9  # type: ignore[operator]

    assert only({**OTHERS, "b_it": ends}).kind is FlakyKind.ORDER


@pytest.mark.parametrize("seed", range(40))
def test_chance_that_nothing_holds_has_no_reason(seed: int) -> None:
    tests: dict[str, Ends] = {**OTHERS, "b_it": by_chance(seed, 0.1 + 0.2 * (seed % 4))}
    kinds = {each.kind for each in hunt(20, evidence(), pytest_runner(tests)).found}
    assert kinds <= {FlakyKind.UNKNOWN}


def test_a_test_without_a_network_is_told_by_what_it_raises() -> None:
    tests: dict[str, Ends] = {**OTHERS, "b_it": lambda one, _: one.hash_seed % 2 == 0}
    [found] = hunt(12, evidence(), pytest_runner(tests, exception="gaierror")).found
    assert found.kind is FlakyKind.NETWORK


def test_one_that_cannot_be_run_by_itself_has_no_reason_and_is_named() -> None:
    lab = pytest_runner(
        {**OTHERS, "b_it": by_chance()}, problem=lambda run: "pytest cannot be used so" if run.select else ""
    )
    [found] = hunt(12, evidence(), lab).found
    assert (found.kind, found.shown_by) == (FlakyKind.UNKNOWN, "it cannot be run alone")


def test_a_module_that_is_imported_or_not_is_known_by_its_path() -> None:
    red = RunResult("x", completed=True, tests=(TestOutcome("tests/test_a.py", End.ERROR),))
    green = RunResult("x", completed=True, tests=(TestOutcome("tests/test_a.py::test_b", End.FAILED),))
    assert failed(red, "tests/test_a.py") is True
    assert failed(green, "tests/test_a.py") is False
    assert failed(RunResult("x", completed=True), "tests/test_a.py") is None
