"""The mode that writes tests: for what a change brings and no test sees, and only those that prove themselves."""

from collections.abc import Iterable, Mapping

from cicd_agent.domain.events.event import Event
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.facts import Fact
from cicd_agent.domain.text.words import count
from cicd_agent.modes.gen_tests.edits import edits
from cicd_agent.modes.gen_tests.evidence import TEST_EVIDENCE
from cicd_agent.modes.gen_tests.experiment import experiment, hand_over
from cicd_agent.modes.gen_tests.facts import facts
from cicd_agent.modes.gen_tests.gather import declines, gather
from cicd_agent.modes.gen_tests.imported_evidence import verify_imported
from cicd_agent.modes.gen_tests.page import page
from cicd_agent.modes.gen_tests.questions import questions
from cicd_agent.modes.gen_tests.report import OUTPUTS, report
from cicd_agent.modes.gen_tests.result import Generated
from cicd_agent.modes.gen_tests.verdict import rules, verify
from cicd_agent.modes.protocol import Edits, Mode
from cicd_agent.settings.schema import Settings


class GenTests(Mode[Generated]):
    """Each step has a module of its own name."""

    name = "gen-tests"
    outputs = OUTPUTS
    gather = staticmethod(gather)
    rules = staticmethod(rules)
    questions = staticmethod(questions)
    experiment = staticmethod(experiment)
    proposals = staticmethod(hand_over)
    verify_imported = staticmethod(verify_imported)
    verify = staticmethod(verify)
    report = staticmethod(report)
    page = staticmethod(page)

    def declines(self, event: Event, settings: Settings | None = None) -> str | None:
        return declines(event, settings)

    def facts(self, result: Generated, evidence: Evidence, outputs: Mapping[str, str]) -> Iterable[Fact]:
        return facts(result, evidence, outputs)

    def edits(self, result: Generated | None, evidence: Evidence | None) -> Edits:
        return edits(result, evidence)

    def gathered(self, evidence: Evidence) -> str:
        tests = evidence.get(TEST_EVIDENCE)
        return f"gathered {count(len(tests.proposed), 'test')} to try" if tests else super().gathered(evidence)


MODE = GenTests()
