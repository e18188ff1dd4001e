"""The mode that writes tests: for what a change brings and no test sees, and only those that prove themselves."""

from collections import Counter
from collections.abc import Iterable, Mapping

from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.facts import Fact, FactKind
from cicd_agent.domain.text.words import count
from cicd_agent.modes.gen_tests.evidence import TEST_EVIDENCE, Suite, SuiteState, verify_imported
from cicd_agent.modes.gen_tests.experiment import experiment, hand_over
from cicd_agent.modes.gen_tests.gather import declines, gather
from cicd_agent.modes.gen_tests.page import page
from cicd_agent.modes.gen_tests.questions import questions
from cicd_agent.modes.gen_tests.report import OUTPUTS, report
from cicd_agent.modes.gen_tests.result import Generated
from cicd_agent.modes.gen_tests.verdict import rules, verify
from cicd_agent.modes.protocol import Edit, Edits, Mode

_NO_TESTS = frozenset({SuiteState.EMPTY, SuiteState.BROKEN, SuiteState.UNAVAILABLE})


class GenTests(Mode[Generated]):
    """Each step has a module of its own name."""

    name = "gen-tests"
    outputs = OUTPUTS
    declines = staticmethod(declines)
    gather = staticmethod(gather)
    rules = staticmethod(rules)
    questions = staticmethod(questions)
    experiment = staticmethod(experiment)
    proposals = staticmethod(hand_over)
    verify_imported = staticmethod(verify_imported)
    verify = staticmethod(verify)
    report = staticmethod(report)
    page = staticmethod(page)

    def facts(self, result: Generated, evidence: Evidence, outputs: Mapping[str, str]) -> Iterable[Fact]:
        """What comes after, of coverage, counts tests that may not be merged."""
        event = evidence.event
        coverage = {
            f"{part}{name}": outputs.get(f"{part}coverage_{name}", "")
            for part in ("", "changed_")
            for name in ("before", "after")
        }
        for kind, values in ((FactKind.TESTS, _suite_values(result.suite)), (FactKind.COVERAGE, coverage)):
            yield Fact("", kind, event.sha, 0, sha=event.sha, ref=event.head.name, values=values)

    def edits(self, result: Generated | None, evidence: Evidence | None) -> Edits:
        """The tests that were kept."""
        nothing = "no test was kept: there is nothing to put into the working tree"
        tests = evidence.get(TEST_EVIDENCE) if evidence else None
        if result is None or tests is None:
            return Edits(patch=result.patch if result else "", nothing=nothing)
        numbers = Counter(result.homes.get(each.candidate.key) for each in result.kept)
        edits = tuple(
            Edit(
                path,
                tests.modules.get(path),
                text,
                (f"wrote {path}: {count(numbers[path], 'test')} added",),
                (f"not written {path}",),
            )
            for path, text in result.files.items()
        )
        return Edits(edits, result.patch, nothing=nothing)

    def gathered(self, evidence: Evidence) -> str:
        tests = evidence.get(TEST_EVIDENCE)
        return f"gathered {count(len(tests.proposed), 'test')} to try" if tests else super().gathered(evidence)


def _suite_values(suite: Suite) -> Mapping[str, str]:
    """How the project's own tests went before any was added."""
    # What the machine does not let pass says nothing of the commit.
    failed, set_aside = len(suite.failed), len(suite.set_aside)
    if suite.state in _NO_TESTS or not suite.tests:
        return {}
    if (suite.state is SuiteState.RED) != bool(failed) or failed + set_aside > suite.tests:
        return {"state": suite.state.value}
    return {"state": suite.state.value, "passed": str(suite.tests - failed - set_aside), "failed": str(failed)}


MODE = GenTests()
