"""Runs a job inside the sandbox: a process that is new for each run, and a signed line about each that nobody forges.

It imports nothing of the project, and its key and descriptors are out of the reach of what it starts: the job is gone
from the disk before anything runs, its memory is closed to others, and what starts a run never had either.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import time
from binascii import hexlify, unhexlify
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from .inventory import Inventory, rest
from .pool import Pool
from .protocol import MAX_ITEMS, plain, signed, verified

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    class _Process(Protocol):
        """What is used of a process that was started here."""

        pid: int

        def poll(self) -> int | None: ...

        def wait(self, timeout: float) -> int: ...


_MAX_REPORTED = 96 << 20
"""Bytes after which no other run is begun, since somebody has to hold all of it."""
_PATH = 500
_CHUNK = 1 << 18
_TAIL = 4096
_TICK = 0.05
LINGER = 0.3
"""Seconds in which processes that were started along the way may still end by themselves."""
_PATIENCE = 5.0
_SUBREAPER, _DUMPABLE = 36, 4


def main(job_file: str) -> None:
    """Read the job, take it away, and do it: lines go to standard output."""
    with open(job_file, "rb") as file:
        job = json.loads(file.read())
    os.unlink(job_file)
    for path in job["removed"]:
        if os.path.lexists(path):
            os.unlink(path)
    adopts = shut()
    key = unhexlify(job["key"])
    top = os.getcwd()
    scratch = [os.environ["TMPDIR"], os.environ["HOME"], *job["scratch"]]
    inventory = Inventory(top)
    bare = [rest(location) for location in scratch]
    modules = inventory.modules(job["around"]["roots"])
    pool = Pool(job["around"], job["runs"], top, modules, usable=adopts)
    info = 0
    for number, requested in enumerate(job["runs"]):
        started = time.monotonic()
        home = os.path.join(scratch[0], "run")
        for name in ("", "tmp", "home", "elsewhere"):
            os.mkdir(os.path.join(home, name), 0o700)
        secret = os.urandom(32)
        ended = _session(job, requested, home, secret, pool)
        killed, gone = pool.swept()
        if not gone:
            others, gone = sweep(alone=job["alone"], adopts=adopts)
            killed += others
        seconds = time.monotonic() - started
        left = inventory.left()
        line = signed(key, number, json.dumps(_account(ended, secret, left, killed, seconds)))
        _write(line)
        info += len(line)
        dirty = [rest(location) for location in scratch] != bare
        if left or dirty or not gone or ended.immortal or info > _MAX_REPORTED:
            break
    pool.end()


def _session(job: dict[str, Any], requested: dict[str, Any], home: str, secret: bytes, pool: Pool) -> Ended:
    top = os.getcwd()
    environment = {
        **os.environ,
        **requested["environment"],
        "HOME": os.path.join(home, "home"),
        "TMPDIR": os.path.join(home, "tmp"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    directory = os.path.join(home, "elsewhere") if requested["elsewhere"] else top
    own = {"top": top, "directory": directory, "key": hexlify(secret).decode()}
    spec = {**job["around"], **requested["spec"], **own}
    server = pool.server(spec, environment)
    command = [sys.executable, os.path.join(os.path.dirname(__file__), "start.py"), "session"]

    def start(given: int, output: int, report: int) -> _Process:
        forked = server.fork(given, output, report) if server is not None else None
        return forked or begun(
            lambda: subprocess.Popen(  # noqa: S603  our own program
                [*command, str(report)],
                stdin=given,
                stdout=output,
                stderr=output,
                pass_fds=(report,),
                cwd=top,
                env=environment,
                start_new_session=True,
            )
        )

    handed = json.dumps({**spec, "environment": environment}).encode()
    return run(start, handed, environment["TMPDIR"], requested["seconds"])


def begun(start: Callable[[], subprocess.Popen[bytes]]) -> subprocess.Popen[bytes]:
    """A process, tried again where the limit is used up: it counts those that the same user has elsewhere, too."""
    ends = time.monotonic() + _PATIENCE
    while True:
        try:
            return start()
        except BlockingIOError:
            if time.monotonic() > ends:
                raise
            time.sleep(_TICK)


def _account(ended: Ended, secret: bytes, left: list[str], killed: int, seconds: float) -> dict[str, Any]:
    """What is said of a run: what the process reported goes along as it is, for somebody else to read."""
    info = [] if ended.over else list(verified(secret, bytes(ended.reported)))
    return {
        "code": ended.code,
        "late": ended.late,
        "over": ended.over,
        "forged": None in info,
        "lines": [content.decode() for content in info if content is not None],
        "printed": ended.printed.decode("utf-8", "replace"),
        "left": [plain(path, _PATH) for path in left],
        "killed": killed,
        "seconds": seconds,
    }


def _write(line: bytes) -> None:
    while line:
        line = line[os.write(1, line) :]


class Ended:
    """What came of a process: `code` as a shell has it, what it reported and printed last, what it left running."""

    def __init__(self) -> None:
        self.code = 0
        self.reported = bytearray()
        self.printed = b""
        self.late = False
        self.over = False
        self.immortal = False
        """Whether it could not be ended."""


def shut() -> bool:
    """Keep others out of this process's memory and descriptors, and let orphans come to it; whether they do."""
    try:
        import ctypes  # noqa: PLC0415  not every Python has it

        libc = ctypes.CDLL(None)
        libc.prctl(_DUMPABLE, 0, 0, 0, 0)
        return bool(libc.prctl(_SUBREAPER, 1, 0, 0, 0) == 0)
    except (ImportError, OSError, AttributeError):
        return False


def run(start: Callable[[int, int, int], _Process], handed: bytes, scratch: str, seconds: float) -> Ended:
    """Run to the end or the limit.

    `start` is given the descriptors of what the process reads, where it prints, and where it reports. `handed` is what
    it reads; only this process and that one ever see it.
    """
    ended = Ended()
    source, report = os.pipe()
    printed, output = os.pipe()
    given = _unnamed(scratch, handed)
    # Closed here once the process has them: the end of a pipe is the end of the process.
    try:
        process = start(given, output, report)
    finally:
        for descriptor in (given, report, output):
            os.close(descriptor)
    end = time.monotonic() + seconds
    try:
        _listen(process, ended, source, printed, end)
    finally:
        os.close(source)
        os.close(printed)
    _await(process, ended, end)
    return ended


def open_up() -> None:
    """Undo what a fork has of `shut`: a process in which the project's code runs is as any other."""
    import ctypes  # noqa: PLC0415  imported before

    ctypes.CDLL(None).prctl(_DUMPABLE, 1, 0, 0, 0)


def sweep(*, alone: bool, adopts: bool) -> tuple[int, bool]:
    """End whatever is left of anything that was started here: how many were killed, and whether all are gone.

    `alone` says that every process that a signal of ours can reach is one of them, `adopts` that orphans come to us.
    """
    killed = 0
    if not adopts:
        _kill_all(alone=alone)
    linger = time.monotonic() + LINGER
    while True:
        killed_now = reaped()
        if killed_now is None:
            return killed, True
        killed += killed_now
        now = time.monotonic()
        if now > linger + _PATIENCE:
            return killed, False
        if now > linger:
            _kill_all(alone=alone)
        time.sleep(0.002)


def reaped() -> int | None:
    """How many of those that have ended since were killed; None when there is nobody left."""
    killed = 0
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return killed or None
        if not pid:
            return killed
        killed += os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


def _kill_all(*, alone: bool) -> None:
    if alone:
        with suppress(OSError):
            os.kill(-1, signal.SIGKILL)
        return
    for pid in _children():
        with suppress(OSError):
            os.kill(pid, signal.SIGKILL)


def _children() -> list[int]:
    """Who has this process for a parent: orphans come to it, so that this reaches all of them in the end."""
    try:
        names = [name for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        return []
    results = []
    for name in names:
        try:
            with open("/proc/" + name + "/stat", "rb") as file:
                fields = file.read().rpartition(b")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == os.getpid():
            results.append(int(name))
    return results


def _unnamed(directory: str, content: bytes) -> int:
    """A file that only its descriptor leads to."""
    path = os.path.join(directory, "handed")
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    os.unlink(path)
    with os.fdopen(os.dup(descriptor), "wb") as file:
        file.write(content)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def _listen(process: _Process, ended: Ended, source: int, printed: int, end: float) -> None:
    """Until both pipes are closed, the process has ended, or the time is up."""
    with selectors.DefaultSelector() as selector:
        selector.register(source, selectors.EVENT_READ)
        selector.register(printed, selectors.EVENT_READ)
        while selector.get_map() and not ended.over:
            left = end - time.monotonic()
            if left <= 0:
                return
            ready = selector.select(min(left, _TICK))
            for key, _ in ready:
                chunk = os.read(key.fd, _CHUNK)
                if not chunk:
                    selector.unregister(key.fileobj)
                elif key.fd == source:
                    ended.reported += chunk
                    ended.over = len(ended.reported) > MAX_ITEMS
                else:
                    ended.printed = (ended.printed + chunk)[-_TAIL:]
            # What it started may hold the pipes open.
            if not ready and process.poll() is not None:
                return


def _await(process: _Process, ended: Ended, end: float) -> None:
    """The end of the process itself, which is helped to it when its time is up."""
    while process.poll() is None and time.monotonic() < end and not ended.over:
        time.sleep(0.001)
    ended.late = process.poll() is None and not ended.over
    if process.poll() is None:
        # Where a process may not signal its children, the limit of the whole run will end it.
        with suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)
    try:
        code = process.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        ended.immortal = True
        return
    ended.code = code if code >= 0 else 128 - code
