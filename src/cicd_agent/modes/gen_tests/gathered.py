"""What a run of gen-tests has gathered, for the steps that make no sense without it."""

from cicd_agent.domain.evidence import Evidence
from cicd_agent.errors import ConfigError
from cicd_agent.modes.gen_tests.evidence import TEST_EVIDENCE, TestEvidence


def known(evidence: Evidence) -> TestEvidence:
    """What is known of the project's tests. Raises ConfigError for evidence of another mode."""
    tests = evidence.get(TEST_EVIDENCE)
    if tests is None:
        raise ConfigError("this evidence holds nothing of tests", remedy="Gather it again with `gen-tests`")
    return tests
