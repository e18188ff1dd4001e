"""What lies in the copy of the tree, so that it can be said what a run has left there, and what it must not leave."""

from __future__ import annotations

import hashlib
import os
import stat

CACHES = frozenset({"__pycache__", ".pytest_cache", ".hypothesis", ".mypy_cache", ".ruff_cache"})
"""Directories that tests may leave something in; it is taken away, since the next run would read it."""
_MAX = 200
_LARGEST = 16 << 20
"""Bytes above which a file's content is not looked at: then a new date is a change."""


class Inventory:
    """The tree as it was when this was made."""

    def __init__(self, top: str) -> None:
        self._top = top
        self._entries = _walk(top)
        self._digests = {path: _digest(top, path, entry) for path, entry in self._entries.items()}

    def left(self) -> list[str]:
        """What is not as it was, by path, at most 200 of them; caches are put in order on the way."""
        now = _walk(self._top)
        changed = []
        for path in sorted(now.keys() | self._entries.keys(), reverse=True):
            before, after = self._entries.get(path), now.get(path)
            if before == after:
                continue
            if before and after and self._digests[path] == _digest(self._top, path, after):
                self._entries[path] = after
            elif is_cache(path):
                if after and not remove(os.path.join(self._top, path)):
                    changed.append(path)
            else:
                changed.append(path)
        return changed[::-1][:_MAX]

    def modules(self, roots: list[str]) -> set[str]:
        """Names by which modules of the tree may be imported: from `roots`, and from whatever is no package."""
        packages = {path.rpartition("/")[0] for path in self._entries if path.endswith("/__init__.py")}
        own = {os.path.normpath(root) for root in roots}
        names = set()
        for path in (*self._entries, *packages):
            folder, _, name = path.rpartition("/")
            if (path in packages or name.endswith((".py", ".so"))) and (folder not in packages or folder in own):
                names.add(name.partition(".")[0])
        return names


def is_cache(path: str) -> bool:
    *parents, name = path.rstrip("/").split("/")
    return bool(CACHES.intersection((*parents, name))) or name == ".coverage" or name.startswith(".coverage.")


def remove(path: str) -> bool:
    """Take away whatever it is, with all that lies in it; whether that could be done."""
    try:
        if os.path.isdir(path) and not os.path.islink(path):
            empty(path)
            os.rmdir(path)
        else:
            os.unlink(path)
    except OSError:
        return not os.path.lexists(path)
    return True


def empty(path: str) -> bool:
    """Take away all that lies in a directory; whether that could be done."""
    try:
        os.chmod(path, 0o700)
        names = os.listdir(path)
    except OSError:
        return not os.path.lexists(path)
    retained = [name for name in names if not remove(os.path.join(path, name))]
    return not retained


def rest(path: str) -> dict[str, tuple[int, ...]]:
    """What is left of a directory's content when all that could be was taken away: places where the sandbox mounts."""
    return {} if empty(path) else _walk(path)


def _walk(top: str) -> dict[str, tuple[int, ...]]:
    """What tells an entry from another one, by path; directories end in a slash. A new ctime cannot be forged."""
    results: dict[str, tuple[int, ...]] = {}
    waiting = [""]
    while waiting:
        below = waiting.pop()
        try:
            with os.scandir(os.path.join(top, below)) as entries:
                for entry in entries:
                    path = below + entry.name
                    status = entry.stat(follow_symlinks=False)
                    if stat.S_ISDIR(status.st_mode):
                        results[path + "/"] = (stat.S_IFDIR,)
                        waiting.append(path + "/")
                    else:
                        results[path] = (
                            status.st_mode,
                            status.st_size,
                            status.st_mtime_ns,
                            status.st_ctime_ns,
                            status.st_ino,
                        )
        except OSError:
            # It was there and cannot be read any more, or goes away just now.
            results[below + "?"] = ()
    return results


def _digest(top: str, path: str, entry: tuple[int, ...]) -> tuple[object, ...]:
    """What makes two entries the same although one was written again."""
    if not entry or entry[0] == stat.S_IFDIR:
        return entry
    location = os.path.join(top, path)
    try:
        if stat.S_ISLNK(entry[0]):
            return (entry[0], os.readlink(location))
        if not stat.S_ISREG(entry[0]) or entry[1] > _LARGEST:
            return entry
        with open(location, "rb") as file:
            return (entry[0], hashlib.blake2b(file.read()).digest())
    except OSError:
        return (*entry, "unreadable")
