"""What a line looks like on its own: how much like trouble, and whether it goes on about the line above it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from cicd_agent.analysis.logs.reader import MAX_SEARCHED, Line
from cicd_agent.domain.text.patterns import load_patterns

_PATTERNS = load_patterns(__package__, "features")

_MAX_SCRIPT_LINES = 300
"""Lines of a step's script that the runner shows before it runs."""
_MAX_EXIT_TROUBLE, _MAX_FRAME_TROUBLE = 0.4, 0.3


_CROSS = re.compile(r"[✗✘✖❌⨯]|^\s*(?:●|×) |^not ok\b|^\s*##\[error\]|^::error")
"""The marks that stand for failed, and for nothing else."""


_ECHO = re.compile(r"\++ (?:echo|printf|if|\[|test|grep|exit|case)\b|\$ \S|\[command\]|##\[group\]|::group::")
"""A command that is shown before it runs."""


@dataclass(frozen=True, slots=True)
class LineFeatures:
    """`trouble` is 0–1 by the line's words; a `frame` or what `compares` continues something above it."""

    trouble: float = 0.0
    frame: bool = False
    compares: bool = False
    exits: bool = False
    """Whether it says that a command has failed, but not why."""


def describe_line(text: str) -> LineFeatures:
    """The numbers are fitted to logs in which people have marked the cause."""
    text = text[:MAX_SEARCHED]
    if not text.strip():
        return LineFeatures()
    exits, frame, compares = (_PATTERNS[name].search(text) is not None for name in ("exit", "frame", "comparison"))
    trouble = _trouble(text)
    if frame:
        trouble = min(trouble, _MAX_FRAME_TROUBLE)
    if exits or _PATTERNS["job_end"].search(text):
        trouble = min(trouble, _MAX_EXIT_TROUBLE)
    return LineFeatures(min(trouble, 1.0), frame=frame, compares=compares, exits=exits)


def _trouble(text: str) -> float:
    words = len({word.lower() for word in _PATTERNS["trouble_word"].findall(text)})
    trouble = 0.3 + 0.08 * min(words, 4) if words else 0.0
    for pattern, minimum, bonus in (
        (_PATTERNS["announcement"], 0.55, 0.15),
        (_PATTERNS["exception"], 0.55, 0.1),
        (_PATTERNS["mark"], 0.0, 0.2),
        (_CROSS, 0.5, 0.15),
        (_PATTERNS["location"], 0.0, 0.15),
    ):
        if pattern.search(text):
            trouble = max(trouble, minimum) + bonus
    return trouble * 0.35 if trouble and _PATTERNS["harmless"].search(text) else trouble


def find_echoes(lines: Sequence[Line]) -> list[bool]:
    """Of each line whether it shows a command before it runs: the head of a step on GitHub, or what a shell echoes."""
    result, until = [], -1
    for index, line in enumerate(lines):
        text = line.text
        if text.startswith("##[group]Run "):
            until = _head_end(lines, index)
        result.append(index <= until or _ECHO.match(text) is not None)
    return result


def _head_end(lines: Sequence[Line], first: int) -> int:
    # A program may print a group of that name as well: the runner's own names the shell or the inputs, and ends soon.
    has_details = False
    for index in range(first + 1, min(first + _MAX_SCRIPT_LINES, len(lines))):
        text = lines[index].text
        if text.startswith("##[endgroup]"):
            return index if has_details or index == first + 1 else first
        has_details = has_details or text.startswith(("shell: ", "with:", "env:"))
    return first


def indentation(text: str) -> int:
    return len(text) - len(text.lstrip())
