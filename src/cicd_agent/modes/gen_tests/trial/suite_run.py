"""Tries the tests that stood alone together in their places, and keeps those that hold and add something."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.ports.test_runner import PytestRunner, PytestUnavailable
from cicd_agent.domain.trials.candidate import CandidateReport, Hurdle, Label, Settled
from cicd_agent.domain.trials.test_run import Fate, Mutant, MutantOutcome, RunResult
from cicd_agent.modes.gen_tests.evidence import TEST_EVIDENCE, Suite
from cicd_agent.modes.gen_tests.trial.assembly import Assembly, assemble, by_value, styled, useful
from cicd_agent.modes.gen_tests.trial.joint_trial import JointTrial, Tally, Untried
from cicd_agent.modes.gen_tests.trial.single_trial import MIN_SECONDS, NO_TIME, passes_on_base

ROUNDS = 3
"""How often those that are left are tried again after somebody was stopped."""


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
    return _SuiteTrial([report for report in reports if report.stands], evidence, pytest_runner).done(
        runs, keep_unchanged=keep_unchanged
    )


class _SuiteTrial:
    def __init__(self, reports: Sequence[CandidateReport], evidence: Evidence, pytest_runner: PytestRunner) -> None:
        self._reports = {report.candidate.key: report for report in by_value(reports)}
        self._evidence = evidence
        self._pytest_runner = pytest_runner
        self._tally = Tally()

    @property
    def _alive(self) -> list[CandidateReport]:
        return [report for report in self._reports.values() if report.stands]

    def done(self, runs: int, *, keep_unchanged: bool) -> Settled:
        tests = self._evidence.get(TEST_EVIDENCE)
        suite = tests.suite if tests else None
        if suite is None or not self._alive:
            self._stop_all(Hurdle.TRIED, "the project's own tests are not known")
            return self._settled(suite, Assembly(), None)
        try:
            self._label(keep_unchanged=keep_unchanged)
            assembly, measured = self._rounds(runs, suite)
        except (PytestUnavailable, Untried) as error:
            self._stop_all(Hurdle.TRIED, str(error))
            return self._settled(suite, Assembly(), None)
        return self._settled(suite, assembly, measured)

    def _label(self, *, keep_unchanged: bool) -> None:
        """Says of each what it is by whether it passes before the change."""
        if self._pytest_runner.seconds_left < MIN_SECONDS:
            raise Untried(NO_TIME)
        base = passes_on_base([report.candidate for report in self._alive], self._evidence, self._pytest_runner, 30.0)
        self._tally.runs += 1
        for key, report in self._reports.items():
            passes = base.get(key)
            label = Label.UNKNOWN if passes is None else Label.CHARACTERISES if passes else Label.PINS
            self._reports[key] = replace(report, label=label, passes_on_base=passes)
            if label is Label.CHARACTERISES and not keep_unchanged:
                self._stop(key, Hurdle.BASE, "it passes before the change, too: it says nothing about it")

    def _rounds(self, runs: int, suite: Suite) -> tuple[Assembly, RunResult | None]:
        for _ in range(ROUNDS):
            retained = useful(self._alive)
            if not retained:
                return Assembly(), None
            assembly, misplaced = assemble(retained, self._evidence, self._pytest_runner)
            ugly = misplaced or styled(retained, assembly, self._evidence, self._pytest_runner)
            if ugly:
                self._reports.update((report.candidate.key, report) for report in ugly)
                continue
            mutants = sorted(
                self._survivors(suite), key=lambda one: not any(one.id in report.kills for report in retained)
            )
            seen = JointTrial(retained, assembly, suite, self._pytest_runner, self._tally).seen(runs, mutants)
            for report in retained:
                key = report.candidate.key
                self._reports[key] = replace(
                    self._reports[key], runs=seen.runs, passed=seen.passed[key], settled=not seen.stopped
                )
            for key, (hurdle, reason) in seen.stopped.items():
                self._stop(key, hurdle, reason)
            if not seen.stopped:
                for report in self._alive:
                    if not report.settled:
                        problem = "it adds no line, branch or noticed fault to the tests that were kept before it"
                        self._stop(report.candidate.key, Hurdle.ADDS, problem)
                return assembly, seen.measured
        self._stop_all(Hurdle.STABLE, f"after {ROUNDS} rounds there was still one that could not stay with the others")
        return Assembly(), None

    def _survivors(self, suite: Suite) -> list[Mutant]:
        killed = {outcome.id for outcome in suite.outcomes if outcome.fate is Fate.KILLED}
        return [mutant for mutant in suite.mutants if mutant.id not in killed]

    def _stop(self, key: str, hurdle: Hurdle, reason: str) -> None:
        self._reports[key] = replace(self._reports[key], stopped=hurdle, reason=reason, settled=False)

    def _stop_all(self, hurdle: Hurdle, reason: str) -> None:
        for report in self._alive:
            self._stop(report.candidate.key, hurdle, reason)

    def _settled(self, suite: Suite | None, assembly: Assembly, measured: RunResult | None) -> Settled:
        outcomes = suite.outcomes if suite else ()
        return Settled(
            reports=tuple(self._reports.values()),
            files=assembly.files,
            fresh=assembly.fresh,
            coverage=measured.coverage if measured else suite.coverage if suite else (),
            outcomes=_renewed(outcomes, measured.mutants) if measured else outcomes,
            runs=self._tally.runs,
            seconds=self._tally.seconds,
            notes=tuple(self._tally.notes),
        )


def _renewed(before: Sequence[MutantOutcome], now: Sequence[MutantOutcome]) -> tuple[MutantOutcome, ...]:
    """What became of each mutant in the end: one that was killed stays killed, one that ran has run."""
    known: Mapping[str, MutantOutcome] = {outcome.id: outcome for outcome in before}
    result = dict(known)
    for outcome in now:
        if outcome.id not in known or known[outcome.id].fate is Fate.NOT_RUN or outcome.fate is Fate.KILLED:
            result[outcome.id] = outcome
    return tuple(result.values())
