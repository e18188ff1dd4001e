"""Runs untrusted code on this machine: on a copy, without secrets or network, within limits, leaving nothing behind."""

import os
import platform
import secrets
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

from cicd_agent.adapters.sandbox.confinement import landlock_version
from cicd_agent.adapters.sandbox.process import launch
from cicd_agent.adapters.sandbox.seccomp import ARCHITECTURES, Surroundings
from cicd_agent.adapters.sandbox.seccomp import program as filter_program
from cicd_agent.adapters.sandbox.spec import HOME, PATH, SHARED_MEMORY, TMP, TREE, Box, bubblewrap, visible, wrapper
from cicd_agent.adapters.sandbox.tree import Workspace, remove
from cicd_agent.domain.trials.sandbox import Limits, Ran, Sandbox, SandboxUnavailable, Tier
from cicd_agent.errors import ConfigError

_USERS = range(61184, 65520)
"""Nobody's users: systemd's range for services that get one for as long as they run."""
_PROBE = Limits(wall_seconds=10)


class LocalSandbox(Sandbox):
    """The strongest sandbox that this machine has. What it has is tried out once, when it is first asked for."""

    def __init__(
        self,
        *,
        scratch: Path | None = None,
        only: Tier | None = None,
        allow_unsandboxed: bool = False,
        newest_landlock: int = 99,
    ) -> None:
        """`scratch` is where copies are made; `only` one tier will do, with no newer Landlock than is given."""
        self._scratch = scratch
        self._only = only
        self._allow_unsandboxed = allow_unsandboxed
        self._landlock = min(newest_landlock, landlock_version())
        self._reasons: dict[Tier, str] = {}

    def tier(self, *, loopback: bool = False) -> Tier:
        """The strongest tier that is there. Raises SandboxUnavailable, with the reasons, when there is none."""
        reasons = []
        for tier in (Tier.BUBBLEWRAP, Tier.LANDLOCK):
            if self._only in {None, tier}:
                reason = self._unavailable(tier, loopback=loopback)
                if not reason:
                    return tier
                reasons.append(f"{tier}: {reason}")
        if self._allow_unsandboxed and self._only in {None, Tier.NONE} and sys.platform == "linux":
            return Tier.NONE
        raise SandboxUnavailable(
            f"this machine has no sandbox{' with a network of its own' if loopback else ''}",
            why="; ".join(reasons) or "none was asked for, which has to be allowed",
            remedy="Install bubblewrap, use Linux 5.13 or later with Landlock, or set `allow-unsandboxed`",
        )

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
        environment = environment or {}
        _check(command, environment, readable)
        tier = self.tier(loopback=loopback)
        with self._workspace(limits, tier) as (path, workspace):
            workspace.copy(tree, path / TREE, without)
            workspace.write(path / TREE, files or {})
            started = time.monotonic()
            ran = launch(self._box(command, path, limits, tier, workspace.owner, readable, environment))
            return replace(ran, tier=tier, seconds=time.monotonic() - started)

    @contextmanager
    def _workspace(self, limits: Limits, tier: Tier) -> Iterator[tuple[Path, Workspace]]:
        """A directory of the run's own, given to its user."""
        path = Path(tempfile.mkdtemp(prefix="cicd-agent-sandbox-", dir=self._scratch)).resolve()
        try:
            workspace = Workspace(_user() if tier is not Tier.NONE else None, limits.disk_bytes, limits.files)
            if workspace.owner is not None:
                os.chown(path, workspace.owner, workspace.owner)
            for name in (TMP, HOME, SHARED_MEMORY):
                workspace.directory(path / name)
            yield path, workspace
        finally:
            remove(path)

    def _box(  # noqa: PLR0917  each of another type
        self,
        command: Sequence[str],
        folder: Path,
        limits: Limits,
        tier: Tier,
        user: int | None,
        readable: Sequence[Path] = (),
        environment: Mapping[str, str] | None = None,
    ) -> Box:
        program = bubblewrap() if tier is Tier.BUBBLEWRAP else None
        own = {"PATH": PATH, "HOME": str(folder / HOME), "TMPDIR": str(folder / TMP), "LANG": "C.UTF-8"}
        around = Surroundings(namespaces=program is not None, own_user=user is not None, landlock=self._landlock)
        is_confined = tier is not Tier.NONE
        return Box(
            command=tuple(command),
            environment={**own, **(environment or {})},
            folder=str(folder),
            limits=asdict(limits),
            confined=is_confined,
            readable=(*visible(readable), *(("/proc",) if program else ())),
            writable=(
                *(str(folder / name) for name in (TREE, TMP, HOME)),
                *(("/tmp", "/dev/shm") if program else ()),  # noqa: S108  its own ones
            ),
            wrapper=tuple(wrapper(program, folder, readable, root=os.geteuid() == 0)) if program else (),
            user=user,
            landlock=self._landlock,
            filter=filter_program(platform.machine(), around).hex() if is_confined else "",
        )

    def _unavailable(self, tier: Tier, *, loopback: bool) -> str:
        """Why this tier is not to be had, "" when it is."""
        if loopback and tier is Tier.LANDLOCK:
            return "it has no network"
        if tier not in self._reasons:
            self._reasons[tier] = self._probe(tier)
        return self._reasons[tier]

    def _probe(self, tier: Tier) -> str:
        if sys.platform != "linux":
            return "it needs Linux"
        if (machine := platform.machine()) not in ARCHITECTURES:
            return f"system calls of {machine} are not known"
        if tier is Tier.LANDLOCK and not self._landlock:
            return "this kernel has none, or has it switched off"
        if tier is Tier.BUBBLEWRAP and bubblewrap() is None:
            return "it is not installed"
        try:
            with self._workspace(_PROBE, tier) as (path, workspace):
                workspace.directory(path / TREE)
                launch(self._box(("/bin/sh", "-c", ":"), path, _PROBE, tier, workspace.owner))
        except SandboxUnavailable as error:
            return error.why
        return ""


def _check(command: Sequence[str], environment: Mapping[str, str], readable: Sequence[Path]) -> None:
    """Refuse what no system call takes, and what is not there."""
    if not command:
        raise ConfigError("there is no command to run")
    if any("\0" in text for text in (*command, *environment, *environment.values())):
        raise ConfigError("the command or its environment holds a NUL")
    for path in readable:
        if not path.exists():
            raise ConfigError(f"`{path}` cannot be made readable", why="it does not exist")


def _user() -> int | None:
    """The user for a run of root's: another for each, since it is by the user that its processes are counted."""
    if os.geteuid() != 0:
        return None
    for line in Path("/proc/self/uid_map").read_text("ascii").splitlines():
        first, _, count = map(int, line.split())
        if first <= _USERS.start and _USERS.stop <= first + count:
            return secrets.choice(_USERS)
    return None
