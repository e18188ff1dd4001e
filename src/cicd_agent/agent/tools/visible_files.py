"""What of a library a model may see, and under which names: where every path that it gives is looked up."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import translate
from functools import cached_property

from cicd_agent.agent.tools.tool import NoSuchThing, TryAgain
from cicd_agent.domain.ports.forge import Library
from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.repository.diff import FileDiff
from cicd_agent.domain.repository.library import Entry, EntryKind
from cicd_agent.domain.text.visible import visible_line

DENIED = "not shown: deny-paths"
MAX_BYTES = 1_000_000
"""Bytes of a file that is read or searched."""
_SNIFFED = 8_000
"""Bytes in which a NUL says that a file is binary."""
_MAX_CANDIDATES = 500
_MAX_LENGTH = 100
"""How many paths are compared with one that does not exist, and up to which length: that takes a second at worst."""


@dataclass
class VisibleFiles:
    """A library less what `denied` names, and less what the change has renamed from such a name."""

    change: Change
    library: Library
    denied: Callable[[str], bool]

    @cached_property
    def _renamed(self) -> frozenset[str]:
        return frozenset(file.path for file in self.change.files if self.denied(file.old_path))

    def is_denied(self, path: str) -> bool:
        return path in self._renamed or self.denied(path)

    def entry(self, path: str) -> Entry:
        """What stands at a path. NoSuchThing says what was perhaps meant, TryAgain that no path looks like this."""
        entries = self.library.entries
        if self.is_denied(path):
            raise NoSuchThing(f"{shown(path)}: {DENIED}")
        parts = path.split("/")
        proper = not {"", ".", ".."} & {*parts}
        if proper and path in entries:
            return entries[path]
        if below := self.below(path):
            raise NoSuchThing(f"{shown(path)} is a folder: search with the glob {below} and no pattern lists its files")
        if not proper:
            raise TryAgain(f"paths are relative to the top of the repository, without `..`.{self._meant(path)}")
        for at in range(1, len(parts)):
            if (parent := "/".join(parts[:at])) in entries:
                return self._file(entries[parent])
        if any(path in {file.path, file.old_path} for file in self.change.files):
            raise NoSuchThing(f"{shown(path)} is gone with this change: file_diff shows what it held")
        meant = self._meant(path)
        raise NoSuchThing(f"there is no {shown(path)} in the commit under review{f'.{meant}' if meant else ''}")

    def lines(self, path: str) -> list[str]:
        """The lines of a text file; NoSuchThing when it is not one, or a large one."""
        entry = self._file(self.entry(path))
        if entry.size > MAX_BYTES:
            raise NoSuchThing(f"{shown(path)} has {entry.size:,} bytes: more than {MAX_BYTES:,} are not read")
        blob = self.library.contents([entry])[0]
        if b"\0" in blob[:_SNIFFED]:
            raise NoSuchThing(f"{shown(path)} is binary ({entry.size:,} bytes)")
        return lines_of(blob)

    def select(self, pattern: str | None) -> tuple[Entry, ...]:
        """All entries that match, denied ones too: their names are no secret."""
        entries = self.library.entries.values()
        if pattern is None:
            return tuple(entries)
        matches = glob(pattern)
        return tuple(entry for entry in entries if matches(entry.path))

    def below(self, folder: str) -> str:
        """The glob for all files below a folder, "" when there are none."""
        inside = f"{folder.rstrip('/')}/"
        return shown(f"{inside}**") if any(path.startswith(inside) for path in self.library.entries) else ""

    def searchable(self, entries: Sequence[Entry]) -> tuple[Entry, ...]:
        return tuple(entry for entry in entries if entry.path in self._open)

    def unsearched(self, entries: Sequence[Entry]) -> str:
        """How many files of these are not looked into, and why; "" when all are."""
        files = [entry for entry in entries if entry.kind is EntryKind.FILE]
        reasons = {
            "deny-paths": sum(entry.path in self._hidden for entry in files),
            f"over {MAX_BYTES:,} bytes": sum(entry.size > MAX_BYTES for entry in files),
            "not in this partial clone": sum(entry.size < 0 for entry in files),
        }
        summary = ", ".join(f"{number} ({why})" for why, number in reasons.items() if number)
        return f"not searched: {summary}" if summary else ""

    def _file(self, entry: Entry) -> Entry:
        """The entry if it is a file. Links are shown, never followed, be it to another file of the commit."""
        if entry.kind is EntryKind.LINK:
            target = ""
            if 0 <= entry.size <= MAX_BYTES:
                target = f" to {shown(self.library.contents([entry])[0].decode('utf-8', 'replace')[:200])}"
            raise NoSuchThing(f"{shown(entry.path)} is a link{target}: links are not followed")
        if entry.kind is EntryKind.SUBMODULE:
            raise NoSuchThing(f"{shown(entry.path)} is a submodule: its files are in another repository")
        return entry

    @cached_property
    def _hidden(self) -> frozenset[str]:
        return frozenset(path for path in self.library.entries if self.is_denied(path))

    @cached_property
    def _open(self) -> frozenset[str]:
        return frozenset(
            path
            for path, entry in self.library.entries.items()
            if entry.kind is EntryKind.FILE and 0 <= entry.size <= MAX_BYTES and path not in self._hidden
        )

    def _meant(self, path: str) -> str:
        """A question that names up to three files: of the same name elsewhere, else spelt alike."""
        known = [other for other in self.library.entries if other not in self._hidden]
        folder, _, name = path.rpartition("/")
        same = [other for other in known if other.rpartition("/")[2] == name]
        beside = [other for other in known if other.rpartition("/")[0] == folder]
        return _question(same[:3] or _alike(path, beside or known))


def changed_file(change: Change, path: str) -> FileDiff:
    """The file of the change that has or had this name."""
    for file in change.files:
        if path in {file.path, file.old_path}:
            return file
    meant = _question(_alike(path, [file.path for file in change.files]))
    raise NoSuchThing(f"{shown(path)} is not in this change{f'.{meant}' if meant else ''}")


def _question(paths: Sequence[str]) -> str:
    return f" Did you mean {' or '.join(map(shown, paths))}?" if paths else ""


def _alike(path: str, paths: Sequence[str]) -> list[str]:
    short = [other for other in paths if len(other) <= _MAX_LENGTH]
    return get_close_matches(path[:_MAX_LENGTH], short[:_MAX_CANDIDATES], n=3, cutoff=0.7)


def lines_of(blob: bytes) -> list[str]:
    text = blob.decode("utf-8", "replace")
    return text.removesuffix("\n").split("\n") if text else []


def shown(path: str) -> str:
    return f"`{visible_line(path[:300])}`"


MAX_GLOB = 300
MAX_ALTERNATIVES = 64
_BRACES = re.compile(r"\{([^{}]*,[^{}]*)\}")


def glob(pattern: str) -> Callable[[str], bool]:
    """Whether a path matches: `*`, `?` and `[…]` within a name, `**` over folders, `{a,b}` for either.

    Without a slash it is the name that counts, in whichever folder; a slash at the end means all that is below.
    Raises TryAgain for a pattern that no path of a repository can match, or that is too much.
    """
    if len(pattern) > MAX_GLOB:
        raise TryAgain(f"the glob is longer than {MAX_GLOB} characters")
    alternatives = [_matcher(_parts(one)) for one in _alternatives(pattern)]
    return lambda path: any(matches(path) for matches in alternatives)


def _alternatives(pattern: str) -> Sequence[str]:
    patterns = [pattern]
    while any(braces := [_BRACES.search(one) for one in patterns]):
        patterns = [
            one if match is None else f"{one[: match.start()]}{choice}{one[match.end() :]}"
            for one, match in zip(patterns, braces, strict=True)
            for choice in (match[1].split(",") if match else [""])
        ]
        if len(patterns) > MAX_ALTERNATIVES:
            raise TryAgain(f"the glob stands for more than {MAX_ALTERNATIVES} patterns: ask for fewer at once")
    return patterns


def _parts(pattern: str) -> tuple[str, ...]:
    parts = tuple(part for part in pattern.split("/") if part not in {"", "."})
    if ".." in parts:
        raise TryAgain("globs are relative to the top of the repository, without `..`")
    if pattern.endswith("/"):
        parts = (*parts, "**")
    return parts if "/" in pattern else ("**", *parts)


def _matcher(parts: Sequence[str]) -> Callable[[str], bool]:
    """`**` cuts a pattern into runs of names: the first stands at the start of a path, the last at its end.

    Each one between them is taken where it first fits, which leaves the most room for the rest: nothing is tried twice.
    """
    runs: list[list[Callable[[str], object]]] = [[]]
    for part in parts:
        if part == "**":
            runs.append([])
        else:
            runs[-1].append(re.compile(translate(part)).match)
    first, *between, last = runs if len(runs) > 1 else (*runs, [])

    def matches(path: str) -> bool:
        names = path.split("/")
        start, end = len(first), len(names) - len(last)
        if start > end or (len(runs) == 1 and start != end):
            return False
        if not _fits(last, names, end) or not _fits(first, names, 0):
            return False
        for run in between:
            while start + len(run) <= end and not _fits(run, names, start):
                start += 1
            start += len(run)
        return start <= end

    return matches


def _fits(run: Sequence[Callable[[str], object]], names: Sequence[str], at: int) -> bool:
    return all(matches(names[at + step]) for step, matches in enumerate(run))
