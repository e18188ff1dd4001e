"""Finds one file of a commit by reading its directories, so that no name that anybody chose reaches git."""

from cicd_agent.adapters.git.process import Git

LIMIT = 50_000_000
"""Bytes of one directory: half a million files."""
DIRECTORY = b"40000"


class Trees:
    """Directories, each read once: what an id names never changes."""

    def __init__(self, git: Git) -> None:
        self._git = git
        self._read: dict[str, dict[bytes, tuple[bytes, str]]] = {}

    def find(self, tree: str, path: bytes) -> tuple[bytes, str] | None:
        """Mode and id of what a tree or a commit has at a path; None when it has nothing there."""
        *folders, name = path.split(b"/")
        for folder in folders:
            found = self._entries(tree).get(folder)
            if found is None or found[0] != DIRECTORY:
                return None
            tree = found[1]
        return self._entries(tree).get(name)

    def _entries(self, tree: str) -> dict[bytes, tuple[bytes, str]]:
        known = self._read.get(tree)
        if known is None:
            known = self._read[tree] = _entries(self._git.content(f"{tree}^{{tree}}", LIMIT), len(tree) // 2)
        return known


def _entries(data: bytes | None, width: int) -> dict[bytes, tuple[bytes, str]]:
    """Mode and id by name. `width` is that of an id in bytes. Nothing, of a tree that is not here."""
    entries: dict[bytes, tuple[bytes, str]] = {}
    at = 0
    while data and (end := data.find(b"\0", at)) >= 0:
        mode, _, name = data[at:end].partition(b" ")
        at = end + 1 + width
        entries[name] = mode, data[end + 1 : at].hex()
    return entries
