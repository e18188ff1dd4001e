"""Writes the filter that decides about each system call of a command in the sandbox.

A list of what is allowed would break programs with every new libc; a list of what is refused lets new calls through. So
this one is closed at the top: known calls pass unless they are refused below, calls newer than the table do not exist
(ENOSYS, for which programs are prepared), and calls of another architecture kill the process.
"""

import errno
import socket
import struct
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, NamedTuple

from cicd_agent.adapters.sandbox.confinement import SIGNALS_SINCE

CALLS: dict[str, Any] = tomllib.loads(files(__package__).joinpath("syscalls.toml").read_text("utf-8"))
"""What becomes of a call → its numbers by architecture, in the order of ARCHITECTURES."""
LAST: int = CALLS.pop("last")
ARCHITECTURES: dict[str, int] = CALLS.pop("architectures")
"""Machine → the architecture as seccomp names it."""
NUMBERS: dict[str, list[int]] = {name: numbers for group in CALLS.values() for name, numbers in group.items()}

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

_NEW_NAMESPACES = 0x7E020000
_SOCKET_TYPE = 0xF
_PRIO_PROCESS, _IOPRIO_WHO_PROCESS = 0, 1
_F_SETOWN, _F_SETSIG, _F_SETOWN_EX = 8, 10, 15
_FIOSETOWN, _SIOCSPGRP, _TIOCSTI = 0x8901, 0x8902, 0x5412


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What else stands between the command and its surroundings, which decides what the filter has to add."""

    namespaces: bool
    """Own mounts, processes and network: nothing of the machine can be named."""
    own_user: bool
    """Files and processes of others belong to other users."""
    landlock: int
    """Landlock's version, 0 without it."""


class _Test(NamedTuple):
    """Holds when argument `number`, masked, is `value`; with `mask` and no value when any bit of the mask is set."""

    number: int
    value: int | None = None
    mask: int = 0xFFFFFFFF


class _Rule(NamedTuple):
    """What becomes of a call when all tests hold; the first rule that fits decides."""

    call: str
    action: int
    tests: tuple[_Test, ...] = ()


_Instruction = tuple[int, int, int, int]


def program(machine: str, around: Surroundings) -> bytes:
    """The filter, as an array of struct sock_filter. Raises KeyError for a machine that is not known."""
    architecture, column = ARCHITECTURES[machine], list(ARCHITECTURES).index(machine)
    code: list[_Instruction] = [
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
        for number in NUMBERS[rule.call][column : column + 1]:
            code += _compiled(rule, number)
    code.append((_RETURN, 0, 0, _ALLOW))
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in code)


def _compiled(rule: _Rule, number: int) -> list[_Instruction]:
    body: list[_Instruction] = []
    for at, test in enumerate(rule.tests):
        # To the end of the rule: over the rest of the tests, three instructions each, and the return.
        over = 3 * (len(rule.tests) - at - 1) + 1
        body += [(_LOAD, 0, 0, _ARGUMENTS + 8 * test.number), (_AND, 0, 0, test.mask)]
        body.append((_ANY, 0, over, test.mask) if test.value is None else (_EQUAL, 0, over, test.value))
    body.append((_RETURN, 0, 0, rule.action))
    if rule.tests:
        # They have overwritten the call's number.
        body.append((_LOAD, 0, 0, _NR))
    return [(_EQUAL, 0, len(body), number), *body]


def _rules(around: Surroundings) -> Iterator[_Rule]:
    yield from (_Rule(call, _REFUSE) for call in CALLS["refused"])
    # A structure in memory, which a filter cannot read: without clone3, libc uses clone, which it can.
    yield _Rule("clone3", _ABSENT)
    yield _Rule("clone", _REFUSE, (_Test(0, mask=_NEW_NAMESPACES),))
    yield _Rule("ioctl", _REFUSE, (_Test(1, _TIOCSTI),))
    yield from _network(around)
    if not around.namespaces:
        yield from (_Rule(call, _REFUSE) for call in CALLS["watches"])
        if around.landlock < 3:  # noqa: PLR2004  from version 3 on Landlock watches over truncate
            yield _Rule("truncate", _REFUSE)
        if not around.own_user:
            yield from _neighbours()
            if around.landlock < SIGNALS_SINCE:
                yield from _signals()


def _network(around: Surroundings) -> Iterator[_Rule]:
    """Sockets within a namespace of their own; elsewhere pairs of connected ones, which cannot be turned elsewhere."""
    for family in (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6) if around.namespaces else ():
        for type_ in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET):
            yield _Rule("socket", _ALLOW, (_Test(0, family), _Test(1, type_, _SOCKET_TYPE)))
    yield _Rule("socket", _REFUSE)
    for type_ in (socket.SOCK_STREAM, socket.SOCK_SEQPACKET):
        yield _Rule("socketpair", _ALLOW, (_Test(0, socket.AF_UNIX), _Test(1, type_, _SOCKET_TYPE)))
    yield _Rule("socketpair", _REFUSE)


def _neighbours() -> Iterator[_Rule]:
    """Files and processes of the same user stand around the command, and nothing but this keeps it from them.

    Modes and times are left as they are without an error, as on a file system that has none: who copies a file sets
    them, and would fail. Only a process's own scheduling and limits can be set.
    """
    actions = {"metadata": _PRETEND, "owners": _REFUSE, "attributes": _ERROR | errno.ENOTSUP}
    yield from (_Rule(call, action) for group, action in actions.items() for call in CALLS[group])
    own: dict[str, tuple[_Test, ...]] = dict.fromkeys(CALLS["scheduling"], (_Test(0, 0),))
    own["setpriority"] = (_Test(0, _PRIO_PROCESS), _Test(1, 0))
    own["ioprio_set"] = (_Test(0, _IOPRIO_WHO_PROCESS), _Test(1, 0))
    for call, tests in own.items():
        yield _Rule(call, _ALLOW, tests)
        yield _Rule(call, _REFUSE)


def _signals() -> Iterator[_Rule]:
    """Only the own process group can be signalled: an older Landlock does not tell our processes from the user's."""
    yield _Rule("kill", _ALLOW, (_Test(0, 0),))
    yield from (_Rule(call, _REFUSE) for call in CALLS["signals"])
    yield from (_Rule("fcntl", _REFUSE, (_Test(1, command),)) for command in (_F_SETOWN, _F_SETSIG, _F_SETOWN_EX))
    yield from (_Rule("ioctl", _REFUSE, (_Test(1, command),)) for command in (_FIOSETOWN, _SIOCSPGRP))
