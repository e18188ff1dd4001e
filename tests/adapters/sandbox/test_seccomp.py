"""The filter, run by a small interpreter of its instructions: so that both architectures are held, on either."""

import errno
import socket
import struct

import pytest

from cicd_agent.adapters.sandbox.seccomp import ARCHITECTURES, CALLS, LAST, NUMBERS, Surroundings, program

ALLOWED, KILLED = "allowed", "killed"
ALONE = Surroundings(namespaces=True, own_user=False, landlock=7)
SHARED = Surroundings(namespaces=False, own_user=False, landlock=7)
OLD = Surroundings(namespaces=False, own_user=False, landlock=1)
ROOT = Surroundings(namespaces=False, own_user=True, landlock=1)
MACHINES = pytest.mark.parametrize("machine", ARCHITECTURES)
# read and openat, which no rule speaks of.
ORDINARY = {"x86_64": (0, 257), "aarch64": (63, 56)}


def verdict(machine: str, around: Surroundings, call: str | int, *arguments: int, architecture: int = 0) -> str | int:
    """What the filter says to a call: allowed, killed, or the error it answers with."""
    code, column = ARCHITECTURES[machine], list(ARCHITECTURES).index(machine)
    if isinstance(call, str) and len(NUMBERS[call]) <= column:
        pytest.skip(f"{machine} has no {call}")
    number = NUMBERS[call][column] if isinstance(call, str) else call
    padded = [argument & (1 << 64) - 1 for argument in (*arguments, *([0] * 6))][:6]
    data = struct.pack("=IIQ6Q", number, architecture or code, 0, *padded)
    instructions = [*struct.iter_unpack("=HBBI", program(machine, around))]
    register = at = 0
    while True:
        operation, when, otherwise, value = map(int, instructions[at])
        at += 1
        match operation:
            case 0x20:
                (register,) = struct.unpack_from("=I", data, value)
            case 0x54:
                register &= value
            case 0x15:
                at += when if register == value else otherwise
            case 0x25:
                at += when if register > value else otherwise
            case 0x45:
                at += when if register & value else otherwise
            case 0x06:
                return {0x7FFF0000: ALLOWED, 0x80000000: KILLED}.get(value, value & 0xFFFF)
            case _:
                pytest.fail(f"no such instruction: {operation:#x}")


@MACHINES
def test_calls_of_another_architecture_kill(machine: str) -> None:
    assert verdict(machine, ALONE, 0, architecture=0x40000003) == KILLED
    assert verdict(machine, ALONE, 0x40000000) == KILLED


@MACHINES
def test_calls_that_nobody_has_looked_at_do_not_exist(machine: str) -> None:
    assert verdict(machine, ALONE, LAST + 1) == errno.ENOSYS
    assert verdict(machine, ALONE, "clone3") == errno.ENOSYS


@MACHINES
@pytest.mark.parametrize("around", [ALONE, SHARED, OLD, ROOT])
def test_ordinary_calls_pass(machine: str, around: Surroundings) -> None:
    assert {verdict(machine, around, number) for number in ORDINARY[machine]} == {ALLOWED}


@MACHINES
@pytest.mark.parametrize("around", [ALONE, SHARED, OLD, ROOT])
def test_what_is_never_wanted_is_refused(machine: str, around: Surroundings) -> None:
    column = list(ARCHITECTURES).index(machine)
    known = [call for call in CALLS["refused"] if len(NUMBERS[call]) > column]
    assert len(known) > 70
    assert {verdict(machine, around, call) for call in known} == {errno.EPERM}


@MACHINES
def test_threads_and_processes_can_be_started_and_namespaces_cannot(machine: str) -> None:
    assert verdict(machine, ALONE, "clone", 0x003D0F00) == ALLOWED
    for bit in (17, 25, 26, 27, 28, 29, 30):
        assert verdict(machine, ALONE, "clone", 17 | 1 << bit) == errno.EPERM


@MACHINES
def test_sockets_are_for_namespaces_and_pairs_for_all(machine: str) -> None:
    stream, datagram, raw = socket.SOCK_STREAM | socket.SOCK_CLOEXEC, socket.SOCK_DGRAM, socket.SOCK_RAW
    for family in (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6):
        assert verdict(machine, ALONE, "socket", family, stream) == ALLOWED
        assert verdict(machine, ALONE, "socket", family, raw) == errno.EPERM
        assert verdict(machine, SHARED, "socket", family, stream) == errno.EPERM
        assert verdict(machine, ROOT, "socket", family, datagram) == errno.EPERM
    for family in (socket.AF_NETLINK, socket.AF_PACKET, socket.AF_VSOCK, socket.AF_ALG):
        assert verdict(machine, ALONE, "socket", family, stream) == errno.EPERM
    assert verdict(machine, SHARED, "socketpair", socket.AF_UNIX, stream) == ALLOWED
    assert verdict(machine, SHARED, "socketpair", socket.AF_UNIX, datagram) == errno.EPERM


@MACHINES
def test_a_neighbours_files_and_scheduling_are_left_alone(machine: str) -> None:
    assert verdict(machine, SHARED, "fchmodat") == 0
    assert verdict(machine, ROOT, "fchmodat") == verdict(machine, ALONE, "fchmodat") == ALLOWED
    assert verdict(machine, SHARED, "fchownat") == errno.EPERM
    assert verdict(machine, SHARED, "prlimit64", 0) == ALLOWED
    assert verdict(machine, SHARED, "prlimit64", 1234) == errno.EPERM
    assert verdict(machine, SHARED, "setpriority", 0, 0) == ALLOWED
    assert verdict(machine, SHARED, "setpriority", 2, 0) == verdict(machine, SHARED, "setpriority", 0, 9) == errno.EPERM


@MACHINES
def test_signals_are_landlocks_where_it_can_and_the_filters_where_not(machine: str) -> None:
    assert verdict(machine, SHARED, "kill", 1234, 9) == ALLOWED
    assert verdict(machine, OLD, "kill", 0, 9) == ALLOWED
    for pid in (1, 1234, -1, -1234):
        assert verdict(machine, OLD, "kill", pid, 9) == errno.EPERM
    for call in ("tkill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "pidfd_send_signal"):
        assert verdict(machine, OLD, call, 1234) == errno.EPERM
    assert verdict(machine, OLD, "fcntl", 3, 8) == verdict(machine, OLD, "fcntl", 3, 10) == errno.EPERM
    assert verdict(machine, OLD, "fcntl", 3, 1) == ALLOWED
    assert verdict(machine, OLD, "truncate") == errno.EPERM
    assert verdict(machine, SHARED, "truncate") == ALLOWED
