"""Tells what steps of the job have measured from what lies in the repository, which the change may have brought."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from cicd_agent.domain.ports.forge import Left, Repository, Workspace
from cicd_agent.domain.repository.change import Change

COMMITTED = "it is a file of the repository, which a change can bring, and nothing that a step of this job has measured"

_LARGEST = 50_000_000


@dataclass(frozen=True)
class Produced(Workspace):
    """The workspace without what stands in the commit that would be deployed, whatever it holds by now."""

    inner: Workspace
    change: Change
    repository: Repository

    @property
    def roots(self) -> Sequence[str]:
        return self.inner.roots

    def files(self, patterns: Sequence[str], *, most: int, limit: int) -> Iterator[Left]:
        """The files that the patterns name; what was committed comes without its content, and with the reason."""
        tracked = {*self.change.paths, *(path for file in self.change.files for path in (file.path, file.old_path))}
        is_cut = any(note.startswith("path list cut") for note in self.change.notes)
        for left in self.inner.files(patterns, most=most, limit=limit):
            names = [] if left.problem else list(self._names(left.path))
            if not tracked.isdisjoint(names) or (is_cut and any(map(self._stands, names))):
                yield replace(left, content=b"", problem=COMMITTED)
            else:
                yield left

    def _names(self, path: str) -> Iterator[str]:
        """What git may call a file of the workspace, or a link that leads to it: the checkout may lie further down."""
        parts = PurePosixPath(path).parts
        for at in range(len(parts)):
            above = "/".join(("", *parts[:at], ""))
            if not at or any(above in f"{root}/" for root in self.roots):
                yield from ("/".join(parts[at:end]) for end in range(at + 1, len(parts) + 1))

    def _stands(self, name: str) -> bool:
        return self.repository.blob(self.change.head, name, _LARGEST) is not None
