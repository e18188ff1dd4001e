"""The place where the attacks on the sandbox are made: something to steal, reach and break, and a look at what became.

As a program (`sandbox_range.py TIER LANDLOCK SCRATCH [ATTACK…]`) it makes them as whoever runs it, and prints JSON.
"""

import hashlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO, cast

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parents[3]), str(Path(__file__).parents[3] / "src")]

from cicd_agent.adapters.sandbox.sandbox import LocalSandbox
from cicd_agent.domain.trials.sandbox import Limits, SandboxUnavailable, Stop, Tier
from tests.adapters.sandbox.attacks import ATTACKS, Attack

LIMITS = Limits(
    wall_seconds=20,
    cpu_seconds=30,
    memory_bytes=512 << 20,
    file_bytes=64 << 20,
    disk_bytes=256 << 20,
    files=2_000,
    processes=48,
    output_bytes=64 << 10,
)
SHORT = {Stop.WALL: replace(LIMITS, wall_seconds=1), Stop.CPU: replace(LIMITS, cpu_seconds=1)}
"""For what nothing else ends."""
ALLOWED = 1.0
"""Seconds that a run may take longer than its limit."""
TIERS = [tier for tier in Tier if tier not in {Tier.NONE, *([Tier.PODMAN] if os.geteuid() == 0 else [])}]
"""Those that whoever runs this can have."""
VICTIM = """
import signal, sys, time
signal.signal(signal.SIGUSR1, lambda *_: print("LEAK signal", flush=True))
print("ready", flush=True)
time.sleep(600)
"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an attack came to: what it got away with, what was left running, how late it was ended, and by what."""

    attack: str
    tier: str
    leaks: tuple[str, ...]
    orphans: int
    seconds: float
    late: float
    stopped: str
    exit_code: int
    said: str


class Range:
    """What stands around the sandbox."""

    def __init__(self, scratch: Path, closing: ExitStack) -> None:
        self.scratch = scratch
        self.secret = secrets.token_hex(16)
        self.nap = f"{secrets.randbelow(10**6) + 10**6}"
        top = Path(closing.enter_context(tempfile.TemporaryDirectory(dir=scratch)))
        self.tree, self.home, self.checkout, self.outside = (top / name for name in ("tree", "home", "work", "outside"))
        for place in (self.tree, self.home, self.checkout, self.outside):
            place.mkdir()
        (self.home / ".netrc").write_text(self.secret)
        (self.checkout / "secret.txt").write_text(self.secret)
        for name in ("kept", "taken", "gone"):
            (self.outside / name).write_text("as it was")
        self.marks = [Path(place) / f"mark-{self.nap}" for place in ("/tmp", "/dev/shm", "/var/tmp")]
        self.victim = closing.enter_context(
            subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", VICTIM],
                env={"SECRET": self.secret},
                stdout=subprocess.PIPE,
                start_new_session=True,
            )
        )
        closing.callback(self.victim.kill)
        assert self._victim().readline() == b"ready\n"
        os.set_blocking(self._victim().fileno(), False)
        self.tcp, self.tcp6, self.udp = (
            closing.enter_context(socket.socket(family, kind))
            for family, kind in (
                (socket.AF_INET, socket.SOCK_STREAM),
                (socket.AF_INET6, socket.SOCK_STREAM),
                (socket.AF_INET, socket.SOCK_DGRAM),
            )
        )
        for listener, host in ((self.tcp, ""), (self.tcp6, "::1"), (self.udp, "127.0.0.1")):
            listener.bind((host, 0))
        self.udp.settimeout(0)
        self.abstract = f"cicd-agent-test-{self.nap}"
        self.unix, self.named, self.datagrams = (
            closing.enter_context(socket.socket(socket.AF_UNIX, kind))
            for kind in (socket.SOCK_STREAM, socket.SOCK_STREAM, socket.SOCK_DGRAM)
        )
        for listener, address in (
            (self.unix, f"{top}/unix"),
            (self.named, f"\0{self.abstract}"),
            (self.datagrams, f"{top}/dgram"),
        ):
            listener.bind(address)
        for listener in (self.tcp, self.tcp6, self.unix, self.named):
            listener.listen(64)
        self.world = {
            "secret": self.secret.encode().hex(),
            "victim": self.victim.pid,
            "caller": os.getpid(),
            "tcp": self.tcp.getsockname()[1],
            "tcp6": self.tcp6.getsockname()[1],
            "udp": self.udp.getsockname()[1],
            "unix": f"{top}/unix",
            "unix_dgram": f"{top}/dgram",
            "abstract": self.abstract,
            "resolvers": resolvers(),
            "home": str(self.home),
            "checkout": str(self.checkout),
            "outside": str(self.outside),
            "marks": [str(mark) for mark in self.marks],
            "nap": self.nap,
        }

    def attack(self, attack: Attack, box: LocalSandbox) -> Outcome:
        """Make it, and look around afterwards."""
        limits = SHORT.get(attack.stop, LIMITS) if attack.stop else LIMITS
        before, started = self._look(), time.monotonic()
        ran = box.run(
            [str(Path(sys.executable).resolve()), "-I", "-S", f"{self.nap}.py"],
            self.tree,
            limits=limits,
            files={f"{self.nap}.py": attack.program.encode()},
            environment={"WORLD": json.dumps(self.world)},
        )
        took = time.monotonic() - started
        said = (ran.stdout + ran.stderr).decode("utf-8", "replace")
        leaks = [line for line in said.splitlines() if line.startswith("LEAK")]
        after = self._look()
        leaks += [
            f"LEAK {what} is {after.get(what)}" for what in {**before, **after} if before.get(what) != after.get(what)
        ]
        with suppress(BlockingIOError):
            leaks.append(self.udp.recv(100).decode())
        leaks += (self._victim().read() or b"").decode().splitlines()
        if self.victim.poll() is not None:
            leaks.append("LEAK the victim is dead")
        return Outcome(
            attack.name,
            str(ran.tier),
            tuple(leaks),
            self._orphans(),
            round(took, 2),
            round(max(0.0, took - limits.wall_seconds), 2),
            str(ran.stopped or ""),
            ran.exit_code,
            said,
        )

    def _victim(self) -> IO[bytes]:
        """What the victim says."""
        return cast("IO[bytes]", self.victim.stdout)

    def _look(self) -> dict[str, str]:
        """Everything outside that a command could have changed."""
        seen = {}
        for path in (*self.marks, self.home, self.outside, *self.home.iterdir(), *self.outside.iterdir()):
            with suppress(OSError):
                status = path.lstat()
                content = hashlib.sha256(path.read_bytes() if path.is_file() else b"").hexdigest()[:8]
                names = ["user.mark"] if path.is_file() and "user.mark" in os.listxattr(path) else []
                seen[str(path)] = (
                    f"{status.st_mode:o} {status.st_nlink} {status.st_uid} {status.st_mtime_ns} {content} {names}"
                )
        return seen

    def _orphans(self) -> int:
        """Processes of the sandbox that still run: by where they are, by what they are called."""
        left = 0
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                line = (process / "cmdline").read_bytes()
                here = str((process / "cwd").readlink()) if process.name != str(os.getpid()) else ""
                left += self.nap.encode() in line or here.startswith(f"{self.scratch}/cicd-agent-sandbox-")
        return left

    def clear(self) -> None:
        """Undo what an attack that nothing kept in has done."""
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if self.nap.encode() in (process / "cmdline").read_bytes().split(b"\0"):
                    os.kill(int(process.name), signal.SIGKILL)
        for mark in self.marks:
            mark.unlink(missing_ok=True)


@contextmanager
def opened(scratch: Path) -> Iterator[Range]:
    """A place for attacks, which is gone afterwards."""
    with ExitStack() as closing:
        place = Range(scratch, closing)
        closing.callback(place.clear)
        yield place


def resolvers() -> list[str]:
    """The servers of names that this machine asks."""
    with suppress(OSError):
        lines = Path("/etc/resolv.conf").read_text("utf-8").splitlines()
        return [line.split()[1] for line in lines if line.startswith("nameserver ") and "." in line]
    return []


FAKE_SUDO = """#!/bin/sh
# What sudo does for root: anything but the fixed beginning of the line is refused.
[ "$1 $2 $3 $4" = "-n -- /usr/bin/env -i" ] || { echo "sudo: another line: $*" >&2; exit 9; }
shift 2
exec "$@"
"""


def sudo(scratch: Path) -> Path | None:
    """For root, what does as sudo does; the real one only where the product would call it, too."""
    if os.geteuid() != 0:
        return Path("/usr/bin/sudo") if os.environ.get("RUNNER_ENVIRONMENT") == "github-hosted" else None
    program = scratch / "sudo"
    if not program.exists():
        program.write_text(FAKE_SUDO)
        program.chmod(0o755)
    return program


def sandbox(tier: Tier, landlock: int, scratch: Path) -> LocalSandbox:
    """One tier of it, whose copies are made in the place where the attacks are."""
    return LocalSandbox(
        scratch=scratch,
        only=tier,
        newest_landlock=landlock,
        allow_unsandboxed=tier is Tier.NONE,
        sudo=sudo(scratch) if tier is Tier.SUDO else None,
    )


def outcomes(box: LocalSandbox, scratch: Path, names: Sequence[str] = ()) -> Iterator[Outcome]:
    """Make the attacks, or those that are named. Raises SandboxUnavailable where the machine has no such tier."""
    for attack in ATTACKS:
        if (not names or attack.name in names) and (attack.control or box.tier() is not Tier.NONE):
            with opened(scratch) as place:
                yield place.attack(attack, box)


def main(tier: str, landlock: str, scratch: str, *names: str) -> None:
    """Print one line of JSON for each attack."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        for outcome in outcomes(sandbox(Tier(tier), int(landlock), Path(scratch)), Path(scratch), names):
            print(json.dumps(asdict(outcome)), flush=True)  # noqa: T201  what the program is for
    except SandboxUnavailable as error:
        print(json.dumps({"unavailable": error.why}), flush=True)  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
