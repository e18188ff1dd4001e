"""Runs new tests in their places, alone and among the project's own, and finds out who is to blame for what fails."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from cicd_agent.domain.ports.test_runner import PytestRunner
from cicd_agent.domain.trials.candidate import CandidateReport, Hurdle
from cicd_agent.domain.trials.test_run import Mutant, Outcome, Perturbation, PytestRun, RunResult
from cicd_agent.modes.gen_tests.evidence import Suite
from cicd_agent.modes.gen_tests.trial.assembly import Assembly
from cicd_agent.modes.gen_tests.trial.run_verdict import is_of
from cicd_agent.modes.gen_tests.trial.single_trial import MIN_SECONDS, NO_TIME, was_not_begun

MAX_MUTANTS = 150
"""Mutants that the kept tests are tried against together."""
_FOR_A_TEST, _FOR_A_MUTANT = 2.0, 0.2
_STARTING = 30.0
_MAX_VICTIMS = 20
_YEAR = 31_622_400
_ZONES = ("Pacific/Kiritimati", "Asia/Kathmandu", "America/St_Johns", "Pacific/Pago_Pago", "Europe/Lisbon")


class Untried(Exception):
    """No result: the message says why."""


@dataclass(slots=True)
class Tally:
    """What running has cost."""

    runs: int = 0
    seconds: float = 0.0
    notes: dict[str, None] = field(default_factory=dict)
    """In the order in which they came up, each once."""


@dataclass(frozen=True, slots=True)
class JointResult:
    """What was seen of a assembly: who is stopped (hurdle and reason by key), how often each passed, the last run."""

    stopped: Mapping[str, tuple[Hurdle, str]]
    passed: Mapping[str, int]
    runs: int
    measured: RunResult | None = None


class JointTrial:
    """The kept tests of one round, by their reports."""

    def __init__(
        self,
        kept: Sequence[CandidateReport],
        assembly: Assembly,
        suite: Suite,
        pytest_runner: PytestRunner,
        tally: Tally,
    ) -> None:
        self._suite = suite
        self._tests = {report.candidate.key: assembly.tests[report.candidate.key] for report in kept}
        self._seating = assembly
        self._pytest_runner = pytest_runner
        self._tally = tally
        self._known = {test.nodeid for test in self._suite.failed}
        self._targets = {report.candidate.path for report in kept}
        self._stopped: dict[str, tuple[Hurdle, str]] = {}
        self._passed: dict[str, set[str]] = {key: set() for key in self._tests}
        self._ids: dict[str, frozenset[str]] = {}
        self._made = 0

    def seen(self, runs: int, mutants: Sequence[Mutant]) -> JointResult:
        """Runs until somebody is stopped, or all `runs` (six at least) are through. `mutants`: most wanted first."""
        first = [*self._alone(0, 2), self._full("among the others", 0)]
        results = self._run(first)
        self._judge(first, results)
        if self._stopped:
            return self._outcome()
        second = self._second(results[-1], max(runs - len(first), 3), mutants)
        results = self._run(second)
        self._judge(second, results)
        return self._outcome(results[1])

    def _second(self, full: RunResult, limit: int, mutants: Sequence[Mutant]) -> list[PytestRun]:
        """First and last of all tests, then as many as are wanted: alone and shuffled among all, in turn."""
        new = tuple(self._tests.values())
        homes = {test.split("::")[0] for test in new}
        old = [nodeid for nodeid in full.collected if not any(is_of(nodeid, test) for test in new)]
        files = dict.fromkeys(path for nodeid in old if (path := nodeid.split("::")[0]) not in homes)
        beside = dict.fromkeys(nodeid.split("[")[0] for nodeid in old if nodeid.split("::")[0] in homes)
        others = (*files, *beside)
        tried = tuple(mutants[:MAX_MUTANTS])
        last = self._full("after all others", 2)
        runs = [
            replace(self._full("before all others", 1), select=(*new, *others), in_order=True),
            replace(
                last,
                select=(*others, *new),
                in_order=True,
                measured=tuple(file.path for file in self._suite.coverage),
                mutants=tried,
                against=tuple(sorted(nodeid for ids in self._ids.values() for nodeid in ids)),
                seconds=last.seconds + _FOR_A_MUTANT * len(tried),
            ),
            *self._alone(2, 1),
        ]
        for number in range(3, limit):
            shuffled = Perturbation(hash_seed=number, random_seed=number, order=number)
            runs.extend(
                self._alone(number, 1)
                if number % 2
                else [replace(self._full("shuffled among the others", number), perturbation=shuffled)]
            )
        return runs

    def _alone(self, first: int, count: int) -> list[PytestRun]:
        return [
            PytestRun(
                f"alone ({describe(alone(number))})",
                tuple(self._tests.values()),
                perturbation=alone(number),
                seconds=_STARTING + _FOR_A_TEST * len(self._tests),
            )
            for number in range(first, first + count)
        ]

    def _full(self, name: str, number: int) -> PytestRun:
        seconds = _STARTING + 3 * self._suite.seconds + _FOR_A_TEST * len(self._tests)
        return PytestRun(f"{name} ({describe(among(number))})", perturbation=among(number), seconds=seconds)

    def _run(self, runs: Sequence[PytestRun], *, old: bool = False) -> Sequence[RunResult]:
        """With the new tests in place; with `old` without them. Raises Untried."""
        if self._pytest_runner.seconds_left < MIN_SECONDS:
            raise Untried(NO_TIME)
        results = self._pytest_runner.run(runs, {} if old else self._seating.files)
        self._tally.runs += len(results)
        self._tally.seconds += sum(result.seconds for result in results)
        if any(was_not_begun(result, self._pytest_runner) for result in results):
            raise Untried(NO_TIME)
        return results

    def _judge(self, runs: Sequence[PytestRun], results: Sequence[RunResult]) -> None:
        for run, result in zip(runs, results, strict=True):
            is_alone = run.name.startswith("alone")
            if is_alone and self._is_unfair(run, result):
                milder_run = replace(run, perturbation=milder(run.perturbation))
                self._judge([milder_run], self._run([milder_run]))
                continue
            self._made += 1
            if not result.completed:
                self._blame(run, f"its run came to no end: {result.problem}", Hurdle.STABLE, _ended_badly)
                continue
            self._judge_new(run, result)
            if is_alone and (result.left or result.processes_left):
                self._blame(run, "it leaves files or processes behind", Hurdle.CLEAN, _leaves)
            if not is_alone:
                self._judge_old(run, result)

    def _judge_new(self, run: PytestRun, result: RunResult) -> None:
        for key, test in self._tests.items():
            own = [one for one in result.tests if is_of(one.nodeid, test)]
            ids = frozenset(one.nodeid for one in own)
            red = [one for one in own if one.outcome is not Outcome.PASSED]
            if not own and not run.select:
                reason = "the project's own test command does not collect it in its place"
                self._stop(key, Hurdle.COLLECTS, reason)
            elif not own:
                errors = [one for one in result.tests if one.outcome is Outcome.ERROR]
                text = f": {errors[0].message}" if errors else ""
                self._stop(key, Hurdle.STABLE, f"it could not be collected when run {run.name}{text}")
            elif red:
                text = f": {red[0].message}" if red[0].message else ""
                self._stop(key, Hurdle.STABLE, f"it ended as {red[0].outcome} when run {run.name}{text}")
            elif self._ids.setdefault(key, ids) != ids:
                self._stop(key, Hurdle.STABLE, "its parametrised cases differ from one process to the next")
            else:
                self._passed[key].add(run.name)

    def _judge_old(self, run: PytestRun, result: RunResult) -> None:
        """Whether the project's tests are as green as before."""
        new = self._tests.values()
        victims = [
            one.nodeid
            for one in result.failed
            if one.nodeid not in self._known and not any(is_of(one.nodeid, test) for test in new)
        ]
        if not victims or self._stopped:
            return
        without = self._run([replace(run, select=(), in_order=False, measured=(), mutants=(), against=())], old=True)[0]
        also = {one.nodeid for one in without.failed}
        ours = [victim for victim in victims if victim not in also]
        if not ours or not without.completed:
            self._tally.notes[f"tests of the project fail without new ones, too, when run {run.name}"] = None
            return
        retained = ours[:_MAX_VICTIMS]

        def harms(single: RunResult) -> bool:
            return any(one.nodeid in retained for one in single.failed)

        self._blame(run, f"{ours[0]} fails with it", Hurdle.SUITE, harms, victims=retained)

    def _blame(
        self,
        run: PytestRun,
        reason: str,
        hurdle: Hurdle,
        is_guilty: Callable[[RunResult], bool],
        victims: Sequence[str] = (),
    ) -> None:
        """Stops those that show it when run without the other new ones; all of them, when none does."""
        if self._stopped:
            # It may have been theirs: the others are run again without them.
            return
        keys = list(self._tests)
        singles = [
            PytestRun(
                f"{self._tests[key]} by itself",
                (self._tests[key], *victims),
                perturbation=run.perturbation,
                in_order=bool(victims),
                seconds=run.seconds,
            )
            for key in keys
        ]
        guilty = [key for key, result in zip(keys, self._run(singles), strict=True) if is_guilty(result)]
        for key in guilty or keys:
            shared = "" if guilty or len(keys) == 1 else f" (or with one of the {len(keys) - 1} others)"
            self._stop(key, hurdle, f"{reason}{shared}")

    def _is_unfair(self, run: PytestRun, result: RunResult) -> bool:
        """Whether what failed asks more of new tests than the project's own can do: another directory, a later day."""
        if run.perturbation == milder(run.perturbation):
            return False
        if result.completed and not result.failed and not result.left:
            return False
        own = [path for path, text in self._seating.before.items() if text is not None] or [
            test for file in self._suite.coverage if file.path in self._targets for test in file.tests[:50]
        ]
        if not own:
            return False
        old = self._run([replace(run, select=tuple(own), name=f"the project's own {run.name}")], old=True)[0]
        if old.completed and not {one.nodeid for one in old.failed} - self._known:
            return False
        note = (
            "the project's own tests do not pass in another directory or on a later day: it was not asked of new ones"
        )
        self._tally.notes[note] = None
        return True

    def _stop(self, key: str, hurdle: Hurdle, reason: str) -> None:
        self._stopped.setdefault(key, (hurdle, reason))

    def _outcome(self, measured: RunResult | None = None) -> JointResult:
        passed = {key: len(names) for key, names in self._passed.items()}
        return JointResult(self._stopped, passed, self._made, measured)


def _ended_badly(result: RunResult) -> bool:
    return not result.completed


def _leaves(result: RunResult) -> bool:
    return bool(result.left or result.processes_left)


def alone(number: int) -> Perturbation:
    """For the new tests by themselves: the first is in plain order and in place, each after it differs in all."""
    return Perturbation(
        hash_seed=1 + 7919 * number,
        order=number or None,
        time_zone=_ZONES[number % len(_ZONES)],
        elsewhere=number % 2 == 1,
        random_seed=101 + number,
        forward_seconds=_YEAR * (number % 3),
    )


def among(number: int) -> Perturbation:
    return Perturbation(hash_seed=104_729 + number, random_seed=202 + number)


def milder(perturbation: Perturbation) -> Perturbation:
    """The same in the project's own directory and at the true time, for projects whose own tests need these."""
    return Perturbation(
        hash_seed=perturbation.hash_seed,
        order=perturbation.order,
        time_zone=perturbation.time_zone,
        random_seed=perturbation.random_seed,
    )


def describe(perturbation: Perturbation) -> str:
    """For a person."""
    parts = [f"hash seed {perturbation.hash_seed}", f"time zone {perturbation.time_zone}"]
    if perturbation.order is not None:
        parts.append(f"order shuffled by {perturbation.order}")
    if perturbation.elsewhere:
        parts.append("another directory")
    if perturbation.random_seed is not None:
        parts.append(f"random seed {perturbation.random_seed}")
    if perturbation.forward_seconds:
        parts.append(f"clock {round(perturbation.forward_seconds / 86_400)} days ahead")
    return ", ".join(parts)
