"""Makes the namespaces of a command where bubblewrap does not: processes, network, mounts, IPC, and users if need be.

What the command is shown is taken hold of first, as mounts without a place; then the old root is gone for good, and
each gets its place in an empty one. So no symbolic link of the machine can lead a mount elsewhere. Numbers are those of
`linux/sched.h`, `linux/mount.h`, `linux/sockios.h` and `asm-generic/unistd.h`.
"""

import ctypes
import fcntl
import os
import socket
import stat
import struct
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from cicd_agent.adapters.sandbox.confinement import call
from cicd_agent.adapters.sandbox.spec import DEVICES, SHARED_MEMORY, SYSTEM, TMP, Box

_NEW_USERS = 0x10000000
_NEW = 0x00020000 | 0x02000000 | 0x04000000 | 0x08000000 | 0x20000000 | 0x40000000
"""Mounts, cgroups, UTS, IPC, processes, network."""
_SET_FLAGS, _UP = 0x8914, 1

_NOSUID, _NODEV, _NOEXEC, _RECURSIVE, _PRIVATE, _DETACH = 2, 4, 8, 1 << 14, 1 << 18, 2
_OPEN_TREE, _MOVE_MOUNT, _SET_ATTRIBUTES = 428, 429, 442  # the same on every architecture
_HERE, _EMPTY_PATH, _BELOW_TOO, _FROM_DESCRIPTOR = -100, 0x1000, 0x8000, 4
_CLONE = 1 | os.O_CLOEXEC
_ATTR_READ_ONLY, _ATTR_NOSUID, _ATTR_NODEV = 1, 2, 4
_LINKS = {"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2"}


class _Attributes(ctypes.Structure):
    _fields_ = tuple((name, ctypes.c_uint64) for name in ("set", "clear", "propagation", "users"))


def separate(box: Box) -> Box:
    """Leave all but the files behind, and bring a loopback up; what is started next is the first process in there.

    Returns the box as it is to be followed from here: without a user where this process has become that user already.
    """
    here = os.getuid(), os.getgid()
    # In a namespace that Podman has made, the user goes by another number.
    renamed = box.user is not None and Path(box.folder).stat().st_uid != box.user[0]
    try:
        call("namespaces", "unshare", _NEW | (_NEW_USERS if renamed else 0))
    except PermissionError:
        if box.user is not None:
            raise
        renamed = True
        call("user namespaces (user.max_user_namespaces)", "unshare", _NEW | _NEW_USERS)
    if renamed:
        Path("/proc/self/setgroups").write_text("deny", "ascii")
        for name, inside, outside in zip(("uid_map", "gid_map"), box.user or here, here, strict=True):
            Path("/proc/self", name).write_text(f"{inside} {outside} 1", "ascii")
        box = replace(box, user=None)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SET_FLAGS, struct.pack("16sh22x", b"lo", _UP))
    return box


def furnish(box: Box) -> None:
    """Let this process see the files that the box shows, and no others; only its folder can be written to."""
    before = os.umask(0o022)
    call("mount /", "mount", None, b"/", None, _RECURSIVE | _PRIVATE, None)
    links = {path: str(Path(path).readlink()) for path in box.readable if path in SYSTEM and Path(path).is_symlink()}
    trees = [
        (path, _taken(source, read_only=read_only)) for path, source, read_only in _shown(box) if path not in links
    ]
    root = box.folder.encode()
    call("mount tmpfs", "mount", b"tmpfs", root, b"tmpfs", _NOSUID | _NODEV, b"mode=0755,size=1m")
    os.chdir(root)
    Path("proc").mkdir()
    # Here, while the old one is in sight: the kernel shows nobody more of /proc than they have seen already.
    call("mount /proc", "mount", b"proc", b"proc", b"proc", _NOSUID | _NODEV | _NOEXEC, None)
    call("pivot_root", "pivot_root", b".", b".")
    call("umount2", "umount2", b".", _DETACH)
    os.chdir("/")
    for path, tree in trees:
        _mount_point(Path(path), box.user, is_directory=stat.S_ISDIR(os.fstat(tree).st_mode))
        call(f"mount {path}", "syscall", _MOVE_MOUNT, tree, b"", _HERE, path.encode(), _FROM_DESCRIPTOR)
        os.close(tree)
    for path, target in links.items():
        Path(path).symlink_to(target)
    for name, target in _LINKS.items():
        Path("/dev", name).symlink_to(target)
    for path in ("/proc", "/"):
        _set(_HERE, path, _ATTR_READ_ONLY)
    os.umask(before)


def _shown(box: Box) -> Iterator[tuple[str, str, bool]]:
    """Where it is shown, what, and whether that is all that can be done with it; what is above before what is below."""
    yield "/tmp", f"{box.folder}/{TMP}", False  # noqa: S108  its own one
    yield "/dev/shm", f"{box.folder}/{SHARED_MEMORY}", False  # noqa: S108
    paths = {path: True for path in box.readable if path != "/proc"} | {box.folder: False}
    yield from ((path, path, read_only) for path, read_only in sorted(paths.items()))
    yield from ((path, path, False) for path in DEVICES)


def _taken(path: str, *, read_only: bool) -> int:
    """What is at a path, as a mount without a place."""
    below = _BELOW_TOO if read_only else 0
    tree = call(f"open_tree of {path}", "syscall", _OPEN_TREE, _HERE, path.encode(), _CLONE | below)
    if path not in DEVICES:
        _set(tree, "", _ATTR_NOSUID | _ATTR_NODEV | (_ATTR_READ_ONLY if read_only else 0), _EMPTY_PATH | below)
    return tree


def _set(directory: int, path: str, attributes: int, how: int = 0) -> None:
    given = _Attributes(attributes, 0, 0, 0)
    size = ctypes.c_size_t(ctypes.sizeof(given))
    what = "mount_setattr"
    call(what, "syscall", _SET_ATTRIBUTES, directory, path.encode(), how, ctypes.byref(given), size)


def _mount_point(path: Path, owner: tuple[int, int] | None, *, is_directory: bool) -> None:
    """Make it, and what is above it. Some of that lies in the run's folder, whose owner must be able to remove it."""
    for place in (*reversed(path.parents), path):
        if place.exists():
            continue
        if place == path and not is_directory:
            place.touch()
        else:
            place.mkdir()
        if owner is not None:
            os.chown(place, *owner)
