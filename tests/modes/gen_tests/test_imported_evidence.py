from dataclasses import replace

from cicd_agent.domain.trials.candidate import Candidate, Origin, keyed
from cicd_agent.modes.gen_tests.evidence import Suite, SuiteState, TestEvidence, untried

OWN = keyed(Candidate("", "app.py", "go", "test_go", (), "def test_go():\n    assert go() == 1\n", Origin.MODEL))


def test_a_candidate_under_a_key_that_is_not_its_own_is_left_out() -> None:
    other = replace(OWN, code="def test_go():\n    pass\n")
    tests = TestEvidence(Suite(SuiteState.GREEN), proposed=(OWN, other))
    assert untried(tests).proposed == (OWN,)
