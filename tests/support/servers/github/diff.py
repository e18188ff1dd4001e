"""A second, independent reading of diffs, so that the fake does not share the mistakes of the code it tests."""

import ast
import re
from collections.abc import Iterator, Mapping
from typing import Any

from tests.support.servers.github.state import PullFile

HUNK = re.compile(r"@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@")


def split(diff: str) -> tuple[PullFile, ...]:
    """The files of `git diff` output (names as git quotes them), each with its patch as the API gives it."""
    return tuple(one_file(part) for part in re.split(r"^(?=diff --git )", diff, flags=re.MULTILINE) if part.strip())


def one_file(part: str) -> PullFile:
    """One file's part of a diff."""
    head, _, hunks = part.partition("\n@@")
    named = re.match(r'diff --git (?:a/(.*)|("a/.*")) (?:b/(.*)|("b/.*"))(?:\n|$)', head)
    assert named, part[:200]
    # git's escapes are those of a Python string: with core.quotePath off controls, quotes and backslashes have one.
    old, new = (plain if plain is not None else str(ast.literal_eval(quoted))[2:] for plain, quoted in _pairs(named))
    status = "modified"
    for word, meaning in (("new file", "added"), ("deleted file", "removed"), ("rename from", "renamed")):
        if re.search(f"^{word}", head, flags=re.MULTILINE):
            status = meaning
    previous = old if status == "renamed" else ""
    ids = re.search(r"^index ([0-9a-f]{40})\.\.([0-9a-f]{40})", head, flags=re.MULTILINE)
    sha = ids[1 if status == "removed" else 2] if ids else PullFile.sha
    return PullFile(new, status, f"@@{hunks}".removesuffix("\n") if hunks else None, previous, sha)


def _pairs(named: re.Match[str]) -> tuple[tuple[str | None, str], tuple[str | None, str]]:
    return (named[1], named[2] or ""), (named[3], named[4] or "")


def places(patch: str) -> Iterator[tuple[int, str, int]]:
    """Every (hunk, side, line) that a comment may stand on."""
    hunk, old, new = 0, 0, 0
    for text in patch.split("\n"):
        if start := HUNK.match(text):
            hunk, old, new = hunk + 1, int(start[1]), int(start[2])
            continue
        if text.startswith("\\"):
            continue
        if not text.startswith("+"):
            yield hunk, "LEFT", old
            old += 1
        if not text.startswith("-"):
            yield hunk, "RIGHT", new
            new += 1


def texts(patch: str) -> dict[tuple[str, int], str]:
    """The text of every (side, line)."""
    shown = [text for text in patch.split("\n") if text[:1] in {" ", "+", "-"} or not text]
    sides = [text for text in shown for _ in range(1 if text[:1] in {"+", "-"} else 2)]
    return {(side, line): text[1:] for text, (_, side, line) in zip(sides, places(patch), strict=False)}


def misplaced(files: tuple[PullFile, ...], comment: Mapping[str, Any]) -> str:
    """Why GitHub would not take the comment, in its own words; "" when it would."""
    file = next((file for file in files if file.filename == comment["path"]), None)
    if file is None:
        return "Pull request review thread path is invalid and Pull request review thread diff hunk can't be blank"
    hunks = {(side, line): hunk for hunk, side, line in places(file.patch or "")}
    side = comment.get("side", "RIGHT")
    end = hunks.get((side, comment.get("line", 0)))
    if end is None:
        return "Line could not be resolved"
    if "start_line" not in comment:
        return ""
    start_side = comment.get("start_side", side)
    if start_side == side and comment["start_line"] >= comment["line"]:
        return "Pull request review thread start line must precede the end line."
    if hunks.get((start_side, comment["start_line"])) != end:
        return "Pull request review thread start line must be part of the same hunk as the line."
    return ""
