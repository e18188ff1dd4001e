"""What each line of a failed log is worth to a reader who wants the cause: tools' words first, then signs, novelty and place."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import log2

from cicd_agent.core.log.lines import Line
from cicd_agent.core.log.messages import Block
from cicd_agent.core.log.signs import Sign, echoes, indent, sign
from cicd_agent.core.log.template import Templates, key

_ELSEWHERE = 0.55
_KNOWN = 0.2
_NEW = 0.25
_BEFORE_EXIT = 40
_OFTEN, _TOLD_OFTEN = 0.2, 0.04
_TOOLS_WORD = 0.3
_ECHOED = 0.4


@dataclass(frozen=True, slots=True)
class Worth:
    """A line's score (0–1 and a little beyond), and the tool whose message it is part of."""

    score: float = 0.0
    tool: str = ""


@dataclass(frozen=True, slots=True)
class Weighed:
    """The worth of each line, what it looks like, and a factor for where it stands: in a step that failed, in the green log."""

    worth: Sequence[Worth]
    signs: Sequence[Sign]
    places: Sequence[float]
    echoed: Sequence[bool]
    """Whether it is a command that is about to run, not what came of it."""


def weigh(
    lines: Sequence[Line], blocks: Sequence[Block], green: Templates | None, failed: frozenset[str]
) -> Weighed:
    """The worth of each line. `failed` are the steps that are known to have failed."""
    keys = [key(line.text) for line in lines]
    counts = Counter(keys)
    signs = _signs(lines, keys)
    score = [0.0] * len(lines)
    tool = [""] * len(lines)
    echoed = echoes(lines)
    for index, each in enumerate(signs):
        score[index] = each.trouble * (_ECHOED if echoed[index] else 1)
    told = [False] * len(lines)
    exits = _exits(lines, blocks, signs)
    steps = {lines[index].step for index in exits} | failed
    for block in blocks:
        for index in range(block.first, block.last + 1):
            value = block.weight * (1.0 if index == block.says else 0.92)
            if value > score[index] or not tool[index]:
                tool[index] = block.form.tool
            if block.weight >= _TOOLS_WORD:
                score[index] = max(score[index], value)
                told[index] = True
    _lead_to(exits, lines, score)
    _spread(lines, signs, score)
    places = [1.0] * len(lines)
    for index, line in enumerate(lines):
        if steps and line.step not in steps:
            places[index] = _ELSEWHERE
        if not line.text.strip():
            score[index] = 0.0
            continue
        value = score[index]
        if green is not None:
            if line.text in green:
                value *= _KNOWN
                places[index] *= _KNOWN
            else:
                value += _NEW
        # What a tool says often, it means; other lines that repeat are its chatter.
        value /= 1 + (_TOLD_OFTEN if told[index] else _OFTEN) * log2(counts[keys[index]])
        if steps and line.step not in steps:
            value *= _ELSEWHERE
        score[index] = value
    return Weighed([Worth(*each) for each in zip(score, tool, strict=True)], signs, places, echoed)


def _signs(lines: Sequence[Line], keys: Sequence[str]) -> list[Sign]:
    known: dict[str, Sign] = {}
    found = []
    for line, short in zip(lines, keys, strict=True):
        each = known.get(short)
        if each is None:
            each = known[short] = sign(line.text)
        found.append(each)
    return found


def _exits(lines: Sequence[Line], blocks: Sequence[Block], signs: Sequence[Sign]) -> list[int]:
    """Where something says that a command has failed, but not why."""
    found = {index for index, each in enumerate(signs) if each.exits}
    found |= {block.says for block in blocks if block.form.wraps and block.weight <= 0.2}
    return sorted(found)


def _lead_to(exits: Sequence[int], lines: Sequence[Line], score: list[float]) -> None:
    """What stands right before the first word of a failure, of each step, is likely to be about it."""
    seen: set[str] = set()
    for at in exits:
        if lines[at].step in seen:
            continue
        seen.add(lines[at].step)
        score[at] = max(score[at], 0.5)
        bonus = 0.45
        for index in range(at - 1, max(at - 1 - 2 * _BEFORE_EXIT, -1), -1):
            if lines[index].step != lines[at].step:
                break
            if lines[index].text.strip():
                score[index] += bonus
                bonus *= 0.93


def _spread(lines: Sequence[Line], signs: Sequence[Sign], score: list[float]) -> None:
    """What goes on about a line is worth nearly as much: frames, comparisons, what is indented below it."""
    own = list(score)
    carried, base, run = 0.0, 0, 0
    for index, line in enumerate(lines):
        text = line.text
        if index and line.number != lines[index - 1].number + 1:
            carried = 0.0
        if own[index] >= carried:
            carried, base, run = own[index], indent(text), 0
            continue
        run += 1
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
        if own[index] > carried:
            carried = own[index]
        score[index] = max(score[index], carried)
