"""The files that earlier steps of the job left in the workspace: regular ones, inside of it, up to a size."""

import os
import stat
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from cicd_agent.adapters.files import NOFOLLOW, NONBLOCK
from cicd_agent.domain.ports.forge import Left, Workspace
from cicd_agent.domain.text.words import count

_MAX_MATCHES = 1_000


class Folder(Workspace):
    """The workspace at `place`; `checkout` is where the repository lies in it."""

    def __init__(self, root: Path, checkout: Path, *, mounted: str = "/github/workspace") -> None:
        self._place, below = Path(os.path.realpath(root)), Path(os.path.realpath(checkout))
        inside = below.relative_to(self._place).as_posix() if below.is_relative_to(self._place) else "."
        # Steps that run in a container see the workspace under another name.
        roots = (below.as_posix(), checkout.absolute().as_posix(), Path(mounted, inside).as_posix())
        self._roots = tuple(dict.fromkeys(roots))

    @property
    def roots(self) -> Sequence[str]:
        return self._roots

    def files(self, patterns: Sequence[str], *, most: int, limit: int) -> Iterator[Left]:
        """The files that the patterns name; a file that cannot be had comes with the reason."""
        seen: set[str] = set()
        for pattern in patterns:
            try:
                names = self._matches(pattern)
            except (OSError, ValueError, NotImplementedError, RuntimeError):
                yield Left(pattern, problem="it is not a path or pattern inside the workspace")
                continue
            if not names:
                yield Left(pattern, problem="there is no such file")
            fresh = [path for path in names if path not in seen]
            remaining = max(most - len(seen), 0)
            if len(fresh) > remaining:
                beyond = count(len(fresh) - remaining, "file")
                yield Left(pattern, problem=f"{beyond} beyond the first {most} were left out")
            for path in fresh[:remaining]:
                seen.add(path)
                yield self._read(path, limit)

    def _matches(self, pattern: str) -> list[str]:
        """Names below the workspace, in order. Raises ValueError for a pattern that leads out of it."""
        relative = Path(pattern)
        if relative.is_absolute():
            relative = relative.relative_to(self._place)
        if ".." in relative.parts or "\0" in pattern:
            raise ValueError("it leads out of the workspace")
        if not any(letter in pattern for letter in "*?["):
            return [relative.as_posix()] if os.path.lexists(self._place / relative) else []
        paths = islice(self._place.glob(relative.as_posix()), _MAX_MATCHES)
        return sorted(path.relative_to(self._place).as_posix() for path in paths if not path.is_dir())

    def _read(self, name: str, limit: int) -> Left:
        try:
            path = Path(os.path.realpath(self._place / name))
            if not path.is_relative_to(self._place):
                return Left(name, problem="it leads out of the workspace")
            # Without O_NONBLOCK a pipe would be waited for.
            descriptor = os.open(path, os.O_RDONLY | NOFOLLOW | NONBLOCK)
            try:
                status = os.fstat(descriptor)
                if not stat.S_ISREG(status.st_mode):
                    return Left(name, problem="it is not a regular file")
                with os.fdopen(descriptor, "rb", closefd=False) as file:
                    content = file.read(limit + 1)
            finally:
                os.close(descriptor)
        except (OSError, ValueError, RuntimeError) as error:
            return Left(name, problem=getattr(error, "strerror", None) or "it cannot be read")
        if len(content) > limit:
            return Left(name, problem=f"it is larger than {limit:,} bytes")
        return Left(name, content, modified=int(status.st_mtime))
