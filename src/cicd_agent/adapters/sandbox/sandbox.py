"""Runs untrusted code on this machine: on a copy, without secrets or network, within limits, leaving nothing behind."""

import json
import os
import platform
import secrets
import selectors
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import IO, cast

from cicd_agent.adapters.sandbox.confinement import landlock_version
from cicd_agent.adapters.sandbox.launcher import READY, launcher
from cicd_agent.adapters.sandbox.seccomp import ARCHITECTURES, Surroundings
from cicd_agent.adapters.sandbox.seccomp import program as filter_program
from cicd_agent.adapters.sandbox.spec import (
    HOME,
    PATH,
    SHARED_MEMORY,
    TMP,
    TREE,
    Box,
    bubblewrap,
    installed,
    visible,
)
from cicd_agent.adapters.sandbox.tree import Workspace, remove
from cicd_agent.domain.trials.sandbox import Choice, Limits, Ran, Sandbox, SandboxUnavailable, Stop, Tier
from cicd_agent.errors import ConfigError

_USERS = range(61184, 65520)
"""Nobody's users: systemd's range for services that get one for as long as they run."""
_PROGRAMS = {Tier.BUBBLEWRAP: "bwrap", Tier.PODMAN: "podman"}
_AS_ROOT = ("-n", "--", "/usr/bin/env", "-i")
"""What sudo is given: no question, no option after it, and nothing of the environment goes through."""
_AS_PODMAN = ("--log-level=fatal", "unshare", "--")
"""A user namespace as Podman makes it, without a container and so without an image."""
_PROBE = Limits(wall_seconds=10)
_GRACE = 10.0
"""Seconds for which a launcher may be late before it is killed itself."""
_LINGER = 1.0
"""Seconds for which output is awaited from a launcher that has gone."""
_CHUNK = 1 << 16


class LocalSandbox(Sandbox):
    """The strongest sandbox that this machine has. What it has is tried out once, when it is first asked for."""

    def __init__(
        self,
        *,
        scratch: Path | None = None,
        only: Tier | None = None,
        allow_unsandboxed: bool = False,
        newest_landlock: int = 99,
        sudo: Path | None = None,
    ) -> None:
        """`scratch` is where copies are made; `only` one tier will do, with no newer Landlock than is given.

        `sudo` is the program that makes us root without being asked for a password, None where it must not be called:
        everywhere but on a machine that is thrown away after the job.
        """
        self._scratch = scratch
        self._only = only
        self._allow_unsandboxed = allow_unsandboxed
        self._landlock = min(newest_landlock, landlock_version())
        self._sudo = sudo
        self._reasons: dict[Tier, str] = {}

    def tier(self, *, loopback: bool = False) -> Tier:
        return self.choice(loopback=loopback).tier

    def choice(self, *, loopback: bool = False) -> Choice:
        """The strongest tier that is there. Raises SandboxUnavailable, with the reasons, when there is none."""
        reasons: list[tuple[Tier, str]] = []
        for tier in reversed(Tier):
            if tier is not Tier.NONE and self._only in {None, tier}:
                reason = self._unavailable(tier, loopback=loopback)
                if not reason:
                    return Choice(tier, tuple(reasons))
                reasons.append((tier, reason))
        if self._allow_unsandboxed and self._only in {None, Tier.NONE} and sys.platform == "linux":
            return Choice(Tier.NONE, tuple(reasons))
        raise SandboxUnavailable(
            f"this machine has no sandbox{' with a network of its own' if loopback else ''}",
            why="; ".join(f"{tier}: {reason}" for tier, reason in reasons)
            or "none was asked for, which has to be allowed",
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
        own = {"PATH": PATH, "HOME": str(folder / HOME), "TMPDIR": str(folder / TMP), "LANG": "C.UTF-8"}
        around = Surroundings(namespaces=tier.has_namespaces, own_user=user is not None, landlock=self._landlock)
        is_confined = tier is not Tier.NONE
        become = None if user is None else (user, user)
        if tier in {Tier.SUDO, Tier.PODMAN} and become is None:
            # Who becomes root for the namespaces becomes who it was again.
            become = os.geteuid(), os.getegid()
        return Box(
            command=tuple(command),
            environment={**own, **(environment or {})},
            folder=str(folder),
            limits=asdict(limits),
            confined=is_confined,
            readable=(*visible(readable), *(("/proc",) if tier.has_namespaces else ())),
            writable=(
                *(str(folder / name) for name in (TREE, TMP, HOME)),
                *(("/tmp", "/dev/shm") if tier.has_namespaces else ()),  # noqa: S108  its own ones
            ),
            wrapper=self._wrapper(tier, folder, readable),
            encloses=tier.has_namespaces and tier is not Tier.BUBBLEWRAP,
            user=become,
            landlock=self._landlock,
            filter=filter_program(platform.machine(), around).hex() if is_confined else "",
        )

    def _wrapper(self, tier: Tier, folder: Path, readable: Sequence[Path]) -> tuple[str, ...]:
        program = self._program(tier)
        if program is None:
            return ()
        if tier is Tier.BUBBLEWRAP:
            return tuple(bubblewrap(program, folder, readable, root=os.geteuid() == 0))
        return program, *(_AS_ROOT if tier is Tier.SUDO else _AS_PODMAN)

    def _program(self, tier: Tier) -> str | None:
        """What makes the namespaces of this tier, or lets the launcher make them."""
        if tier is Tier.SUDO:
            return str(self._sudo) if self._sudo is not None and os.access(self._sudo, os.X_OK) else None
        return installed(_PROGRAMS[tier]) if tier in _PROGRAMS else None

    def _unavailable(self, tier: Tier, *, loopback: bool) -> str:
        """Why this tier is not to be had, "" when it is."""
        if loopback and tier is Tier.LANDLOCK:
            return "it has no network"
        if tier not in self._reasons:
            self._reasons[tier] = self._probe(tier)
        return self._reasons[tier]

    def _probe(self, tier: Tier) -> str:
        if lack := self._lack(tier):
            return lack
        try:
            with self._workspace(_PROBE, tier) as (path, workspace):
                workspace.directory(path / TREE)
                launch(self._box(("/bin/sh", "-c", ":"), path, _PROBE, tier, workspace.owner))
        except SandboxUnavailable as error:
            return f"{error.why}{_apparmor() if tier is Tier.NAMESPACES else ''}"
        return ""

    def _lack(self, tier: Tier) -> str:
        """What it takes that can be seen without trying."""
        if sys.platform != "linux":
            return "it needs Linux"
        if (machine := platform.machine()) not in ARCHITECTURES:
            return f"system calls of {machine} are not known"
        if tier is Tier.LANDLOCK:
            return "" if self._landlock else "this kernel has none, or has it switched off"
        if tier is Tier.SUDO and self._sudo is None:
            return "it is only for runners that GitHub hosts"
        if tier is Tier.PODMAN and os.geteuid() == 0:
            return "it is for ordinary users"
        return "" if tier is Tier.NAMESPACES or self._program(tier) is not None else "it is not installed"


def _check(command: Sequence[str], environment: Mapping[str, str], readable: Sequence[Path]) -> None:
    """Refuse what no system call takes, and what is not there."""
    if not command:
        raise ConfigError("there is no command to run")
    if any("\0" in text for text in (*command, *environment, *environment.values())):
        raise ConfigError("the command or its environment holds a NUL")
    for path in readable:
        if not path.exists():
            raise ConfigError(f"`{path}` cannot be made readable", why="it does not exist")


def _apparmor() -> str:
    """What to add where https://ubuntu.com/blog/ubuntu-23-10-restricted-unprivileged-user-namespaces is in force."""
    switch = Path("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")
    restricts = os.geteuid() != 0 and switch.is_file() and switch.read_text("ascii").strip() != "0"
    return ", since AppArmor keeps ordinary users from namespaces" if restricts else ""


def _user() -> int | None:
    """The user for a run of root's: another for each, since it is by the user that its processes are counted."""
    if os.geteuid() != 0:
        return None
    for line in Path("/proc/self/uid_map").read_text("ascii").splitlines():
        first, _, count = map(int, line.split())
        if first <= _USERS.start and _USERS.stop <= first + count:
            return secrets.choice(_USERS)
    return None


def launch(box: Box) -> Ran:
    """Run the box. Raises SandboxUnavailable when it could not be closed around the command."""
    source, report = os.pipe()
    with os.fdopen(source, "rb", buffering=0) as status, tempfile.TemporaryFile() as given:
        try:
            given.write(replace(box, caller=os.getpid(), status=report).dump())
            given.seek(0)
            process = subprocess.Popen(  # noqa: S603  our own interpreter, and our own program
                launcher(str(Path(sys.executable).resolve()), "supervise"),
                stdin=given,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=(report,),
                cwd=box.folder,
                # Nothing of ours: what the launcher has in its environment is nothing to be stolen.
                env={"PATH": PATH, "LANG": "C.UTF-8"},
                start_new_session=True,
            )
        finally:
            os.close(report)
        with process:
            try:
                result, out, err, over = _listen(process, status, box)
            finally:
                # The launcher clears up; if it cannot, it is ended.
                process.terminate()
                try:
                    process.wait(_GRACE)
                except subprocess.TimeoutExpired:
                    process.kill()
    last = (err.decode("utf-8", "replace").strip().splitlines() or ["its launcher was killed"])[-1]
    if not result:
        raise SandboxUnavailable("the sandbox broke down", why=last)
    code, stopped, fault, left = json.loads(result)
    if not fault.startswith(READY) and not stopped and not over:
        raise SandboxUnavailable("the sandbox could not be set up", why=fault or last)
    unended = f"\n{left} processes of the command could not be ended" if left else ""
    err += f"{fault.removeprefix(READY)}{unended}".encode()
    return Ran(code, out, err, Stop.OUTPUT if over else Stop(stopped) if stopped else None)


def _listen(process: subprocess.Popen[bytes], status: IO[bytes], box: Box) -> tuple[bytes, bytes, bytes, bool]:
    """The launcher's report, standard output and error up to their limit, and whether there was more."""
    report, out, err = bytearray(), bytearray(), bytearray()
    limit = int(box.limits["output_bytes"])
    end = time.monotonic() + box.limits["wall_seconds"] + _GRACE
    over = False
    with selectors.DefaultSelector() as selector:
        selector.register(cast("IO[bytes]", process.stdout), selectors.EVENT_READ, out)
        selector.register(cast("IO[bytes]", process.stderr), selectors.EVENT_READ, err)
        selector.register(status, selectors.EVENT_READ, report)
        while selector.get_map() and (left := end - time.monotonic()) > 0:
            for key, _ in selector.select(left):
                chunk = os.read(key.fd, _CHUNK)
                if not chunk:
                    selector.unregister(key.fileobj)
                    if key.data is report:
                        end = min(end, time.monotonic() + _LINGER)
                elif key.data is report:
                    report += chunk
                else:
                    remaining = limit - len(out) - len(err)
                    key.data.extend(chunk[:remaining])
                    if len(chunk) > remaining and not over:
                        over = True
                        process.terminate()
    return bytes(report), bytes(out), bytes(err), over
