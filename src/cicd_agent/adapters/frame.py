"""The code that a finding is about, as a person at a terminal sees it: numbered lines, carets under the quote."""

import unicodedata
from collections.abc import Iterator

from cicd_agent.core.change import Change
from cicd_agent.core.diff import Side
from cicd_agent.core.finding import Finding
from cicd_agent.core.quote import shown

_AROUND = 2
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
    texts = shown("\n".join(source[number].expandtabs(4).rstrip() for number in numbers)).split("\n")
    quote = shown(finding.quote.strip())
    for number, text in list(zip(numbers, texts, strict=True))[:_TALLEST]:
        here = where.first <= number <= where.line
        column = text.find(quote) if here and quote and where.first == where.line else -1
        start = max(0, column - room // 3) if len(text) > room and column > room // 2 else 0
        yield f"  {number:>{gutter}} {'┃' if here else '│'} {_clip(text[start : start + room + 1], room)}".rstrip()
        if column >= 0:
            before = _cells(text[start:column])
            yield f"  {'':>{gutter}} │ {' ' * before}{'^' * min(_cells(quote), room - before)}"
    if cut:
        yield f"  {'':>{gutter}} ⋮ {len(cut)} more lines"


def _numbered(finding: Finding, change: Change | None) -> dict[int, str]:
    """The lines of the diff on the finding's side, by number."""
    where = finding.location
    for file in change.files if change else ():
        if where.path in {file.path, file.old_path}:
            pairs = ((line.old if where.side is Side.LEFT else line.new, line.text) for line in file.lines)
            return {number: text for number, text in pairs if number is not None}
    return {}


def _clip(text: str, room: int) -> str:
    if _cells(text) <= room:
        return text
    kept = text[: room - 1]
    while _cells(kept) > room - 1:
        kept = kept[:-1]
    return f"{kept}…"


def _cells(text: str) -> int:
    """Columns that the text takes: wide characters two, combining ones none."""
    return sum(0 if unicodedata.combining(char) else 1 + (unicodedata.east_asian_width(char) in "WF") for char in text)
