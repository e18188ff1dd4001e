"""The review mode: a change goes in, findings that can be proved come out."""

from cicd_agent.modes.changes import change_lookups
from cicd_agent.modes.review.gather import declines, gather
from cicd_agent.modes.review.questions import questions
from cicd_agent.modes.review.remember import remember
from cicd_agent.modes.review.report import OUTPUTS, report
from cicd_agent.modes.review.rulebook import RULES
from cicd_agent.modes.review.rules import rules
from cicd_agent.modes.review.verdict import verify


class Review:
    """The slice as one value; each step has a file of its own name."""

    name = "review"
    fails_closed = False
    outputs = OUTPUTS
    rule_ids = frozenset({"model", *(rule.id for rule in RULES)})
    declines = staticmethod(declines)
    gather = staticmethod(gather)
    rules = staticmethod(rules)
    questions = staticmethod(questions)
    lookups = staticmethod(change_lookups)
    verify = staticmethod(verify)
    remember = staticmethod(remember)
    report = staticmethod(report)


REVIEW = Review()
