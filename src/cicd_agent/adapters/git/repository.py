"""The Repository port on a local checkout: everything is read at a named commit, with no program of the checkout's."""

import os
import re
import shutil
import stat
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from os.path import islink, lexists
from pathlib import Path

from cicd_agent.adapters.git import fetch as git_fetch
from cicd_agent.adapters.git.diff import (
    list_commits,
    omission_notes,
    read_commits,
    read_entries,
    read_files,
    read_paths,
    read_texts,
    with_attributes,
)
from cicd_agent.adapters.git.history import is_clean_merge, patch_id, read_file_changes, read_past
from cicd_agent.adapters.git.library import GitLibrary
from cicd_agent.adapters.git.process import DIRECTORY, INCOMPLETE, Git, GitFailed, Trees, borrow
from cicd_agent.adapters.git.source import read_source
from cicd_agent.domain.repository.change import Change, ChangeSource, Commit
from cicd_agent.domain.repository.diff import FileDiff
from cicd_agent.domain.repository.diff_parser import readable_name
from cicd_agent.domain.repository.history import Past
from cicd_agent.domain.repository.risk_file import RISK_FILE
from cicd_agent.errors import ConfigError

_HEAD = re.compile(rb"ref: refs/|[0-9a-f]{40}")
_SHA = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?\Z")
_NAMED = re.compile(r"refs/|HEAD(?![\w.-])")
NOBODY = {
    f"GIT_{role}_{field}": value
    for role in ("AUTHOR", "COMMITTER")
    for field, value in (("NAME", "not committed yet"), ("EMAIL", "nobody@localhost"), ("DATE", "@0 +0000"))
}
"""Who makes the commit of uncommitted work, which nobody but the look-ups ever sees."""
_REGULAR = (b"100644", b"100755", b"100664")


@dataclass(frozen=True, slots=True)
class _Checkout:
    """The directories of a checkout; a linked worktree shares `common` with others."""

    top: Path
    git_dir: Path
    common: Path

    @property
    def trees(self) -> tuple[Path, ...]:
        """Its own files, and those of the checkout that a linked worktree or a submodule belongs to."""
        return (self.top, *(folder.parent for folder in (self.git_dir, *self.git_dir.parents) if folder.name == ".git"))


class GitRepository:
    """A checkout, read-only: fetched objects and all else that is written goes to a directory of our own.

    `env` is the environment to take PATH, proxies and certificates from. The token that `ensure` is given goes to
    `server` only. `scratch` is where temporary files go, the system's place when None.
    """

    def __init__(
        self,
        path: Path,
        env: Mapping[str, str],
        *,
        server: str = "https://github.com",
        scratch: Path | None = None,
    ) -> None:
        self._checkout = _locate(path)
        self._server = server
        # Names of refs and the remote's address live in the checkout; objects are read from a repository of our own.
        open_git = partial(Git, env=env, trees=self._checkout.trees)
        self._theirs = open_git(self._checkout.git_dir)
        self._ours = borrow(self._theirs, self._checkout.common, open_git, scratch)
        self._trees = Trees(self._ours)
        self._commits: set[str] = set()

    @property
    def top(self) -> Path:
        return self._checkout.top

    @property
    def trees(self) -> tuple[Path, ...]:
        """The directories whose programs are never run."""
        return self._checkout.trees

    def resolve(self, ref: str) -> str | None:
        """A branch comes before a tag: more people may make one of those, and name it like the base branch."""
        if not ref or ref.startswith("-") or not ref.isprintable():
            return None
        if ref in self._commits:
            return ref  # what is here stays
        is_plain = not _SHA.match(ref) and not _NAMED.match(ref)
        candidates = (f"refs/heads/{ref}", f"refs/remotes/origin/{ref}", ref, f"origin/{ref}") if is_plain else (ref,)
        for candidate in candidates:
            with suppress(GitFailed):
                named = candidate
                # Only the name is looked up there: a partial clone would fetch what it lacks to look further.
                if not _SHA.match(candidate):
                    named = self._theirs.text("rev-parse", "--verify", "--quiet", "--end-of-options", candidate)
                if _SHA.match(named):
                    (head,) = self._ours.heads([f"{named}^{{commit}}"])
                    if head is not None:
                        self._commits.add(head[0])
                        return head[0]
        return None

    def ensure(self, shas: Sequence[str], token: str = "") -> str:
        """As the port says; the reason is one line."""
        if not all(_SHA.match(sha) for sha in shas):
            return "a commit's id is not a full SHA"
        if not shas or git_fetch.is_complete(self._ours, shas):
            return ""
        try:
            url = self._theirs.text("config", "--get", "remote.origin.url")
        except GitFailed:
            return "the clone has no remote named origin"
        if ":" not in url.partition("/")[0]:
            url = str(self._checkout.top / url)
        return git_fetch.complete(self._ours, url, git_fetch.credentials(url, self._server, token), shas)

    def change(self, base: str, head: str) -> Change:
        base, new = self._commit(base), self._commit(head)
        return self._read(base, new, new, Change("", new, ChangeSource.GIT, ()))

    def uncommitted(self, base: str) -> Change:
        """Diff from the merge base of `base` and HEAD to the working tree, untracked files included."""
        head = self._commit("HEAD")
        tree, notes = self._snapshot()
        return self._read(base, head, tree, Change("", "", ChangeSource.WORKTREE, (), notes=notes))

    def _snapshot(self) -> tuple[str, tuple[str, ...]]:
        checkout = self._checkout
        return snapshot(self._ours, checkout.top, checkout.git_dir, checkout.common / "info/exclude")

    def blob(self, sha: str, path: str, limit: int = 1_000_000) -> bytes | None:
        """As the port says. ConfigError where content of the tree is not in this (partial) clone."""
        if not _SHA.match(sha) or not path or path.endswith("/") or "\0" in path:
            return None
        try:
            entry = self._trees.find(sha, path.encode())
        except UnicodeEncodeError:
            return None
        if entry is None or entry[0] not in _REGULAR:
            return None
        (head,) = self._ours.heads([entry[1]])
        if head is None:
            raise GitFailed("git cat-file failed", why=f"object {entry[1]} is missing", remedy=INCOMPLETE)
        return self._ours.content(entry[1], limit) if head[2] <= limit else None

    def has_folder(self, ref: str, path: str) -> bool:
        commit = self.resolve(ref)
        entry = self._trees.find(commit, os.fsencode(path)) if commit else None
        return entry is not None and entry[0] == DIRECTORY

    def past(self, sha: str, limit: int, counted: int) -> Past:
        """ConfigError when `sha` itself is not in this clone."""
        return read_past(self._ours, self._commit(sha), limit, counted)

    def parents(self, sha: str) -> tuple[str, ...]:
        commit = self.resolve(sha)
        if commit is None:
            return ()
        return tuple(self._ours.text("rev-list", "--parents", "--max-count=1", commit, "--").split()[1:])

    @property
    def is_shallow(self) -> bool:
        return (self._checkout.common / "shallow").exists()

    def checked_out(self) -> tuple[str, ...]:
        """The commit that HEAD names, and then the parents that are written in it, also where a shallow clone stops."""
        head = self.resolve("HEAD")
        if head is None:
            return ()
        header = self._ours.text("cat-file", "commit", head).partition("\n\n")[0]
        return (head, *(line.removeprefix("parent ") for line in header.splitlines() if line.startswith("parent ")))

    def between(self, base: str, head: str, limit: int) -> tuple[Commit, ...]:
        """ConfigError when one of the two is not in this clone."""
        old, new = self._commit(base), self._commit(head)
        return list_commits(self._ours, "--first-parent", f"--max-count={limit}", f"{old}..{new}", "--")

    def tree_ids(self, shas: Sequence[str]) -> tuple[str, ...]:
        """ConfigError when one of them is not in this clone."""
        names = [f"{self._commit(sha)}^{{tree}}" for sha in shas]
        return tuple(self._ours.text("rev-parse", *names).split()) if names else ()

    def file_changes(self, shas: Sequence[str]) -> tuple[Mapping[str, tuple[str, str]], ...]:
        """ConfigError when one of the commits, or a tree of theirs, is not in this clone."""
        return read_file_changes(self._ours, [self._commit(sha) for sha in shas])

    def commit_files(self, sha: str) -> tuple[FileDiff, ...]:
        """ConfigError when the commit, its parent, or what they hold is not in this clone."""
        new = self._commit(sha)
        parents = self.parents(new)
        if len(parents) != 1:
            return ()
        return read_files(self._ours, parents[0], new, read_entries(self._ours, parents[0], new))

    def patch_id(self, base: str, head: str) -> str:
        """ConfigError when one of the two, or what they hold, is not in this clone."""
        return patch_id(self._ours, self._commit(base), self._commit(head))

    def is_clean_merge(self, sha: str, base: str) -> bool:
        """It takes git 2.38 or newer; see the port."""
        commit, onto = self.resolve(sha), self.resolve(base)
        return commit is not None and onto is not None and is_clean_merge(self._ours, commit, onto)

    def library(self, change: Change) -> GitLibrary:
        commit = self._commit_work(change.tree) if change.source is ChangeSource.WORKTREE else self._commit(change.head)
        return GitLibrary(self._ours, commit)

    def _commit_work(self, tree: str) -> str:
        """Commit the working tree in our own repository, so that its lines have a history; what was read must be it."""
        # Which tree may be read is not for the change to say: it may have come from a file.
        if tree != self._snapshot()[0]:
            what = "the working tree has changed since it was read"
            raise ConfigError(what, why="look-ups would show other lines", remedy="Start the review again")
        return self._ours.text("commit-tree", tree, "-p", self._commit("HEAD"), "-m", "uncommitted work", env=NOBODY)

    def _commit(self, ref: str) -> str:
        sha = self.resolve(ref)
        if sha is None and ref == "HEAD":
            raise ConfigError("the repository has no commits", remedy="Commit something first")
        if sha is None:
            remedy = "Fetch it, or set `fetch-depth: 0` on actions/checkout"
            raise ConfigError(f"{ref[:100]!r} names no commit of this clone", remedy=remedy)
        return sha

    def _merge_base(self, old: str, new: str) -> tuple[str, tuple[str, ...]]:
        bases = git_fetch.merge_bases(self._ours, old, new)
        if not bases:
            what = f"{old[:12]} and {new[:12]} have no common ancestor"
            if (self._ours.git_dir / "shallow").exists():
                remedy = "Set `fetch-depth: 0` on actions/checkout"
                raise ConfigError(f"{what} in this clone", why="it is shallow", remedy=remedy)
            raise ConfigError(what, remedy="Compare with a branch that this one started from")
        notes = (f"{len(bases)} merge bases; compared with {bases[0][:12]}",) if len(bases) > 1 else ()
        return bases[0], notes

    def _read(self, base: str, head: str, new: str, change: Change) -> Change:
        """`change` with what lies between the merge base of two commits and a tree."""
        git, old = self._ours, self._commit(base)
        start, ambiguous = self._merge_base(old, head)
        commits, cut_commits = read_commits(git, old, head)
        entries = read_entries(git, start, new)
        files = with_attributes(git, self._trees, start, entries, read_files(git, start, new, entries))
        texts, old_texts, unread = read_texts(git, entries, files)
        files, cut_findings = read_source(git, entries, files, texts, old_texts)
        paths, cut_paths = read_paths(git, new)
        (tree,) = git.heads([f"{new}^{{tree}}"])
        return replace(
            change,
            base=start,
            files=files,
            commits=commits,
            texts=texts,
            old_texts=old_texts,
            paths=paths,
            tree=tree[0] if tree is not None else "",
            notes=(*ambiguous, *cut_commits, *change.notes, *omission_notes(files), *unread, *cut_findings, *cut_paths),
        )


def _is_plain(git_dir: Path) -> bool:
    """Whether it is just what a clone makes: to load GitPython takes longer than most commands."""
    head = git_dir / "HEAD"
    if any(map(islink, (git_dir, head, git_dir / "objects", git_dir / "refs"))) or lexists(git_dir / "commondir"):
        return False
    if not (head.is_file() and (git_dir / "objects").is_dir() and (git_dir / "refs").is_dir()):
        return False
    try:
        with head.open("rb") as file:
            return _HEAD.match(file.read(256)) is not None
    except OSError:
        return False


def _locate(path: Path) -> _Checkout:
    """Find the checkout around `path`, whatever GIT_DIR and the configuration say."""
    if not path.is_dir():
        raise ConfigError(f"{str(path)!r} is not a directory", remedy="Name one inside a git checkout")
    tops = (path.resolve(), *path.resolve().parents)
    nearest = next((top for top in tops if any(lexists(top / name) for name in (".git", "HEAD"))), None)
    if nearest is not None and _is_plain(nearest / ".git"):
        return _Checkout(nearest, nearest / ".git", nearest / ".git")
    try:
        from git import GitError  # noqa: PLC0415  a run that needs no repository never pays for it
        from git.repo.fun import find_submodule_git_dir, is_git_dir  # noqa: PLC0415
    except ImportError as error:
        raise ConfigError("git could not be run", why=str(error), remedy="Install git 2.34 or newer") from error
    try:
        for top in tops:
            # Not git.Repo: it reads the configuration and all that this includes, be it a pipe without an end.
            if git_dir := find_submodule_git_dir(top / ".git"):
                shared = Path(git_dir, "commondir")
                common = Path(git_dir, shared.read_text().strip()) if shared.is_file() else Path(git_dir)
                return _Checkout(top, Path(git_dir).resolve(), common.resolve())
            if is_git_dir(top):
                raise ConfigError(f"{str(path)!r} is a bare repository", remedy="Name a checkout with a working tree")
    except (GitError, ValueError, OSError) as error:
        raise ConfigError(f"{str(path)!r} is not a readable checkout", why=str(error)) from error
    remedy = "Run inside a checkout; in a workflow, put actions/checkout before this step"
    raise ConfigError(f"{str(path)!r} is not in a git repository", remedy=remedy)


_LIMIT = 20 << 20
"""Bytes of a file that is looked at."""


def snapshot(git: Git, top: Path, checkout: Path, exclude: Path) -> tuple[str, tuple[str, ...]]:
    """Write the tracked files as they are now, and the untracked ones that are not ignored, into git's objects.

    The id of the tree, and a note on each file that is not in it as it is. `checkout` is the git directory whose index
    is copied: what it knows of unchanged files saves reading them. `exclude` is its info/exclude. Links stay links,
    never followed.
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
        if name == RISK_FILE.encode():
            continue  # what `calibrate` has just written is no work of anybody; once it is committed it is reviewed
        if path.parent.resolve() != path.parent:
            # Beyond a link there is nothing that git would call part of this tree.
            gone.append(name + b"\0")
        elif refusal := "it is a repository of its own" if name.endswith(b"/") else _refusal(path):
            notes.append(f"{readable_name(name)} is not looked at as it is now: {refusal}")
        else:
            taken.append(name + b"\0")
    git.run("update-index", "-z", "--force-remove", "--stdin", stdin=b"".join(gone), env=env, cwd=top)
    git.run("update-index", "-z", "--add", "--remove", "--replace", "--stdin", stdin=b"".join(taken), env=env, cwd=top)
    return git.text("write-tree", env=env), tuple(notes)


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
