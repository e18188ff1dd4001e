"""Assembles the file system of the image: the interpreter, the agent, git over HTTPS and what they load, nothing else.

Runs in the build stage, as root, on a Debian base, with the standard library alone.
"""

import argparse
import os
import re
import shutil
import stat
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

HOME = Path("/opt/cicd-agent")
GIT = ("git", "git-remote-http")
FILES = (
    *("/etc/ssl/certs/ca-certificates.crt", "/etc/debian_version", "/etc/os-release", "/usr/lib/os-release"),
    *("/etc/ld.so.conf", "/etc/ld.so.conf.d"),
)
LINKED = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
"""Debian's old top folders, which are links into /usr today."""

# Never imported by a program that has no screen, builds nothing and installs nothing.
UNUSED = frozenset(
    {
        *("test", "tests", "idlelib", "idle_test", "tkinter", "turtledemo", "turtle.py", "ensurepip", "lib2to3"),
        *("distutils", "pydoc_data", "site-packages", "dist-packages", "__pycache__", "venv", "__phello__"),
    }
)
UNUSED_PARTS = re.compile(
    r"config-3.*|_test.*\.so|_xx.*\.so|xxlimited.*\.so|(?:_tkinter|_curses|_curses_panel|_dbm|_gdbm|nis|readline|audioop"
    r"|ossaudiodev|_ctypes_test)\..*so|.*\.(?:pyc|exe|a|h)"
)
# Of a package: its own tests, and what only a compiler or a type checker reads.
UNUSED_OF_PACKAGES = re.compile(r"__pycache__|tests?|.*\.(?:pyc|pyi|c|h|pxd|pyx)")

USERS = "root:x:0:0::/:/nonexistent\nagent:x:10001:10001::/tmp:/nonexistent\n"
GROUPS = "root:x:0:\nagent:x:10001:\n"
# A program, not a script of a shell: there is none.
COMMAND = "#!/opt/cicd-agent/bin/python -I\nfrom cicd_agent.__main__ import main\n\nmain()\n"
LIBRARY = re.compile(r"(?:=>\s+)?(/\S+)\s+\(0x")


class NotAssembled(Exception):
    """What is missing for an image, in one line."""


@dataclass(frozen=True)
class Copier:
    """Copies files of this machine to the same places below `root`; `seen` are those of this machine."""

    root: Path
    seen: dict[Path, Path]

    def file(self, source: Path) -> None:
        """One file with the contents that its name leads to, in the folder where its folder really is."""
        place = Path(os.path.realpath(source.parent)) / source.name
        if place in self.seen:
            return
        target = self.root / place.relative_to("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        target.chmod(0o755 if os.access(source, os.X_OK) else 0o644)
        self.seen[place] = Path(os.path.realpath(source))

    def tree(self, folder: Path, unused: Iterable[str] = (), parts: re.Pattern[str] = UNUSED_PARTS) -> None:
        """A folder without what is not used."""
        left_out = frozenset(unused)
        for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
            if entry.name in left_out or parts.fullmatch(entry.name):
                continue
            if entry.is_dir(follow_symlinks=False):
                self.tree(Path(entry.path), left_out, parts)
            elif entry.is_file():
                self.file(Path(entry.path))


def is_elf(path: Path) -> bool:
    """Whether a file is a program or a library of this kind of machine."""
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF"


def libraries(said: str) -> Iterator[Path]:
    """The files that `ldd` names. Raises NotAssembled when one is not there."""
    for line in said.splitlines():
        if "not found" in line:
            raise NotAssembled(f"a library is missing ({line.strip()}). Install it in the base.")
        if found := LIBRARY.search(line):
            yield Path(found[1])


def load(copier: Copier) -> None:
    """Copy the libraries of everything that was copied."""
    for source in [path for path in copier.seen.values() if is_elf(path)]:
        done = subprocess.run(["ldd", str(source)], capture_output=True, text=True, check=False)
        # What is linked to nothing makes ldd fail, and needs nothing.
        for library in libraries(done.stdout):
            if not library.is_relative_to(HOME):
                copier.file(library)


def frame(root: Path) -> None:
    """The folders, links and names that a process expects around it."""
    for name in LINKED:
        old = Path("/", name)
        if old.is_symlink():
            target = old.readlink()
            (root / "usr" / name).mkdir(parents=True, exist_ok=True)
            (root / name).symlink_to(target)
    for name in ("dev", "proc", "sys", "run", "etc", "repo", "var/empty", "usr/bin"):
        (root / name).mkdir(parents=True, exist_ok=True)
    (root / "tmp").mkdir()
    (root / "tmp").chmod(stat.S_ISVTX | 0o777)
    for name, text in {
        "passwd": USERS,
        "group": GROUPS,
        "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
    }.items():
        (root / "etc" / name).write_text(text, "ascii")


def interpreter(copier: Copier) -> None:
    """The interpreter of the environment with its library, and the environment."""
    stdlib = Path(sysconfig.get_path("stdlib"))
    program = Path(os.path.realpath(sys.executable))
    copier.file(program)
    copier.tree(stdlib, UNUSED)
    copier.tree(HOME / "lib", (), UNUSED_OF_PACKAGES)
    copier.tree(HOME / "src", (), re.compile("__pycache__"))
    copier.file(HOME / "pyvenv.cfg")
    binaries = copier.root / HOME.relative_to("/") / "bin"
    binaries.mkdir(parents=True)
    (binaries / "python").symlink_to(program)
    command = copier.root / "usr/bin/cicd-agent"
    command.write_text(COMMAND, "ascii")
    command.chmod(0o755)


def git(copier: Copier) -> None:
    """Git, with what it fetches by; its other programs need a shell or Perl."""
    said = subprocess.run(["git", "--exec-path"], capture_output=True, text=True, check=True).stdout.strip()
    for name in GIT:
        path = shutil.which("git") if name == "git" else f"{said}/{name}"
        if not path or not Path(path).exists():
            raise NotAssembled(f"there is no {name} in the base. Install git in it.")
        copier.file(Path(path))
    # The same program by another name.
    (copier.root / os.path.realpath(said).lstrip("/") / "git-remote-https").symlink_to("git-remote-http")


def compiled(root: Path) -> None:
    """Byte code that is believed without looking at times: nothing can be written there any more."""
    folders = [Path(sysconfig.get_path("stdlib")), HOME / "lib", HOME / "src"]
    inside = [str(root / folder.relative_to("/")) for folder in folders]
    quiet = [sys.executable, "-I", "-m", "compileall", "-q", "-j", "0", "--invalidation-mode", "unchecked-hash"]
    subprocess.run([*quiet, "-s", str(root), "-p", "/", *inside], check=True)


def main(root: Path) -> None:
    """Make the file system in an empty or new folder, and the list of what came from where beside it."""
    root.mkdir(parents=True)
    frame(root)
    copier = Copier(root, {})
    interpreter(copier)
    git(copier)
    load(copier)
    for name in FILES:
        path = Path(name)
        if path.is_dir():
            copier.tree(path)
        elif path.exists():
            copier.file(path)
    subprocess.run(["ldconfig", "-r", str(root)], check=True)
    compiled(root)
    sources = sorted({str(path) for path in copier.seen.values()})
    root.with_name(f"{root.name}.sources").write_text("".join(f"{path}\n" for path in sources), "utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", type=Path)
    try:
        main(parser.parse_args().root)
    except NotAssembled as problem:
        sys.exit(f"rootfs: {problem}")
