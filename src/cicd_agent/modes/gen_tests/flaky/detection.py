"""Finds tests that pass and fail on the same code, by running them again under what may make no difference."""

from collections.abc import Iterator, Sequence

from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.ports.test_runner import PytestRunner
from cicd_agent.domain.repository.diff import ChangeKind
from cicd_agent.domain.repository.paths import PathKind
from cicd_agent.domain.text.words import clip, count
from cicd_agent.domain.trials.test_run import Perturbation, PytestRun, RunResult
from cicd_agent.modes.gen_tests.evidence import TEST_EVIDENCE, SuiteState
from cicd_agent.modes.gen_tests.flaky.experiments import (
    GREEN,
    MIN_SECONDS,
    RED,
    FlakyHunt,
    FlakyKind,
    FlakyTest,
    SharedFile,
    Victim,
    failed,
    run_together,
)
from cicd_agent.modes.gen_tests.flaky.kinds import NETWORK, OFTEN, classify, vary

MAX_VICTIMS = 20
"""Whose reason is looked for; the others are named."""
SLOW = 30.0
"""Seconds of a suite above which it may be only the changed tests that are run again."""
_TOGETHER = 5
"""Victims whose reasons are looked for side by side: where time runs out, the first ones are through."""
_SHARE = 0.6
"""Of the time that is left, for the runs; the rest is for finding out why."""
_TIME_ZONES = ("UTC", "Pacific/Kiritimati", "America/New_York", "Asia/Kathmandu")
_DAY = 86_400
_HOUR = 3_600
_MAX_PREDECESSORS = 3
"""Runs of each end of which the tests before it are known."""


_Runs = list[tuple[RunResult, Perturbation]]


def perturbations(requested: int) -> list[Perturbation]:
    """What differs in each of so many runs: the first differs in nothing, the others in several things at once."""
    varied = (
        Perturbation(
            hash_seed=number,
            order=number if number % 3 else None,
            time_zone=_TIME_ZONES[number % len(_TIME_ZONES)],
            forward_seconds=(0, 0, 30 * _DAY, 400 * _DAY)[number % 4],
            thread_switch=OFTEN if number % 2 else 0.0,
        )
        for number in range(1, requested)
    )
    return [Perturbation(), *varied][:requested]


def hunt(requested: int, evidence: Evidence, pytest_runner: PytestRunner, *, reserve: float = 0.0) -> FlakyHunt:
    """What `requested` runs of the project's tests show, as many of them as there is time for.

    The suite may be red: a test that fails each time is no flaky one. `reserve` are the seconds of the test runner that
    are left to others. Raises PytestUnavailable.
    """
    gathered = evidence.get(TEST_EVIDENCE)
    suite = gathered.suite if gathered else None
    if suite is not None and suite.state in {SuiteState.BROKEN, SuiteState.EMPTY}:
        return FlakyHunt(requested, 0, 0, notes=(f"no flaky test was looked for: {suite.detail}",))
    seconds = suite.seconds if suite else 0.0
    notes: list[str] = []
    select: tuple[str, ...] = ()
    if seconds > SLOW and seconds * requested > (pytest_runner.seconds_left - reserve) * _SHARE:
        select = _changed_tests(evidence)
    if select:
        notes.append(f"the suite takes {seconds:.0f} seconds: only the tests that were changed were run again")
    results = _runs(requested, select, pytest_runner, seconds, reserve)
    completed = [(result, one) for result, one in results if result.completed]
    if len(results) < requested:
        notes.append(f"{count(len(results), 'run')} of {requested}: there was no time for more")
    if len(completed) < len(results):
        problem = next(result.problem for result, _ in results if not result.completed)
        notes.append(f"{count(len(results) - len(completed), 'run')} did not come to an end: {clip(problem, 200)}")
    records = _records(completed)
    victims = [each for each in records if each.passed and each.failed]
    if ours := _failing_by_our_clock(victims, pytest_runner):
        text = f"{count(len(ours), 'test')} red as soon as a clock is put forward by an hour, which is our doing"
        notes.append(f"{text}: {clip(', '.join(sorted(ours)), 300)}")
    if offline := [each.nodeid for each in records if each.exception in NETWORK and not each.passed]:
        text = f"{count(len(offline), 'test')} always red for want of a network, of which nothing else is known"
        notes.append(f"{text}: {clip(', '.join(offline), 300)}")
    tests = len({nodeid for result, _ in completed for nodeid in result.collected})
    victims = [each for each in victims if each.nodeid not in ours]
    explained = tuple(_explained(victims, pytest_runner, reserve + MIN_SECONDS))
    shared = tuple(_shared_files([result for result, _ in completed]))
    return FlakyHunt(requested, len(completed), tests, explained, tuple(notes), select, shared)


def _shared_files(results: Sequence[RunResult]) -> Iterator[SharedFile]:
    """Names that are the same in at least two runs, so that nobody has drawn them, and that several tests write."""
    writers: dict[str, dict[str, int]] = {}
    for result in results:
        for test in result.tests:
            for path in test.temporary:
                runs = writers.setdefault(path, {})
                runs[test.nodeid] = runs.get(test.nodeid, 0) + 1
    for path, runs in sorted(writers.items()):
        tests = tuple(sorted(nodeid for nodeid, number in runs.items() if number > 1))
        if len(tests) > 1:
            yield SharedFile(path, tests)


def _changed_tests(evidence: Evidence) -> tuple[str, ...]:
    """The test modules that the change touches and leaves there."""
    change = evidence.change
    return tuple(
        file.path
        for file in (change.files if change else ())
        if change is not None
        and file.kind is not ChangeKind.DELETED
        and file.path.endswith(".py")
        and PathKind.TEST in change.kinds_of(file)
        and file.path.rpartition("/")[2].removesuffix(".py") not in {"conftest", "__init__"}
    )


def _runs(
    requested: int, select: tuple[str, ...], pytest_runner: PytestRunner, seconds: float, reserve: float
) -> _Runs:
    """The results, as many as fit into our share of the time, a few at a time. A suite takes about `seconds`."""
    ends = reserve + (pytest_runner.seconds_left - reserve) * (1 - _SHARE)
    results: _Runs = []
    planned = perturbations(requested)
    while planned and pytest_runner.seconds_left > max(ends, MIN_SECONDS):
        # A batch shares one copy of the tree, and must not outlast the time that there is.
        took = max((result.seconds for result, _ in results), default=seconds)
        available = pytest_runner.seconds_left - ends
        size = max(1, min(10, int(available / took) if took else 1, len(planned)))
        batch, planned = planned[:size], planned[size:]
        runs = [
            PytestRun(f"flaky-{len(results) + number}", select, perturbation=each, seconds=max(60.0, 5 * seconds))
            for number, each in enumerate(batch)
        ]
        results += zip(pytest_runner.run(runs), batch, strict=True)
    return results


def _records(completed: _Runs) -> Sequence[Victim]:
    """Every test, with under what it passed and failed."""
    results: dict[str, Victim] = {}
    for result, one in completed:
        order = [test.nodeid for test in result.tests]
        for location, test in enumerate(result.tests):
            record = results.setdefault(test.nodeid, Victim(test.nodeid))
            if test.outcome in RED:
                record.failed.append(one)
                record.message = record.message or clip(f"{test.exception}: {test.message}".strip(": "), 300)
                record.exception = record.exception or test.exception
                ended = record.red_after
            elif test.outcome in GREEN:
                record.passed.append(one)
                ended = record.green_after
            else:
                continue
            if len(ended) < _MAX_PREDECESSORS:
                ended.append((one, order[:location]))
    # A module whose import failed is named by its path, and by that of its tests where it did not.
    for record in results.values():
        if "::" not in record.nodeid:
            record.passed = [one for result, one in completed if failed(result, record.nodeid) is False]
    return list(results.values())


def _failing_by_our_clock(victims: Sequence[Victim], pytest_runner: PytestRunner) -> set[str]:
    """Those that take it amiss that a clock is put forward at all, since files and C code keep the true time.

    An hour is nothing to a test that waits for a date; and what depends on the hour fails in some time zone as well.
    """
    doubtful = [
        each.nodeid
        for each in victims
        if all(one.forward_seconds for one in each.failed) and not any(one.forward_seconds for one in each.passed)
    ]
    if not doubtful or pytest_runner.seconds_left <= MIN_SECONDS:
        return set()
    later = Perturbation(forward_seconds=_HOUR)
    runs = [PytestRun(f"clock-{number}", (nodeid,), perturbation=later) for number, nodeid in enumerate(doubtful)]
    return {nodeid for nodeid, each in zip(doubtful, pytest_runner.run(runs), strict=True) if failed(each, nodeid)}


def _explained(victims: Sequence[Victim], pytest_runner: PytestRunner, reserve: float) -> Iterator[FlakyTest]:
    variants = vary(victims[:MAX_VICTIMS], pytest_runner, reserve) if victims else {}
    for start in range(0, min(len(victims), MAX_VICTIMS), _TOGETHER):
        some = victims[start : min(start + _TOGETHER, MAX_VICTIMS)]
        results = run_together([classify(each, variants) for each in some], pytest_runner, reserve)
        for victim, flaky in zip(some, results, strict=True):
            yield flaky or victim.as_flaky(FlakyKind.UNKNOWN, "there was no time to find out why")
    for victim in victims[MAX_VICTIMS:]:
        yield victim.as_flaky(FlakyKind.UNKNOWN, f"only the first {MAX_VICTIMS} are looked into")
