"""The mode that analyses failures: what failed, which lines prove it, whose fault it is, what to do next."""

from collections.abc import Sequence
from typing import Any

from cicd_agent.agent.messages import Answer
from cicd_agent.domain.event import Event
from cicd_agent.domain.evidence import Evidence
from cicd_agent.modes import NO_OUTPUTS
from cicd_agent.modes.analyse_failure.experiments import experiment
from cicd_agent.modes.analyse_failure.gather import declines, gather
from cicd_agent.modes.analyse_failure.incremental_state import remember
from cicd_agent.modes.analyse_failure.questions import questions
from cicd_agent.modes.analyse_failure.report import OUTPUTS, report
from cicd_agent.modes.analyse_failure.rules import rules
from cicd_agent.modes.analyse_failure.verdict import verify
from cicd_agent.modes.shared.change_reader import change_lookups
from cicd_agent.settings.schema import Settings


class AnalyseFailure:
    """The slice as one value; each step has a file of its own name."""

    name = "analyse-failure"
    fails_closed = False
    remembers_rules = True
    outputs = OUTPUTS
    unproved = NO_OUTPUTS
    rule_ids: frozenset[str] = frozenset()
    gather = staticmethod(gather)
    rules = staticmethod(rules)
    questions = staticmethod(questions)
    lookups = staticmethod(change_lookups)
    experiment = staticmethod(experiment)
    verify = staticmethod(verify)
    report = staticmethod(report)

    def declines(self, event: Event, _settings: Settings | None = None) -> str | None:
        """Why there is nothing to analyse."""
        return declines(event)

    def hand_over(self, _answers: Sequence[Answer[Any]], _evidence: Evidence) -> Evidence | None:
        """Nothing: a patch is tried where it is proposed."""
        return None

    def remember(self, _answers: Sequence[Answer[Any]], evidence: Evidence, _settings: Settings) -> Sequence[str]:
        """The fingerprints of what failed, for other runs in the repository."""
        return remember(evidence)


ANALYSE_FAILURE = AnalyseFailure()
