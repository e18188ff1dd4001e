"""git's objects as the fake GitHub keeps them: files, folders, commits, and the branches that end in these."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

FILE, FOLDER, LINK = "100644", "040000", "120000"


@dataclass(frozen=True)
class GitCommit:
    """A commit; the author is an account's login."""

    sha: str
    tree: str
    message: str
    author: str
    parents: tuple[str, ...] = ()


@dataclass
class GitData:
    """Objects by their ids; a folder maps names to a mode and the id of what stands there."""

    blobs: dict[str, bytes] = field(default_factory=dict)
    trees: dict[str, dict[str, tuple[str, str]]] = field(default_factory=dict)
    commits: dict[str, GitCommit] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    protected: set[str] = field(default_factory=set)
    """Branches that are changed by pull requests only."""
    too_many: bool = False
    """Whether a folder has more names than are listed at once."""

    def plant(
        self,
        files: Mapping[str, bytes | tuple[str, bytes]],
        message: str = "first",
        author: str = "octocat",
        sha: str = "",
    ) -> str:
        """A commit of these files, with a mode where it is not that of a file, under an id of one's own if need be."""
        entries = {
            path: (content[0], self.keep(content[1])) if isinstance(content, tuple) else (FILE, self.keep(content))
            for path, content in files.items()
        }
        made = self.commits[self.commit(self.folder(entries), message, author)]
        self.commits[sha or made.sha] = replace(made, sha=sha or made.sha)
        return sha or made.sha

    def keep(self, content: bytes) -> str:
        """The id of a file."""
        sha = _named("blob", content)
        self.blobs[sha] = content
        return sha

    def folder(self, entries: Mapping[str, tuple[str, str]]) -> str:
        """The id of a folder with all that these paths, from there, lead to."""
        names: dict[str, tuple[str, str]] = {}
        below: dict[str, dict[str, tuple[str, str]]] = {}
        for path, entry in entries.items():
            first, _, rest = path.partition("/")
            if rest:
                below.setdefault(first, {})[rest] = entry
            else:
                names[first] = entry
        names |= {name: (FOLDER, self.folder(inner)) for name, inner in below.items()}
        sha = _named("tree", repr(sorted(names.items())).encode())
        self.trees[sha] = names
        return sha

    def commit(self, tree: str, message: str, author: str, parents: tuple[str, ...] = ()) -> str:
        """The id of a commit, on no branch yet."""
        sha = _named("commit", repr((tree, message, author, parents)).encode())
        self.commits[sha] = GitCommit(sha, tree, message, author, parents)
        return sha

    def flat(self, tree: str) -> dict[str, tuple[str, str]]:
        """All that is no folder, by path."""
        found: dict[str, tuple[str, str]] = {}
        for name, (mode, sha) in self.trees[tree].items():
            if mode == FOLDER:
                found |= {f"{name}/{path}": entry for path, entry in self.flat(sha).items()}
            else:
                found[name] = (mode, sha)
        return found

    def files(self, commit: str) -> dict[str, bytes]:
        """The files of a commit."""
        flat = self.flat(self.commits[commit].tree)
        return {path: self.blobs[sha] for path, (_, sha) in flat.items() if sha in self.blobs}

    def stands_on(self, commit: str, below: str) -> bool:
        """Whether one commit has the other among those below it, or is it."""
        return commit == below or any(self.stands_on(one, below) for one in self.commits[commit].parents)


def _named(kind: str, content: bytes) -> str:
    return hashlib.sha1(kind.encode() + content, usedforsecurity=False).hexdigest()
