"""Evidence of gen-tests as a whole: a function with goals, a test that is flaky, and a trial that was held."""

from dataclasses import replace

from cicd_agent.domain.events.event import Event
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.trials.candidate import CandidateReport, Hurdle, Settled
from cicd_agent.domain.trials.test_run import FileCoverage
from cicd_agent.modes.gen_tests.evidence import TEST_EVIDENCE, known
from cicd_agent.modes.gen_tests.flaky.experiments import FlakyHunt, FlakyKind, FlakyTest
from cicd_agent.modes.gen_tests.questions import ProposedTest, TestsDraft
from cicd_agent.modes.gen_tests.questions import candidates as proposed
from tests.support.samples.changes import change_of
from tests.support.trial_world import BOUNDARY, CONSTANT, HOME, OLD, TESTS, candidate
from tests.support.trial_world import evidence as small

NEW = "def grade(points):\n    if points >= 90:\n        return 'A'\n    return 'B'\n"
FLAKY = FlakyTest(f"{HOME}::test_other", FlakyKind.RANDOMNESS, 3, 20, "assert 1 == 2", shown_by="It fails with seed 7.")
DRAFT = TestsDraft(
    tests=(
        ProposedTest(
            name="test_best",
            imports=("from calc import grade",),
            code="def test_best():\n    assert grade(90) == 'A'\n",
            expected_from="code",  # type: ignore[arg-type]
            quote=None,
            why="Ninety is the first A.",
        ),
    ),
    unreachable=(),
)


def evidence(event: Event) -> Evidence:
    """One function is open, one test is flaky; of the candidates one was kept and one was stopped."""
    whole = small(BOUNDARY, CONSTANT)
    tests = known(whole)
    coverage = FileCoverage("calc.py", (1, 2, 3, 4), (1, 2, 4), ((2, 3), (2, 4)), ((2, 4),), (f"{HOME}::test_other",))
    [kept] = proposed(DRAFT, "calc.py", "grade")
    report = CandidateReport(kept, lines=(3,), kills=(BOUNDARY.id,), runs=6, passed=6, settled=True)
    stopped = CandidateReport(candidate("test_worst"), Hurdle.PASSES, "it fails: no", fails_with="AssertionError: no")
    files = {HOME: f"{TESTS}\n\n{kept.code}\n"}
    settled = Settled((report,), files, coverage=(replace(coverage, executed=(1, 2, 3, 4)),), runs=7, seconds=3.0)
    return Evidence(event, change_of(("calc.py", OLD, NEW), paths=[HOME])).put(
        TEST_EVIDENCE,
        replace(
            tests,
            suite=replace(tests.suite, coverage=(coverage,)),
            proposed=(stopped.candidate,),
            screened=(replace(report, settled=False), stopped),
            settled=settled,
            hunt=FlakyHunt(20, 20, 1, (FLAKY,)),
        ),
    )
