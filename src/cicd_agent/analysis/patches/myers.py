"""Finds the shortest way from one list of lines to another (Myers, An O(ND) Difference Algorithm, 1986)."""

from collections.abc import Iterator, Sequence

MOST_EDITS = 1_000
"""Lines that come or go, above which everything is said to be replaced."""

Opcode = tuple[str, int, int, int, int]
"""As difflib's: what was done, and the ranges in the old and the new list."""


def opcodes(old: Sequence[str], new: Sequence[str]) -> list[Opcode]:
    """What was done, in order. Linear in the lines for few edits, however often lines repeat."""
    codes: list[Opcode] = []
    i = j = 0
    for at, to in [*_kept(old, new), (len(old), len(new))]:
        if i < at or j < to:
            codes.append(("replace" if i < at and j < to else "delete" if i < at else "insert", i, at, j, to))
        if at < len(old) and to < len(new):
            last = codes[-1] if codes else None
            if last and last[0] == "equal":
                codes[-1] = ("equal", last[1], at + 1, last[3], to + 1)
            else:
                codes.append(("equal", at, at + 1, to, to + 1))
        i, j = at + 1, to + 1
    return codes


def _kept(old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[int, int]]:
    """The indices of the lines that stay, in both lists."""
    furthest = {1: 0}
    rounds: list[dict[int, int]] = []
    for edits in range(min(len(old) + len(new), MOST_EDITS) + 1):
        rounds.append(dict(furthest))
        for diagonal in range(-edits, edits + 1, 2):
            x = _step(furthest, diagonal, edits)
            y = x - diagonal
            while x < len(old) and y < len(new) and old[x] == new[y]:
                x, y = x + 1, y + 1
            furthest[diagonal] = x
            if x == len(old) and y == len(new):
                return reversed(list(_back(rounds, x, y)))
    return iter(())


def _step(furthest: dict[int, int], diagonal: int, edits: int) -> int:
    """Where a diagonal is entered: from the one above by an insertion, or from the one below by a deletion."""
    return furthest[diagonal + 1] if _inserts(furthest, diagonal, edits) else furthest[diagonal - 1] + 1


def _back(rounds: Sequence[dict[int, int]], x: int, y: int) -> Iterator[tuple[int, int]]:
    """The lines that stay, from the last to the first."""
    for edits in range(len(rounds) - 1, -1, -1):
        entered = _step(rounds[edits], x - y, edits)
        while x > entered:
            x, y = x - 1, y - 1
            yield x, y
        if edits:
            x, y = (x, y - 1) if _inserts(rounds[edits], x - y, edits) else (x - 1, y)


def _inserts(furthest: dict[int, int], diagonal: int, edits: int) -> bool:
    return diagonal == -edits or (diagonal != edits and furthest[diagonal - 1] < furthest[diagonal + 1])
