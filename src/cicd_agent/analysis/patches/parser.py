"""Reads a unified diff as a model writes it: numbers may be wrong, every line has to be one of a diff."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from cicd_agent.domain.repository.diff import ChangeKind, LineKind
from cicd_agent.domain.repository.diff_parser import header_name

MAX_CHARACTERS = 200_000
MAX_LINES = 3_000
"""Of the text of a patch. Nobody reads a longer one, and what may be offered is far below."""

_HUNK = re.compile(r"@@ -([0-9]{1,9})(?:,([0-9]{1,9}))? \+[0-9]{1,9}(?:,([0-9]{1,9}))? @@")
_NUMBERLESS = re.compile(r"@@(?:\s|\Z)")
_FENCE = re.compile(r"\s{0,3}(?:`{3,}|~{3,})")
_TIME = re.compile(r"(?:\t.*|\s+[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9:.]+(?:\s+[+-][0-9]{4})?\s*)\Z")
_SIGNATURE = re.compile(r"-- ?\Z")
_REFUSED_HEADERS = {
    "rename from ": "renames a file",
    "rename to ": "renames a file",
    "copy from ": "copies a file",
    "copy to ": "copies a file",
    "old mode ": "changes the mode of a file",
    "new mode ": "changes the mode of a file",
    "GIT binary patch": "is binary",
    "Binary files ": "is binary",
}
_MARKS = {" ", "", "-", "+", "\\"}
_NEW, _GONE = "new file mode ", "deleted file mode "
_REGULAR = "100644"
_MAX_NAME = 500


@dataclass(frozen=True, slots=True)
class Flaw:
    """Why a patch is none, or not one of these files: a clause that begins with a verb ("renames a file").

    It is `forbidden` when it could be one, but no patch of ours may be like this.
    """

    reason: str
    forbidden: bool = False


@dataclass(frozen=True, slots=True)
class PatchLine:
    r"""One line of a hunk, less its "\n" and a "\r" before that: line ends are the file's, not the patch's."""

    kind: LineKind
    text: str
    no_newline: bool = False


@dataclass(frozen=True, slots=True)
class PatchHunk:
    """Lines that stand together; `claimed` is the 1-based old line on which they are said to begin, 0 when unsaid."""

    claimed: int
    lines: tuple[PatchLine, ...]

    @property
    def old(self) -> tuple[PatchLine, ...]:
        return tuple(line for line in self.lines if line.kind is not LineKind.ADDED)

    @property
    def new(self) -> tuple[PatchLine, ...]:
        return tuple(line for line in self.lines if line.kind is not LineKind.DELETED)

    @property
    def changed(self) -> int:
        return sum(line.kind is not LineKind.CONTEXT for line in self.lines)


@dataclass(frozen=True, slots=True)
class FilePatch:
    """What becomes of one file."""

    path: str
    kind: ChangeKind
    hunks: tuple[PatchHunk, ...] = ()


@dataclass(frozen=True, slots=True)
class Patch:
    """A diff that was read; each path occurs once."""

    files: tuple[FilePatch, ...]

    @property
    def paths(self) -> tuple[str, ...]:
        return tuple(file.path for file in self.files)

    @property
    def changed(self) -> int:
        return sum(hunk.changed for file in self.files for hunk in file.hunks)


def read_patch(text: str) -> Patch | Flaw:
    """The patch in a text that may have a Markdown fence, prose before it, and wrong numbers in it."""
    if len(text) > MAX_CHARACTERS or text.count("\n") > MAX_LINES:
        return Flaw(f"is longer than {MAX_CHARACTERS:,} characters or {MAX_LINES:,} lines")
    if "\0" in text:
        return Flaw("is binary", forbidden=True)
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    if not lines[-1]:
        lines.pop()
    reader = _Reader(lines)
    try:
        files = _joined(list(reader.files()))
    except _Flawed as flaw:
        return Flaw(str(flaw), forbidden=flaw.forbidden)
    return Patch(files) if files else Flaw("is no unified diff")


class _Flawed(Exception):
    def __init__(self, reason: str, *, forbidden: bool = False) -> None:
        super().__init__(reason)
        self.forbidden = forbidden


@dataclass(slots=True)
class _Reader:
    lines: Sequence[str]
    at: int = 0

    def files(self) -> Iterator[FilePatch]:
        prose = True
        while self.at < len(self.lines):
            line = self._line()
            if line.startswith("diff --git ") or self._is_names(self.at):
                prose = False
                yield self._file()
            elif _FENCE.match(line):
                prose = True
                self.at += 1
            elif _HUNK.match(line):
                raise _Flawed(f"has a hunk that belongs to no file (line {self.at + 1} of it)")
            elif prose or not line.strip() or line.startswith(("Index: ", "=====", "Only in ")):
                self.at += 1
            elif _SIGNATURE.match(line) or line.startswith("*** "):
                return
            elif line.startswith("diff "):
                raise _Flawed("is a combined diff or of a kind that cannot be read")
            else:
                raise _Flawed(f"has a line that is neither context nor added nor deleted (line {self.at + 1} of it)")

    def _line(self, ahead: int = 0) -> str:
        at = self.at + ahead
        return self.lines[at] if at < len(self.lines) else ""

    def _is_names(self, at: int) -> bool:
        """Whether the names of a file stand here: a deleted line `-- x` looks like the first of them."""
        here, below, after = (*self.lines[at : at + 3], "", "", "")[:3]
        return here.startswith("--- ") and below.startswith("+++ ") and (after.startswith("@@") or not after.strip())

    def _file(self) -> FilePatch:
        names = ""
        kind = ChangeKind.MODIFIED
        if self._line().startswith("diff --git "):
            names = self._line().removeprefix("diff --git ")
            self.at += 1
            kind = self._headers()
        if self._is_names(self.at):
            old, new = _names(self._line()), _names(self._line(1))
            self.at += 2
        else:
            # Without other names, those behind `diff --git` are the same but for their prefixes.
            half = len(names) // 2
            old, new = _names(f"    {names[:half]}"), _names(f"    {names[half + 1 :]}")
        path, kind = _named(old, new, kind)
        hunks = tuple(self._hunks())
        if kind is ChangeKind.MODIFIED and not hunks:
            raise _Flawed(f"names {path} and says nothing about it")
        return FilePatch(path, kind, hunks)

    def _headers(self) -> ChangeKind:
        kind = ChangeKind.MODIFIED
        while self.at < len(self.lines):
            line = self._line()
            for start, what in _REFUSED_HEADERS.items():
                if line.startswith(start):
                    raise _Flawed(what, forbidden=True)
            if line.startswith((_NEW, _GONE)):
                kind = ChangeKind.ADDED if line.startswith(_NEW) else ChangeKind.DELETED
                mode = line.rpartition(" ")[2]
                if mode != _REGULAR and (kind is ChangeKind.ADDED or mode != "100755"):
                    raise _Flawed(f"is about a file of mode {mode[:10]}, which is no plain file", forbidden=True)
            elif not line.startswith(("index ", "similarity index ", "dissimilarity index ")):
                break
            self.at += 1
        return kind

    def _hunks(self) -> Iterator[PatchHunk]:
        while self.at < len(self.lines) and self._line().startswith("@@"):
            head = self._line()
            numbers = _HUNK.match(head)
            if not numbers and not _NUMBERLESS.match(head):
                raise _Flawed(f"has a hunk header that cannot be read (line {self.at + 1} of it)")
            self.at += 1
            start, old, new = (1 if part is None else int(part) for part in numbers.groups()) if numbers else (0, 0, 0)
            end = self._counted(old, new) if numbers else 0
            # Models miscount: where the counts do not lead to the end of a hunk, its lines' looks do.
            body = self.lines[self.at : end or self._end()]
            self.at += len(body)
            yield PatchHunk(start, tuple(_lines(body)))
        if self.at < len(self.lines) and self._line().startswith(("Binary files ", "GIT binary patch")):
            raise _Flawed("is binary", forbidden=True)

    def _counted(self, old: int, new: int) -> int:
        """Where a hunk with these counts ends, 0 when they are wrong."""
        at = self.at
        while at < len(self.lines) and (old > 0 or new > 0):
            mark = self.lines[at][:1]
            if mark not in _MARKS:
                return 0
            old -= mark in {" ", "", "-"}
            new -= mark in {" ", "", "+"}
            at += 1
        if at < len(self.lines) and self.lines[at].startswith("\\"):
            at += 1
        return at if old == new == 0 and self._is_end(at) else 0

    def _end(self) -> int:
        """Where a hunk ends by the looks of its lines; blank ones before that end are not its own."""
        at = self.at
        while at < len(self.lines) and self.lines[at][:1] in _MARKS and not self._is_names(at):
            at += 1
        while at > self.at and not self.lines[at - 1]:
            at -= 1
        return at

    def _is_end(self, at: int) -> bool:
        while at < len(self.lines) and not self.lines[at].strip():
            at += 1
        if at >= len(self.lines):
            return True
        line = self.lines[at]
        signs = ("@@", "diff ", "Index: ", "Only in ", "Binary files ", "*** ")
        return line.startswith(signs) or bool(_SIGNATURE.match(line) or _FENCE.match(line)) or self._is_names(at)


def _lines(body: Sequence[str]) -> Iterator[PatchLine]:
    """The lines of a hunk; tools strip the blank of an empty context line."""
    for at, line in enumerate(body):
        if not line.startswith("\\"):
            marked = at + 1 < len(body) and body[at + 1].startswith("\\")
            yield PatchLine(LineKind(line[:1] or " "), line[1:], marked)


def _names(line: str) -> str:
    """The name in a line whose first four characters are `--- ` or `+++ `, with its prefix; "" for /dev/null."""
    text = line[4:_MAX_NAME]
    if not text.startswith('"'):
        text = _TIME.sub("", text).rstrip()
    return header_name(text, "") if text != "/dev/null" else ""


def _named(old: str, new: str, kind: ChangeKind) -> tuple[str, ChangeKind]:
    """The one path that a file goes by, and what becomes of it. Raises _Flawed."""
    if not old and not new:
        raise _Flawed("names no file")
    if (old.startswith("a/") or not old) and (new.startswith("b/") or not new):
        old, new = old.removeprefix("a/"), new.removeprefix("b/")
    if old and new and old != new:
        raise _Flawed("renames a file", forbidden=True)
    if not old or not new:
        kind = ChangeKind.DELETED if old else ChangeKind.ADDED
    path = (new or old).removeprefix("./")
    if reason := _unsafe_path(path):
        raise _Flawed(f"names a path that {reason}", forbidden=True)
    return path, kind


def _unsafe_path(path: str) -> str:
    parts = path.lower().split("/")
    checks = (
        (len(path) > _MAX_NAME - 100, "is too long"),
        (path.startswith(("/", "~")) or re.match(r"[A-Za-z]:", path), "is absolute"),
        (not {"..", ".", ""}.isdisjoint(parts), "is not a plain one below the repository"),
        (not path.isprintable() or "\\" in path or '"' in path, "holds characters that no path here may hold"),
        (".git" in parts, "belongs to git"),
    )
    return next((reason for wrong, reason in checks if wrong), "")


def _joined(files: Sequence[FilePatch]) -> tuple[FilePatch, ...]:
    """Each path once: models write the hunks of one file under several headers. Raises _Flawed."""
    known: dict[str, FilePatch] = {}
    for file in files:
        other = known.setdefault(file.path, file)
        if other is not file:
            if not other.kind is file.kind is ChangeKind.MODIFIED:
                raise _Flawed(f"says twice what becomes of {file.path}")
            known[file.path] = replace(other, hunks=(*other.hunks, *file.hunks))
    return tuple(known.values())
