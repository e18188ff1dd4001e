"""The mode that writes tests: for what a change brings and no test sees, and only those that prove themselves."""

from collections.abc import Sequence
from typing import Any

from cicd_agent.agent.messages import Answer
from cicd_agent.agent.tools.tool import Tool
from cicd_agent.domain.event import Event
from cicd_agent.domain.evidence import Evidence
from cicd_agent.modes import NO_OUTPUTS, World
from cicd_agent.modes.gen_tests.experiment import experiment, hand_over
from cicd_agent.modes.gen_tests.gather import declines, gather
from cicd_agent.modes.gen_tests.questions import questions
from cicd_agent.modes.gen_tests.report import OUTPUTS, report
from cicd_agent.modes.gen_tests.verdict import rules, verify
from cicd_agent.settings.schema import Settings


class GenTests:
    """The slice as one value; each step has a file of its own name."""

    name = "gen-tests"
    fails_closed = False
    remembers_rules = False
    outputs = OUTPUTS
    unproved = NO_OUTPUTS
    rule_ids: frozenset[str] = frozenset()
    gather = staticmethod(gather)
    rules = staticmethod(rules)
    questions = staticmethod(questions)
    experiment = staticmethod(experiment)
    hand_over = staticmethod(hand_over)
    verify = staticmethod(verify)
    report = staticmethod(report)

    def declines(self, event: Event, settings: Settings | None = None) -> str | None:
        """Why there is nothing to write tests for."""
        return declines(event, settings)

    def lookups(
        self, _evidence: Evidence, _event: Event, _world: World, _settings: Settings
    ) -> tuple[tuple[Tool[Any], ...], str]:
        """Nothing: a question about one function brings all that it needs."""
        return (), ""

    def remember(self, _answers: Sequence[Answer[Any]], _evidence: Evidence, _settings: Settings) -> Sequence[str]:
        """Nothing: what was kept is in the tree, and the answers are kept by themselves."""
        return ()


GEN_TESTS = GenTests()
