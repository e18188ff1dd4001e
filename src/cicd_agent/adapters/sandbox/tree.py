"""Makes the copy that a command runs in, and removes it."""

import os
import stat
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from shutil import copyfile

from cicd_agent.errors import ConfigError


@dataclass(slots=True)
class Workspace:
    """What is left of a run's disk while its copy is made; `owner` is the user whom everything is given to, if any."""

    owner: int | None
    size: int
    files: int

    def copy(self, source: Path, target: Path, without: Collection[str] = ()) -> None:
        """Copy directories, regular files and links, which stay links; not git's own, which can hold tokens.

        `without` are names at the top that are left out.
        """
        pending = [(source, target)]
        while pending:
            here, there = pending.pop()
            self.directory(there)
            try:
                with os.scandir(here) as entries:
                    for entry in entries:
                        if entry.name == ".git" or (here == source and entry.name in without):
                            continue
                        if entry.is_dir(follow_symlinks=False):
                            pending.append((Path(entry.path), there / entry.name))
                        else:
                            self._copy(entry, there / entry.name)
            except OSError as error:
                raise ConfigError("the directory cannot be copied", why=f"{here}: {error.strerror}") from error

    def _copy(self, entry: os.DirEntry[str], target: Path) -> None:
        status = entry.stat(follow_symlinks=False)
        if stat.S_ISLNK(status.st_mode):
            self._take(0)
            target.symlink_to(Path(entry.path).readlink())
        elif stat.S_ISREG(status.st_mode):
            self._take(status.st_size)
            copyfile(entry.path, target, follow_symlinks=False)
            # Without setuid bits, and so that its owner can change it.
            target.chmod(status.st_mode & 0o777 | 0o600)
            os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))
        else:
            return
        self._give(target)

    def directory(self, path: Path) -> None:
        self._take(0)
        path.mkdir(mode=0o700)
        self._give(path)

    def write(self, top: Path, files: Mapping[str, bytes]) -> None:
        """Put files over the copy. Nothing of the copy is followed out of it: a link in the way is replaced."""
        for name, content in files.items():
            *parents, last = _parts(name)
            here = top
            for part in parents:
                here /= part
                if here.is_symlink() or (here.exists() and not here.is_dir()):
                    here.unlink()
                if not here.exists():
                    self.directory(here)
            target = here / last
            if target.is_symlink() or target.is_file():
                target.unlink()
            if target.is_dir():
                raise ConfigError(f"`{name}` cannot be put into the sandbox", why="a directory is there")
            self._take(len(content))
            target.write_bytes(content)
            self._give(target)

    def _take(self, size: int) -> None:
        self.size -= size
        self.files -= 1
        if self.size < 0 or self.files < 0:
            raise ConfigError(
                "the directory is too large for the sandbox",
                why="it takes more than `disk_bytes` or holds more than `files`",
                remedy="Allow more, or run in a part of it",
            )

    def _give(self, path: Path) -> None:
        if self.owner is not None:
            os.chown(path, self.owner, self.owner, follow_symlinks=False)


def _parts(name: str) -> tuple[str, ...]:
    """The components of a path below the copy. Raises ConfigError for any other path."""
    parts = PurePosixPath(name).parts
    if not parts or name.startswith("/") or ".." in parts or "\0" in name:
        raise ConfigError(f"`{name}` is not a path below the copy")
    return parts


def remove(folder: Path) -> None:
    """Remove a folder, however deep and whatever the modes in it. What cannot be removed stays, without an error."""
    with suppress(OSError):
        pending, number = [folder], 0
        while pending:
            directory = pending.pop()
            with os.scandir(directory) as entries:
                for entry in list(entries):
                    if not entry.is_dir(follow_symlinks=False):
                        Path(entry.path).unlink()
                        continue
                    number += 1
                    moved = folder / f"{number}.moved"
                    with suppress(PermissionError):
                        Path(entry.path).chmod(0o700)
                    pending.append(Path(entry.path).rename(moved))
            if directory != folder:
                directory.rmdir()
        folder.rmdir()
