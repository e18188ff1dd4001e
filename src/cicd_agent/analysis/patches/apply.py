"""Applies a patch to texts: every context and deleted line has to be there as it is, wherever the numbers point."""

from collections.abc import Mapping, Sequence

from cicd_agent.analysis.patches.parser import FilePatch, Flaw, Patch, PatchHunk
from cicd_agent.domain.repository.diff import ChangeKind, FileDiff, LineKind

Texts = Mapping[str, str | None]
"""Files by path; None is a file that is not there."""


def apply(patch: Patch, texts: Texts) -> Texts | Flaw:
    """The changed files. A path that `texts` does not have is a file that is not there."""
    changed: dict[str, str | None] = {}
    for file in patch.files:
        before = texts.get(file.path)
        after = _file(file, before)
        if isinstance(after, Flaw):
            return after
        if after != before:
            changed[file.path] = after
    return changed or Flaw("changes nothing")


def split(text: str) -> list[str]:
    *whole, rest = text.split("\n")
    return [*(f"{line}\n" for line in whole), *([rest] if rest else [])]


def _file(file: FilePatch, before: str | None) -> str | Flaw | None:
    path = file.path
    if before is None:
        # A model that forgets /dev/null means a new file when it has nothing to take away.
        if file.kind is ChangeKind.DELETED or any(hunk.old for hunk in file.hunks):
            return Flaw(f"is about {path}, which is not there")
        lines = ((line, last) for hunk in file.hunks for last in hunk.new[-1:] for line in hunk.new)
        return "".join(line.text + ("" if line.no_newline and line is last else "\n") for line, last in lines)
    if file.kind is ChangeKind.ADDED:
        return Flaw(f"makes {path}, which is there already")
    after = _patched(file, split(before))
    if isinstance(after, str) and file.kind is ChangeKind.DELETED:
        return Flaw(f"deletes {path} and not all of its lines") if after else None
    return after


def _patched(file: FilePatch, lines: list[str]) -> str | Flaw:
    bare = [_bare(line) for line in lines]
    placed: list[tuple[int, PatchHunk]] = []
    for hunk in file.hunks:
        if not hunk.changed:
            continue
        at = _position(hunk, bare, file.path)
        if isinstance(at, Flaw):
            return at
        placed.append((at, hunk))
    placed.sort(key=lambda each: each[0])
    result: list[str] = []
    done = 0
    for at, hunk in placed:
        if at < done:
            return Flaw(f"has hunks that meet in {file.path}")
        result += [*lines[done:at], *_replaced(hunk, lines, at)]
        done = at + len(hunk.old)
    return "".join([*result, *lines[done:]])


def _bare(line: str) -> str:
    return line.removesuffix("\n").removesuffix("\r")


def _position(hunk: PatchHunk, bare: Sequence[str], path: str) -> int | Flaw:
    expected = [line.text for line in hunk.old]
    if not expected:
        return 0 if not bare else Flaw(f"adds lines to {path} without a line beside them that shows where")
    claimed = hunk.claimed - 1
    size = len(expected)
    if claimed >= 0 and bare[claimed : claimed + size] == expected:
        return claimed
    matches = [at for at, line in enumerate(bare) if line == expected[0] and bare[at : at + size] == expected]
    if not matches:
        return Flaw(f"has lines that do not stand in {path} like this")
    if len(matches) > 1 and claimed < 0:
        return Flaw(f"has lines that stand at {len(matches)} places of {path}")
    nearest, *others = sorted(matches, key=lambda at: abs(at - claimed))
    if others and abs(nearest - claimed) == abs(others[0] - claimed):
        return Flaw(f"has lines that stand in {path} twice, as near to the line that it names")
    return nearest


def _replaced(hunk: PatchHunk, lines: Sequence[str], at: int) -> list[str]:
    """What replaces a hunk's old lines: its context as it is, and what it adds with the line ends beside it."""
    result: list[str] = []
    end = (_end(lines[0]) if lines else "") or "\n"
    ends = at + len(hunk.old) == len(lines)
    # The hunk may say that the old text has no newline at its end and the new one does.
    closes = bool(hunk.old and hunk.new) and hunk.old[-1].no_newline and not hunk.new[-1].no_newline
    stays_open = ends and bool(lines) and not lines[-1].endswith("\n") and not closes
    for line in hunk.lines:
        if line.kind is not LineKind.ADDED:
            end = _end(lines[at]) or end
            if line.kind is LineKind.CONTEXT:
                result.append(lines[at])
            at += 1
        else:
            result.append(line.text + end)
    if not ends or not result:
        return result
    result = [line if line.endswith("\n") else line + end for line in result]
    opened = hunk.new[-1].no_newline and hunk.new[-1].kind is LineKind.ADDED
    if stays_open or opened:
        result[-1] = _bare(result[-1])
    return result


def _end(line: str) -> str:
    return line[len(_bare(line)) :]


def text_before(after: str, file: FileDiff) -> str | None:
    """The file's old text, None when the diff is not one of this text. The diff has to be complete."""
    lines = split(after)
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
