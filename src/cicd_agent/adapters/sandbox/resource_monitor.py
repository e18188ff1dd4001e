"""Measures what everything that a command has started uses together, which no limit of the kernel's does by process."""

import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_UNCOUNTABLE = 1 << 62
_LINE = 4096
"""Bytes of which a line of /proc/PID/stat has never more."""


class Process(NamedTuple):
    """A line of /proc/PID/stat, as far as it is of interest."""

    pid: int
    parent: int
    seconds: float
    threads: int
    memory: int


def processes() -> Iterator[Process]:
    """All processes that are visible from here. Called twenty times a second, so without the comfort of pathlib."""
    for name in filter(str.isdecimal, os.listdir("/proc")):  # noqa: PTH208  three times as fast
        try:
            descriptor = os.open(f"/proc/{name}/stat", os.O_RDONLY)
        except OSError:
            continue
        try:
            line = os.read(descriptor, _LINE)
        except OSError:
            continue
        finally:
            os.close(descriptor)
        # The name in parentheses is the process's own choice, and may hold anything.
        fields = line[line.rindex(b")") + 2 :].split()
        yield Process(
            pid=int(name),
            parent=int(fields[1]),
            seconds=sum(int(ticks) for ticks in fields[11:15]) / _TICKS,
            threads=int(fields[17]),
            memory=int(fields[21]) * _PAGE,
        )


def descendants(ancestor: int) -> list[Process]:
    """Everything that descends from a process; orphans too, when it is their reaper."""
    children: dict[int, list[Process]] = {}
    for process in processes():
        children.setdefault(process.parent, []).append(process)
    result = children.pop(ancestor, [])
    for process in result:
        result += children.pop(process.pid, [])
    return result


def threads_of(user: int) -> int:
    """What the kernel counts against a user's limit of processes."""
    total = 0
    for process in processes():
        try:
            total += process.threads if Path(f"/proc/{process.pid}").stat().st_uid == user else 0
        except OSError:
            continue
    return total


def memory(processes: Iterable[Process], limit: int, *, namespaces: bool = False) -> int:
    """Bytes in use. Pages that processes share are told apart only when it matters, since that is slow.

    With `namespaces` those that make them, and their first process, do not count: they are none of the command's.
    """
    processes = list(processes)
    total = sum(process.memory for process in processes)
    if total <= limit:
        return total
    return sum(_share(process) for process in processes if not namespaces or _is_within(process.pid))


def _is_within(pid: int) -> bool:
    """Whether a process is in a namespace of processes below ours, and not the first there."""
    try:
        lines = Path(f"/proc/{pid}/status").read_bytes().splitlines()
    except OSError:
        return False
    numbers = next((line.split()[1:] for line in lines if line.startswith(b"NSpid:")), [])
    return len(numbers) > 1 and numbers[-1] != b"1"


def _share(process: Process) -> int:
    try:
        lines = Path(f"/proc/{process.pid}/smaps_rollup").read_bytes().splitlines()
    except OSError:
        return process.memory
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(b"Pss:")), process.memory)


def disk(folder: str, processes: Iterable[Process], free: int) -> tuple[int, int]:
    """Bytes and number of files beneath `folder`, with what has been deleted there but is still open.

    `free` is what the file system had left at the beginning: how much less it is now stands for what we may not see.
    """
    size = files = 0
    blind = False
    pending = [folder]
    while pending:
        try:
            with os.scandir(pending.pop()) as entries:
                for entry in entries:
                    files += 1
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(entry.path)
                    size += entry.stat(follow_symlinks=False).st_blocks * 512
        except (FileNotFoundError, NotADirectoryError):
            continue
        except PermissionError:
            blind = True
        except OSError:
            # Too deep for a path: nobody does that by accident.
            return size, _UNCOUNTABLE
    size += sum(_deleted(folder, processes).values())
    return max(size, free - free_bytes(folder)) if blind else size, files


def free_bytes(folder: str) -> int:
    system = os.statvfs(folder)
    return system.f_bfree * system.f_frsize


def _deleted(folder: str, processes: Iterable[Process]) -> dict[int, int]:
    """Inode → size of the files that have no name any more."""
    device = Path(folder).stat().st_dev
    sizes: dict[int, int] = {}
    for process in processes:
        with suppress(OSError):
            for descriptor in Path(f"/proc/{process.pid}/fd").iterdir():
                with suppress(OSError):
                    status = descriptor.stat()
                    if stat.S_ISREG(status.st_mode) and status.st_nlink == 0 and status.st_dev == device:
                        sizes[status.st_ino] = status.st_blocks * 512
    return sizes
