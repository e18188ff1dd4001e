"""What a run leaves for the next one on the same pull request: a sealed file in the directory of the kept answers."""

import hmac
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from cicd_agent.adapters.files import write_file
from cicd_agent.adapters.tape_cache import evict, read_entry
from cicd_agent.core.seal import seal, unseal

MOST_FILES: Final = 200
"""Pull requests that are remembered at a time."""

_NAME = r"memory-[0-9a-f]{64}\.json"


class MemoryFiles:
    """Memories of a folder, one file for each thing that they are about, whose name only the key's owner can tell."""

    def __init__(self, folder: Path, *, secret: bytes, now: Callable[[], float], note: Callable[[str], None]) -> None:
        self._folder = folder
        self._secret = secret
        self._now = now
        self._note = note

    def read(self, about: str) -> tuple[str, ...]:
        """The lines that were left about this; none when there are none, and with a note when they are not ours."""
        path = self._path(about)
        raw = read_entry(path)
        if raw is None and not os.path.lexists(path):
            return ()
        lines = unseal((raw or b"").decode("utf-8", "replace"), self._secret, about)
        if not lines:
            self._note(f"{path.name} in `cache-dir` is damaged or not ours, and is not used: everything is asked")
        return lines

    def write(self, about: str, lines: Sequence[str]) -> None:
        """Replace what was left about this by as many of the lines as there is room for; a note when that fails."""
        sealed = seal(lines, self._secret, about)
        try:
            if sealed:
                write_file(self._path(about), sealed, mode=0o600)
            evict(self._folder, _NAME, self._now(), MOST_FILES)
        except OSError as error:
            self._note(f"what was reviewed could not be kept in {self._folder}: {error.strerror or error}")

    def _path(self, about: str) -> Path:
        named = hmac.digest(self._secret, f"name {about}".encode("utf-8", "surrogatepass"), "sha256")
        return self._folder / f"memory-{named.hex()}.json"
