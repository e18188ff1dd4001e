"""Whether a log itself says that its job passed."""

from collections.abc import Sequence
from itertools import islice

from cicd_agent.analysis.logs.reader import MAX_SEARCHED, Line
from cicd_agent.domain.text.patterns import load_patterns

_PATTERNS = load_patterns(__package__, "job_result")
_LAST = 60
"""Lines at the end of a log among which the runner says how the job ended: plugins and hooks write after it."""


def passing_line(lines: Sequence[Line]) -> Line | None:
    """The line by which the runner says that the job passed, None where none does or another says the opposite.

    `lines` are all that a log has in its last part, and of what comes before at least those that look like errors.
    GitHub's runner states no result: a job that it ended and in which it wrote no error has passed, unless an action
    ran in a container, which can fail without one.
    """
    last = [line for line in islice(reversed(lines), 4 * _LAST) if line.text.strip()][:_LAST]
    if any(_PATTERNS["failed"].search(line.text[:MAX_SEARCHED]) for line in last):
        return None
    if stated := next((line for line in last if _PATTERNS["passed"].search(line.text[:MAX_SEARCHED])), None):
        return stated
    if not last or not _PATTERNS["github_end"].search(last[0].text[:MAX_SEARCHED]) or last[0].time is None:
        return None
    doubts = (_PATTERNS["github_error"], _PATTERNS["github_container"])
    is_doubtful = any(pattern.match(line.text) for line in lines for pattern in doubts)
    return None if is_doubtful else last[0]
