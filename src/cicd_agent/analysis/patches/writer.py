"""Writes what became of texts as git would: who is offered a patch gets what was tried, not what was said."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cicd_agent.analysis.patches.apply import Texts, split

CONTEXT = 3
_NO_NEWLINE = "\\ No newline at end of file\n"


MAX_EDITS = 1_000
"""Lines that come or go, above which everything is said to be replaced."""


Opcode = tuple[str, int, int, int, int]
"""As difflib's: what was done, and the ranges in the old and the new list."""


@dataclass(frozen=True, slots=True)
class Window:
    """A piece of two texts that differs, with lines around it; `first` is the index of its first line in each."""

    old: Sequence[str]
    new: Sequence[str]
    first: tuple[int, int]
    codes: Sequence[Opcode]
    """What was done, by indices into `old` and `new`."""

    @property
    def deleted(self) -> list[str]:
        return [line for what, i, j, _, _ in self.codes if what != "equal" for line in self.old[i:j]]

    @property
    def added(self) -> list[str]:
        return [line for what, _, _, i, j in self.codes if what != "equal" for line in self.new[i:j]]


def windows(before: str, after: str, context: int = CONTEXT) -> Iterator[Window]:
    """The pieces of two texts that differ, in order."""
    old, new = split(before), split(after)
    shorter = min(len(old), len(new))
    head = next((at for at in range(shorter) if old[at] != new[at]), shorter)
    tail = next((at for at in range(shorter - head) if old[-1 - at] != new[-1 - at]), shorter - head)
    # What is the same at both ends is not compared again: a patch is small, a file may not be.
    start = max(head - context, 0)
    tail = max(tail - context, 0)
    left, right = old[start : len(old) - tail], new[start : len(new) - tail]
    for group in _grouped(opcodes(left, right), context):
        (_, i, _, k, _), (_, _, j, _, m) = group[0], group[-1]
        codes = [(what, a - i, b - i, c - k, d - k) for what, a, b, c, d in group]
        yield Window(left[i:j], right[k:m], (start + i, start + k), codes)


def _grouped(codes: Sequence[Opcode], context: int) -> Iterator[list[Opcode]]:
    """What was done, cut where more than twice the context is the same."""
    group: list[Opcode] = []
    for number, (what, i, j, k, m) in enumerate(codes):
        if what != "equal":
            group.append((what, i, j, k, m))
            continue
        before, after = number > 0, number + 1 < len(codes)
        if before and after and j - i <= 2 * context:
            group.append((what, i, j, k, m))
            continue
        if before:
            size = min(context, j - i)
            yield [*group, (what, i, i + size, k, k + size)]
        size = min(context, j - i)
        group = [(what, j - size, j, m - size, m)]
    if any(what != "equal" for what, *_ in group):
        yield group


def written(before: Texts, after: Texts) -> str:
    """The diff from one to the other, in the order of `after`; its paths need no quotes, as those of a Patch."""
    return "".join(
        part for path, text in after.items() if text != before.get(path) for part in _file(path, before.get(path), text)
    )


def _file(path: str, before: str | None, after: str | None) -> Iterator[str]:
    yield f"diff --git a/{path} b/{path}\n"
    if before is None:
        yield "new file mode 100644\n"
    elif after is None:
        yield "deleted file mode 100644\n"
    if not before and not after:
        yield "index 0000000..e69de29\n" if before is None else "index e69de29..0000000\n"
        return
    # A name with blanks ends with a tab, so that `patch` knows where.
    tab = "\t" if " " in path else ""
    yield "--- /dev/null\n" if before is None else f"--- a/{path}{tab}\n"
    yield "+++ /dev/null\n" if after is None else f"+++ b/{path}{tab}\n"
    for window in windows(before or "", after or ""):
        old, new = (_range(at, len(side)) for at, side in zip(window.first, (window.old, window.new), strict=True))
        yield f"@@ -{old} +{new} @@\n"
        for what, i, j, k, m in window.codes:
            if what == "equal":
                yield from (_line(" ", line) for line in window.old[i:j])
            else:
                yield from (_line("-", line) for line in window.old[i:j])
                yield from (_line("+", line) for line in window.new[k:m])


def _range(at: int, count: int) -> str:
    """Of an empty side, the line before it is given."""
    if count == 1:
        return str(at + 1)
    return f"{at + 1 if count else at},{count}"


def _line(mark: str, line: str) -> str:
    return f"{mark}{line}" if line.endswith("\n") else f"{mark}{line}\n{_NO_NEWLINE}"


def opcodes(old: Sequence[str], new: Sequence[str]) -> list[Opcode]:
    """What was done, in order. Linear in the lines for few edits, however often lines repeat."""
    codes: list[Opcode] = []
    i = j = 0
    for at, to in [*_common_lines(old, new), (len(old), len(new))]:
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


def _common_lines(old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[int, int]]:
    """The indices of the lines that stay, in both lists."""
    furthest = {1: 0}
    rounds: list[dict[int, int]] = []
    for edits in range(min(len(old) + len(new), MAX_EDITS) + 1):
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
