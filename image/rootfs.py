"""Puts together what the agent needs to run, and nothing else: the whole file system of the image.

Runs while the image is built, in the stage that has installed everything: `python image/rootfs.py /rootfs`. No shell
and no package manager comes along: an interpreter with its library, our packages, git with its transport for https, and
exactly the shared libraries that these name.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from pathlib import Path

UID = 10001
HOME = Path("/opt/cicd-agent")
LEFT_OUT = frozenset(
    {"test", "tests", "idlelib", "tkinter", "turtledemo", "ensurepip", "lib2to3", "pydoc_data", "__pycache__"}
    | {"site-packages", "dist-packages", "include"}
)
"""Folders of the standard library that no run looks into."""
SOURCES = frozenset({".pyi", ".pyx", ".pxd", ".c", ".h", ".cpp", ".a"})
"""What packages bring for type checkers and compilers."""
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
ACCOUNTS = {
    "etc/passwd": f"root:x:0:0:root:/:/sbin/nologin\nagent:x:{UID}:{UID}::/tmp:/sbin/nologin\n",
    "etc/group": f"root:x:0:\nagent:x:{UID}:\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
}


def needed() -> Iterator[Path]:
    """Every file and link, libraries aside."""
    yield Path(sys.base_prefix, "bin", f"python{sys.version_info.major}.{sys.version_info.minor}")
    library = Path(sysconfig.get_path("stdlib", vars={"installed_base": sys.base_prefix, "base": sys.base_prefix}))
    yield from files(library)
    yield from files(HOME)
    git = Path(shutil.which("git") or "/usr/bin/git")
    yield git
    told = subprocess.run([str(git), "--exec-path"], check=True, capture_output=True, text=True)
    yield from (
        path for name in ("git-remote-http", "git-remote-https") if (path := Path(told.stdout.strip(), name)).exists()
    )
    yield CERTIFICATES


def files(folder: Path) -> Iterator[Path]:
    """Every file and link below a folder that a run may look into."""
    for top, folders, names in os.walk(folder):
        left_out = {"tests", "testing", "__pycache__"} if Path(top).is_relative_to(HOME) else LEFT_OUT
        folders[:] = sorted(name for name in folders if name not in left_out and not name.startswith("config-"))
        yield from (Path(top, name) for name in [*sorted(names), *folders] if is_wanted(Path(top, name)))


def is_wanted(path: Path) -> bool:
    """A file or a link that is used at run time."""
    if path.suffix in SOURCES or path.name.startswith(("_test", "_tkinter", "_ctypes_test", "xxlimited")):
        return False
    return path.is_symlink() or path.is_file()


def libraries(programs: Iterable[Path]) -> Iterator[Path]:
    """The shared libraries that programs and extension modules name, and those that these name."""
    seen: set[Path] = set()
    for program in programs:
        if program.is_symlink() or not is_elf(program):
            continue
        told = subprocess.run(["ldd", str(program)], check=False, capture_output=True, text=True).stdout
        for line in told.splitlines():
            words = line.split()
            found = next((Path(word) for word in words if word.startswith("/")), None)
            if found is not None and found not in seen:
                seen.add(found)
                yield found


def is_elf(path: Path) -> bool:
    """Whether the dynamic loader knows what to do with it."""
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF"


class Tree:
    """The file system in the making."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def take(self, path: Path) -> None:
        """Copy a file to its own place, with every link on the way to it."""
        walked = Path("/")
        for part in path.absolute().parts[1:]:
            walked /= part
            here = self.root / walked.relative_to("/")
            if walked.is_symlink():
                target = walked.readlink()
                if not here.is_symlink():
                    here.parent.mkdir(parents=True, exist_ok=True)
                    here.symlink_to(target)
                self.take(Path(os.path.normpath(walked.parent / target / path.absolute().relative_to(walked))))
                return
            if walked.is_dir():
                here.mkdir(parents=True, exist_ok=True)
        target_file = self.root / path.absolute().relative_to("/")
        if path.is_file() and not target_file.exists():
            shutil.copy2(path, target_file)

    def write(self, name: str, text: str) -> None:
        """A small file of ours."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


def main(root: Path) -> None:
    """Make the tree; it must not be there yet."""
    root.mkdir(parents=True)
    tree = Tree(root)
    taken = list(needed())
    for path in [*taken, *libraries(taken)]:
        tree.take(path)
    for name, text in ACCOUNTS.items():
        tree.write(name, text)
    # Where OpenSSL looks when nobody says otherwise.
    bundle = root / "usr/lib/ssl/cert.pem"
    bundle.parent.mkdir(parents=True, exist_ok=True)
    bundle.symlink_to(CERTIFICATES)
    for name in ("repo", "proc", "sys", "dev"):
        (root / name).mkdir(exist_ok=True)
    (root / "tmp").mkdir()
    (root / "tmp").chmod(0o1777)
    # What is compiled is believed unseen: nothing in the image ever changes.
    compiled = ["-q", "-j", "0", "--invalidation-mode", "unchecked-hash", "-s", str(root), "-p", "/", str(root)]
    subprocess.run([sys.executable, "-m", "compileall", *compiled], check=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
