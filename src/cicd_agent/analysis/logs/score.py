"""How much each line of a failed log says of the cause: by tools' messages, its looks, novelty and position."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import log2

from cicd_agent.analysis.logs.matcher import Block, find_echoes
from cicd_agent.analysis.logs.reader import MAX_SEARCHED, Line
from cicd_agent.analysis.logs.template import Templates, line_key
from cicd_agent.analysis.logs.test_results import passes
from cicd_agent.domain.text.patterns import load_patterns

_PATTERNS = load_patterns(__package__, "score")

_MAX_EXIT_TROUBLE, _MAX_FRAME_TROUBLE = 0.4, 0.3
_OTHER_STEP = 0.45
"""What a line of a step that has not failed counts beside one of a step that has."""
_GREEN, _NEW = 0.2, 0.25
"""A line that is in the green log too counts less, any other more."""
_BEFORE_EXIT, _BONUS, _FADE = 80, 0.45, 0.93
_REPEATS, _MESSAGE_REPEATS = 0.2, 0.04
_MIN_CAUSE_WEIGHT = 0.3
"""From this weight on, a message is about the cause; what is below only says that something has failed."""
_MAX_WRAPPER_WEIGHT = 0.2
_IN_BLOCK, _ECHOED = 0.92, 0.4


@dataclass(frozen=True, slots=True)
class LineFeatures:
    """`trouble` is 0–1 by the line's words; a `frame` or what `compares` continues something above it."""

    trouble: float = 0.0
    frame: bool = False
    compares: bool = False
    exits: bool = False
    """Whether it says that a command has failed, but not why."""
    passes: bool = False
    """Whether it is about a test that passed."""


@dataclass(frozen=True, slots=True)
class LineScore:
    """A line's score (0–1 and a little beyond), its features, and the tool whose message it is part of.

    `factor` is for its step and for being green; an `echo` is a command that is about to run, not what came of it.
    """

    score: float
    tool: str
    features: LineFeatures
    factor: float
    echo: bool


def describe_line(text: str) -> LineFeatures:
    text = text[:MAX_SEARCHED]
    if not text.strip():
        return LineFeatures()
    if passes(text):
        return LineFeatures(passes=True)
    exits, frame, compares = (_PATTERNS[name].search(text) is not None for name in ("exit", "frame", "comparison"))
    trouble = trouble_of(text)
    if frame:
        trouble = min(trouble, _MAX_FRAME_TROUBLE)
    if exits or _PATTERNS["job_end"].search(text):
        trouble = min(trouble, _MAX_EXIT_TROUBLE)
    return LineFeatures(min(trouble, 1.0), frame=frame, compares=compares, exits=exits)


def trouble_of(text: str) -> float:
    """By its words and marks, whatever kind of line it is."""
    words = len({word.lower() for word in _PATTERNS["trouble_word"].findall(text)})
    trouble = 0.3 + 0.08 * min(words, 4) if words else 0.0
    for pattern, minimum, bonus in (
        (_PATTERNS["announcement"], 0.55, 0.15),
        (_PATTERNS["exception"], 0.55, 0.1),
        (_PATTERNS["mark"], 0.0, 0.2),
        (_PATTERNS["cross"], 0.5, 0.15),
        (_PATTERNS["location"], 0.0, 0.15),
    ):
        if pattern.search(text):
            trouble = max(trouble, minimum) + bonus
    return trouble * 0.35 if trouble and _PATTERNS["harmless"].search(text) else trouble


def indentation(text: str) -> int:
    return len(text) - len(text.lstrip())


def score_lines(
    lines: Sequence[Line], blocks: Sequence[Block], green: Templates | None, failed: frozenset[str]
) -> Sequence[LineScore]:
    """The score of each line. `failed` are the steps that are known to have failed."""
    keys = [line_key(line.text) for line in lines]
    counts = Counter(keys)
    known: dict[str, LineFeatures] = {}
    for line, key in zip(lines, keys, strict=True):
        if key not in known:
            known[key] = describe_line(line.text)
    features, echoes = [known[key] for key in keys], find_echoes(lines)
    # Where something says that a command has failed, but not why.
    exits = {index for index, each in enumerate(features) if each.exits}
    exits |= {block.headline for block in blocks if block.tool.wraps and block.weight <= _MAX_WRAPPER_WEIGHT}
    steps = {lines[index].step for index in exits} | failed
    score = [each.trouble * (_ECHOED if echo else 1) for each, echo in zip(features, echoes, strict=True)]
    tools = _raise_messages(blocks, score)
    _raise_before_exits(sorted(exits), lines, score)
    _spread(lines, features, score)
    result = []
    for index, line in enumerate(lines):
        factor = _OTHER_STEP if steps and line.step not in steps else 1.0
        # What a tool says often, it means; other lines that repeat are its chatter.
        repeats = 1 + (_MESSAGE_REPEATS if tools.get(index) else _REPEATS) * log2(counts[keys[index]])
        is_green = green is not None and line.text in green
        new = 0.0 if is_green or green is None else _NEW
        is_silent = features[index].passes or not line.text.strip()
        value = 0.0 if is_silent else (score[index] * (_GREEN if is_green else 1) + new) / repeats * factor
        factor *= _GREEN if is_green else 1
        result.append(LineScore(value, tools.get(index, ""), features[index], factor, echoes[index]))
    return result


def _raise_messages(blocks: Sequence[Block], score: list[float]) -> dict[int, str]:
    tools: dict[int, tuple[float, str]] = {}
    for block in blocks:
        if block.weight < _MIN_CAUSE_WEIGHT:
            continue
        for index in range(block.first, block.last + 1):
            value = block.weight * (1.0 if index == block.headline else _IN_BLOCK)
            score[index] = max(score[index], value)
            tools[index] = max(tools.get(index, (0.0, "")), (value, block.tool.name))
    return {index: tool for index, (_, tool) in tools.items()}


def _raise_before_exits(exits: Sequence[int], lines: Sequence[Line], score: list[float]) -> None:
    """What stands right before the first sign of a failure, of each step, is likely to be about it."""
    visited: set[str] = set()
    for exit_ in exits:
        if lines[exit_].step in visited:
            continue
        visited.add(lines[exit_].step)
        score[exit_] = max(score[exit_], 0.5)
        bonus = _BONUS
        for index in range(exit_ - 1, max(exit_ - 1 - _BEFORE_EXIT, -1), -1):
            if lines[index].step != lines[exit_].step:
                break
            if lines[index].text.strip() and not passes(lines[index].text):
                score[index] += bonus
                bonus *= _FADE


def _spread(lines: Sequence[Line], features: Sequence[LineFeatures], score: list[float]) -> None:
    """What goes on about a line counts nearly as much: frames, comparisons, what is indented below it."""
    own = list(score)
    carried, base = 0.0, 0
    for index, line in enumerate(lines):
        text = line.text
        if index and line.number != lines[index - 1].number + 1:
            carried = 0.0
        if own[index] >= carried:
            carried, base = own[index], indentation(text)
            continue
        goes_on = features[index].frame or features[index].compares
        carried *= 0.97 if not text.strip() else 0.975 if goes_on else 0.93 if indentation(text) > base else 0.72
        score[index] = max(score[index], carried)
    carried = 0.0
    for index in range(len(lines) - 1, -1, -1):
        if index + 1 < len(lines) and lines[index + 1].number != lines[index].number + 1:
            carried = 0.0
        carried *= 0.65 if lines[index].text.strip() else 0.9
        carried = max(carried, own[index])
        score[index] = max(score[index], carried)
