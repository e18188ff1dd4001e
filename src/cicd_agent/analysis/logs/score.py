"""What each line of a failed log is worth to who looks for the cause: by tools' words, signs, novelty and place."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import log2

from cicd_agent.analysis.logs.features import Sign, echoes, indent, sign
from cicd_agent.analysis.logs.messages import Block
from cicd_agent.analysis.logs.reader import Line
from cicd_agent.analysis.logs.template import Templates, key

_ELSEWHERE = 0.45
"""What a line of a step that has not failed is worth beside one of a step that has."""
_KNOWN, _NEW = 0.2, 0.25
"""A line that is in the green log too is worth less, any other more."""
_BEFORE_EXIT, _BONUS, _FADES = 80, 0.45, 0.93
_OFTEN, _TOLD_OFTEN = 0.2, 0.04
_TOOLS_WORD = 0.3
"""From this weight on, a message is about the cause; what is below only says that something has failed."""
_WRAPPERS_WORD = 0.2
_WITHIN = 0.92
_ECHOED = 0.4


@dataclass(frozen=True, slots=True)
class Worth:
    """A line's score (0–1 and a little beyond), and the tool whose message it is part of."""

    score: float = 0.0
    tool: str = ""


@dataclass(frozen=True, slots=True)
class Weighed:
    """Of each line its worth, what it looks like, and a factor for its place: its step, and whether it is green."""

    worth: Sequence[Worth]
    signs: Sequence[Sign]
    places: Sequence[float]
    echoed: Sequence[bool]
    """Whether it is a command that is about to run, not what came of it."""


def weigh(lines: Sequence[Line], blocks: Sequence[Block], green: Templates | None, failed: frozenset[str]) -> Weighed:
    """The worth of each line. `failed` are the steps that are known to have failed."""
    keys = [key(line.text) for line in lines]
    counts = Counter(keys)
    signs, echoed = _signs(lines, keys), echoes(lines)
    exits = _exits(blocks, signs)
    steps = {lines[index].step for index in exits} | failed
    score = [each.trouble * (_ECHOED if echo else 1) for each, echo in zip(signs, echoed, strict=True)]
    told = _tell(blocks, score)
    _lead_to(exits, lines, score)
    _spread(lines, signs, score)
    worth, places = [], []
    for index, line in enumerate(lines):
        place = _ELSEWHERE if steps and line.step not in steps else 1.0
        # What a tool says often, it means; other lines that repeat are its chatter.
        often = 1 + (_TOLD_OFTEN if told.get(index) else _OFTEN) * log2(counts[keys[index]])
        known = green is not None and line.text in green
        new = 0.0 if known or green is None else _NEW
        value = (score[index] * (_KNOWN if known else 1) + new) / often * place if line.text.strip() else 0.0
        worth.append(Worth(value, told.get(index, "")))
        places.append(place * (_KNOWN if known else 1))
    return Weighed(worth, signs, places, echoed)


def _tell(blocks: Sequence[Block], score: list[float]) -> dict[int, str]:
    """Raise the score of what tools say; of each such line the tool that says it with the most weight."""
    told: dict[int, tuple[float, str]] = {}
    for block in blocks:
        if block.weight < _TOOLS_WORD:
            continue
        for index in range(block.first, block.last + 1):
            value = block.weight * (1.0 if index == block.says else _WITHIN)
            score[index] = max(score[index], value)
            told[index] = max(told.get(index, (0.0, "")), (value, block.form.tool.name))
    return {index: tool for index, (_, tool) in told.items()}


def _signs(lines: Sequence[Line], keys: Sequence[str]) -> list[Sign]:
    known: dict[str, Sign] = {}
    found = []
    for line, short in zip(lines, keys, strict=True):
        each = known.get(short)
        if each is None:
            each = known[short] = sign(line.text)
        found.append(each)
    return found


def _exits(blocks: Sequence[Block], signs: Sequence[Sign]) -> list[int]:
    """Where something says that a command has failed, but not why."""
    found = {index for index, each in enumerate(signs) if each.exits}
    found |= {block.says for block in blocks if block.form.tool.wraps and block.weight <= _WRAPPERS_WORD}
    return sorted(found)


def _lead_to(exits: Sequence[int], lines: Sequence[Line], score: list[float]) -> None:
    """What stands right before the first word of a failure, of each step, is likely to be about it."""
    seen: set[str] = set()
    for at in exits:
        if lines[at].step in seen:
            continue
        seen.add(lines[at].step)
        score[at] = max(score[at], 0.5)
        bonus = _BONUS
        for index in range(at - 1, max(at - 1 - _BEFORE_EXIT, -1), -1):
            if lines[index].step != lines[at].step:
                break
            if lines[index].text.strip():
                score[index] += bonus
                bonus *= _FADES


def _spread(lines: Sequence[Line], signs: Sequence[Sign], score: list[float]) -> None:
    """What goes on about a line is worth nearly as much: frames, comparisons, what is indented below it."""
    own = list(score)
    carried, base = 0.0, 0
    for index, line in enumerate(lines):
        text = line.text
        if index and line.number != lines[index - 1].number + 1:
            carried = 0.0
        if own[index] >= carried:
            carried, base = own[index], indent(text)
            continue
        if not text.strip():
            carried *= 0.97
        elif signs[index].frame or signs[index].compares:
            carried *= 0.975
        elif indent(text) > base:
            carried *= 0.93
        else:
            carried *= 0.72
        score[index] = max(score[index], carried)
    carried = 0.0
    for index in range(len(lines) - 1, -1, -1):
        if index + 1 < len(lines) and lines[index + 1].number != lines[index].number + 1:
            carried = 0.0
        carried *= 0.65 if lines[index].text.strip() else 0.9
        carried = max(carried, own[index])
        score[index] = max(score[index], carried)
