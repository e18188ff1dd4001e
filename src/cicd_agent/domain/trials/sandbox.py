"""The values of a run in the sandbox: what it may use, what ended it, and how well it was shut in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from cicd_agent.errors import ConfigError


class Tier(StrEnum):
    """What keeps the command in, the weakest first; docs/reference/sandbox.md says what each of them holds."""

    NONE = "none"
    LANDLOCK = "landlock"
    PODMAN = "podman"
    """Namespaces within the user namespace that Podman is let make."""
    SUDO = "sudo"
    """Namespaces that root makes, on a machine that is thrown away, and then stops to be root."""
    NAMESPACES = "namespaces"
    BUBBLEWRAP = "bubblewrap"

    @property
    def has_namespaces(self) -> bool:
        """Whether the command has a network with a loopback, processes, /tmp and /dev/shm of its own."""
        return self not in {Tier.NONE, Tier.LANDLOCK}


@dataclass(frozen=True, slots=True)
class Choice:
    """The tier that a machine has, and why it has none of the better ones."""

    tier: Tier
    not_had: tuple[tuple[Tier, str], ...] = ()

    def __str__(self) -> str:
        return "; ".join([self.tier.value, *(f"not {tier}: {reason}" for tier, reason in self.not_had)])


def tier_named(choice: str) -> str:
    """The tier alone, of a choice in words."""
    return choice.partition("; ")[0]


class Stop(StrEnum):
    """The limit for which a run was ended before its time."""

    WALL = "wall_seconds"
    CPU = "cpu_seconds"
    MEMORY = "memory_bytes"
    DISK = "disk_bytes"
    FILES = "files"
    OUTPUT = "output_bytes"


@dataclass(frozen=True, slots=True)
class Limits:
    """What a run may use. Each counts for everything that the command starts, together, unless it says otherwise."""

    wall_seconds: float = 60.0
    cpu_seconds: int = 120
    memory_bytes: int = 2 << 30
    """Memory in use; each process alone is refused more than that, all of them together are ended."""
    file_bytes: int = 256 << 20
    """Size of any one file: writing on fails."""
    disk_bytes: int = 2 << 30
    """What the copy and all that is written take, on the disk."""
    files: int = 100_000
    """Files and directories, those of the copy among them."""
    processes: int = 128
    """Processes and threads at a time: starting one more fails."""
    output_bytes: int = 1 << 20
    """Standard output and standard error together: what comes first is kept."""


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command did. Nothing in here is to be believed: the command wrote all of it."""

    exit_code: int
    """As a shell tells it: 128 + n when signal n ended the command, 127 when there is no such command."""
    stdout: bytes = b""
    stderr: bytes = b""
    stopped: Stop | None = None
    tier: Tier = Tier.NONE
    seconds: float = 0.0


class SandboxUnavailable(ConfigError):
    """This machine has nothing that could keep a command in, or not in the way that was asked for."""


class Sandbox(Protocol):
    """A place to run what nobody has read: no secret, no network, hard limits, and nothing left behind."""

    def run(
        self,
        command: Sequence[str],
        tree: Path,
        *,
        limits: Limits,
        files: Mapping[str, bytes] | None = None,
        readable: Sequence[Path] = (),
        environment: Mapping[str, str] | None = None,
        loopback: bool = False,
        without: Sequence[str] = (),
    ) -> Ran:
        """Run `command` at the top of a fresh copy of `tree` (without `.git`) that is gone when this returns.

        Names at the top of the tree that stand in `without` are not copied. `files` (path below the copy → content) are
        put over it first. `readable` are directories that the command may read and run beside the system's (a virtual
        environment). It gets the `environment` that is given, over PATH, HOME, TMPDIR and LANG, and nothing else. With
        `loopback` it may talk to itself over a private network. Raises SandboxUnavailable where the machine cannot hold
        it.
        """
