"""Says what of the machine a command in the sandbox gets to see, and how bubblewrap is asked to show just that."""

import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from cicd_agent.adapters.sandbox.spec import View

_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store")
# Named one by one: other files in /etc hold passwords, keys, and addresses with tokens in them.
# fmt: off
_ETC = (
    "alternatives", "ca-certificates", "debian_version", "group", "hosts", "ld.so.cache", "ld.so.conf",
    "ld.so.conf.d", "localtime", "lsb-release", "mime.types", "nsswitch.conf", "os-release", "passwd",
    "pki/tls/certs", "protocols", "services", "ssl/cert.pem", "ssl/certs", "ssl/openssl.cnf", "terminfo", "timezone",
)
# fmt: on
_DEVICES = ("/dev/full", "/dev/null", "/dev/random", "/dev/urandom", "/dev/zero")
_PROGRAMS = "/usr/local/bin:/usr/bin:/bin"

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
TREE, TMP, HOME, SHARED_MEMORY = "tree", "tmp", "home", "shm"
"""What is in the room of a run."""


def python() -> str:
    return str(Path(sys.executable).resolve())


def system(readable: Sequence[Path]) -> Iterator[str]:
    etc = (f"/etc/{name}" for name in _ETC)
    for path in (*_SYSTEM, *etc, str(Path(sys.base_prefix).resolve()), *(str(path.absolute()) for path in readable)):
        if Path(path).exists():
            yield path


def view(folder: Path, readable: Sequence[Path], *, namespaces: bool) -> View:
    """The view of a run in `folder`."""
    own = (str(folder / name) for name in (TREE, TMP, HOME))
    if not namespaces:
        return View((*system(readable),), (*own,), _DEVICES)
    return View((*system(readable), "/proc"), (*own, "/tmp", "/dev/shm"), _DEVICES)  # noqa: S108  its own ones


def bubblewrap() -> str | None:
    """Where bubblewrap is: in a place of the system, never where a PATH of the job would find it."""
    return shutil.which("bwrap", path=_PROGRAMS)


def wrapper(program: str, folder: Path, readable: Sequence[Path], *, root: bool) -> Iterator[str]:
    """The command line of bubblewrap: own processes, network and mounts, for which root needs no own users."""
    yield from (program, "--die-with-parent", "--new-session", *(() if root else ("--unshare-user",)))
    yield from ("--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try")
    yield from ("--proc", "/proc", "--dev", "/dev")
    yield from ("--bind", str(folder / SHARED_MEMORY), "/dev/shm", "--bind", str(folder / TMP), "/tmp")  # noqa: S108
    shown = (*system(readable), str(Path(__file__).parents[2]), str(folder))
    # Made on the way, they would be closed to everybody but root.
    parents = {str(parent) for path in shown for parent in Path(path).parents}
    for parent in sorted(parents - {"/", "/tmp"}):  # noqa: S108
        yield from ("--dir", parent)
    for path in shown[:-1]:
        if path in _SYSTEM and Path(path).is_symlink():
            yield from ("--symlink", str(Path(path).readlink()), path)
        else:
            yield from ("--ro-bind", path, path)
    yield from ("--bind", str(folder), str(folder), "--remount-ro", "/dev", "--remount-ro", "/", "--")
