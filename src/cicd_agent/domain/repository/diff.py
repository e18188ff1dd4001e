"""Unified diff → files, hunks, and the lines a comment may stand on."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum


class Side(StrEnum):
    """Which version of a file a line number counts in, in GitHub's words: LEFT is before, RIGHT is after."""

    LEFT = "LEFT"
    RIGHT = "RIGHT"


class LineKind(StrEnum):
    CONTEXT = " "
    ADDED = "+"
    DELETED = "-"


class ChangeKind(StrEnum):
    ADDED = "added"
    DELETED = "deleted"
    MODIFIED = "modified"
    RENAMED = "renamed"
    COPIED = "copied"


@dataclass(frozen=True, slots=True)
class DiffLine:
    r"""One line of a hunk: `old` and `new` are its 1-based numbers on each side, None where it does not exist.

    `text` is the line as it stands in the file less its "\n": a "\r" before that is kept, so that quotes match.
    """

    kind: LineKind
    old: int | None
    new: int | None
    text: str
    no_newline: bool = False


@dataclass(frozen=True, slots=True)
class Hunk:
    """A run of lines; `section` is what git prints after the second @@ (the enclosing function)."""

    old_start: int
    old_count: int
    new_start: int
    new_count: int
    section: str
    lines: tuple[DiffLine, ...]


_BUNDLE = 2_000
"""Lines of a change above which JavaScript that is too long to be held was written by no hand."""
_BUILT = frozenset({"dist", "build", "bundle", "bundles", "public", "static", "assets", ".yarn"})
"""Folders for what bundlers write."""


@dataclass(frozen=True, slots=True)
class Churn:
    """How many lines were added and deleted."""

    added: int
    deleted: int


@dataclass(frozen=True, slots=True)
class FileDiff:
    """One file of a diff.

    `path` is the name after the change (before it, for a deleted file); `old_path` the name before (equal unless
    renamed or copied). Modes are git's octal strings, "" where the side does not exist. `omitted` says why there
    are no hunks, or not all, although content changed ("binary", "too large", "truncated", "combined diff", "no
    patch from the API"), "" otherwise. `excerpt_of` are the true numbers of a file which rules have read in whole, but
    whose hunks hold only what they found: None where the hunks hold every changed line.
    `attributes` are the names among linguist-generated, linguist-vendored and -diff that .gitattributes sets.
    """

    path: str
    old_path: str
    kind: ChangeKind
    hunks: tuple[Hunk, ...] = ()
    old_mode: str = ""
    new_mode: str = ""
    binary: bool = False
    omitted: str = ""
    attributes: tuple[str, ...] = ()
    excerpt_of: Churn | None = None

    @property
    def is_whole(self) -> bool:
        """Whether the hunks hold every changed line."""
        return not self.omitted and self.excerpt_of is None

    @property
    def added_count(self) -> int:
        return self._count(LineKind.ADDED) if self.excerpt_of is None else self.excerpt_of.added

    @property
    def deleted_count(self) -> int:
        return self._count(LineKind.DELETED) if self.excerpt_of is None else self.excerpt_of.deleted

    @property
    def is_bundle(self) -> bool:
        """Whether it is more JavaScript than anybody writes by hand, where bundlers write: the `dist` of an action."""
        churn = self.excerpt_of
        is_long = churn is not None and churn.added + churn.deleted >= _BUNDLE
        *folders, name = self.path.lower().split("/")
        return is_long and name.endswith((".js", ".cjs", ".mjs")) and not _BUILT.isdisjoint(folders)

    @property
    def is_submodule(self) -> bool:
        return "160000" in (self.old_mode, self.new_mode)

    @property
    def lines(self) -> Iterator[DiffLine]:
        for hunk in self.hunks:
            yield from hunk.lines

    @property
    def added(self) -> Iterator[DiffLine]:
        """The added lines; their `new` is never None."""
        return self._of(LineKind.ADDED)

    @property
    def deleted(self) -> Iterator[DiffLine]:
        """The deleted lines; their `old` is never None."""
        return self._of(LineKind.DELETED)

    # The kind is named once: Python 3.11 calls a function to look up a member of an enumeration.
    def _of(self, kind: LineKind) -> Iterator[DiffLine]:
        return (line for hunk in self.hunks for line in hunk.lines if line.kind is kind)

    def _count(self, kind: LineKind) -> int:
        return sum([line.kind is kind for hunk in self.hunks for line in hunk.lines])


class Anchors:
    """Where a comment may stand in one file, by GitHub's rule: LEFT is a deleted line, RIGHT an added or context line.

    Built once for a file, then looked up as often as there are claims.
    """

    __slots__ = ("_places",)

    def __init__(self, file: FileDiff) -> None:
        self._places: dict[tuple[Side, int], tuple[Hunk, DiffLine]] = {}
        for hunk in file.hunks:
            for line in hunk.lines:
                if line.new is not None:
                    self._places[Side.RIGHT, line.new] = (hunk, line)
                elif line.old is not None:
                    self._places[Side.LEFT, line.old] = (hunk, line)

    def line_at(self, side: Side, number: int) -> DiffLine | None:
        place = self._places.get((side, number))
        return place[1] if place else None

    def hunk_at(self, side: Side, number: int) -> Hunk | None:
        place = self._places.get((side, number))
        return place[0] if place else None

    def allows(self, side: Side, line: int, start: int = 0) -> bool:
        """Whether GitHub takes a comment on `line`, or on `start`..`line` (start 0: one line), of that side."""
        hunk = self.hunk_at(side, line)
        if hunk is None:
            return False
        return not start or (start < line and self.hunk_at(side, start) is hunk)
