"""Speaks to Landlock, the kernel's sandbox for everybody: which files may be opened, and who may be signalled.

Numbers and structures are those of `linux/landlock.h`. What a kernel's version of it does not cover is the business of
`sandbox_seccomp`, which is told the version.
"""

import ctypes
import os
import stat
import sys
from collections.abc import Iterable
from typing import NamedTuple

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same on every architecture
_VERSION = 1
_PATH_BENEATH = 1
_SET_NO_NEW_PRIVS = 38
_SCOPE_ABSTRACT_SOCKETS, _SCOPE_SIGNALS = 1, 2

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1, 1 << 1, 1 << 2, 1 << 3
_MAKE_CHAR, _MAKE_BLOCK = 1 << 6, 1 << 11
_TRUNCATE, _IOCTL_DEV = 1 << 14, 1 << 15
_OF_FILES = EXECUTE | WRITE_FILE | READ_FILE | _TRUNCATE | _IOCTL_DEV
_ALL = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1}
_ALL_SINCE_5 = (1 << 16) - 1
_TCP = 3  # bind and connect

READ = EXECUTE | READ_FILE | READ_DIR
WRITE = _ALL_SINCE_5 & ~(_MAKE_CHAR | _MAKE_BLOCK | _IOCTL_DEV)
DEVICE = READ_FILE | WRITE_FILE | _TRUNCATE

SIGNALS_SINCE = 6
"""The first version that keeps signals in."""
_SOCKETS_SINCE = 4


class Grant(NamedTuple):
    """A path, and what may be done with everything beneath it."""

    path: str
    access: int


class _Ruleset(ctypes.Structure):
    _fields_ = (("fs", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _Beneath(ctypes.Structure):
    _fields_ = (("access", ctypes.c_uint64), ("parent", ctypes.c_int32))


def version() -> int:
    """The version of Landlock that this kernel offers, 0 when it offers none."""
    if sys.platform != "linux":
        return 0
    libc = ctypes.CDLL(None, use_errno=True)
    return max(0, int(libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(_VERSION))))


def no_new_privileges() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    _checked(libc.prctl(_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "PR_SET_NO_NEW_PRIVS")


def scope_signals() -> None:
    """From here on this process can signal only what it starts: a signal to "everybody" reaches nobody else."""
    _restrict(_Ruleset(0, 0, _SCOPE_SIGNALS), ())


def confine(grants: Iterable[Grant], abi: int, *, network: bool) -> None:
    """Let this process open nothing but what is granted; a path that does not exist is granted in vain.

    `network` leaves TCP and abstract sockets to a network namespace.
    """
    handled = _ALL.get(abi, _ALL_SINCE_5)
    tcp = 0 if network or abi < _SOCKETS_SINCE else _TCP
    scoped = _SCOPE_SIGNALS | _SCOPE_ABSTRACT_SOCKETS if abi >= SIGNALS_SINCE else 0
    _restrict(_Ruleset(handled, tcp, scoped), grants, handled)


def _restrict(ruleset: _Ruleset, grants: Iterable[Grant], handled: int = 0) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    # Older kernels refuse a longer structure only when what they do not know of it is not zero.
    size = ctypes.c_size_t(ctypes.sizeof(ruleset))
    rules = _checked(libc.syscall(_CREATE_RULESET, ctypes.byref(ruleset), size, 0), "landlock_create_ruleset")
    try:
        for path, access in grants:
            _grant(libc, rules, path, access & handled)
        _checked(libc.syscall(_RESTRICT_SELF, rules, 0), "landlock_restrict_self")
    finally:
        os.close(rules)


def _grant(libc: ctypes.CDLL, rules: int, path: str, access: int) -> None:
    try:
        parent = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return
    try:
        if not stat.S_ISDIR(os.fstat(parent).st_mode):
            access &= _OF_FILES
        rule = _Beneath(access, parent)
        _checked(libc.syscall(_ADD_RULE, rules, _PATH_BENEATH, ctypes.byref(rule), 0), f"landlock_add_rule of {path}")
    finally:
        os.close(parent)


def _checked(result: int, what: str) -> int:
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{what}: {os.strerror(error)}")
    return result
