"""Notices which files below the temporary directory are written: a name that two tests share lets them collide."""

from __future__ import annotations

import os
import sys
import tempfile
from typing import Any

MAX_FILES = 20
"""Of one test; whoever writes more has shown enough."""
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_OWN = ("pytest-of-", "cache" + os.sep, "coverage")
"""Of pytest, which numbers its folders, and of our own."""


class TemporaryFiles:
    """`written` are paths from the temporary directory, in the order in which they came, since somebody emptied it."""

    def __init__(self) -> None:
        self.written: dict[str, None] = {}
        self._roots = tuple(
            dict.fromkeys(
                os.path.join(each, "") for each in (os.environ.get("TMPDIR", ""), tempfile.gettempdir()) if each
            )
        )
        sys.addaudithook(self._noticed)

    def _noticed(self, event: str, given: tuple[Any, ...]) -> None:
        if event == "open":
            path, mode, flags = given
            is_written = bool(flags & _WRITES) if isinstance(flags, int) else "r" not in str(mode)
        elif event == "os.mkdir":
            path, is_written = given[0], True
        else:
            return
        if is_written and isinstance(path, str) and path.startswith(self._roots) and len(self.written) < MAX_FILES:
            root = next(each for each in self._roots if path.startswith(each))
            name = os.path.normpath(path[len(root) :])
            if name != "." and not name.startswith(_OWN):
                self.written[name] = None
