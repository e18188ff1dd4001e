"""Makes a tree of the working tree, uncommitted work included, without touching the checkout or its index."""

import os
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path

from cicd_agent.adapters.git.process import Git
from cicd_agent.domain.diff_parser import readable_name

_LIMIT = 20 << 20
"""Bytes of a file that is looked at."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The id of the tree, and a note on each file that is not in it as it is."""

    tree: str
    notes: tuple[str, ...]


def snapshot(git: Git, top: Path, checkout: Path, exclude: Path) -> Snapshot:
    """Write the tracked files as they are now, and the untracked ones that are not ignored, into git's objects.

    `checkout` is the git directory whose index is copied: what it knows of unchanged files saves reading them.
    `exclude` is its info/exclude. Links are kept as links, never followed.
    """
    index = git.git_dir / "worktree.index"
    if (checkout / "index").is_file():
        # With its time: git looks twice at a file that is no older than the index.
        shutil.copy2(checkout / "index", index)
    for shared in checkout.glob("sharedindex.*"):
        shutil.copy2(shared, git.git_dir / shared.name)
    env = {"GIT_INDEX_FILE": str(index), "GIT_WORK_TREE": str(top)}
    ignored = ["--exclude-standard", *([f"--exclude-from={exclude}"] if exclude.is_file() else [])]
    changed = git.run("ls-files", "-z", "--modified", "--deleted", "--others", *ignored, env=env, cwd=top)

    taken: list[bytes] = []
    gone: list[bytes] = []
    notes: list[str] = []
    root = top.resolve()
    for name in sorted(set(changed.split(b"\0")) - {b""}):
        path = root / os.fsdecode(name)
        if path.parent.resolve() != path.parent:
            # Beyond a link there is nothing that git would call part of this tree.
            gone.append(name + b"\0")
        elif refusal := "it is a repository of its own" if name.endswith(b"/") else _refusal(path):
            notes.append(f"{readable_name(name)} is not looked at as it is now: {refusal}")
        else:
            taken.append(name + b"\0")
    git.run("update-index", "-z", "--force-remove", "--stdin", stdin=b"".join(gone), env=env, cwd=top)
    git.run("update-index", "-z", "--add", "--remove", "--replace", "--stdin", stdin=b"".join(taken), env=env, cwd=top)
    return Snapshot(git.text("write-tree", env=env), tuple(notes))


def _refusal(path: Path) -> str:
    """Why git must not open the file, "" when it may (or when it is gone)."""
    try:
        status = path.lstat()
    except OSError:
        return ""
    if stat.S_ISREG(status.st_mode):
        return f"it is over {_LIMIT >> 20} MB" if status.st_size > _LIMIT else ""
    # A link is read as the text that it is; a directory is a submodule's, of which git reads the commit.
    if stat.S_ISLNK(status.st_mode) or stat.S_ISDIR(status.st_mode):
        return ""
    return "it is not a regular file"
