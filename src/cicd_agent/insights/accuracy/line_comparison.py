"""What became of the lines that a finding was about: whether they stand as they did, or were changed."""

from collections.abc import Sequence
from enum import StrEnum

from cicd_agent.analysis.patches.writer import LineMatcher

_DISTINCTIVE = 8
"""Letters and digits that a block of lines needs, to be known again at another place."""
_AROUND = 3
"""Lines to both sides of a range in which a change may be the answer to a finding."""


class LineFate(StrEnum):
    """What a later version of a file says of some lines. Blanks and blank lines make no difference."""

    SAME = "same"
    BESIDE = "beside"
    """They stand, but elsewhere, or something right next to them changed."""
    CHANGED = "changed"
    REWRITTEN = "rewritten"
    """They changed with most of the file."""
    UNKNOWN = "unknown"
    """There are no such lines."""


class Comparison:
    """Two versions of a file, compared once for all findings in it."""

    def __init__(self, before: str, after: str) -> None:
        old = before.split("\n")
        self._count = len(old)
        self._numbers = [number for number, line in enumerate(old, 1) if line.strip()]
        self._old = squeezed(before)
        self._new = squeezed(after)
        self._before, self._after = joined(self._old), joined(self._new)
        self._matches = {
            at: j + at - i
            for what, i, to, j, _ in LineMatcher(self._old, self._new).get_opcodes()
            if what == "equal"
            for at in range(i, to)
        }

    def fate(self, first: int, last: int) -> LineFate:
        """Of the lines `first` to `last`, counted from 1, of the version before."""
        target = [at for at, number in enumerate(self._numbers) if first <= number <= last]
        if not target or not 1 <= first <= last <= self._count:
            return LineFate.UNKNOWN
        low, high = target[0], target[-1]
        if self._contiguous(low, high):
            near = max(0, low - _AROUND), min(len(self._old) - 1, high + _AROUND)
            same = self._contiguous(*near)
            # What was put before the first line, or after the last, stands next to nothing that is in the range.
            same = same and (near[0] > 0 or self._matches[0] == 0)
            same = same and (near[1] < len(self._old) - 1 or self._matches[near[1]] == len(self._new) - 1)
            return LineFate.SAME if same else LineFate.BESIDE
        block = self._old[low : high + 1]
        if is_distinctive(block) and occurrences(block, self._after) >= occurrences(block, self._before):
            return LineFate.BESIDE
        others = len(self._old) - len(target)
        matches = sum(1 for at in self._matches if not low <= at <= high)
        return LineFate.REWRITTEN if 2 * matches < others else LineFate.CHANGED

    def brings(self, text: str) -> bool:
        block = squeezed(text)
        return is_distinctive(block) and occurrences(block, self._after) > occurrences(block, self._before)

    def block(self, first: int, last: int) -> list[str]:
        """The lines of the version before, as `squeezed` has them."""
        return [line for number, line in zip(self._numbers, self._old, strict=True) if first <= number <= last]

    def _contiguous(self, low: int, high: int) -> bool:
        """Whether these lines, by their index, are all kept with nothing put between them."""
        begin = self._matches.get(low)
        return begin is not None and all(self._matches.get(at) == begin + at - low for at in range(low, high + 1))


def squeezed(text: str) -> list[str]:
    """The lines that are not blank, without any blanks: how lines are compared."""
    return [line for line in ("".join(line.split()) for line in text.split("\n")) if line]


def is_distinctive(block: Sequence[str]) -> bool:
    return sum(character.isalnum() for line in block for character in line) >= _DISTINCTIVE


def joined(lines: Sequence[str]) -> str:
    return "".join(f"\n{line}\n" for line in lines)


def occurrences(block: Sequence[str], text: str) -> int:
    """How often the block stands as a whole in lines that are `joined`, without overlaps; linear in both."""
    return text.count(joined(block)) if block else 0
