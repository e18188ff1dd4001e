"""Finds tests that pass and fail on the same code, by running them again under what may make no difference."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from cicd_agent.core.evidence import Evidence
from cicd_agent.core.flaky import FlakyHunt, FlakyTest
from cicd_agent.core.ports_tests import Laboratory
from cicd_agent.core.suite import SuiteState
from cicd_agent.core.testrun import Outcome, Perturbation, PytestRun, RunResult
from cicd_agent.core.words import clip, count
from cicd_agent.modes.gen_tests.flaky_kinds import Victim, classified

MOST_VICTIMS = 20
"""Whose reason is looked for; the others are named."""
_SHARE = 0.6
"""Of the time that is left, for the runs; the rest is for finding out why."""
_TIME_ZONES = ("UTC", "Pacific/Kiritimati", "America/New_York", "Asia/Kathmandu")
_DAY = 86_400
_RED = frozenset({Outcome.FAILED, Outcome.ERROR})
_SOUND = frozenset({Outcome.PASSED, Outcome.XFAILED})


@dataclass(slots=True)
class _Record:
    """How often a test passed and failed, and in which runs."""

    passed: list[Perturbation]
    failed: list[Perturbation]
    message: str = ""
    exception: str = ""


def perturbations(asked: int) -> Iterator[Perturbation]:
    """What differs in each of so many runs: the first differs in nothing, the others in several things at once."""
    for number in range(asked):
        if number == 0:
            yield Perturbation()
            continue
        yield Perturbation(
            hash_seed=number,
            order=number if number % 3 else None,
            time_zone=_TIME_ZONES[number % len(_TIME_ZONES)],
            forward_seconds=(0, 0, 30 * _DAY, 400 * _DAY)[number % 4],
        )


def hunt(asked: int, evidence: Evidence, laboratory: Laboratory) -> FlakyHunt:
    """What `asked` runs of the project's tests show, as many of them as there is time for.

    The suite may be red: a test that fails each time is no flaky one. Raises LaboratoryUnavailable.
    """
    suite = evidence.tests.suite if evidence.tests else None
    notes: list[str] = []
    if suite is not None and suite.state in {SuiteState.BROKEN, SuiteState.EMPTY}:
        return FlakyHunt(asked, 0, 0, notes=(f"no flaky test was looked for: {suite.detail}",))
    limit = suite.seconds if suite else 0.0
    results = _runs(asked, laboratory, max(60.0, 5 * limit))
    if len(results) < asked:
        notes.append(f"{count(len(results), 'run')} of {asked}: there was no time for more")
    broken = [each for each, _ in results if not each.completed]
    if broken:
        notes.append(f"{count(len(broken), 'run')} did not come to an end: {clip(broken[0].problem, 200)}")
    records = _records(results)
    victims = [
        Victim(nodeid, record.passed, record.failed, record.message, record.exception)
        for nodeid, record in records.items()
        if record.passed and record.failed
    ]
    collected = next((each.collected for each, _ in results if each.completed), ())
    found: list[FlakyTest] = []
    for number, victim in enumerate(victims):
        if number < MOST_VICTIMS and laboratory.seconds_left > 5:  # noqa: PLR2004  what the port says
            found.append(classified(victim, collected, laboratory))
        else:
            found.append(replace(victim.unexplained, shown_by="there was no time to find out why"))
    return FlakyHunt(asked, len(results), len(collected), tuple(found), tuple(notes))


def _runs(asked: int, laboratory: Laboratory, seconds: float) -> list[tuple[RunResult, Perturbation]]:
    """The results, as many as fit into our share of the time, a few at a time."""
    ends = laboratory.seconds_left * (1 - _SHARE)
    found: list[tuple[RunResult, Perturbation]] = []
    planned = list(perturbations(asked))
    while planned and laboratory.seconds_left > max(ends, 5.0):
        # As long as one takes: a batch shares one copy of the tree, and must not outlast the time that there is.
        took = max((result.seconds for result, _ in found), default=0.0)
        room = laboratory.seconds_left - ends
        size = max(1, min(10, int(room / took) if took else 1, len(planned)))
        batch, planned = planned[:size], planned[size:]
        runs = [
            PytestRun(f"flaky-{len(found) + number}", perturbation=each, seconds=seconds)
            for number, each in enumerate(batch)
        ]
        found += zip(laboratory.run(runs), batch, strict=True)
    return found


def _records(results: Sequence[tuple[RunResult, Perturbation]]) -> dict[str, _Record]:
    found: dict[str, _Record] = {}
    for result, perturbation in results:
        if not result.completed:
            continue
        for test in result.tests:
            record = found.setdefault(test.nodeid, _Record([], []))
            if test.outcome in _RED:
                record.failed.append(perturbation)
                record.message = record.message or clip(f"{test.exception}: {test.message}".strip(": "), 300)
                record.exception = record.exception or test.exception
            elif test.outcome in _SOUND:
                record.passed.append(perturbation)
    return found
