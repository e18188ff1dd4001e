"""The paths of a repository as import statements look for them: by folder, by name, by how they end."""

import re
from collections.abc import Collection, Iterator, Sequence

_WORD = re.compile(r"[A-Za-z_]\w{2,80}")


class Sources:
    """All files of a repository, looked up once for many imports."""

    __slots__ = ("_by_name", "_by_stem", "_parents", "folders", "paths")

    def __init__(self, paths: Collection[str]) -> None:
        self.paths = frozenset(paths)
        self.folders: dict[str, list[str]] = {}
        self._by_name: dict[str, list[str]] = {}
        self._by_stem: dict[str, list[str]] = {}
        for path in sorted(self.paths):
            folder, _, name = path.rpartition("/")
            self.folders.setdefault(folder, []).append(path)
            self._by_name.setdefault(name, []).append(path)
            self._by_stem.setdefault(name.partition(".")[0], []).append(path)
        self._parents: set[str] = set()
        for folder in self.folders:
            while folder not in self._parents:
                self._parents.add(folder)
                folder = folder_of(folder)  # noqa: PLW2901  its way up, until somebody has been there

    def holds(self, folder: str) -> bool:
        """Whether there is such a folder, with files in it or below."""
        return folder in self._parents

    def first(self, *candidates: str) -> str:
        """The first of these that exists, "" when none does."""
        return next((path for path in candidates if path in self.paths), "")

    def ending(self, tail: str) -> Sequence[str]:
        """The files whose paths end in this one, at a folder's border."""
        named = self._by_name.get(tail.rpartition("/")[2], ())
        return [path for path in named if path == tail or path.endswith(f"/{tail}")]

    def only(self, tail: str) -> str:
        """The one file whose path ends so, "" when there are several."""
        found = self.ending(tail)
        return found[0] if len(found) == 1 else ""

    def named_in(self, text: str, suffixes: Collection[str]) -> Iterator[str]:
        """The files that are called as a word of the text, where files are called by what they define."""
        for word in dict.fromkeys(_WORD.findall(text)):
            for path in self._by_stem.get(word, ()):
                if path.rpartition(".")[2] in suffixes:
                    yield path


def folder_of(path: str) -> str:
    """The folder of a path, "" for one at the top."""
    return path.rpartition("/")[0]


def joined(folder: str, relative: str) -> str:
    """A relative path taken from a folder, "" when it leads out of the repository."""
    parts = folder.split("/") if folder else []
    for part in relative.split("/"):
        if part == "..":
            if not parts:
                return ""
            parts.pop()
        elif part not in {"", "."}:
            parts.append(part)
    return "/".join(parts)
