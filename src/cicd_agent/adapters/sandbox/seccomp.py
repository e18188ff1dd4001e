"""Writes the filter that decides about each system call of a command in the sandbox, and puts it in force.

A list of what is allowed would break programs with every new libc; a list of what is refused lets new calls through. So
this one is closed at the top: known calls pass unless they are refused below, calls newer than the table do not exist
(ENOSYS, for which programs are prepared), and calls of another architecture kill the process.
"""

import ctypes
import errno
import socket
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cicd_agent.adapters.sandbox.landlock import SIGNALS_SINCE
from cicd_agent.adapters.sandbox.syscalls import ARCHITECTURES, LAST, NUMBERS

_ALLOW, _KILL = 0x7FFF0000, 0x80000000
_ERROR = 0x00050000
_REFUSE = _ERROR | errno.EPERM
_ABSENT = _ERROR | errno.ENOSYS
_PRETEND = _ERROR
"""Answer 0 and do nothing."""

# Instructions of classic BPF, and where struct seccomp_data holds what.
_LOAD, _AND, _EQUAL, _ABOVE, _ANY, _RETURN = 0x20, 0x54, 0x15, 0x25, 0x45, 0x06
_NR, _ARCH, _ARGUMENTS = 0, 4, 16
_X32 = 0x40000000

_SET_SECCOMP, _FILTER = 22, 2
_NEW_NAMESPACES = 0x7E020000
_SOCKET_TYPE = 0xF
_PRIO_PROCESS = 0
_F_SETOWN, _F_SETSIG, _F_SETOWN_EX = 8, 10, 15
_FIOSETOWN, _SIOCSPGRP, _TIOCSTI = 0x8901, 0x8902, 0x5412

# Other processes' memory and descriptors; the kernel's larger surfaces; whatever acts on the machine as a whole; files
# by handles instead of paths; and memory that none of our limits counts. Who asks for one of these in a test of a
# project is an attacker or has a fallback.
# fmt: off
_NEVER = (
    "ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "process_mrelease", "kcmp", "pidfd_getfd",
    "migrate_pages", "move_pages", "bpf", "perf_event_open", "userfaultfd", "io_uring_setup", "io_uring_enter",
    "io_uring_register", "keyctl", "add_key", "request_key", "mount", "umount2", "pivot_root", "chroot", "move_mount",
    "open_tree", "open_tree_attr", "fsopen", "fsconfig", "fsmount", "fspick", "mount_setattr", "statmount",
    "listmount", "unshare", "setns", "quotactl", "quotactl_fd", "acct", "swapon", "swapoff", "kexec_load",
    "kexec_file_load", "init_module", "finit_module", "delete_module", "create_module", "query_module", "reboot",
    "sethostname", "setdomainname", "settimeofday", "clock_settime", "clock_adjtime", "adjtimex", "iopl", "ioperm",
    "modify_ldt", "syslog", "vhangup", "lookup_dcookie", "nfsservctl", "uselib", "name_to_handle_at",
    "open_by_handle_at", "fanotify_init", "fanotify_mark", "memfd_create", "memfd_secret", "shmget", "shmat",
    "shmctl", "msgget", "msgsnd", "msgrcv", "msgctl", "semget", "semop", "semctl", "semtimedop", "mq_open",
    "mq_unlink",
)

# Landlock does not watch over a file's mode, times and owner.
_METADATA = (
    "chmod", "fchmod", "fchmodat", "fchmodat2", "utime", "utimes", "futimesat", "utimensat",
)
_OWNERS = ("chown", "lchown", "fchown", "fchownat")
_ATTRIBUTES = (
    "setxattr", "lsetxattr", "fsetxattr", "setxattrat", "removexattr", "lremovexattr", "fremovexattr",
    "removexattrat", "file_setattr",
)
# fmt: on
_WATCHES = ("inotify_init", "inotify_init1", "inotify_add_watch")
_SCHEDULING = ("sched_setaffinity", "sched_setparam", "sched_setscheduler", "sched_setattr", "prlimit64")
_SIGNALS = ("kill", "tkill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "pidfd_send_signal")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What else stands between the command and its surroundings, which decides what the filter has to add."""

    namespaces: bool
    """Own mounts, processes and network: nothing of the machine can be named."""
    own_user: bool
    """Files and processes of others belong to other users."""
    landlock: int
    """Landlock's version, 0 without it."""


@dataclass(frozen=True, slots=True)
class _Test:
    """Holds when argument `number`, masked, is `value`; with `mask` and no value when any bit of the mask is set."""

    number: int
    value: int | None = None
    mask: int = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class _Rule:
    """What becomes of a call when all tests hold; the first rule that fits decides."""

    call: str
    action: int
    tests: tuple[_Test, ...] = ()


def program(machine: str, around: Surroundings) -> bytes:
    """The filter, as an array of struct sock_filter. Raises KeyError for a machine that is not known."""
    architecture, column = ARCHITECTURES[machine]
    code = [
        (_LOAD, 0, 0, _ARCH),
        (_EQUAL, 1, 0, architecture),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NR),
        # On x86_64 this bit calls the x32 interface, whose numbers mean something else.
        (_ANY, 0, 1, _X32),
        (_RETURN, 0, 0, _KILL),
        (_ABOVE, 0, 1, LAST),
        (_RETURN, 0, 0, _ABSENT),
    ]
    for rule in _rules(around):
        number = NUMBERS[rule.call][column]
        if number is not None:
            code += _compiled(rule, number)
    code.append((_RETURN, 0, 0, _ALLOW))
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in code)


def install(filter_: bytes) -> None:
    """Put the filter in force for this process and whatever it starts, without a way back."""
    libc = ctypes.CDLL(None, use_errno=True)
    held = ctypes.create_string_buffer(filter_, len(filter_))

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))

    given = Program(len(filter_) // 8, ctypes.addressof(held))
    if libc.prctl(_SET_SECCOMP, _FILTER, ctypes.byref(given), 0, 0):
        raise OSError(ctypes.get_errno(), "seccomp's filter was refused")


def _compiled(rule: _Rule, number: int) -> Sequence[tuple[int, int, int, int]]:
    body: list[tuple[int, int, int, int]] = []
    for at, test in enumerate(rule.tests):
        # To the end of the rule: over the rest of the tests, three instructions each, and the return.
        over = 3 * (len(rule.tests) - at - 1) + 1
        body += [(_LOAD, 0, 0, _ARGUMENTS + 8 * test.number), (_AND, 0, 0, test.mask)]
        body.append((_ANY, 0, over, test.mask) if test.value is None else (_EQUAL, 0, over, test.value))
    body.append((_RETURN, 0, 0, rule.action))
    # The tests have overwritten the call's number.
    after = [(_LOAD, 0, 0, _NR)] if rule.tests else []
    return [(_EQUAL, 0, len(body) + len(after), number), *body, *after]


def _rules(around: Surroundings) -> Iterator[_Rule]:
    yield from (_Rule(call, _REFUSE) for call in _NEVER)
    # A structure in memory, which a filter cannot read: without clone3, libc uses clone, which it can.
    yield _Rule("clone3", _ABSENT)
    yield _Rule("clone", _REFUSE, (_Test(0, mask=_NEW_NAMESPACES),))
    yield _Rule("ioctl", _REFUSE, (_Test(1, _TIOCSTI),))
    yield from _network(around)
    if not around.namespaces:
        yield from (_Rule(call, _REFUSE) for call in _WATCHES)
        if around.landlock < 3:  # noqa: PLR2004  from version 3 on Landlock watches over truncate
            yield _Rule("truncate", _REFUSE)
        if not around.own_user:
            yield from _neighbours()
            if around.landlock < SIGNALS_SINCE:
                yield from _signals()


def _network(around: Surroundings) -> Iterator[_Rule]:
    """Sockets within a namespace of their own; elsewhere pairs of connected ones, which cannot be turned elsewhere."""
    kind = {"number": 1, "mask": _SOCKET_TYPE}
    for family in (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6) if around.namespaces else ():
        for type_ in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET):
            yield _Rule("socket", _ALLOW, (_Test(0, family), _Test(value=type_, **kind)))
    yield _Rule("socket", _REFUSE)
    for type_ in (socket.SOCK_STREAM, socket.SOCK_SEQPACKET):
        yield _Rule("socketpair", _ALLOW, (_Test(0, socket.AF_UNIX), _Test(value=type_, **kind)))
    yield _Rule("socketpair", _REFUSE)


def _neighbours() -> Iterator[_Rule]:
    """Files and processes of the same user stand around the command, and nothing but this keeps it from them.

    Modes and times are left as they are without an error, as on a file system that has none: who copies a file sets
    them, and would fail. Only a process's own scheduling and limits can be set.
    """
    yield from (_Rule(call, _PRETEND) for call in _METADATA)
    yield from (_Rule(call, _REFUSE) for call in _OWNERS)
    yield from (_Rule(call, _ERROR | errno.ENOTSUP) for call in _ATTRIBUTES)
    for call in _SCHEDULING:
        yield _Rule(call, _ALLOW, (_Test(0, 0),))
        yield _Rule(call, _REFUSE)
    for call in ("setpriority", "ioprio_set"):
        which = _PRIO_PROCESS if call == "setpriority" else 1  # IOPRIO_WHO_PROCESS
        yield _Rule(call, _ALLOW, (_Test(0, which), _Test(1, 0)))
        yield _Rule(call, _REFUSE)


def _signals() -> Iterator[_Rule]:
    """Only the own process group can be signalled: an older Landlock does not tell our processes from the user's."""
    yield _Rule("kill", _ALLOW, (_Test(0, 0),))
    yield from (_Rule(call, _REFUSE) for call in _SIGNALS)
    yield from (_Rule("fcntl", _REFUSE, (_Test(1, command),)) for command in (_F_SETOWN, _F_SETSIG, _F_SETOWN_EX))
    yield from (_Rule("ioctl", _REFUSE, (_Test(1, command),)) for command in (_FIOSETOWN, _SIOCSPGRP))
