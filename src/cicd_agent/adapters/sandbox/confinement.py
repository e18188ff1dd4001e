"""Gives up everything that a command must not have, in the process that is about to become it.

Numbers and structures of Landlock, the kernel's sandbox for everybody, are those of `linux/landlock.h`. What a kernel's
version of it does not cover is the business of the filter of system calls, which knows the version.
"""

import ctypes
import errno
import os
import resource
import stat
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from cicd_agent.adapters.sandbox.spec import DEVICES, Box

_SET_NO_NEW_PRIVS, _SET_SECCOMP, _SECCOMP_FILTER = 38, 22, 2
_BOUNDING_SET_DROP, _KEEP_CAPABILITIES, _AMBIENT, _RAISE = 24, 8, 47, 2
_CAPABILITY_VERSION = 0x20080522
_DAC_READ_SEARCH = 2
_OPEN_FILES = 4096

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same on every architecture
_VERSION = 1
_PATH_BENEATH = 1
_SCOPE_ABSTRACT_SOCKETS, _SCOPE_SIGNALS = 1, 2
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 1 << 1, 1 << 2, 1 << 3
_MAKE_CHAR, _MAKE_BLOCK = 1 << 6, 1 << 11
_TRUNCATE, _IOCTL_DEV = 1 << 14, 1 << 15
_OF_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV
_ALL = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1}
_ALL_SINCE_5 = (1 << 16) - 1
_TCP = 3  # bind and connect
_READ = _EXECUTE | _READ_FILE | _READ_DIR
_WRITE = _ALL_SINCE_5 & ~(_MAKE_CHAR | _MAKE_BLOCK | _IOCTL_DEV)
_DEVICE = _READ_FILE | _WRITE_FILE | _TRUNCATE
_SOCKETS_SINCE = 4
SIGNALS_SINCE = 6
"""The first version of Landlock that keeps signals in."""


class _Ruleset(ctypes.Structure):
    _fields_ = (("fs", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _Beneath(ctypes.Structure):
    _fields_ = (("access", ctypes.c_uint64), ("parent", ctypes.c_int32))


class _Filter(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def landlock_version() -> int:
    """The version of Landlock that this kernel offers, 0 when it offers none."""
    if sys.platform != "linux":
        return 0
    libc = ctypes.CDLL(None, use_errno=True)
    return max(0, int(libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(_VERSION))))


def scope_signals() -> None:
    """From here on this process can signal only what it starts: a signal to "everybody" reaches nobody else."""
    _no_new_privileges()
    _restrict(_Ruleset(0, 0, _SCOPE_SIGNALS), ())


def give_up(box: Box) -> None:
    """Limits, user, capabilities, files and system calls, in the order in which each can still be given up."""
    _limit(box)
    if not box.confined:
        return
    if box.by_privilege:
        _bound_capabilities()
    if box.user is not None:
        # Who is root for the namespaces alone becomes nothing but an ordinary user again.
        _become(*box.user, [] if box.by_privilege else [*box.readable, *box.writable])
    else:
        _keep_capabilities(0)
    _no_new_privileges()
    if box.landlock:
        _confine(box)
    _install(bytes.fromhex(box.filter))


def call(what: str, function: str, *arguments: Any) -> int:
    """Call a function of libc. Raises OSError, which begins with `what`, where it fails."""
    result = int(getattr(ctypes.CDLL(None, use_errno=True), function)(*arguments))
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{what}: {os.strerror(error)}")
    return result


def _no_new_privileges() -> None:
    call("PR_SET_NO_NEW_PRIVS", "prctl", _SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def _limit(box: Box) -> None:
    cpu = int(box.limits["cpu_seconds"])
    for what, soft, hard in (
        (resource.RLIMIT_CPU, cpu, cpu + 1),
        (resource.RLIMIT_DATA, box.limits["memory_bytes"], None),
        (resource.RLIMIT_FSIZE, box.limits["file_bytes"], None),
        (resource.RLIMIT_NPROC, box.limits["processes"], None),
        (resource.RLIMIT_NOFILE, _OPEN_FILES, None),
        (resource.RLIMIT_CORE, 0, None),
    ):
        maximum = resource.getrlimit(what)[1]
        requested = int(soft), int(soft if hard is None else hard)
        if maximum != resource.RLIM_INFINITY:
            requested = min(requested[0], maximum), min(requested[1], maximum)
        resource.setrlimit(what, requested)


def _become(user: int, group: int, paths: Sequence[str]) -> None:
    """Let root become an ordinary user, whose processes the kernel counts and whose signals reach no other.

    Our paths can lie beneath a directory that is closed to that user (/root). Then it keeps one capability, to pass
    closed directories; what may be opened is Landlock's to say, or the namespace's.
    """
    present = [path for path in paths if Path(path).exists()]
    call("PR_SET_KEEPCAPS", "prctl", _KEEP_CAPABILITIES, 1, 0, 0, 0)
    os.setgroups([])
    os.setresgid(group, group, group)
    os.setresuid(user, user, user)
    if all(os.access(path, os.R_OK) for path in present):
        _keep_capabilities(0)
        return
    try:
        _keep_capabilities(1 << _DAC_READ_SEARCH)
    except PermissionError as error:
        what = "the interpreter or the copy lies where only root may pass, and this root cannot let another do so"
        raise PermissionError(error.errno, what) from error
    call("PR_CAP_AMBIENT_RAISE", "prctl", _AMBIENT, _RAISE, _DAC_READ_SEARCH, 0, 0)


def _bound_capabilities() -> None:
    """Let no program bring any of them back."""
    libc = ctypes.CDLL(None, use_errno=True)
    number = 0
    while libc.prctl(_BOUNDING_SET_DROP, number, 0, 0, 0) == 0:
        number += 1
    if ctypes.get_errno() != errno.EINVAL:
        raise OSError(ctypes.get_errno(), "the bounding set of capabilities could not be emptied")


def _keep_capabilities(mask: int) -> None:
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
    # Effective, permitted, inheritable; then the same for capabilities from 32 on.
    call(f"capabilities {mask:#x}", "capset", header, (ctypes.c_uint32 * 6)(mask, mask, mask, 0, 0, 0))


def _confine(box: Box) -> None:
    """Let this process open nothing but what the box grants; a path that does not exist is granted in vain."""
    handled = _ALL.get(box.landlock, _ALL_SINCE_5)
    # A network namespace has TCP and abstract sockets of its own.
    tcp = 0 if box.namespaces or box.landlock < _SOCKETS_SINCE else _TCP
    scoped = _SCOPE_SIGNALS | _SCOPE_ABSTRACT_SOCKETS if box.landlock >= SIGNALS_SINCE else 0
    access = {_READ: box.readable, _WRITE: box.writable, _DEVICE: DEVICES}
    grants = [(path, rights & handled) for rights, paths in access.items() for path in paths]
    _restrict(_Ruleset(handled, tcp, scoped), grants)


def _restrict(ruleset: _Ruleset, grants: Iterable[tuple[str, int]]) -> None:
    # Older kernels refuse a longer structure only when what they do not know of it is not zero.
    size = ctypes.c_size_t(ctypes.sizeof(ruleset))
    rules = call("landlock_create_ruleset", "syscall", _CREATE_RULESET, ctypes.byref(ruleset), size, 0)
    try:
        for path, access in grants:
            _grant(rules, path, access)
        call("landlock_restrict_self", "syscall", _RESTRICT_SELF, rules, 0)
    finally:
        os.close(rules)


def _grant(rules: int, path: str, access: int) -> None:
    try:
        parent = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return
    try:
        if not stat.S_ISDIR(os.fstat(parent).st_mode):
            access &= _OF_FILES
        rule = ctypes.byref(_Beneath(access, parent))
        call(f"landlock_add_rule of {path}", "syscall", _ADD_RULE, rules, _PATH_BENEATH, rule, 0)
    finally:
        os.close(parent)


def _install(program: bytes) -> None:
    """Put a filter of system calls in force for this process and whatever it starts, without a way back."""
    held = ctypes.create_string_buffer(program, len(program))
    given = ctypes.byref(_Filter(len(program) // 8, ctypes.addressof(held)))
    call("seccomp's filter was refused", "prctl", _SET_SECCOMP, _SECCOMP_FILTER, given, 0, 0)
