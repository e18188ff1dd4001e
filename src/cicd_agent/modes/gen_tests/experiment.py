"""Has candidates tried: each by itself as it is proposed, and together once nobody is asked any more."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from cicd_agent.agent.messages import Answer
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.ports.test_runner import PytestRunner, PytestUnavailable
from cicd_agent.domain.text.words import count
from cicd_agent.modes.gen_tests.evidence import TEST_EVIDENCE, TestEvidence, known
from cicd_agent.modes.gen_tests.flaky.fix import with_fixes
from cicd_agent.modes.gen_tests.questions import all_candidates
from cicd_agent.modes.gen_tests.synthesis.writers import with_written
from cicd_agent.modes.gen_tests.trial.single_trial import screen
from cicd_agent.modes.gen_tests.trial.suite_run import settle
from cicd_agent.modes.protocol import Ports
from cicd_agent.settings.schema import Settings


def experiment(
    answers: Sequence[Answer[Any]],
    evidence: Evidence,
    world: Ports,
    settings: Settings,
    progress: Callable[[str], None],
    *,
    last: bool,
) -> Evidence:
    """The evidence with what came of the candidates that were not tried yet, and at last of all that stand."""
    tests = evidence.get(TEST_EVIDENCE)
    if tests is None or tests.settled is not None:
        return evidence
    pytest_runner = _pytest_runner(evidence, tests, world)
    if pytest_runner is None:
        return evidence
    evidence = with_fixes(answers, evidence, pytest_runner.without(tests.suite.left_out(flaky=False)))
    tests = known(evidence)
    pytest_runner = pytest_runner.without(tests.suite.left_out())
    if not tests.suite.can_judge:
        return evidence
    evidence = _screened(answers, evidence, pytest_runner, progress)
    if last:
        evidence = _screened((), with_written(evidence, pytest_runner, settings), pytest_runner, progress)
        tests = known(evidence)
        remaining = [report for report in tests.screened if report.stands]
        if remaining:
            progress(f"trying {count(len(remaining), 'test')} together")
            settled = settle(remaining, evidence, pytest_runner, keep_unchanged=settings.keep_unchanged == "on")
            evidence = evidence.put(TEST_EVIDENCE, replace(tests, settled=settled))
    return evidence


def _screened(
    answers: Sequence[Answer[Any]], evidence: Evidence, pytest_runner: PytestRunner, progress: Callable[[str], None]
) -> Evidence:
    """The evidence with what came of the candidates that are new."""
    tests = known(evidence)
    tried = {key for report in tests.screened for key in (report.candidate.key, report.origin_key)}
    proposed = {each.key: each for each in (*tests.proposed, *all_candidates(answers))}
    fresh = [each for key, each in proposed.items() if key not in tried]
    if not fresh:
        return evidence
    progress(f"trying {count(len(fresh), 'test')}")
    screened = (*tests.screened, *screen(fresh, evidence, pytest_runner))
    return evidence.put(TEST_EVIDENCE, replace(tests, screened=screened))


def hand_over(answers: Sequence[Answer[Any]], evidence: Evidence) -> Evidence:
    """The evidence with all candidates of the answers among those that are proposed."""
    tests = evidence.get(TEST_EVIDENCE)
    if tests is None:
        return evidence
    keys = {each.key for each in tests.proposed}
    fresh = (each for each in all_candidates(answers) if each.key not in keys)
    return evidence.put(TEST_EVIDENCE, replace(tests, proposed=(*tests.proposed, *fresh)))


def _pytest_runner(evidence: Evidence, tests: TestEvidence, world: Ports) -> PytestRunner | None:
    """The one in which the suite ran; where another job had a loopback and this one has none, without it."""
    if world.pytest_runner is None or evidence.change is None:
        return None
    pytest_runner = world.pytest_runner(evidence.change)
    if pytest_runner is None or not tests.suite.loopback:
        return pytest_runner
    try:
        return pytest_runner.with_loopback() or pytest_runner
    except PytestUnavailable:
        return pytest_runner
