"""Commits without a checkout, branches and pull requests of tests, as ports."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from cicd_agent.domain.effects import TextFile


@dataclass(frozen=True, slots=True)
class MadeCommit:
    """A commit, be it on a branch or not; `author` is the name in it, for ours the login of the token's account."""

    sha: str
    tree: str
    message: str
    author: str
    parents: tuple[str, ...] = ()
    url: str = ""


@dataclass(frozen=True, slots=True)
class Node:
    """What stands under a name in a folder of a commit, with its mode in git's words (`100644`, `120000`)."""

    mode: str
    sha: str
    size: int = 0


@dataclass(frozen=True, slots=True)
class NewFile:
    file: TextFile
    mode: str = "100644"


@dataclass(frozen=True, slots=True)
class PostedPull:
    """A pull request that stands; `branch` is its head, of the repository `repo`. Ours by its author."""

    number: int
    title: str
    body: str
    branch: str
    repo: str
    is_open: bool
    is_ours: bool
    url: str = ""


class Commits(Protocol):
    """Commits, branches and pull requests of tests; every method may raise ForgeRefused.

    To write takes `contents: write`, for pull requests `pull-requests: write`; of those at most 100 are listed.
    """

    @property
    def login(self) -> str:
        """Whose token it is, "" when GitHub does not say."""

    def commit(self, sha: str) -> MadeCommit: ...

    def folder(self, tree: str) -> Mapping[str, Node]:
        """What stands in a folder, by name. Refused when GitHub does not list all of it."""

    def content(self, blob: str) -> bytes: ...
    def write(self, parent: MadeCommit, message: str, files: Sequence[NewFile]) -> MadeCommit: ...

    def branch(self, name: str) -> str:
        """The commit that a branch ends in, "" when there is no such branch."""

    def begin(self, name: str, sha: str) -> None: ...

    def move(self, name: str, sha: str) -> None:
        """Let a branch end in a commit that stands on its last one; refused with 422 when it does not."""

    def pulls_against(self, base: str) -> tuple[PostedPull, ...]: ...
    def open_pull(self, branch: str, base: str, title: str, body: str) -> PostedPull: ...
    def edit_pull(self, number: int, title: str, body: str) -> PostedPull: ...
