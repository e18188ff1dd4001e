"""Puts what a project's Python lacks into a directory of its own: locked wheels, by hash; nothing of them is run."""

import hashlib
import importlib.util
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cicd_agent.adapters.programs import find_program, search_path
from cicd_agent.adapters.toolchain.probe import InterpreterInfo
from cicd_agent.domain.text.visible import visible_line

PYPI = "https://pypi.org/simple"

_PASSED = ("PATH", "HOME", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
_SHARED = 0o022
"""Bits of the mode of a directory that others may write to."""
_NEWEST_GLIBC = 40
_PIP = "import runpy, sys; sys.path[:0] = sys.argv[1:2]; del sys.argv[1]; runpy.run_module('pip', run_name='__main__')"
DIRECTORY = Path(__file__).parent / "overlays"
"""Where the locks are; `make lock` writes them."""
_SETTINGS = {
    "PIP_CONFIG_FILE": os.devnull,
    "PIP_NO_INPUT": "1",
    "PIP_RETRIES": "1",
    "PIP_DEFAULT_TIMEOUT": "15",
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "UV_NO_CONFIG": "1",
    "UV_PYTHON_DOWNLOADS": "never",
    "UV_HTTP_RETRIES": "1",
    "UV_HTTP_TIMEOUT": "15",
}
_PIN = re.compile(r"^[a-z0-9][a-z0-9.-]*==\S+", re.MULTILINE)
_VIA = re.compile(r"^ +# +(?:via +)?([a-z0-9][a-z0-9.-]*)$")


@dataclass(frozen=True, slots=True)
class Packages:
    """Where packages come from and are kept. `folder` is this program's own; no `folder`, and nothing is installed.

    `index` is the package index; it may hold a password. `network` are the variables that lead there.
    """

    folder: Path | None = None
    index: str = PYPI
    network: Mapping[str, str] = field(default_factory=dict, repr=False)
    seconds: float = 120.0
    locks: Path = DIRECTORY
    trees: Sequence[Path] = ()
    """Directories whose programs are never run."""


class NotInstalled(Exception):
    """Why there is no overlay, in one line."""


def overlay(info: InterpreterInfo, lacking: Collection[str], packages: Packages) -> Path:
    """A directory with these distributions and what they need, made once for all. Raises NotInstalled."""
    if packages.folder is None:
        raise NotInstalled("nothing may be installed here")
    if info.implementation != "cpython":
        raise NotInstalled(f"nothing is locked for {info.implementation or 'this Python'}")
    requested = requirements(lock_for(info.version[:2], packages.locks), lacking)
    tags = f"{info.version[:2]} {info.threaded} {info.machine} {info.libc}"
    key = hashlib.sha256(f"{tags}\0{requested}".encode()).hexdigest()[:16]
    folder = _own_folder(packages.folder)
    location = folder / f"python{info.version[0]}.{info.version[1]}-{key}"
    if location.is_dir():
        return location
    made = Path(tempfile.mkdtemp(prefix=".made-", dir=folder))
    try:
        _install(made / "packages", made, requested, info, packages)
        (made / "packages").rename(location)
    except OSError as error:
        # Somebody else was quicker, which comes to the same.
        if not location.is_dir():
            raise NotInstalled(f"it could not be kept: {error.strerror}") from error
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return location


def _own_folder(folder: Path) -> Path:
    """The folder, made if need be. What is in it is believed, so it has to be ours alone to write to."""
    try:
        folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        status = folder.stat(follow_symlinks=False)
    except OSError as error:
        raise NotInstalled(f"`{folder}` cannot be made: {error.strerror}") from error
    if folder.is_symlink() or status.st_uid != os.geteuid() or status.st_mode & _SHARED:
        raise NotInstalled(f"others can write to `{folder}`")
    return folder.resolve()


def _install(target: Path, scratch: Path, requested: str, info: InterpreterInfo, packages: Packages) -> None:
    lock = scratch / "requirements.txt"
    lock.write_text(requested, "utf-8")
    environment = _environment(packages, scratch)
    command = [*_installer(info, environment, packages), "--target", str(target), "--requirement", str(lock)]
    done = _run(command, scratch, environment, packages.seconds)
    if done.returncode:
        raise NotInstalled(_reason((done.stderr or done.stdout).decode("utf-8", "replace")))
    if info.version[:2] == sys.version_info[:2]:
        # Nobody can write to it later, so that each of many processes would compile it again.
        options = ("-q", "--invalidation-mode", "unchecked-hash")
        _run([sys.executable, "-I", "-m", "compileall", *options, str(target)], scratch, environment, packages.seconds)
    # Whoever runs in the sandbox is somebody else.
    target.chmod(0o755)


def _run(
    command: Sequence[str], directory: Path, environment: Mapping[str, str], seconds: float
) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(  # noqa: S603  our own interpreter or installer, with words of ours
            command,
            cwd=directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=seconds,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotInstalled(f"the installer came to no end: {type(error).__name__}") from error


def _environment(packages: Packages, scratch: Path) -> dict[str, str]:
    """All that an installer learns of the job. The index may hold a password, and command lines are public."""
    retained = {*_PASSED, *_PROXIES, *map(str.upper, _PROXIES)}
    environment = {name: value for name, value in packages.network.items() if name in retained}
    environment["PATH"] = search_path(environment.get("PATH", ""), packages.trees)
    indexes = {"PIP_INDEX_URL": packages.index, "UV_DEFAULT_INDEX": packages.index}
    return {**environment, "HOME": str(scratch), **_SETTINGS, **indexes}


def _installer(info: InterpreterInfo, environment: Mapping[str, str], packages: Packages) -> list[str]:
    """The command line of pip or uv up to the target. Raises NotInstalled where neither is here."""
    locked = ["--quiet", "--no-deps", "--require-hashes", "--only-binary", ":all:"]
    version = f"{info.version[0]}.{info.version[1]}"
    if pip := _pip():
        tags = [argument for tag in _platforms(info) for argument in ("--platform", tag)]
        abi = f"cp{info.version[0]}{info.version[1]}{'t' if info.threaded else ''}"
        tags += ["--python-version", version, "--implementation", "cp", "--abi", abi]
        return [*pip, "install", "--no-cache-dir", "--no-compile", *locked, *tags]
    uv = find_program("uv", environment.get("PATH", ""), packages.trees)
    if uv is None or info.threaded:
        raise NotInstalled("there is neither pip nor uv to install it with")
    libc = "unknown-linux-musl" if _is_musl(info) else f"manylinux_2_{28 if _glibc(info) >= 28 else 17}"  # noqa: PLR2004
    where = ["--python", sys.executable, "--python-version", version, "--python-platform", f"{info.machine}-{libc}"]
    return [uv, "pip", "install", "--no-cache", *locked, *where]


def _pip() -> Sequence[str]:
    """Our own pip, else the one that Python brings along for new environments; () without either."""
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-I", "-m", "pip"]
    if (ensurepip := importlib.util.find_spec("ensurepip")) is not None and ensurepip.origin:
        for wheel in sorted(Path(ensurepip.origin).parent.glob("_bundled/pip-*.whl")):
            return [sys.executable, "-I", "-c", _PIP, str(wheel)]
    return ()


def _platforms(info: InterpreterInfo) -> list[str]:
    """The tags of wheels that run there, the best first."""
    if _is_musl(info):
        return [f"musllinux_1_{minor}_{info.machine}" for minor in (2, 1)]
    modern = [f"manylinux_2_{minor}_{info.machine}" for minor in range(_glibc(info), 4, -1)]
    return [*modern, f"manylinux2014_{info.machine}", f"linux_{info.machine}"]


def _is_musl(info: InterpreterInfo) -> bool:
    return (info.libc[0] or platform.libc_ver()[0]) != "glibc"


def _glibc(info: InterpreterInfo) -> int:
    match = re.fullmatch(r"2\.(\d{1,3})", info.libc[1])
    return min(int(match[1]), _NEWEST_GLIBC) if match else 17


def _reason(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()] or ["it failed without a word"]
    errors = [line for line in lines if line.lower().startswith("error")] or lines
    return visible_line(re.sub(r"//[^/@\s]*@", "//", errors[-1]))[:300]


@dataclass(frozen=True, slots=True)
class Locked:
    """One pin: its lines as they stand, and what it is there for."""

    name: str
    lines: str
    via: frozenset[str]


def lock_for(version: tuple[int, int], directory: Path = DIRECTORY) -> tuple[Locked, ...]:
    """The pins for a Python: its own, or those for the newest that is older; () for one older than all."""
    locks = {tuple(map(int, path.stem.split("."))): path for path in directory.glob("*.lock")}
    fitting = [each for each in locks if each <= version]
    return tuple(_read(locks[max(fitting)].read_text("utf-8"))) if fitting else ()


def requirements(lock: Collection[Locked], requested: Collection[str]) -> str:
    """The part of a lock that these distributions and what they need take, as an installer reads it."""
    pins: Mapping[str, Locked] = {pin.name: pin for pin in lock}
    taken = {name for name in requested if name in pins}
    while more := {pin.name for pin in lock if pin.via & taken} - taken:
        taken |= more
    return "".join(pin.lines for pin in lock if pin.name in taken)


def _read(text: str) -> Iterator[Locked]:
    starts = [match.start() for match in _PIN.finditer(text)]
    for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
        lines = text[start:end].splitlines(keepends=True)
        via = {match[1] for line in lines if (match := _VIA.match(line.rstrip()))}
        name = text[start:end].partition("==")[0]
        yield Locked(name, "".join(line for line in lines if "#" not in line), frozenset(via))
