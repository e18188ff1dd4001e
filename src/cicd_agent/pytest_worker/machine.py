"""Lets this process believe that it runs on another machine, for tests that expect what this one happens to be.

What programs show to people is another: numbers of processors, versions, names, sizes. What they decide by stays, so
that the project and its packages load as ever: `sys.version_info`, `sys.platform`, `os.name`, `platform.system()`.
Other processes see the environment alone.
"""

from __future__ import annotations

import os
import re
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

USER, HOST = "morgan", "spare-machine"
_COLUMNS, _LINES = 211, 59
_PORTS = (3000, 5000, 5432, 6379, 8000, 8080, 8888, 9000)
"""Ports that people write into code; they are taken here."""
_HELD: list[Any] = []


def substitute() -> None:
    """Make it so, before anything of the project is imported."""
    _environment()
    _system()
    _names()
    _take_ports()


def _environment() -> None:
    home = os.path.join(os.environ["HOME"], USER)
    os.mkdir(home, 0o700)
    language = "C.UTF-8" if os.environ.get("LANG") in {None, "C", "POSIX"} else "POSIX"
    names = {**dict.fromkeys(("USER", "LOGNAME", "USERNAME"), USER), "HOME": home, "HOSTNAME": HOST, "LANG": language}
    os.environ.update(names, LANGUAGE="de_DE:de", COLUMNS=str(_COLUMNS), LINES=str(_LINES))


def _system() -> None:
    processors = 3 if os.cpu_count() != 3 else 5  # noqa: PLR2004  any other number than the true one
    _put(os, "cpu_count", lambda: processors)
    _put(os, "process_cpu_count", lambda: processors)
    _put(os, "sched_getaffinity", lambda _: set(range(processors)))
    _put(os, "get_terminal_size", lambda *_: os.terminal_size((_COLUMNS, _LINES)))
    _put(os, "getlogin", lambda: USER)
    _put(os, "getloadavg", lambda: (0.75, 0.5, 0.25))
    _change(os, "statvfs", _larger)
    _change(os, "uname", lambda it: os.uname_result((it.sysname, HOST, "5.4.0-spare", "#1 spare", it.machine)))
    # The third number of "3.12.1", which `platform.python_version()` reads from here.
    sys.version = re.sub(r"^(\d+\.\d+\.)(\d+)", lambda it: f"{it[1]}{int(it[2]) + 61}", sys.version)


def _larger(it: Any) -> Any:
    """The same of a disk with other free space."""
    fields = [*it]
    fields[2:5] = [each // 2 + 4_097 for each in fields[2:5]]
    return os.statvfs_result(fields)


def _names() -> None:
    import platform  # noqa: PLC0415  only where it is wanted, and after `os` and `sys` say something else

    machine = "aarch64" if platform.machine() != "aarch64" else "x86_64"
    for name in ("machine", "processor"):
        _put(platform, name, lambda: machine)
    with suppress(ImportError):
        import _socket  # noqa: PLC0415  some Pythons are built without it
        import socket  # noqa: PLC0415

        for module in (_socket, socket):
            _put(module, "gethostname", lambda: HOST)
    with suppress(ImportError):
        import pwd  # noqa: PLC0415

        own, home = os.getuid(), os.environ["HOME"]
        told = pwd.getpwuid

        def known(uid: int) -> Any:
            fields = (USER, "x", uid, os.getgid(), USER, home, "/bin/sh")
            return pwd.struct_passwd(fields) if uid == own else told(uid)

        pwd.getpwuid = known


def _take_ports() -> None:
    """Where there is a network at all; the processes that this one starts do not inherit them."""
    with suppress(ImportError):
        import socket  # noqa: PLC0415

        for port in _PORTS:
            with suppress(OSError):
                _HELD.append(socket.create_server(("127.0.0.1", port)))


def _put(owner: Any, name: str, function: Any) -> None:
    """In the place of a function, where this Python and this system have it."""
    if hasattr(owner, name):
        setattr(owner, name, function)


def _change(owner: Any, name: str, changed: Callable[[Any], Any]) -> None:
    function = getattr(owner, name, None)
    if function is not None:
        setattr(owner, name, lambda *given: changed(function(*given)))
