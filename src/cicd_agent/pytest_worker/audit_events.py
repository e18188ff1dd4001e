"""Notices by Python's audit events which tests try to leave the machine, and which write temporary files by name.

What comes of a network here is what a machine without one gives. A name that two tests share lets them collide.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from contextlib import suppress
from typing import Any

_LOCAL = ("localhost", "127.", "::1", "0.0.0.0", "::ffff:127.")  # noqa: S104  nothing is bound to it
MAX_FILES = 20
"""Of one test; whoever writes more has shown enough."""
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_OWN = ("pytest-of-", "cache" + os.sep, "coverage")
"""Of pytest, which numbers its folders, and of our own."""
_NUMBER = re.compile(r"[0-9.]+|[0-9a-fA-F:.]*:[0-9a-fA-F:.]*(%.*)?")


class Attempts:
    """`first` is the first address that was tried since somebody emptied it."""

    def __init__(self) -> None:
        self.first = ""
        self._families: tuple[int, ...] = ()
        with suppress(ImportError):
            import _socket  # noqa: PLC0415  some Pythons are built without it

            try:
                _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM).close()
            except OSError:
                # Where none can be made, the address that one was wanted for stays unknown.
                self._families = (_socket.AF_INET, _socket.AF_INET6)
            self._own = _socket.gethostname()
            sys.addaudithook(self._noticed)

    def _noticed(self, event: str, given: tuple[Any, ...]) -> None:
        if self.first or not event.startswith("socket."):
            return
        if event in {"socket.getaddrinfo", "socket.gethostbyname"}:
            host = given[0].decode("utf-8", "replace") if isinstance(given[0], bytes) else given[0]
            # To read a number as an address takes no network.
            if isinstance(host, str) and not self._is_local(host) and not _NUMBER.fullmatch(host):
                self.first = host
        elif event in {"socket.connect", "socket.sendto"}:
            address = given[1]
            if isinstance(address, tuple) and address and not self._is_local(str(address[0])):
                self.first = ":".join(map(str, address[:2]))
        elif event == "socket.__new__" and given[1] in self._families:
            self.first = "an address"

    def _is_local(self, host: str) -> bool:
        return not host or host.startswith(_LOCAL) or host.partition(".")[0] == self._own.partition(".")[0]


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
