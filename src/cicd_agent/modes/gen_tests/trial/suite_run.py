"""Tries the tests that stood alone together in their places, and keeps those that hold and add something."""

from collections.abc import Sequence
from dataclasses import replace

from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.ports.test_runner import PytestRunner, PytestUnavailable
from cicd_agent.domain.trials.candidate import CandidateReport, Hurdle, Label, Settled
from cicd_agent.domain.trials.test_run import Fate, MutantOutcome, RunResult
from cicd_agent.modes.gen_tests.evidence import known
from cicd_agent.modes.gen_tests.trial.assembly import Assembly, assemble, by_value, styled, useful
from cicd_agent.modes.gen_tests.trial.contribution import surviving
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
        try:
            if self._alive:
                self._label(keep_unchanged=keep_unchanged)
                assembly, measured = self._rounds(runs)
        except (PytestUnavailable, Untried) as error:
            self._stop_all(Hurdle.TRIED, str(error))
        return Settled(
            reports=tuple(self._reports.values()),
            files=assembly.files,
            fresh=assembly.fresh,
            coverage=(measured or self._suite).coverage,
            outcomes=_renewed(self._suite.outcomes, measured.mutants if measured else ()),
            runs=self._tally.runs,
            seconds=self._tally.seconds,
            notes=tuple(self._tally.notes),
        )

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
            joint = JointTrial(reports, assembly, self._suite, self._pytest_runner, self._tally).result(runs, mutants)
            for report in reports:
                key = report.candidate.key
                self._reports[key] = replace(
                    report, runs=joint.runs, passed=joint.passed[key], settled=not joint.stopped
                )
            for key, (hurdle, reason) in joint.stopped.items():
                self._stop(key, hurdle, reason)
            if not joint.stopped:
                for report in self._alive:
                    if not report.settled:
                        problem = "it adds no line, branch or noticed fault to the tests that were kept before it"
                        self._stop(report.candidate.key, Hurdle.ADDS, problem)
                return assembly, joint.measured
        self._stop_all(Hurdle.STABLE, f"after {ROUNDS} rounds there was still one that could not stay with the others")
        return Assembly(), None

    def _stop(self, key: str, hurdle: Hurdle, reason: str) -> None:
        self._reports[key] = replace(self._reports[key], stopped=hurdle, reason=reason, settled=False)

    def _stop_all(self, hurdle: Hurdle, reason: str) -> None:
        for report in self._alive:
            self._stop(report.candidate.key, hurdle, reason)


def _renewed(before: Sequence[MutantOutcome], now: Sequence[MutantOutcome]) -> tuple[MutantOutcome, ...]:
    """What became of each mutant in the end: one that was killed stays killed, one that ran has run."""
    results = {outcome.id: outcome for outcome in before}
    for outcome in now:
        earlier = results.get(outcome.id)
        if earlier is None or earlier.fate is Fate.NOT_RUN or outcome.fate is Fate.KILLED:
            results[outcome.id] = outcome
    return tuple(results.values())
