"""A change as evidence: its diff, its commits, and the text of the files it touches, read at fixed commits."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from cicd_agent.domain.repository.diff import FileDiff
from cicd_agent.domain.repository.framework_tests import holds_tests
from cicd_agent.domain.repository.paths import PathKind, kinds


class ChangeSource(StrEnum):
    """Where the diff came from: git objects, the forge's API, or uncommitted work in a local review."""

    GIT = "git"
    API = "api"
    WORKTREE = "worktree"


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit of the change; `when` is the committer's time in seconds since the epoch."""

    sha: str
    subject: str
    body: str = ""
    author: str = ""
    when: int = 0


@dataclass(frozen=True, slots=True)
class Change:
    """Everything that is known of a change.

    `base` is the merge base, `head` the commit reviewed ("" for uncommitted work). `texts` and `old_texts` map a
    path (new name, old name) to the file's whole text after and before, for changed text files within the size
    limit. `paths` lists every path at the head (empty when there is no checkout). `tree` is git's id of all files as
    they are after the change ("" from the API).
    """

    base: str
    head: str
    source: ChangeSource
    files: tuple[FileDiff, ...]
    commits: tuple[Commit, ...] = ()
    texts: Mapping[str, str] = field(default_factory=dict)
    old_texts: Mapping[str, str] = field(default_factory=dict)
    paths: tuple[str, ...] = ()
    tree: str = ""
    notes: tuple[str, ...] = ()
    """Limits met while reading, each one sentence for the report ("commit list cut at 250")."""
    incomplete: str = ""
    """Why `files` may lack some files of the change, "" when it has all of them."""

    @property
    def added_lines(self) -> int:
        return sum(file.added_count for file in self.files)

    @property
    def deleted_lines(self) -> int:
        return sum(file.deleted_count for file in self.files)

    def kinds_of(self, file: FileDiff) -> frozenset[PathKind]:
        """The kinds of a file of the change: those of its path, and TEST when its text before and after is tests.

        Both, so that no change makes a file of the product look like a test. What the risk model was fitted to, and
        the history that it is told, knows paths alone.
        """
        path_kinds = kinds(file.path)
        if PathKind.TEST in path_kinds or PathKind.SOURCE not in path_kinds:
            return path_kinds
        known = (self.texts.get(file.path), self.old_texts.get(file.old_path))
        texts = [text for text in known if text is not None]
        is_test = bool(texts) and all(holds_tests(file.path, text) for text in texts)
        return path_kinds | {PathKind.TEST} if is_test else path_kinds
