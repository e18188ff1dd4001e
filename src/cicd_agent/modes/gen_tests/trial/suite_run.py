"""Tries the tests that stood alone together in their places, and keeps those that hold and add something."""

import ast
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

from cicd_agent.analysis.python_tests.contradictions import contradiction
from cicd_agent.analysis.python_tests.syntax import fixtures, parsed
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.ports.test_runner import PytestRunner, PytestUnavailable
from cicd_agent.domain.trials.candidate import CandidateReport, Hurdle, Label, Origin, Settled
from cicd_agent.domain.trials.test_run import Fate, Mutant, MutantOutcome, Outcome, Perturbation, PytestRun, RunResult
from cicd_agent.modes.gen_tests.evidence import Suite, known
from cicd_agent.modes.gen_tests.questions import bug_ground
from cicd_agent.modes.gen_tests.trial.assembly import Assembly, assemble, by_value, styled, useful
from cicd_agent.modes.gen_tests.trial.single_trial import (
    MIN_SECONDS,
    NO_TIME,
    ZONES,
    is_of,
    passes_on_base,
    surviving,
    was_not_begun,
)
from cicd_agent.modes.shared.change_reader import changed

MAX_MUTANTS = 150
"""Mutants that the kept tests are tried against together."""
_FOR_A_TEST, _FOR_A_MUTANT = 2.0, 0.2
_STARTING = 30.0
_MAX_VICTIMS = 20
_YEAR = 31_622_400
_SEED = 1
_LONG = 15.0
"""Seconds of a suite from which all of it runs once, at the end."""
ROUNDS = 3
"""How often those that are left are tried again after somebody was stopped."""


class Untried(Exception):
    """No result: the message says why."""


@dataclass(slots=True)
class Tally:
    """What running has cost."""

    runs: int = 0
    seconds: float = 0.0
    notes: dict[str, None] = field(default_factory=dict)
    """In the order in which they came up, each once."""


class JointTrial:
    """The candidates of one round, by their reports: who is `stopped`, and the runs in which each `passed`, by key.

    `sharing` are folders of which the tests can use the same fixtures.
    """

    def __init__(  # noqa: PLR0917  each of another type
        self,
        reports: Sequence[CandidateReport],
        assembly: Assembly,
        suite: Suite,
        pytest_runner: PytestRunner,
        tally: Tally,
        sharing: Collection[str] = (),
    ) -> None:
        self._suite = suite
        self._tests = {report.candidate.key: assembly.tests[report.candidate.key] for report in reports}
        self._assembly = assembly
        self._pytest_runner = pytest_runner
        self._tally = tally
        self._sharing = sharing
        self._known = {test.nodeid for test in suite.failed}
        self._subjects = {report.candidate.path for report in reports}
        self.stopped: dict[str, tuple[Hurdle, str]] = {}
        self.passed: dict[str, set[str]] = {key: set() for key in self._tests}
        self._ids: dict[str, frozenset[str]] = {}
        self.completed = 0

    def run(self, runs: int, mutants: Sequence[Mutant]) -> RunResult | None:
        """Runs until somebody is stopped, or all `runs` (six at least) are through: then what is measured.

        `mutants` are sorted by their importance.
        """
        near, whole = self._near(max(runs, 6) - 1), self._whole(mutants)
        # Where all tests together take long they are left for those who have come through the rest.
        batches = [[*near, whole]] if self._suite.seconds < _LONG else [near, [whole]]
        last = None
        for batch in batches:
            results = self._run(batch)
            self._judge(batch, results)
            if self.stopped:
                return None
            last = results[-1]
        return last

    def _near(self, number: int) -> list[PytestRun]:
        """So many runs of the new tests: alone, and before, after and among the tests that they have to do with."""
        new = tuple(self._tests.values())
        neighbours = self._neighbours()
        runs = [
            self._alone(0),
            self._alone(1),
            self._among("before the tests near them", 1, select=(*new, *neighbours), in_order=True),
            self._among("after the tests near them", 2, select=(*neighbours, *new), in_order=True),
            self._alone(2),
        ]
        for at in range(len(runs), number):
            shuffled = self._among("shuffled among the tests near them", at, select=(*neighbours, *new), order=at)
            runs.append(shuffled if at % 2 else self._alone(at))
        return runs

    def _neighbours(self) -> tuple[str, ...]:
        """Test modules that share code with the new tests, or fixtures of a conftest that these name."""
        homes = {test.split("::")[0] for test in self._tests.values()}
        files = [file for file in self._suite.coverage if file.path in self._subjects]
        covering = {test.split("::")[0] for file in files for test in file.tests}
        return tuple(sorted(homes | covering | set(self._sharing if self._suite.seconds < _LONG else ())))

    def _alone(self, number: int) -> PytestRun:
        """The new tests by themselves: the first in plain order on another machine, each after it differs in all."""
        perturbation = Perturbation(
            # Few hash seeds: runs with the same one and the same clock begin as forks of one process.
            hash_seed=_SEED + 7919 * (number % 3),
            order=number or None,
            time_zone=ZONES[number % len(ZONES)],
            elsewhere=number % 2 == 1,
            random_seed=101 + number,
            forward_seconds=_YEAR * (number % 3),
            other_machine=number % 3 == 0,
        )
        seconds = _STARTING + _FOR_A_TEST * len(self._tests)
        name = f"alone ({describe(perturbation)})"
        return PytestRun(name, tuple(self._tests.values()), perturbation=perturbation, seconds=seconds)

    def _whole(self, mutants: Sequence[Mutant]) -> PytestRun:
        tried = tuple(mutants[:MAX_MUTANTS])
        run = self._among("among all others", 0)
        return replace(
            run,
            measured=tuple(file.path for file in self._suite.coverage),
            mutants=tried,
            against=tuple(self._tests.values()),
            seconds=run.seconds + _FOR_A_MUTANT * len(tried),
        )

    def _among(
        self, name: str, number: int, *, select: tuple[str, ...] = (), in_order: bool = False, order: int | None = None
    ) -> PytestRun:
        perturbation = Perturbation(hash_seed=_SEED, random_seed=202 + number, order=order)
        seconds = _STARTING + 3 * self._suite.seconds + _FOR_A_TEST * len(self._tests)
        name = f"{name} ({describe(perturbation)})"
        return PytestRun(name, select, perturbation=perturbation, in_order=in_order, seconds=seconds)

    def _run(self, runs: Sequence[PytestRun], *, without: bool = False) -> Sequence[RunResult]:
        """With the new tests in place, or `without`. Raises Untried."""
        if self._pytest_runner.seconds_left < MIN_SECONDS:
            raise Untried(NO_TIME)
        results = self._pytest_runner.run(runs, {} if without else self._assembly.files)
        self._tally.runs += len(results)
        self._tally.seconds += sum(result.seconds for result in results)
        if any(was_not_begun(result, self._pytest_runner) for result in results):
            raise Untried(NO_TIME)
        return results

    def _is_new(self, nodeid: str) -> bool:
        return any(is_of(nodeid, test) for test in self._tests.values())

    def _judge(self, runs: Sequence[PytestRun], results: Sequence[RunResult]) -> None:
        for run, result in zip(runs, results, strict=True):
            is_alone = run.name.startswith("alone")
            if is_alone and self._is_unfair(run, result):
                milder_run = replace(run, perturbation=_milder(run.perturbation))
                self._judge([milder_run], self._run([milder_run]))
                continue
            self.completed += 1
            if not result.completed:
                reason = f"its run came to no end: {result.problem}"
                self._blame(run, reason, Hurdle.STABLE, lambda single: not single.completed)
                continue
            self._judge_new(run, result)
            if not is_alone:
                self._judge_old(run, result)
            elif _leaves(result):
                self._blame(run, "it leaves files or processes behind", Hurdle.CLEAN, _leaves)

    def _judge_new(self, run: PytestRun, result: RunResult) -> None:
        for key, test in self._tests.items():
            own = [one for one in result.tests if is_of(one.nodeid, test)]
            ids = frozenset(one.nodeid for one in own)
            red = [one for one in own if one.outcome is not Outcome.PASSED]
            if not own and not run.select:
                reason = "the project's own test command does not collect it in its place"
                self._stop(key, Hurdle.COLLECTS, reason)
            elif not own:
                errors = [f": {one.message}" for one in result.tests if one.outcome is Outcome.ERROR]
                reason = f"it could not be collected when run {run.name}{''.join(errors[:1])}"
                self._stop(key, Hurdle.STABLE, reason)
            elif red:
                text = f": {red[0].message}" if red[0].message else ""
                self._stop(key, Hurdle.STABLE, f"it ended as {red[0].outcome} when run {run.name}{text}")
            elif self._ids.setdefault(key, ids) != ids:
                self._stop(key, Hurdle.STABLE, "its parametrised cases differ from one process to the next")
            else:
                self.passed[key].add(run.name)

    def _judge_old(self, run: PytestRun, result: RunResult) -> None:
        """Whether the project's tests are as green as before."""
        failed = [one.nodeid for one in result.failed if not self._is_new(one.nodeid)]
        victims = [nodeid for nodeid in failed if nodeid not in self._known]
        if not victims or self.stopped:
            return
        plain = replace(run, select=(), in_order=False, measured=(), mutants=(), against=())
        [without] = self._run([plain], without=True)
        also = {one.nodeid for one in without.failed}
        ours = [victim for victim in victims if victim not in also][:_MAX_VICTIMS]
        if not ours or not without.completed:
            self._tally.notes[f"tests of the project fail without new ones, too, when run {run.name}"] = None
            return
        self._blame(
            run,
            f"{ours[0]} fails with it",
            Hurdle.SUITE,
            lambda single: any(one.nodeid in ours for one in single.failed),
            victims=ours,
        )

    def _blame(
        self,
        run: PytestRun,
        reason: str,
        hurdle: Hurdle,
        is_guilty: Callable[[RunResult], bool],
        victims: Sequence[str] = (),
    ) -> None:
        """Stops those that show it when run without the other new ones; all of them, when none does."""
        if self.stopped:
            # It may have been theirs: the others are run again without them.
            return
        singles = [
            PytestRun(
                f"{test} by itself",
                (test, *victims),
                perturbation=run.perturbation,
                in_order=bool(victims),
                seconds=run.seconds,
            )
            for test in self._tests.values()
        ]
        results = self._run(singles)
        guilty = [key for key, result in zip(self._tests, results, strict=True) if is_guilty(result)]
        shared = "" if guilty or len(self._tests) == 1 else f" (or with one of the {len(self._tests) - 1} others)"
        for key in guilty or self._tests:
            self._stop(key, hurdle, reason + shared)

    def _is_unfair(self, run: PytestRun, result: RunResult) -> bool:
        """Whether what failed asks more of new tests than the project's own can do: another directory, say."""
        harsh = {
            "in another directory": run.perturbation.elsewhere,
            "on a later day": bool(run.perturbation.forward_seconds),
            "on another machine": run.perturbation.other_machine,
        }
        if not any(harsh.values()):
            return False
        if result.completed and not result.failed and not result.left:
            return False
        own = [path for path, text in self._assembly.before.items() if text is not None] or [
            test for file in self._suite.coverage if file.path in self._subjects for test in file.tests[:50]
        ]
        if not own:
            return False
        [old] = self._run([replace(run, select=tuple(own), name=f"the project's own {run.name}")], without=True)
        if old.completed and not {one.nodeid for one in old.failed} - self._known:
            return False
        where = " and ".join(name for name, is_so in harsh.items() if is_so)
        self._tally.notes[f"the project's own tests do not pass {where}: it was not asked of new ones"] = None
        return True

    def _stop(self, key: str, hurdle: Hurdle, reason: str) -> None:
        self.stopped.setdefault(key, (hurdle, reason))


def _leaves(result: RunResult) -> bool:
    return bool(result.left or result.processes_left)


def _milder(perturbation: Perturbation) -> Perturbation:
    """The same in the project's own directory, at the true time and on this machine, for projects that need these."""
    return replace(perturbation, elsewhere=False, forward_seconds=0, other_machine=False)


def describe(perturbation: Perturbation) -> str:
    parts = [f"hash seed {perturbation.hash_seed}", f"time zone {perturbation.time_zone}"]
    if perturbation.order is not None:
        parts.append(f"order shuffled by {perturbation.order}")
    if perturbation.elsewhere:
        parts.append("another directory")
    if perturbation.other_machine:
        parts.append("another machine")
    if perturbation.random_seed is not None:
        parts.append(f"random seed {perturbation.random_seed}")
    if perturbation.forward_seconds:
        parts.append(f"clock {round(perturbation.forward_seconds / 86_400)} days ahead")
    return ", ".join(parts)


def settle(
    reports: Sequence[CandidateReport],
    evidence: Evidence,
    pytest_runner: PytestRunner,
    *,
    runs: int = 5,
    keep_unchanged: bool = False,
) -> Settled:
    """What becomes of the reports that stand; `runs` fresh processes are the least that each kept test has passed in.

    With `keep_unchanged` tests are kept that pass before the change, too.
    """
    trial = _SuiteTrial([report for report in reports if report.stands], evidence, pytest_runner)
    return trial.settled(runs, keep_unchanged=keep_unchanged)


class _SuiteTrial:
    def __init__(self, reports: Sequence[CandidateReport], evidence: Evidence, pytest_runner: PytestRunner) -> None:
        self._reports = {report.candidate.key: report for report in by_value(reports)}
        self._evidence = evidence
        self._suite = known(evidence).suite
        self._pytest_runner = pytest_runner
        self._tally = Tally()

    @property
    def _alive(self) -> list[CandidateReport]:
        return [report for report in self._reports.values() if report.stands]

    def settled(self, runs: int, *, keep_unchanged: bool) -> Settled:
        assembly, measured = Assembly(), None
        self._stop_contradictory()
        try:
            if self._alive:
                self._label(keep_unchanged=keep_unchanged)
                assembly, measured = self._rounds(runs)
        except (PytestUnavailable, Untried) as error:
            self._stop_all(Hurdle.TRIED, str(error))
        # What is noticed in one time zone is noticed, though all of them together ran in UTC alone.
        alone = [MutantOutcome(kill, Fate.KILLED) for one in self._alive if one.settled for kill in one.kills]
        return Settled(
            reports=tuple(self._reports.values()),
            files=assembly.files,
            fresh=assembly.fresh,
            coverage=(measured or self._suite).coverage,
            outcomes=_renewed(self._suite.outcomes, (*measured.mutants, *alone) if measured else ()),
            runs=self._tally.runs,
            seconds=self._tally.seconds,
            notes=tuple(self._tally.notes),
        )

    def _stop_contradictory(self) -> None:
        """Nothing is published that expects the contrary of what the run reports as a possible bug."""
        change = changed(self._evidence)
        screened = known(self._evidence).screened
        bugs = [report.candidate for report in screened if bug_ground(report, self._evidence) is not None]
        for key, report in self._reports.items():
            source = change.texts.get(report.candidate.path, "")
            if bugs and (reason := contradiction(report.candidate, source, bugs)):
                self._stop(key, Hurdle.STATIC, reason)

    def _label(self, *, keep_unchanged: bool) -> None:
        """Says of each what it is by whether it passes before the change."""
        if self._pytest_runner.seconds_left < MIN_SECONDS:
            raise Untried(NO_TIME)
        base = passes_on_base([report.candidate for report in self._alive], self._evidence, self._pytest_runner, 30.0)
        self._tally.runs += 1
        # A fault that lived in lines that were executed is a goal, whether the change is to be seen there or not.
        survived = {outcome.id for outcome in self._suite.outcomes if outcome.fate is Fate.SURVIVED}
        for key, report in self._reports.items():
            passes = base.get(key)
            label = Label.UNKNOWN if passes is None else Label.CHARACTERISES if passes else Label.PINS
            self._reports[key] = replace(report, label=label, passes_on_base=passes)
            is_goal = report.candidate.origin is not Origin.OBSERVED and not survived.isdisjoint(report.kills)
            if label is Label.CHARACTERISES and not keep_unchanged and not is_goal:
                self._stop(key, Hurdle.BASE, "it passes before the change, too: it says nothing about it")

    def _rounds(self, runs: int) -> tuple[Assembly, RunResult | None]:
        for _ in range(ROUNDS):
            reports = useful(self._alive)
            if not reports:
                return Assembly(), None
            assembly, misplaced = assemble(reports, self._evidence, self._pytest_runner)
            if stopped := misplaced or styled(reports, assembly, self._evidence, self._pytest_runner):
                self._reports.update((report.candidate.key, report) for report in stopped)
                continue
            kills = {kill for report in reports for kill in report.kills}
            mutants = sorted(surviving(self._suite), key=lambda one: one.id not in kills)
            sharing = _sharing(reports, known(self._evidence).modules)
            joint = JointTrial(reports, assembly, self._suite, self._pytest_runner, self._tally, sharing)
            measured = joint.run(runs, mutants)
            for report in reports:
                key = report.candidate.key
                passed = len(joint.passed[key])
                self._reports[key] = replace(report, runs=joint.completed, passed=passed, settled=not joint.stopped)
            for key, (hurdle, reason) in joint.stopped.items():
                self._stop(key, hurdle, reason)
            if not joint.stopped:
                for report in self._alive:
                    if not report.settled:
                        problem = "it adds no line, branch or killed mutant to the tests that were kept before it"
                        self._stop(report.candidate.key, Hurdle.ADDS, problem)
                return assembly, measured
        self._stop_all(Hurdle.STABLE, f"after {ROUNDS} rounds there was still one that could not stay with the others")
        return Assembly(), None

    def _stop(self, key: str, hurdle: Hurdle, reason: str) -> None:
        self._reports[key] = replace(self._reports[key], stopped=hurdle, reason=reason, settled=False)

    def _stop_all(self, hurdle: Hurdle, reason: str) -> None:
        for report in self._alive:
            self._stop(report.candidate.key, hurdle, reason)


def _sharing(reports: Sequence[CandidateReport], modules: Mapping[str, str]) -> set[str]:
    """The folders of the conftest files whose fixtures the tests name."""
    code = [parsed(report.candidate.code) or ast.Module([], []) for report in reports]
    named = {node.arg for tree in code for node in ast.walk(tree) if isinstance(node, ast.arg)}
    return {
        str(PurePosixPath(path).parent)
        for path, text in modules.items()
        if PurePosixPath(path).name == "conftest.py" and named & {fixture.name for fixture in fixtures(text)}
    }


def _renewed(before: Sequence[MutantOutcome], now: Sequence[MutantOutcome]) -> tuple[MutantOutcome, ...]:
    """What became of each mutant in the end: one that was killed stays killed, one that ran has run."""
    results = {outcome.id: outcome for outcome in before}
    for outcome in now:
        earlier = results.get(outcome.id)
        if earlier is None or earlier.fate is Fate.NOT_RUN or outcome.fate is Fate.KILLED:
            results[outcome.id] = outcome
    return tuple(results.values())
