"""Which tests are called flaky, in how many runs that shows, and what is said where it cannot be shown."""

import pytest

from cicd_agent.domain.trials.test_run import Outcome
from cicd_agent.modes.gen_tests.evidence import SuiteState
from cicd_agent.modes.gen_tests.flaky.detection import MAX_VICTIMS, hunt, perturbations
from cicd_agent.modes.gen_tests.flaky.experiments import FlakyHunt, FlakyKind, SharedFile
from tests.modes.gen_tests.flaky.worlds import Ends, after, evidence, nodeid, pytest_runner, stable, tossing

SOME: dict[str, Ends] = {f"a_{number}": stable for number in range(5)}


def names(found: FlakyHunt) -> list[str]:
    return [each.nodeid.rpartition("::test_")[2] for each in found.found]


def test_a_suite_without_flaky_tests_has_none_and_costs_its_runs_alone() -> None:
    lab = pytest_runner(SOME)
    found = hunt(12, evidence(), lab)
    assert found == FlakyHunt(12, 12, 5)
    assert len(lab.runs) == 12
    assert len(lab.batches) == 2


def test_files_that_tests_write_under_the_same_name_in_every_run_are_named() -> None:
    written = {"a_0": ("out.txt", "drawn"), "a_1": ("out.txt",), "a_2": ("alone.txt",), "a_3": ("drawn",)}
    lab = pytest_runner(SOME, temporary=lambda name, run: [
        f"{path}-{run.name}" if path == "drawn" else path for path in written.get(name, ())
    ])  # fmt: skip
    found = hunt(12, evidence(), lab)
    assert found.shared == (SharedFile("out.txt", (nodeid("a_0"), nodeid("a_1"))),)
    assert found.found == ()


def test_the_first_run_is_as_it_is_and_each_of_the_others_is_different() -> None:
    made = list(perturbations(20))
    assert made[0] == made[0].__class__()
    assert len(set(made)) == 20
    assert {one.order is None for one in made[1:]} == {True, False}
    assert list(perturbations(0)) == []


def test_what_fails_each_time_is_not_flaky() -> None:
    tests = {**SOME, "b_broken": lambda *_: False, "b_tossing": tossing()}
    found = hunt(12, evidence(SuiteState.RED), pytest_runner(tests))
    assert names(found) == ["b_tossing"]
    assert found.found[0].message == "AssertionError: it differs"
    assert 0 < found.found[0].failures < found.found[0].runs == 12


def test_one_that_is_skipped_in_some_runs_is_not_flaky() -> None:
    tests = {**SOME, "b_skips": lambda one, _: Outcome.SKIPPED if one.order else Outcome.PASSED}
    assert hunt(12, evidence(), pytest_runner(tests)).found == ()


def test_a_strict_expectation_to_fail_that_passes_at_times_is_flaky() -> None:
    ends = (Outcome.XFAILED, Outcome.XPASSED)
    tests = {**SOME, "b_better": lambda one, _: ends[one.hash_seed % 2]}
    found = hunt(12, evidence(), pytest_runner(tests))
    assert [(each.nodeid, each.kind) for each in found.found] == [(nodeid("b_better"), FlakyKind.HASH_ORDER)]


@pytest.mark.parametrize("state", [SuiteState.BROKEN, SuiteState.EMPTY])
def test_nothing_runs_where_there_is_nothing_to_run(state: SuiteState) -> None:
    lab = pytest_runner(SOME)
    found = hunt(12, evidence(state), lab)
    assert (found.runs, lab.batches) == (0, [])
    assert found.notes[0].startswith("no flaky test was looked for")


def test_runs_that_do_not_come_to_an_end_count_for_nothing() -> None:
    found = hunt(12, evidence(), pytest_runner(SOME, problem=lambda _: "pytest broke down"))
    assert found == FlakyHunt(12, 0, 0, notes=("12 runs did not come to an end: pytest broke down",))


def test_it_ends_with_its_share_of_the_time_and_says_so() -> None:
    # A batch takes half a minute of the 100 seconds that there are.
    lab = pytest_runner(SOME, seconds_left=lambda batches: 100.0 - 30 * batches)
    found = hunt(40, evidence(seconds=10.0), lab)
    assert found.runs == len(lab.runs) < 40
    assert found.notes == (f"{found.runs} runs of 40: there was no time for more",)
    assert lab.seconds_left >= 10
    assert len(lab.batches[0][0]) <= 6


def test_a_victim_is_named_where_there_was_no_time_for_its_reason() -> None:
    lab = pytest_runner({**SOME, "b_tossing": tossing()}, seconds_left=lambda batches: 100.0 if batches < 2 else 4.0)
    [found] = hunt(12, evidence(), lab).found
    assert (found.kind, found.shown_by) == (FlakyKind.UNKNOWN, "there was no time to find out why")


def test_beyond_the_most_that_are_looked_into_they_are_named() -> None:
    many: dict[str, Ends] = {f"b_{number}": after("a_0") for number in range(MAX_VICTIMS + 3)}
    found = hunt(12, evidence(), pytest_runner({"a_0": stable, **many})).found
    kinds = [each.kind for each in found]
    assert kinds == [FlakyKind.ORDER] * MAX_VICTIMS + [FlakyKind.UNKNOWN] * 3
    assert {each.shown_by for each in found[MAX_VICTIMS:]} == {f"only the first {MAX_VICTIMS} are looked into"}


def test_many_victims_share_their_batches() -> None:
    many: dict[str, Ends] = {f"b_{number}": after("a_0") for number in range(20)}
    lab = pytest_runner({"a_0": stable, **many})
    assert len(hunt(12, evidence(), lab).found) == 20
    assert len(lab.batches) < 60


def test_what_only_minds_that_a_clock_is_moved_is_not_flaky() -> None:
    tests = {**SOME, "b_file": lambda one, _: one.forward_seconds < 600}
    found = hunt(12, evidence(), pytest_runner(tests))
    assert found.found == ()
    assert "1 test red as soon as a clock is put forward" in found.notes[0]
    assert nodeid("b_file") in found.notes[0]


def test_what_wants_a_network_each_time_is_told_of_and_not_called_flaky() -> None:
    found = hunt(12, evidence(), pytest_runner({**SOME, "b_far": lambda *_: False}, exception="gaierror"))
    assert found.found == ()
    assert found.notes == (
        f"1 test always red for want of a network, of which nothing else is known: {nodeid('b_far')}",
    )


def test_of_a_slow_suite_the_changed_tests_are_run() -> None:
    changed = ("tests/test_b.py", "tests/conftest.py", "src/b.py")
    tests = {**SOME, "b_tossing": tossing()}
    found = hunt(30, evidence(SuiteState.GREEN, 100.0, *changed), pytest_runner(tests, seconds_left=lambda _: 900.0))
    assert (found.select, found.tests, names(found)) == (("tests/test_b.py",), 1, ["b_tossing"])
    assert "only the tests that were changed" in found.notes[0]


@pytest.mark.parametrize(("seconds", "path"), [(20.0, "tests/test_b.py"), (100.0, "src/b.py")])
def test_of_a_fast_suite_or_an_unchanged_one_all_tests_are_run(seconds: float, path: str) -> None:
    found = hunt(30, evidence(SuiteState.GREEN, seconds, path), pytest_runner(SOME, seconds_left=lambda _: 400.0))
    assert (found.select, found.tests) == ((), 5)


def test_it_leaves_to_others_what_is_kept_for_them() -> None:
    lab = pytest_runner({**SOME, "b_tossing": tossing()}, seconds_left=lambda batches: 300.0 - 10 * batches)
    found = hunt(40, evidence(seconds=5.0), lab, reserve=200.0)
    assert found.found
    assert lab.seconds_left >= 200
