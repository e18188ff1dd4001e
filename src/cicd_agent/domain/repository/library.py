"""What a look-up may see: the files of one commit, the lines in them, and who wrote those."""

from dataclasses import dataclass
from enum import StrEnum


class EntryKind(StrEnum):
    """What stands at a path. Links are kept as links: nothing follows them."""

    FILE = "file"
    LINK = "link"
    SUBMODULE = "submodule"


@dataclass(frozen=True, slots=True)
class Entry:
    """One path of a tree; `id` is git's of its content.

    `size` is in bytes, -1 for a submodule and where the content is not in the clone.
    """

    path: str
    kind: EntryKind
    id: str
    size: int


@dataclass(frozen=True, slots=True)
class Match:
    """A line in which a search found something; a long line is cut."""

    path: str
    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Matches:
    """What a search found, in the order of the files that it was given.

    `more` says that there is more, `note` in which way the search was another one than was asked for.
    """

    found: tuple[Match, ...]
    more: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class Blamed:
    """A line and the commit that last touched it; `when` is the author's time in seconds since the epoch."""

    line: int
    text: str
    sha: str
    author: str
    when: int
    subject: str


class BadPattern(Exception):
    """The pattern is no regular expression, or one that cannot be matched in time."""


class Unreadable(Exception):
    """It cannot be shown, for the reason given: it is not in this clone, it took too long, it is too large."""
