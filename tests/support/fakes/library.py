"""A double of the files of one commit, for look-ups."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cicd_agent.domain.ports.forge import Library
from cicd_agent.domain.repository.change import Commit
from cicd_agent.domain.repository.library import BadPattern, Blamed, Entry, EntryKind, Match, Matches


@dataclass(frozen=True)
class Link:
    """A symbolic link."""

    target: str


@dataclass
class FakeLibrary(Library):
    """Files by path: bytes, a text, a link (`Link("target")`), a size alone (content that nobody may ask for)."""

    files: Mapping[str, bytes | str | Link | int] = field(default_factory=dict)
    commits: Mapping[str, tuple[Commit, ...]] = field(default_factory=dict)
    limits: tuple[str, ...] = ()
    searched: list[tuple[str, ...]] = field(default_factory=list)
    """The paths that each search was given."""

    @property
    def entries(self) -> Mapping[str, Entry]:
        return {path: self._entry(path, content) for path, content in sorted(self.files.items())}

    def contents(self, entries: Sequence[Entry]) -> tuple[bytes, ...]:
        return tuple(self._bytes(entry.path) for entry in entries)

    def search(self, pattern: str, among: Sequence[Entry], most: int, *, word: bool = False) -> Matches:
        self.searched.append(tuple(entry.path for entry in among))
        try:
            wanted = re.compile(rf"\b{re.escape(pattern)}\b" if word else pattern)
        except re.error as error:
            raise BadPattern(str(error)) from None
        found = tuple(
            Match(entry.path, number, line)
            for entry in among
            for number, line in enumerate(self._bytes(entry.path).decode(errors="replace").split("\n"), 1)
            if wanted.search(line)
        )
        return Matches(found[:most], more=len(found) > most)

    def history(self, path: str, most: int) -> tuple[Commit, ...]:
        return self.commits.get(path, ())[:most]

    def blame(self, path: str, first: int, last: int) -> tuple[Blamed, ...]:
        commit = self.commits[path][0]
        lines = self._bytes(path).decode().split("\n")
        return tuple(
            Blamed(number, lines[number - 1], commit.sha, commit.author, commit.when, commit.subject)
            for number in range(first, last + 1)
        )

    def _bytes(self, path: str) -> bytes:
        content = self.files[path]
        assert not isinstance(content, int), f"{path} is not to be read"
        if isinstance(content, Link):
            return content.target.encode()
        return content.encode() if isinstance(content, str) else content

    def _entry(self, path: str, content: bytes | str | Link | int) -> Entry:
        kind = EntryKind.LINK if isinstance(content, Link) else EntryKind.FILE
        size = content if isinstance(content, int) else len(self._bytes(path))
        return Entry(path, kind, path, size)
