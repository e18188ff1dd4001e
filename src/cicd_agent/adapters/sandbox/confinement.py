"""Gives up everything that a command must not have, in the process that is about to become it."""

import ctypes
import os
import platform
import resource
from collections.abc import Iterator
from pathlib import Path

from cicd_agent.adapters.sandbox.landlock import DEVICE, READ, WRITE, Grant, confine, no_new_privileges
from cicd_agent.adapters.sandbox.resource_monitor import threads_of
from cicd_agent.adapters.sandbox.seccomp import Surroundings, install, program
from cicd_agent.adapters.sandbox.spec import Box

_KEEP_CAPABILITIES, _AMBIENT, _RAISE = 8, 47, 2
_CAPABILITY_VERSION = 0x20080522
_DAC_READ_SEARCH = 2
_OPEN_FILES = 4096


def give_up(box: Box) -> None:
    """Limits, user, capabilities, files and system calls, in the order in which each can still be given up."""
    _limit(box)
    if not box.confined:
        return
    if box.user is not None:
        _become(box.user, [*box.view.readable, *box.view.writable])
    else:
        _keep_capabilities(0)
    no_new_privileges()
    if box.landlock:
        confine(_grants(box), box.landlock, network=bool(box.wrapper))
    install(
        program(
            platform.machine(),
            Surroundings(namespaces=bool(box.wrapper), own_user=box.user is not None, landlock=box.landlock),
        )
    )


def _grants(box: Box) -> Iterator[Grant]:
    yield from (Grant(path, READ) for path in box.view.readable)
    yield from (Grant(path, WRITE) for path in box.view.writable)
    yield from (Grant(path, DEVICE) for path in box.view.devices)


def _limit(box: Box) -> None:
    # Where the user has other processes, the kernel counts them too.
    others = threads_of(os.getuid()) if box.user is None and not box.wrapper else 0
    cpu = int(box.limits["cpu_seconds"])
    for what, soft, hard in (
        (resource.RLIMIT_CPU, cpu, cpu + 1),
        (resource.RLIMIT_DATA, box.limits["memory_bytes"], None),
        (resource.RLIMIT_FSIZE, box.limits["file_bytes"], None),
        (resource.RLIMIT_NPROC, others + box.limits["processes"], None),
        (resource.RLIMIT_NOFILE, _OPEN_FILES, None),
        (resource.RLIMIT_CORE, 0, None),
    ):
        maximum = resource.getrlimit(what)[1]
        requested = int(soft), int(soft if hard is None else hard)
        if maximum != resource.RLIM_INFINITY:
            requested = min(requested[0], maximum), min(requested[1], maximum)
        resource.setrlimit(what, requested)


def _become(user: int, paths: list[str]) -> None:
    """Let root become an ordinary user, whose processes the kernel counts and whose signals reach no other.

    Our paths can lie beneath a directory that is closed to that user (/root). Then it keeps one capability, to pass
    closed directories; what may be opened is Landlock's to say, or the namespace's.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    there = [path for path in paths if Path(path).exists()]
    if libc.prctl(_KEEP_CAPABILITIES, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "PR_SET_KEEPCAPS")
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
    if all(os.access(path, os.R_OK) for path in there):
        _keep_capabilities(0)
        return
    try:
        _keep_capabilities(1 << _DAC_READ_SEARCH)
    except PermissionError as error:
        what = "the interpreter or the copy lies where only root may pass, and this root cannot let another do so"
        raise PermissionError(error.errno, what) from error
    if libc.prctl(_AMBIENT, _RAISE, _DAC_READ_SEARCH, 0, 0):
        raise OSError(ctypes.get_errno(), "PR_CAP_AMBIENT_RAISE")


def _keep_capabilities(mask: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
    # Effective, permitted, inheritable; then the same for capabilities from 32 on.
    if libc.capset(header, (ctypes.c_uint32 * 6)(mask, mask, mask, 0, 0, 0)):
        error = ctypes.get_errno()
        raise OSError(error, f"capabilities {mask:#x}: {os.strerror(error)}")
