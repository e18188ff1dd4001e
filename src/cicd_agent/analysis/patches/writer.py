"""Writes what became of texts as git would: who is offered a patch gets what was tried, not what was proposed."""

from collections.abc import Iterator, Sequence
from difflib import Match, SequenceMatcher

from cicd_agent.analysis.patches.apply import Texts, split

CONTEXT = 3
MAX_EDITS = 1_000
"""Lines that come or go, above which everything is replaced."""

_NO_NEWLINE = "\\ No newline at end of file\n"


class LineMatcher(SequenceMatcher[str]):
    """difflib's matcher over the fewest edits, linear in the lines for few edits, however often lines repeat.

    E. W. Myers, "An O(ND) Difference Algorithm and Its Variations" (1986).
    """

    def __init__(self, old: Sequence[str], new: Sequence[str]) -> None:
        super().__init__(None, old, new, autojunk=False)
        self._sides = old, new

    def get_matching_blocks(self) -> list[Match]:
        old, new = self._sides
        end = Match(len(old), len(new), 0)
        furthest = {1: 0}
        rounds: list[dict[int, int]] = []
        for edits in range(min(len(old) + len(new), MAX_EDITS) + 1):
            rounds.append(dict(furthest))
            for diagonal in range(-edits, edits + 1, 2):
                x = _entry(furthest, diagonal, edits)
                while x < len(old) and x - diagonal < len(new) and old[x] == new[x - diagonal]:
                    x += 1
                furthest[diagonal] = x
                if (x, x - diagonal) == (len(old), len(new)):
                    return [*reversed(list(_blocks(rounds, *end[:2]))), end]
        return [end]


def _entry(furthest: dict[int, int], diagonal: int, edits: int) -> int:
    """Where a diagonal is entered: from the one above by an insertion, or from the one below by a deletion."""
    return furthest[diagonal + 1] if _inserts(furthest, diagonal, edits) else furthest[diagonal - 1] + 1


def _inserts(furthest: dict[int, int], diagonal: int, edits: int) -> bool:
    return diagonal == -edits or (diagonal != edits and furthest[diagonal - 1] < furthest[diagonal + 1])


def _blocks(rounds: Sequence[dict[int, int]], x: int, y: int) -> Iterator[Match]:
    for edits in range(len(rounds) - 1, -1, -1):
        diagonal = x - y
        entry = _entry(rounds[edits], diagonal, edits)
        if x > entry:
            yield Match(entry, entry - diagonal, x - entry)
        x, y = entry, entry - diagonal
        if edits:
            x, y = (x, y - 1) if _inserts(rounds[edits], diagonal, edits) else (x - 1, y)


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
    old, new = split(before or ""), split(after or "")
    for group in LineMatcher(old, new).get_grouped_opcodes(CONTEXT):
        (_, i, _, k, _), (_, _, j, _, m) = group[0], group[-1]
        yield f"@@ -{_range(i, j - i)} +{_range(k, m - k)} @@\n"
        for what, i, j, k, m in group:
            marked = ((" ", old[i:j]),) if what == "equal" else (("-", old[i:j]), ("+", new[k:m]))
            yield from (_line(mark, line) for mark, lines in marked for line in lines)


def _range(at: int, count: int) -> str:
    """Of an empty side, the line before it is given."""
    if count == 1:
        return str(at + 1)
    return f"{at + 1 if count else at},{count}"


def _line(mark: str, line: str) -> str:
    return f"{mark}{line}" if line.endswith("\n") else f"{mark}{line}\n{_NO_NEWLINE}"
