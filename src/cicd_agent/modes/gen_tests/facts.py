"""What a run of gen-tests proves for later runs."""

from collections.abc import Iterator, Mapping

from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.facts import Fact, FactKind
from cicd_agent.modes.gen_tests.evidence import SuiteState
from cicd_agent.modes.gen_tests.result import Generated

_NO_TESTS = frozenset({SuiteState.EMPTY, SuiteState.BROKEN, SuiteState.UNAVAILABLE})


def facts(generated: Generated, evidence: Evidence, outputs: Mapping[str, str]) -> Iterator[Fact]:
    event = evidence.event
    for kind, values in ((FactKind.TESTS, _suite(generated)), (FactKind.COVERAGE, _coverage(outputs))):
        yield Fact("", kind, event.sha, 0, sha=event.sha, ref=event.head.name, values=values)


def _suite(generated: Generated) -> Mapping[str, str]:
    """How the project's own tests went before any was added."""
    suite = generated.suite
    if suite.state in _NO_TESTS or not suite.tests:
        return {}
    failed = len(suite.failed)
    if (suite.state is SuiteState.RED) != bool(failed) or failed > suite.tests:
        return {"state": suite.state.value}
    return {"state": suite.state.value, "passed": str(suite.tests - failed), "failed": str(failed)}


def _coverage(outputs: Mapping[str, str]) -> Mapping[str, str]:
    """Of the files that the change touches, and of its lines; what comes after counts tests that may not be merged."""
    names = ("before", "after")
    files = {name: outputs.get(f"coverage_{name}", "") for name in names}
    return files | {f"changed_{name}": outputs.get(f"changed_coverage_{name}", "") for name in names}
