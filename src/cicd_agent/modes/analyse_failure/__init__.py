"""The mode that analyses failures: what failed, which lines prove it, whose fault it is, what to do next."""

from cicd_agent.core.event import Event
from cicd_agent.modes.analyse_failure.experiments import experiments
from cicd_agent.modes.analyse_failure.gather import declines, gather
from cicd_agent.modes.analyse_failure.questions import questions
from cicd_agent.modes.analyse_failure.report import OUTPUTS, report
from cicd_agent.modes.analyse_failure.rules import rules
from cicd_agent.modes.analyse_failure.verdict import verify
from cicd_agent.modes.changes import change_lookups
from cicd_agent.settings import Settings


class AnalyseFailure:
    """The slice as one value; each step has a file of its own name."""

    name = "analyse-failure"
    fails_closed = False
    outputs = OUTPUTS
    rule_ids: frozenset[str] = frozenset()
    gather = staticmethod(gather)
    rules = staticmethod(rules)
    questions = staticmethod(questions)
    lookups = staticmethod(change_lookups)
    experiments = staticmethod(experiments)
    verify = staticmethod(verify)
    report = staticmethod(report)

    def declines(self, event: Event, _settings: Settings | None = None) -> str | None:
        """Why there is nothing to analyse."""
        return declines(event)

    def remember(self, *_: object) -> tuple[str, ...]:
        """Nothing: the log of a run does not change, and GitHub keeps it."""
        return ()


ANALYSE_FAILURE = AnalyseFailure()
