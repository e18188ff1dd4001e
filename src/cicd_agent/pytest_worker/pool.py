"""The servers of a job as its supervisor has them: one for each way in which an interpreter would be started."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Optional

if TYPE_CHECKING:
    from collections.abc import Collection

_LONGEST = 1 << 16
_STARTING, _ANSWERING = 30.0, 5.0
"""Seconds in which a server has to have imported everything, and to answer."""
_LATER = frozenset({"PYTHONPATH", "TZ", "HOME", "TMPDIR"})
"""Variables that a fork can still be given; of all others an interpreter may have made something as it started."""


class Pool:
    """`modules` are names that the tree gives to modules: where one of them is imported by a server, there is none.

    `runs` are those of the job, of which `around` holds for each.
    """

    def __init__(
        self,
        around: dict[str, Any],
        runs: list[dict[str, Any]],
        top: str,
        modules: Collection[str],
        *,
        usable: bool,
    ) -> None:
        self._requested = {
            "overlay": around["overlay"],
            "measures": any(_measures(run["spec"]) for run in runs if run["spec"]["kind"] == "pytest"),
        }
        self._top = top
        self._modules = frozenset(modules)
        self._servers: dict[str, Server] = {}
        self._last: Optional[Server] = None  # noqa: UP045  evaluated by Python 3.9 too
        self._usable = usable

    def server(self, spec: dict[str, Any], environment: dict[str, str]) -> Server | None:
        """The server for such a run; None where only a fresh process will do."""
        self._last = None
        if spec["kind"] != "pytest" or not self._usable:
            return None
        given = {name: value for name, value in environment.items() if name not in _LATER}
        key = json.dumps([given, spec["forward_seconds"]], sort_keys=True)
        if key not in self._servers or self._servers[key].is_lost:
            # Where HOME and TMPDIR lie is the same for every run.
            at_start = {name: value for name, value in environment.items() if name != "PYTHONPATH"}
            requested = {**self._requested, "forward_seconds": spec["forward_seconds"]}
            try:
                server = self._servers[key] = Server(at_start, self._top, requested)
            except BlockingIOError:
                # So many processes has the user already, perhaps elsewhere: this run is begun by itself.
                return None
            self._usable = not server.is_lost and self._modules.isdisjoint(server.loaded)
            if not self._usable:
                self.end()
                return None
        self._last = self._servers[key]
        return self._last

    def swept(self) -> tuple[int, bool]:
        """How many of those that the last run left were killed, and whether all are gone; (0, False) if unknown."""
        killed, gone = self._last.swept() if self._last else (0, False)
        if not gone:
            # What is left comes to the supervisor, which can wait for all of its children when no server is among them.
            self.end()
        return killed, gone

    def end(self) -> None:
        for server in self._servers.values():
            server.end()
        self._servers.clear()


def _measures(spec: dict[str, Any]) -> bool:
    return bool(spec["measured"] or spec["traced"] or spec["mutants"])


class Server:
    """A process of `server.py`. It is lost when it does not do as it should, and ended then."""

    def __init__(self, environment: dict[str, str], directory: str, requested: dict[str, Any]) -> None:
        self._connection, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._connection.settimeout(_STARTING)
        self.is_lost = False
        command = [sys.executable, os.path.join(os.path.dirname(__file__), "start.py"), "server", str(theirs.fileno())]
        try:
            self._process = subprocess.Popen(  # noqa: S603  our own program
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                cwd=directory,
                env=environment,
                start_new_session=True,
            )
        except OSError:
            self._connection.close()
            raise
        finally:
            theirs.close()
        self.loaded = frozenset(self._answer(json.dumps(requested).encode()) or ())
        if not self.is_lost:
            self._connection.settimeout(_ANSWERING)

    def fork(self, given: int, output: int, report: int) -> Forked | None:
        """A run that reads from `given`, prints to `output` and reports on `report`."""
        with suppress(OSError):
            socket.send_fds(self._connection, [b"run"], [given, output, report])
            pid = self._answer(b"")
            return Forked(self, pid) if pid is not None else None
        self.end()
        return None

    def status(self, pid: int) -> int | None:
        """How a fork ended, as `os.wait` has it, and None as long as it goes on."""
        status = None if self.is_lost else self._answer(b"%d" % pid)
        if not self.is_lost:
            return status if status is None or status >= 0 else None
        # Its children are the supervisor's now.
        try:
            ended, status = os.waitpid(pid, os.WNOHANG)
        except ChildProcessError:
            return 1 << 8
        return status if ended else None

    def swept(self) -> tuple[int, bool]:
        killed, gone = self._answer(b"sweep") or (0, False)
        return killed, gone

    def end(self) -> None:
        if not self.is_lost:
            self.is_lost = True
            self._connection.close()
            with suppress(OSError):
                self._process.kill()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_ANSWERING)

    def _answer(self, request: bytes) -> Any:
        """What it answers to this, or to what was sent before; None when it is lost."""
        try:
            if request:
                self._connection.send(request)
            return json.loads(self._connection.recv(_LONGEST))
        except (OSError, ValueError):
            self.end()
            return None


class Forked:
    """A fork of a server, as `subprocess.Popen` has a process."""

    def __init__(self, server: Server, pid: int) -> None:
        self.pid = pid
        self._server = server
        self._code: Optional[int] = None  # noqa: UP045  evaluated by Python 3.9 too

    def poll(self) -> int | None:
        if self._code is None:
            status = self._server.status(self.pid)
            self._code = None if status is None else os.waitstatus_to_exitcode(status)
        return self._code

    def wait(self, timeout: float) -> int:
        ends = time.monotonic() + timeout
        while True:
            code = self.poll()
            if code is not None:
                return code
            if time.monotonic() > ends:
                raise subprocess.TimeoutExpired("a run", timeout)
            time.sleep(0.002)
