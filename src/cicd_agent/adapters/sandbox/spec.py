"""One run of a command as it travels to its launcher: its limits, and what of the machine it gets to see."""

import json
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store")
# Named one by one: other files in /etc hold passwords, keys, and addresses with tokens in them.
# fmt: off
_ETC = (
    "alternatives", "ca-certificates", "debian_version", "group", "hosts", "ld.so.cache", "ld.so.conf",
    "ld.so.conf.d", "localtime", "lsb-release", "mime.types", "nsswitch.conf", "os-release", "passwd",
    "pki/tls/certs", "protocols", "services", "ssl/cert.pem", "ssl/certs", "ssl/openssl.cnf", "terminfo", "timezone",
)
# fmt: on
DEVICES = ("/dev/full", "/dev/null", "/dev/random", "/dev/urandom", "/dev/zero")
_PROGRAMS = "/usr/local/bin:/usr/bin:/bin"

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
TREE, TMP, HOME, SHARED_MEMORY = "tree", "tmp", "home", "shm"
"""What is in the folder of a run."""


@dataclass(frozen=True, slots=True)
class Box:
    """One run. Nothing in here is a secret: the command can read it."""

    command: Sequence[str]
    environment: Mapping[str, str]
    folder: str
    """Holds the copy and all that is written; what it takes on the disk is what is counted."""
    limits: Mapping[str, float]
    """The fields of Limits."""
    confined: bool
    """False: nothing keeps the command in, and only the limits hold."""
    readable: Sequence[str]
    """What can be read and run. Everything else is not there, or cannot be opened."""
    writable: Sequence[str]
    wrapper: Sequence[str]
    """The command line that runs the rest of the line in namespaces, or as root to make them; empty: there is none."""
    encloses: bool
    """Whether the launcher makes the namespaces itself, behind the wrapper if there is one."""
    user: tuple[int, int] | None
    """The user and group that root becomes; None: stay who we are."""
    landlock: int
    """The version of Landlock to use, 0 for none."""
    filter: str
    """The filter of system calls, in hexadecimal digits."""
    caller: int = 0
    """The process for which this is done, and which it must not outlive."""
    status: int = -1
    """The descriptor on which to report how the start went."""

    @property
    def namespaces(self) -> bool:
        return self.encloses or bool(self.wrapper)

    @property
    def by_privilege(self) -> bool:
        """Whether root is had by a program that has to be let gain privileges."""
        return self.encloses and bool(self.wrapper)

    def dump(self) -> bytes:
        return json.dumps(asdict(self)).encode()

    @classmethod
    def load(cls, data: bytes) -> "Box":
        return cls(**json.loads(data))


def visible(readable: Sequence[Path]) -> Iterator[str]:
    """What a command can read outside its own folder."""
    etc = (f"/etc/{name}" for name in _ETC)
    for path in (*SYSTEM, *etc, str(Path(sys.base_prefix).resolve()), *(str(path.absolute()) for path in readable)):
        if Path(path).exists():
            yield path


def installed(program: str) -> str | None:
    """Where a program is: in a place of the system, never where a PATH of the job would find it."""
    return shutil.which(program, path=_PROGRAMS)


def bubblewrap(program: str, folder: Path, readable: Sequence[Path], *, root: bool) -> Iterator[str]:
    """The command line of bubblewrap: own processes, network and mounts, for which root needs no own users."""
    yield from (program, "--die-with-parent", "--new-session", *(() if root else ("--unshare-user",)))
    yield from ("--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try")
    yield from ("--proc", "/proc", "--dev", "/dev")
    yield from ("--bind", str(folder / SHARED_MEMORY), "/dev/shm", "--bind", str(folder / TMP), "/tmp")  # noqa: S108
    shown = (*visible(readable), str(Path(__file__).parents[2]), str(folder))
    # Made on the way, they would be closed to everybody but root.
    parents = {str(parent) for path in shown for parent in Path(path).parents}
    for parent in sorted(parents - {"/", "/tmp"}):  # noqa: S108
        yield from ("--dir", parent)
    for path in shown[:-1]:
        if path in SYSTEM and Path(path).is_symlink():
            yield from ("--symlink", str(Path(path).readlink()), path)
        else:
            yield from ("--ro-bind", path, path)
    yield from ("--bind", str(folder), str(folder), "--remount-ro", "/dev", "--remount-ro", "/", "--")
