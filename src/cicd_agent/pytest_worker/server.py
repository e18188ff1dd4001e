"""A process that has imported what runs of pytest need, and becomes each of them by a fork.

It imports nothing of the project, holds no key, and nobody can read its memory or descriptors. What a run does stays in
its fork: the next one begins with what was here before the first.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import importlib.util
import json
import os
import socket
import sys
import time
from typing import Any

from .clocks import put_forward
from .plugins import look
from .session import main as run_session
from .supervisor import LINGER, open_up, reaped, shut

_LONGEST = 1 << 16


def main(channel: str) -> None:
    """`channel` is a descriptor of the supervisor's: what is to be imported comes first, then one request at a time."""
    connection = socket.socket(fileno=int(channel))
    connection.set_inheritable(False)
    requested = json.loads(connection.recv(_LONGEST))
    shut()
    # As a session does: what is imported later sees the later time.
    if requested["forward_seconds"]:
        put_forward(requested["forward_seconds"])
    _preload(requested)
    loaded = {name.partition(".")[0] for name in sys.modules} - {__package__, "__main__"}
    connection.send(json.dumps(sorted(loaded)).encode())
    gc.collect()
    # Collections in the forks need not copy the pages of what lives as long as they do.
    gc.freeze()
    while True:
        message, descriptors, _, _ = socket.recv_fds(connection, _LONGEST, 3)
        if not message:
            return
        if message == b"run":
            child = os.fork()
            if not child:
                connection.close()
                # The end of this function is the end of the run, as of any program.
                _become(descriptors)
                return
            for descriptor in descriptors:
                os.close(descriptor)
            connection.send(b"%d" % child)
        elif message == b"sweep":
            connection.send(json.dumps(_swept()).encode())
        else:
            connection.send(_status(int(message)))


def _preload(requested: dict[str, Any]) -> None:
    if requested["overlay"]:
        sys.path.append(requested["overlay"])
    config = importlib.import_module("_pytest.config")
    # pytest imports these whatever it runs: https://docs.pytest.org/en/stable/how-to/writing_plugins.html
    for name in (*getattr(config, "essential_plugins", ()), *getattr(config, "default_plugins", ())):
        with contextlib.suppress(ImportError):
            importlib.import_module("_pytest." + name)
    importlib.import_module("pytest")
    for name in ("pytest_run", *(("line_coverage", "mutation") if requested["measures"] else ())):
        importlib.import_module("." + name, __package__)
    if "hypothesis" in look(os.getcwd(), ["hypothesis"]) and importlib.util.find_spec("hypothesis"):
        importlib.import_module("hypothesis")
        # Else pytest warns, in some projects by an error, that it came before asserts in it could be rewritten.
        for name in [name for name in sys.modules if "hypothesis" in name.partition(".")[0]]:
            sys.modules[name].__doc__ = (sys.modules[name].__doc__ or "") + " PYTEST_DONT_REWRITE"


def _become(descriptors: list[int]) -> None:
    """One run, with what it reads, where it prints, and where it reports."""
    given, output, report = descriptors
    os.setsid()
    os.dup2(given, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(given)
    os.close(output)
    open_up()
    sys.argv = [sys.argv[0], "session", str(report)]
    run_session(str(report), forked=True)


def _status(child: int) -> bytes:
    """How a run ended, as `os.wait` has it, and -1 of one that goes on."""
    try:
        ended, status = os.waitpid(child, os.WNOHANG)
    except ChildProcessError:
        return b"256"
    return b"%d" % (status if ended else -1)


def _swept() -> tuple[int, bool]:
    """How many of those that came here as orphans were killed, and whether all are gone."""
    killed, linger = 0, time.monotonic() + LINGER
    while True:
        now = reaped()
        if now is None:
            return killed, True
        killed += now
        if time.monotonic() > linger:
            return killed, False
        time.sleep(0.002)
