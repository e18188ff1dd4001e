"""Why claims were rejected, as one of a few words: the reasons themselves are sentences, with names in them."""

import re
from typing import Final

from cicd_agent.insights.metrics.metric import OTHER

# Only the reason is looked at, never the claim; the first that is met counts.
_WORDS: Final = (
    ("not_defended", r"^not defended: "),
    ("too_many", r"^more than [\d,]+ (?:claims|objections|citations)\b"),
    ("says_nothing", r"^it says nothing$|\bit does not say what(?: is wrong)?$"),
    ("nothing_quoted", r"\bit (?:quotes no (?:code|words|line)|quotes more than one line|cites nothing)$"),
    ("quote_ambiguous", r"\bits quote stands at (?:several|[\d,]+) places\b|\bit stands at several places\b"),
    ("unknown_source", r"\bthere is no (?:such )?exhibit\b"),
    ("not_in_the_change", r"\bits (?:path|file) is not in the change$|\bthe change does not add it$"),
    (
        "quote_not_found",
        (
            r"\bits quote is not in\b|\b(?:the quote does not stand there|that line is not shown)$|\bit is not in\b"
            r"|\ba part of a line takes [\d,]+ characters$"
        ),
    ),
)
_REASONS: Final = tuple((word, re.compile(pattern)) for word, pattern in _WORDS)
_LONGEST: Final = 2_000


def reason(sentence: str) -> str:
    """The word for it, `other` when there is none."""
    line = sentence[:_LONGEST].strip().rstrip(".")
    return next((word for word, pattern in _REASONS if pattern.search(line)), OTHER)
