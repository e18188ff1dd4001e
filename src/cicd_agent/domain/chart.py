"""A small picture of numbers, as data: drawn only where it is shown, so that no foreign text is ever a drawing."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from cicd_agent.domain.text.visible import visible_line
from cicd_agent.domain.text.words import clip

MOST_SLICES = 8
MOST_PICTURES = 3
_LONGEST = 48
_LARGEST = 10**9
_PLAIN = frozenset(" _./-(),")
"""What a label may hold beside letters and digits: nothing that ends a string, a line or a fence."""
_REST = "all others"


@dataclass(frozen=True, slots=True)
class Slice:
    label: str
    value: int


@dataclass(frozen=True, slots=True)
class Pie:
    title: str
    slices: tuple[Slice, ...]


def mermaid(pictures: Sequence[Pie]) -> str:
    """The pictures as fenced blocks that GitHub draws, "" for none; what has fewer than two parts is left out."""
    return "\n".join(filter(None, map(_drawn, pictures[:MOST_PICTURES])))


def _drawn(pie: Pie) -> str:
    values: Counter[str] = Counter()
    for one in pie.slices:
        if one.value > 0:
            values[_label(one.label)] += min(one.value, _LARGEST)
    parts = list(values.items())
    if len(parts) > MOST_SLICES:
        kept, cut = parts[: MOST_SLICES - 1], parts[MOST_SLICES - 1 :]
        parts = [*kept, (_REST, sum(value for _, value in cut))]
    if len(parts) <= 1:
        return ""
    lines = [f'    "{label}" : {value}' for label, value in parts]
    return "\n".join(["```mermaid", "pie showData", f"    title {_label(pie.title)}", *lines, "```", ""])


def _label(text: str) -> str:
    line = visible_line(" ".join(text[: 4 * _LONGEST].split()))
    plain = "".join(char if char.isalnum() or char in _PLAIN else "·" for char in line)
    return clip(plain, _LONGEST) or "·"
