"""Takes a diff back: the text of a file before the change, from its text after it."""

from collections.abc import Iterator

from cicd_agent.domain.diff import FileDiff, LineKind


def text_before(after: str, file: FileDiff) -> str | None:
    """The file's old text, None when the diff is not one of this text. The diff has to be complete."""
    lines = list(_lines(after))
    before: list[str] = []
    at = 0
    for hunk in file.hunks:
        # Of an empty side, git gives the line before it.
        start = hunk.new_start - 1 if hunk.new_count else hunk.new_start
        if not at <= start <= len(lines):
            return None
        before += lines[at:start]
        at = start
        for line in hunk.lines:
            text = line.text if line.no_newline else f"{line.text}\n"
            if line.kind is not LineKind.DELETED:
                if at >= len(lines) or lines[at] != text:
                    return None
                at += 1
            if line.kind is not LineKind.ADDED:
                before.append(text)
    return "".join([*before, *lines[at:]])


def _lines(text: str) -> Iterator[str]:
    *whole, rest = text.split("\n")
    yield from (f"{line}\n" for line in whole)
    if rest:
        yield rest
