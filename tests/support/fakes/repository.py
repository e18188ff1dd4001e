"""git as a double of our own port: a repository of given answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cicd_agent.domain.ports.forge import Library, Repository
from cicd_agent.domain.repository.change import Change, Commit
from cicd_agent.domain.repository.diff import FileDiff
from cicd_agent.domain.repository.history import Past
from cicd_agent.errors import ConfigError


@dataclass
class FakeRepository(Repository):
    """A repository of given answers: refs, changes between commits, and blobs."""

    refs: Mapping[str, str] = field(default_factory=dict)
    """Ref → full SHA."""
    changes: Mapping[tuple[str, str], Change] = field(default_factory=dict)
    """(base, head) → change; ("", head) stands for any base."""
    work: Change | None = None
    blobs: Mapping[tuple[str, str], bytes] = field(default_factory=dict)
    """(sha, path) → content."""
    missing: str = ""
    """Why `ensure` cannot make the commits present."""
    shelves: Mapping[str, Library] = field(default_factory=dict)
    """Head of a change → its library."""
    pasts: Mapping[str, Past] = field(default_factory=dict)
    """Commit → what led to it."""
    ancestry: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Commit → its parents."""
    lines: Mapping[tuple[str, str], tuple[Commit, ...]] = field(default_factory=dict)
    """(base, head) → the commits between them, newest first."""
    patch_ids: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """(base, head) → git's id of the diff."""
    diffs: Mapping[str, tuple[FileDiff, ...]] = field(default_factory=dict)
    """Commit → what it changes."""
    clean_merges: Mapping[str, str] = field(default_factory=dict)
    """Commit → the base branch that it merges, and nothing else."""

    def resolve(self, ref: str) -> str | None:
        return self.refs.get(ref, ref if ref in self.refs.values() else None)

    def ensure(self, shas: Sequence[str], token: str = "") -> str:  # noqa: ARG002  the port's signature
        return self.missing

    def change(self, base: str, head: str) -> Change:
        return self.changes.get((base, head)) or self.changes["", head]

    def uncommitted(self, base: str) -> Change:  # noqa: ARG002  the port's signature
        assert self.work is not None, "this test has no uncommitted work"
        return self.work

    def blob(self, sha: str, path: str, limit: int = 1_000_000) -> bytes | None:
        content = self.blobs.get((sha, path))
        return content if content is not None and len(content) <= limit else None

    def library(self, change: Change) -> Library:
        if change.head not in self.shelves:
            raise ConfigError("the files of this change cannot be had")
        return self.shelves[change.head]

    def past(self, sha: str, most: int, counted: int) -> Past:  # noqa: ARG002  it is as long as it is
        return self.pasts.get(sha, Past())

    def parents(self, sha: str) -> tuple[str, ...]:
        return self.ancestry.get(sha, ())

    def between(self, base: str, head: str, most: int) -> tuple[Commit, ...]:
        return self.lines.get((base, head), ())[:most]

    def tree_ids(self, shas: Sequence[str]) -> tuple[str, ...]:
        return tuple(shas)

    def file_changes(self, shas: Sequence[str]) -> tuple[Mapping[str, tuple[str, str]], ...]:
        return tuple({sha: ("", sha)} for sha in shas)

    def commit_files(self, sha: str) -> tuple[FileDiff, ...]:
        return self.diffs.get(sha, ())

    def is_clean_merge(self, sha: str, base: str) -> bool:
        return self.clean_merges.get(sha) == base

    def patch_id(self, base: str, head: str) -> str:
        return self.patch_ids.get((base, head), "")
