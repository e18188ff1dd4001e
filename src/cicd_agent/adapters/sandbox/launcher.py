"""The program that stands between the agent and a command in the sandbox: starts it, watches it, leaves nothing of it.

It runs in a process of its own (`python -I -S`), so that nothing of this happens in the agent between fork and exec,
and what the agent is (its memory, threads, signals) is out of the picture. As the reaper of all that the command starts
it finds what has left the process group; inside a Landlock scope it can kill all of it at once.
"""

import ctypes
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from cicd_agent.adapters.sandbox.confinement import SIGNALS_SINCE, give_up, scope_signals
from cicd_agent.adapters.sandbox.namespaces import furnish, separate
from cicd_agent.adapters.sandbox.resource_monitor import Process, descendants, disk, free_bytes, memory, threads_of
from cicd_agent.adapters.sandbox.spec import PATH, TREE, Box
from cicd_agent.adapters.sandbox.tree import remove

BOOT = "import sys; sys.path.append(sys.argv[1]); from cicd_agent.adapters.sandbox.launcher import {0}; sys.exit({0}())"
READY = "ready"
"""The report before the command takes the place of the launcher; anything after it is why it could not."""

_DEATH_SIGNAL, _DUMPABLE, _SUBREAPER = 1, 4, 36
_EVENTS = frozenset({signal.SIGCHLD, signal.SIGTERM})
_TICK = 0.05
_SHARE = 20
"""At most one part in so many of the time goes into measuring the disk."""
_PATIENCE = 5.0
_NOT_FOUND = 127
_KILLED = 128 + signal.SIGKILL


def launcher(python: str, program: str, *options: str) -> list[str]:
    return [python, "-I", "-S", *options, "-c", BOOT.format(program), str(Path(__file__).parents[3])]


def supervise() -> int:
    """Run the box that standard input describes, and report what became of it on its status descriptor."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _EVENTS)
    libc = ctypes.CDLL(None, use_errno=True)
    # Whatever is left of the command must not outlive the agent, nor lose itself under init.
    libc.prctl(_DEATH_SIGNAL, signal.SIGTERM, 0, 0, 0)
    libc.prctl(_SUBREAPER, 1, 0, 0, 0)
    box = Box.load(sys.stdin.buffer.read())
    if os.getppid() != box.caller:
        return 1
    os.set_inheritable(box.status, False)  # noqa: FBT003  the function has it so
    # Once in a scope, no program can gain privileges any more.
    scoped = box.confined and box.landlock >= SIGNALS_SINCE and not box.by_privilege and _scope()
    box = _allowing_for_others(box)
    ready, report = (each.detach() for each in _channel(box))
    started = os.fork()
    if not started:
        os.close(ready)
        return _start(box, report)
    os.close(report)
    code, stopped = _watch(box, started)
    left = _sweep(box, scoped=scoped)
    if os.getppid() != box.caller:
        # Nobody is there any more to do it.
        remove(Path(box.folder))
        return 1
    os.set_blocking(ready, False)
    status = b""
    with suppress(BlockingIOError, ConnectionResetError):
        status = os.read(ready, 4096)
    os.write(box.status, json.dumps([code, stopped, status.decode("utf-8", "replace"), left]).encode())
    return 0


def inside() -> int:
    """Behind the wrapper: become the command of the box that comes in by standard input, which takes the report."""
    channel = socket.socket(fileno=0)
    [handed] = socket.recv_fds(channel, 1, 1)[1]
    with os.fdopen(handed, "rb") as file:
        box = Box.load(file.read())
    report = os.dup(channel.detach())
    # What the wrapper has left open: Podman leaves a socket.
    os.closerange(3, report)
    os.closerange(report + 1, os.sysconf("SC_OPEN_MAX"))
    return _enclose(box, report) if box.encloses else _execute(box, report)


def _channel(box: Box) -> tuple[socket.socket, socket.socket]:
    """By which the start is reported; the box is waiting in it for whoever comes behind a wrapper.

    Of all descriptors sudo passes on only the first three: this one has to do for both directions.
    """
    ready, report = socket.socketpair()
    if box.wrapper:
        handed = os.memfd_create("box")
        os.write(handed, box.dump())
        os.lseek(handed, 0, os.SEEK_SET)
        socket.send_fds(ready, [b"-"], [handed])
        os.close(handed)
    return ready, report


def _allowing_for_others(box: Box) -> Box:
    """Where the user has other processes, the kernel counts them too; a user of a namespace of its own has none."""
    if box.user is None and box.namespaces:
        return box
    others = threads_of(box.user[0] if box.user is not None else os.getuid())
    return replace(box, limits={**box.limits, "processes": box.limits["processes"] + others})


def _scope() -> bool:
    """Whether a signal of ours can reach only what we start. That it is so is tried out: the answer has to be right."""
    scope_signals()
    try:
        os.kill(os.getppid(), 0)
    except PermissionError:
        return True
    except ProcessLookupError:
        return False
    return False


def _start(box: Box, report: int) -> int:
    """In the child: a session of its own, and the command or its wrapper."""
    os.setsid()
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    with suppress(OSError):
        # When the machine runs out of memory, it is this that has to go.
        Path("/proc/self/oom_score_adj").write_text("1000")
    if box.wrapper:
        os.dup2(report, 0)
        # As root, it must not leave files of root's beside our sources, nor be told anything by the environment.
        clean = {"PATH": PATH, "HOME": box.environment["HOME"]}
        around = clean if box.by_privilege else box.environment
        return _exec([*box.wrapper, *launcher(sys.executable, "inside", "-B")], around, report)
    return _enclose(box, report) if box.encloses else _execute(box, report)


def _enclose(box: Box, report: int) -> int:
    """Make the namespaces, and wait outside of them for their first process."""
    try:
        box = separate(box)
    except OSError as error:
        os.write(report, f"{error.strerror}".encode())
        return _NOT_FOUND
    if first := os.fork():
        os.close(report)
        return _outlast(first)
    return _execute(box, report)


def _execute(box: Box, report: int) -> int:
    """Give up everything, and become the command; the first process of a namespace starts it, and ends with it."""
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    # The signals of a fresh process, which an interpreter changes.
    for changed in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT):
        signal.signal(changed, signal.SIG_DFL)
    try:
        if box.encloses:
            furnish(box)
        os.chdir(Path(box.folder, TREE))
        give_up(box)
        if box.encloses:
            # The command sees this process: the kernel shows it no more than its name.
            ctypes.CDLL(None).prctl(_DUMPABLE, 0, 0, 0, 0)
        command = os.fork() if box.encloses else 0
    except OSError as error:
        os.write(report, f"{error.strerror}".encode())
        return _NOT_FOUND
    if command:
        os.close(report)
        return _outlast(command)
    if box.encloses:
        # A signal to the own group reaches those of it that are outside of the namespace, too.
        os.setsid()
    os.write(report, READY.encode())
    return _exec(box.command, box.environment, report)


def _outlast(child: int) -> int:
    """Wait for a child, and end as it did; whatever of the namespace is left then ends as well."""
    ctypes.CDLL(None).prctl(_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
    while True:
        pid, status = os.wait()
        if pid == child:
            return _shell_code(status)


def _exec(command: Sequence[str], environment: Mapping[str, str], report: int) -> int:
    try:
        os.execvpe(command[0], list(command), environment)  # noqa: S606  a list of arguments, and no shell
    except OSError as error:
        os.write(report, f"{command[0]}: {error.strerror}".encode())
    return _NOT_FOUND


def _watch(box: Box, started: int) -> tuple[int, str]:
    """Wait until the command ends or uses too much: the exit code as a shell has it, and the limit that was passed."""
    end = time.monotonic() + box.limits["wall_seconds"]
    free = free_bytes(box.folder)
    next_measurement = 0.0
    while True:
        event = signal.sigtimedwait(_EVENTS, max(0.0, min(_TICK, end - time.monotonic())))
        if event is not None and event.si_signo == signal.SIGTERM:
            return _KILLED, ""
        if (code := _reap(started)) is not None:
            return code, "cpu_seconds" if code == 128 + signal.SIGXCPU else ""
        now = time.monotonic()
        if now >= end:
            return _KILLED, "wall_seconds"
        processes = descendants(os.getpid())
        passed = _passed(box, processes)
        if not passed and now >= next_measurement:
            passed = _passed_on_disk(box, processes, free)
            next_measurement = now + (time.monotonic() - now) * _SHARE
        if passed:
            return _KILLED, passed


def _passed(box: Box, processes: list[Process]) -> str:
    if sum(process.seconds for process in processes) > box.limits["cpu_seconds"]:
        return "cpu_seconds"
    limit = int(box.limits["memory_bytes"])
    return "memory_bytes" if memory(processes, limit, namespaces=box.namespaces) > limit else ""


def _passed_on_disk(box: Box, processes: list[Process], free: int) -> str:
    size, files = disk(box.folder, processes, free)
    if files > box.limits["files"]:
        return "files"
    return "disk_bytes" if size > box.limits["disk_bytes"] else ""


def _reap(child: int | None = None) -> int | None:
    """Collect all that have ended; the exit code of `child` if it is one of them. ChildProcessError: there are none."""
    while True:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return None
        if pid == child:
            return _shell_code(status)


def _shell_code(status: int) -> int:
    """How a process ended, as a shell tells it."""
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def _sweep(box: Box, *, scoped: bool) -> int:
    """Kill all that is left; how many have not ended after `_PATIENCE` seconds."""
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        _kill_all(box, scoped=scoped)
        try:
            _reap()
        except ChildProcessError:
            return 0
        time.sleep(0.002)
    return len(descendants(os.getpid()))


def _kill_all(box: Box, *, scoped: bool) -> None:
    """One signal to all at once where that is possible: a chain of forks can run away from one that goes by ids."""
    if scoped:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(-1, signal.SIGKILL)
        return
    if box.confined and box.user is not None and not box.namespaces:
        killer = os.fork()
        if not killer:
            os.setresuid(box.user[0], box.user[0], box.user[0])
            with suppress(ProcessLookupError):
                os.kill(-1, signal.SIGKILL)
            os.kill(os.getpid(), signal.SIGKILL)
        os.waitpid(killer, 0)
        return
    for process in descendants(os.getpid()):
        with suppress(ProcessLookupError, PermissionError):
            os.kill(process.pid, signal.SIGKILL)
