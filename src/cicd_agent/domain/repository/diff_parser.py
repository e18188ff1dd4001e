"""Reads git's unified diff: the counts of a hunk decide what belongs to it, never what its lines look like."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from cicd_agent.domain.repository.diff import ChangeKind, DiffLine, FileDiff, Hunk, LineKind

TRUNCATED = "truncated"
COMBINED = "combined diff"
BINARY = "binary"

_HUNK = re.compile(r"@@ -([0-9]{1,10})(?:,([0-9]{1,10}))? \+([0-9]{1,10})(?:,([0-9]{1,10}))? @@(?: (.*))?\Z", re.DOTALL)
_INDEX = re.compile(r"index ([0-9a-f]+)\.\.([0-9a-f]+)(?: ([0-7]+))?\Z")
# Ids of the empty blob in SHA-1 and SHA-256: its coming and going is the one change of content without a hunk.
_EMPTY_BLOBS = ("e69de29", "473a0f4")
_ESCAPE = re.compile(rb'\\([abfnrtv"\\]|[0-3][0-7]{2})')
_ESCAPED = dict(zip(b'abfnrtv"\\', b'\a\b\f\n\r\t\v"\\', strict=True))
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_MOVE = re.compile(r"(rename|copy) (from|to) (.*)\Z", re.DOTALL)
_COMBINED = re.compile(r"diff --(?:cc|combined) (.*)\Z", re.DOTALL)


def parse_diff(text: str) -> tuple[FileDiff, ...]:
    r"""The files of a `git diff --patch` with the prefixes a/ and b/, in order.

    Lines end at "\n" and nowhere else. Text that is no diff is skipped; a file whose part is cut off or damaged keeps
    what could be read and says `omitted="truncated"`; a combined diff (of a merge) is named, its hunks are not read.
    """
    lines = _split(text)
    files = []
    at = 0
    while at < len(lines):
        line = lines[at]
        at += 1
        if line.startswith("diff --git "):
            file, at = _parse_file(line.removeprefix("diff --git "), lines, at)
            files.append(file)
        elif combined := _COMBINED.match(line):
            path = header_name(combined[1])
            files.append(FileDiff(path, path, ChangeKind.MODIFIED, omitted=COMBINED))
    return tuple(files)


def parse_patch(patch: str) -> tuple[Hunk, ...]:
    hunks, _, _ = _parse_hunks(_split(patch), 0)
    return hunks


def changed_lines(lines: Iterable[str]) -> Iterator[DiffLine]:
    """The lines of one file's hunks, one after another: for a patch that is too long to be held."""
    old = new = old_left = new_left = 0
    for line in lines:
        kind = line[:1]
        if not (old_left or new_left):
            if match := _HUNK.match(line):
                old, old_left, new, new_left = (1 if part is None else int(part) for part in match.groups()[:4])
        elif kind == "+":
            yield DiffLine(LineKind.ADDED, None, new, line[1:])
            new, new_left = new + 1, new_left - 1
        elif kind == "-":
            yield DiffLine(LineKind.DELETED, old, None, line[1:])
            old, old_left = old + 1, old_left - 1
        elif kind == " ":
            yield DiffLine(LineKind.CONTEXT, old, new, line[1:])
            old, old_left, new, new_left = old + 1, old_left - 1, new + 1, new_left - 1


def readable_name(name: bytes) -> str:
    r"""A file name as text that any JSON can carry: bytes that are not UTF-8 show as \xNN."""
    return name.decode("utf-8", "backslashreplace")


def _split(text: str) -> list[str]:
    lines = text.split("\n")
    if not lines[-1]:
        lines.pop()
    return lines


@dataclass(slots=True)
class _Header:
    old: str = ""
    new: str = ""
    kind: ChangeKind = ChangeKind.MODIFIED
    old_mode: str = ""
    new_mode: str = ""
    ids: tuple[str, ...] = ()
    empty: bool = True

    def take(self, line: str) -> bool:
        """Read one extended header line; False when it is none."""
        word, _, value = line.rpartition(" ")
        if move := _MOVE.match(line):
            self.kind = ChangeKind.RENAMED if move[1] == "rename" else ChangeKind.COPIED
            if move[2] == "from":
                self.old = header_name(move[3])
            else:
                self.new = header_name(move[3])
        elif index := _INDEX.match(line):
            self.ids = (index[1], index[2])
            self.old_mode = self.old_mode or index[3] or ""
            self.new_mode = self.new_mode or index[3] or ""
        elif word == "old mode":
            self.old_mode = value
        elif word == "new mode":
            self.new_mode = value
        elif word == "new file mode":
            self.kind, self.new_mode = ChangeKind.ADDED, value
        elif word == "deleted file mode":
            self.kind, self.old_mode = ChangeKind.DELETED, value
        elif word not in {"similarity index", "dissimilarity index"}:
            return False
        self.empty = False
        return True

    def promises_content(self) -> bool:
        """Whether something must follow: nothing was said yet, or the ids name content that is not empty."""
        return self.empty or any(id_.strip("0") and not id_.startswith(_EMPTY_BLOBS) for id_ in self.ids)

    def file(self, names: str, hunks: tuple[Hunk, ...], omitted: str) -> FileDiff:
        old, new = self.old, self.new
        if not (old or new):
            old = new = _same_name(names)
        if self.kind is ChangeKind.DELETED:
            new = old
        elif self.kind is ChangeKind.ADDED or not old:
            old = new
        return FileDiff(
            path=new or old,
            old_path=old,
            kind=self.kind,
            hunks=hunks,
            old_mode=self.old_mode,
            new_mode=self.new_mode,
            binary=omitted == BINARY,
            omitted=omitted,
        )


def _parse_file(names: str, lines: list[str], at: int) -> tuple[FileDiff, int]:
    """The file whose `diff --git` line, less its first words, is `names`; and where the next one may begin."""
    header = _Header()
    while at < len(lines) and header.take(lines[at]):
        at += 1
    here = lines[at] if at < len(lines) else ""
    if here == "GIT binary patch" or (here.startswith("Binary files ") and here.endswith(" differ")):
        return header.file(names, (), BINARY), at + 1
    if not here.startswith("--- "):
        return header.file(names, (), TRUNCATED if header.promises_content() else ""), at
    old = header_name(here.removeprefix("--- "), "a/")
    at += 1
    if at == len(lines) or not lines[at].startswith("+++ "):
        header.old = header.old or old
        return header.file(names, (), TRUNCATED), at
    new = header_name(lines[at].removeprefix("+++ "), "b/")
    at += 1
    if not old:
        header.kind = ChangeKind.ADDED
    elif not new:
        header.kind = ChangeKind.DELETED
    header.old, header.new = header.old or old, header.new or new
    hunks, at, complete = _parse_hunks(lines, at)
    return header.file(names, hunks, "" if hunks and complete else TRUNCATED), at


def _parse_hunks(lines: list[str], at: int) -> tuple[tuple[Hunk, ...], int, bool]:
    """The hunks from `at` on, where they end, and whether all of them were whole."""
    hunks: list[Hunk] = []
    while at < len(lines) and (match := _HUNK.match(lines[at])):
        old_start, old_count, new_start, new_count = (1 if part is None else int(part) for part in match.groups()[:4])
        body, at, complete = _parse_body(lines, at + 1, (old_start, old_count), (new_start, new_count))
        hunks.append(Hunk(old_start, old_count, new_start, new_count, match[5] or "", body))
        if not complete:
            return tuple(hunks), at, False
    return tuple(hunks), at, at == len(lines) or not lines[at].startswith(("@@", "+", " "))


def _parse_body(
    lines: list[str], at: int, old: tuple[int, int], new: tuple[int, int]
) -> tuple[tuple[DiffLine, ...], int, bool]:
    """As many lines as the counts say; `old` and `new` are the first number and the count of each side."""
    (old_at, old_left), (new_at, new_left) = old, new
    body: list[DiffLine] = []
    while at < len(lines):
        line = lines[at]
        if line.startswith("\\"):
            if body:
                body[-1] = replace(body[-1], no_newline=True)
            at += 1
            continue
        if not (old_left or new_left):
            break
        match line[:1]:
            # Some tools strip the blank of an empty context line.
            case " " | "" if old_left and new_left:
                body.append(DiffLine(LineKind.CONTEXT, old_at, new_at, line[1:]))
                old_at, old_left, new_at, new_left = old_at + 1, old_left - 1, new_at + 1, new_left - 1
            case "-" if old_left:
                body.append(DiffLine(LineKind.DELETED, old_at, None, line[1:]))
                old_at, old_left = old_at + 1, old_left - 1
            case "+" if new_left:
                body.append(DiffLine(LineKind.ADDED, None, new_at, line[1:]))
                new_at, new_left = new_at + 1, new_left - 1
            case _:
                return tuple(body), at, False
        at += 1
    return tuple(body), at, not (old_left or new_left)


def header_name(text: str, prefix: str = "") -> str:
    """A name of a header line, unquoted and without its prefix; "" for /dev/null."""
    if text.startswith('"'):
        text = _unquote(text)
    elif prefix:
        # A name with blanks is followed by a tab, so that `patch` knows where it ends.
        text = text.removesuffix("\t")
        if text == "/dev/null":
            return ""
    return text.removeprefix(prefix)


def _same_name(names: str) -> str:
    """The name in `a/NAME b/NAME`: without another header both sides are the same, whatever NAME holds."""
    if quoted := _QUOTED.match(names):
        return header_name(quoted[0], "a/")
    half = len(names) // 2
    return (names[:half] if names[half : half + 1] == " " else names).removeprefix("a/")


def _unquote(text: str) -> str:
    """A name in git's C-like quotes, which escape bytes, not characters."""
    quoted = _QUOTED.match(text)
    if not quoted:
        return text
    raw = quoted[0][1:-1].encode("utf-8", "surrogatepass")
    return readable_name(_ESCAPE.sub(_unescape, raw))


def _unescape(match: re.Match[bytes]) -> bytes:
    code = match[1]
    return bytes([int(code, 8)]) if code.isdigit() else bytes([_ESCAPED[code[0]]])
