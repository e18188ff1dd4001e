"""Writes what became of texts as git would: who is offered a patch gets what was tried, not what was said."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cicd_agent.analysis.patches.apply import Texts, split
from cicd_agent.analysis.patches.myers import Opcode, opcodes

CONTEXT = 3
_NO_NEWLINE = "\\ No newline at end of file\n"


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
        """The lines that are gone."""
        return [line for what, i, j, _, _ in self.codes if what != "equal" for line in self.old[i:j]]

    @property
    def added(self) -> list[str]:
        """The lines that have come."""
        return [line for what, _, _, i, j in self.codes if what != "equal" for line in self.new[i:j]]


def windows(before: str, after: str, context: int = CONTEXT) -> Iterator[Window]:
    """The pieces of two texts that differ, in order."""
    old, new = split(before), split(after)
    most = min(len(old), len(new))
    head = next((at for at in range(most) if old[at] != new[at]), most)
    tail = next((at for at in range(most - head) if old[-1 - at] != new[-1 - at]), most - head)
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
