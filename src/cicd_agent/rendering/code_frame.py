"""The code that a finding is about, as a person at a terminal sees it: numbered lines, carets under the quote."""

from collections.abc import Iterator

from cicd_agent.domain.finding import Finding
from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.repository.diff import Side
from cicd_agent.domain.text.quote import shown
from cicd_agent.rendering.cell_width import cells, clip

_AROUND = 2
_TAB = 4
_TALLEST = 12


def frame(finding: Finding, change: Change | None, width: int) -> Iterator[str]:
    """The lines of the finding with two more on either side, none of them wider than `width` cells.

    The diff is all that is shown: a line outside it is no evidence. Secrets are masked, hidden characters visible.
    """
    where = finding.location
    source = _numbered(finding, change)
    first, last = where.first - _AROUND, where.line + _AROUND
    numbers = [number for number in range(first, last + 1) if number in source]
    if not numbers or where.line not in source:
        return
    cut = numbers[_TALLEST:]
    gutter = len(str(numbers[-1]))
    room = max(width - gutter - 5, 20)
    # All lines at once: the body of a private key is known by its header.
    texts = shown("\n".join(source[number].expandtabs(_TAB).rstrip() for number in numbers)).split("\n")
    for number, text in list(zip(numbers, texts, strict=True))[:_TALLEST]:
        here = where.first <= number <= where.line
        column, length = _quoted(finding.quote, source[number], text) if here and where.first == where.line else (-1, 0)
        start = _start(text, column, room)
        code = clip(f"{'…' if start else ''}{text[start:]}", room)
        yield f"  {number:>{gutter}} {'┃' if here else '│'} {code}".rstrip()
        if column >= 0:
            before = cells(text[start:column]) + bool(start)
            carets = min(cells(text[column : column + length]), room - before)
            yield f"  {'':>{gutter}} │ {' ' * before}{'^' * carets}"
    if cut:
        yield f"  {'':>{gutter}} ⋮ {len(cut)} more lines"


def _quoted(quote: str, line: str, text: str) -> tuple[int, int]:
    """Where the quote begins in the line as it is shown, and its length; (-1, 0) when it cannot be found there.

    What stands after a tab depends on what stands before it, so a quote with tabs is looked for in the line itself.
    """
    quote = quote.strip()
    if not quote:
        return -1, 0
    at = line.find(quote)
    if at >= 0 and text == line.expandtabs(_TAB).rstrip():
        first = len(line[:at].expandtabs(_TAB))
        return first, len(line[: at + len(quote)].expandtabs(_TAB)) - first
    as_shown = shown(quote)
    at = text.find(as_shown)
    return (at, len(as_shown)) if at >= 0 else (-1, 0)


def _start(text: str, column: int, room: int) -> int:
    """Where a line that is too long is cut on its left, so that the quote is in view: its first third goes before."""
    if column < 0 or cells(text) <= room or cells(text[:column]) <= room // 2:
        return 0
    start = column
    while start and cells(text[start - 1 : column]) < room // 3:
        start -= 1
    return start


def _numbered(finding: Finding, change: Change | None) -> dict[int, str]:
    """The lines of the diff on the finding's side, by number."""
    where = finding.location
    for file in change.files if change else ():
        if where.path in {file.path, file.old_path}:
            pairs = ((line.old if where.side is Side.LEFT else line.new, line.text) for line in file.lines)
            return {number: text for number, text in pairs if number is not None}
    return {}
