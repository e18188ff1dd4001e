"""The files of a commit where there is no clone: their names in one request, each text in one of its own."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import NoReturn

from cicd_agent.domain.ports.forge import Forge, Library
from cicd_agent.domain.repository.library import Entry, EntryKind, Unreadable
from cicd_agent.errors import ForgeRefused

MAX_TEXTS = 10
"""Texts that are asked for."""


class FetchedLibrary(Library):
    """A commit of the repository that `forge` reads. What only a clone knows is unreadable."""

    def __init__(self, forge: Forge, commit: str) -> None:
        self._forge = forge
        self._commit = commit
        self._left = MAX_TEXTS

    @cached_property
    def entries(self) -> Mapping[str, Entry]:
        """Every path of the commit; sizes are not known."""
        try:
            paths = self._forge.runs.paths(self._commit)
        except ForgeRefused as refusal:
            raise Unreadable(str(refusal)) from None
        if not paths:
            raise Unreadable("GitHub does not list all files of the commit")
        return {path: Entry(path, EntryKind.FILE, "", 0) for path in paths}

    @property
    def limits(self) -> Sequence[str]:
        return ("nothing is checked out",)

    def contents(self, entries: Sequence[Entry]) -> tuple[bytes, ...]:
        return tuple(self._text(entry.path) for entry in entries)

    def _text(self, path: str) -> bytes:
        if self._left <= 0:
            raise Unreadable(f"more than {MAX_TEXTS} files were asked for")
        self._left -= 1
        try:
            text = self._forge.text_at(path, self._commit)
        except ForgeRefused as refusal:
            raise Unreadable(str(refusal)) from None
        if text is None:
            raise Unreadable(f"{path} is no text that GitHub gives")
        return text.encode()

    def search(self, *_: object, **__: object) -> NoReturn:
        raise Unreadable("nothing is checked out")

    history = blame = search
