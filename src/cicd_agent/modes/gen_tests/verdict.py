"""Keeps of all candidates what earned its place, and says of the rest why not: the trial is read, nothing is run."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from cicd_agent.agent.messages import Answer
from cicd_agent.analysis.patches.writer import written
from cicd_agent.analysis.rules.coverage import floors_of
from cicd_agent.domain.evidence import Evidence, Gap
from cicd_agent.domain.text.words import count
from cicd_agent.domain.trials.candidate import CandidateReport, Hurdle, Origin, Settled, keyed
from cicd_agent.domain.verdict import Conclusion, Reason, Risk, RiskLevel
from cicd_agent.modes.gen_tests.coverage_targets import covered, gaps, home_of, subjects
from cicd_agent.modes.gen_tests.evidence import Suite, SuiteState, TestEvidence, known
from cicd_agent.modes.gen_tests.questions import MAX_QUESTIONS, all_candidates, bug_ground, unreachable
from cicd_agent.modes.gen_tests.result import BugGround, Generated, Open, PossibleBug
from cicd_agent.modes.shared.change_reader import changed, is_by_a_dependency_bot, unanalysed
from cicd_agent.settings.schema import Settings

_SCORES = {RiskLevel.LOW: 10, RiskLevel.MEDIUM: 45, RiskLevel.HIGH: 75}


def rules(evidence: Evidence, settings: Settings) -> Generated:
    """What the project's own tests show, with no new one among them."""
    tests = known(evidence)
    result, suite = subjects(changed(evidence), settings), tests.suite
    return Generated(
        _conclusion(suite),
        suite,
        open=gaps(result, suite, suite.coverage, suite.outcomes),
        before=covered(result, suite.coverage),
        hunt=tests.hunt,
        threshold=settings.coverage_threshold,
    )


def verify(rules: Generated, answers: Sequence[Answer[Any]], evidence: Evidence, settings: Settings) -> Generated:
    """The tests that stand, the possible bugs, and what is still open."""
    tests, change = known(evidence), changed(evidence)
    result, suite, settled = subjects(change, settings), tests.suite, tests.settled or Settled(())
    reports = _reports(tests, settled, answers)
    retained = settled.kept
    after = covered(result, settled.coverage) if retained else None
    coverage, outcomes = suite.coverage, suite.outcomes
    if retained and settled.coverage:
        coverage, outcomes = settled.coverage, settled.outcomes
    open_ = gaps(result, suite, coverage, outcomes, unreachable(answers))
    # Only what was settled may be published, whatever else the evidence holds.
    files = dict(settled.files) if retained else {}
    generated = replace(
        rules,
        conclusion=_conclusion(suite),
        reports=reports,
        bugs=tuple(_bugs(reports, evidence)),
        open=open_,
        after=after,
        patch=written({path: tests.modules.get(path) for path in files}, files),
        files=files,
        fresh=settled.fresh if retained else (),
        homes={
            each.candidate.key: home_of(each.candidate.path, each.candidate.function, evidence) for each in retained
        },
        runs=settled.runs,
        seconds=settled.seconds,
        unasked=0 if answers else _unasked(open_, tests, evidence),
    )
    return replace(
        generated,
        risk=_risk(generated, unanalysed(change, settings)),
        escalate=tuple(_escalations(generated, answers)),
    )


def _reports(tests: TestEvidence, settled: Settled, answers: Sequence[Answer[Any]]) -> tuple[CandidateReport, ...]:
    """Every candidate once, with the last that is known of it; what was repaired stands in for what it was."""
    last = {report.candidate.key: report for report in (*tests.screened, *settled.reports)}
    repaired = {report.origin_key for report in last.values()}
    for candidate in (*tests.proposed, *all_candidates(answers)):
        if candidate.key not in repaired:
            last.setdefault(candidate.key, CandidateReport(candidate, Hurdle.TRIED, "nothing could be run to try it"))
    # A key that does not fit what it stands for was not made here.
    return tuple(
        report
        for key, report in last.items()
        if key not in repaired
        if keyed(report.candidate).key == report.candidate.key
    )


def _bugs(reports: Sequence[CandidateReport], evidence: Evidence) -> Iterator[PossibleBug]:
    """The failing candidates that may be right; of those that say the same about one function, the first."""
    reported: set[tuple[str, str, str]] = set()
    for report in reports:
        ground, candidate = bug_ground(report, evidence), report.candidate
        same = (candidate.path, candidate.function, report.fails_with)
        if ground is not None and same not in reported:
            reported.add(same)
            path, _, number = report.where.rpartition(":")
            line = int(number) if path == candidate.path and number.isdigit() else 0
            quote = candidate.quote if ground is BugGround.DOCUMENTED else ""
            yield PossibleBug(candidate, ground, report.fails_with, quote, line)


def _unasked(still: Sequence[Open], tests: TestEvidence, evidence: Evidence) -> int:
    # Another job may have asked before this one.
    was_asked = any(each.origin is Origin.MODEL for each in tests.proposed)
    if was_asked or not tests.suite.can_judge or is_by_a_dependency_bot(evidence.event):
        return 0
    return min(sum(bool(each.function) for each in still), MAX_QUESTIONS)


def _conclusion(suite: Suite) -> Conclusion:
    return Conclusion.SUCCESS if suite.can_judge else Conclusion.NEUTRAL


def _risk(generated: Generated, missed: Sequence[Gap]) -> Risk | None:
    """By what tests do not see of the change, and what they may have found in it; None where nothing was measured."""
    reasons = []
    level = RiskLevel.LOW
    covered_lines = generated.after or generated.before
    share = covered_lines.changed.percent if covered_lines else None
    if share is not None and share < generated.threshold:
        level = RiskLevel.MEDIUM
        reasons.append(Reason(f"tests execute {share:.0f} % of the changed lines, under {generated.threshold:g} %", 35))
    if generated.suite.state is SuiteState.RED:
        level = RiskLevel.HIGH
        reasons.append(Reason(f"{broken(generated.suite)} before the change and not after it", 65))
    if generated.bugs:
        level = RiskLevel.HIGH
        reasons.append(Reason(f"{count(len(generated.bugs), 'possible bug')}", 65))
    for floor in floors_of(missed):
        level = floor.level
        reasons.append(Reason(floor.reason, 65))
    if share is None and not reasons:
        return None
    return Risk(level, _SCORES[level], tuple(reasons))


def broken(suite: Suite) -> str:
    """How many tests the change breaks, as the beginning of a sentence."""
    return f"{count(len(suite.failed), 'test')} of the project {'passes' if len(suite.failed) == 1 else 'pass'}"


def _escalations(generated: Generated, answers: Sequence[Answer[Any]]) -> Iterator[str]:
    if generated.bugs:
        yield f"{count(len(generated.bugs), 'test')} may have found a mistake in the change"
    if generated.suite.state is SuiteState.RED:
        yield f"{broken(generated.suite)} before the change and not after it"
    yield from (answer.escalate for answer in answers if answer.escalate and not answer.draft and not answer.failure)
