"""Has rules write tests: what is documented at first, and the rest for what is open when all were heard."""

from dataclasses import replace

from cicd_agent.analysis.python_tests.placement.module import dotted
from cicd_agent.domain.evidence import Evidence, Gap
from cicd_agent.domain.ports.test_runner import PytestRunner, PytestUnavailable
from cicd_agent.modes.gen_tests.coverage_targets import left, targets
from cicd_agent.modes.gen_tests.evidence import TEST_EVIDENCE
from cicd_agent.modes.gen_tests.gathered import known
from cicd_agent.modes.gen_tests.synthesis.writers import Wanted, written
from cicd_agent.modes.gen_tests.testable_files import subjects
from cicd_agent.modes.shared.change_reader import changed
from cicd_agent.settings.schema import Settings

MOST_WRITTEN = 40
"""Tests of one change that rules write."""


def with_written(evidence: Evidence, pytest_runner: PytestRunner | None, settings: Settings) -> Evidence:
    """The evidence with the tests that rules write for what is open; without a test runner only what is documented.

    What has to be run to be written costs more than a test, and shows less than what somebody meant.
    """
    tests, change = known(evidence), changed(evidence)
    texts = tests.modules.values()
    wanted = [
        Wanted(target.path, target.function.name, dotted(target.path, change.paths, texts))
        for target in targets(subjects(change, settings), tests.suite)
        if left(target, tests.screened).goals
    ]
    try:
        found = written(wanted, evidence, pytest_runner, MOST_WRITTEN)
    except PytestUnavailable as error:
        return replace(evidence, gaps=(*evidence.gaps, Gap("tests by rule", str(error))))
    proposed = {each.key: each for each in (*tests.proposed, *found)}
    return evidence.put(TEST_EVIDENCE, replace(tests, proposed=tuple(proposed.values())))
