"""Temporary git repositories, built with real git, that no configuration of the machine reaches."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

WHO = "author"


class TempRepo:
    """A repository in `path`, made by `git init` unless it exists; commits carry fixed names and dates."""

    def __init__(self, path: Path, *init: str) -> None:
        self.path = path
        self._ticks = 0
        if not path.exists():
            path.mkdir(parents=True)
            self.git("init", "--quiet", "--initial-branch=main", "--template=", *init)

    def moved(self, path: Path) -> "TempRepo":
        """The same repository, of which somebody has made a copy there."""
        other = TempRepo(path)
        other._ticks = self._ticks
        return other

    @property
    def env(self) -> dict[str, str]:
        """The environment that git runs in."""
        date = f"{1_700_000_000 + self._ticks} +0000"
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.path),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_AUTHOR_NAME": WHO,
            "GIT_AUTHOR_EMAIL": "author@example.com",
            "GIT_COMMITTER_NAME": WHO,
            "GIT_COMMITTER_EMAIL": "author@example.com",
            "GIT_AUTHOR_DATE": date,
            "GIT_COMMITTER_DATE": date,
            "LC_ALL": "C",
        }

    def run(self, *args: str, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> bytes:
        """What git prints, as bytes."""
        done = subprocess.run(
            ["git", *args],
            cwd=self.path,
            env={**self.env, **(env or {})},
            input=stdin,
            capture_output=True,
            check=False,
        )
        if done.returncode:
            raise AssertionError(f"git {args}: {done.stderr.decode(errors='replace')}")
        return done.stdout

    def git(self, *args: str) -> str:
        """What git prints, as text without its last newline."""
        return self.run(*args).decode().removesuffix("\n")

    def write(self, name: str | bytes, content: str | bytes) -> Path:
        """Put a file into the working tree."""
        path = self.path / os.fsdecode(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def commit(self, files: Mapping[str, str | bytes] | None = None, message: str = "change") -> str:
        """Write the files, add everything and commit; returns the commit's id."""
        for name, content in (files or {}).items():
            self.write(name, content)
        self._ticks += 1
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", message)
        return self.head

    @property
    def head(self) -> str:
        """The id of HEAD's commit, read where git writes it: thousands of calls need no process of their own."""
        place = self.path / ".git"
        try:
            branch = (place / "HEAD").read_text().removeprefix("ref: ").strip()
            return (place / branch).read_text().strip() if branch.startswith("refs/") else branch
        except OSError:  # packed, or no ordinary repository
            return self.git("rev-parse", "HEAD")

    def branch(self, name: str, start: str = "HEAD") -> None:
        """Make a branch and switch to it."""
        self.git("checkout", "--quiet", "-b", name, start)

    def switch(self, name: str) -> None:
        """Check out another branch or commit."""
        self.git("checkout", "--quiet", name)

    def tree(self, files: Mapping[str, bytes]) -> str:
        """The id of a tree of regular files, made without the working tree."""
        index = {"GIT_INDEX_FILE": str(self.path / ".git" / "tree.index")}
        self.run("read-tree", "--empty", env=index)
        entries = b""
        for name, content in files.items():
            blob = self.run("hash-object", "-w", "--stdin", stdin=content).strip()
            entries += b"100644 " + blob + b"\t" + name.encode() + b"\0"
        self.run("update-index", "-z", "--index-info", stdin=entries, env=index)
        return self.run("write-tree", env=index).decode().strip()
