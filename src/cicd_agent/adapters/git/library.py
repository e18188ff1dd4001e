"""The Library port on a checkout's objects: each look-up bounded in time, in memory and in what it prints.

No name that a model gives reaches git: it is looked up in the tree's own listing, and contents are asked for by id.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from itertools import islice
from typing import IO

from cicd_agent.adapters.git.diff import PATHS, list_commits, list_tree, read_blobs
from cicd_agent.adapters.git.process import Git, GitFailed
from cicd_agent.domain.repository.change import Commit
from cicd_agent.domain.repository.diff_parser import readable_name
from cicd_agent.domain.repository.library import BadPattern, Blamed, Entry, EntryKind, Match, Matches, Unreadable

SEARCH_SECONDS = 2.0
HISTORY_SECONDS = 5.0
MEMORY = "100m"
"""What git may allocate at once (its own GIT_ALLOC_LIMIT): an old version of a small file may be a huge one."""
_ROW = 2_000
"""Bytes that are read of a line that matches."""
_KINDS = {b"100": EntryKind.FILE, b"120": EntryKind.LINK, b"160": EntryKind.SUBMODULE}
_HIT = re.compile(rb"[0-9a-f]+:([0-9]+):([0-9]+):(.*)", re.DOTALL)

_COMPLAINT = re.compile(r"^fatal: (?:-e option, |command line, |pcre2)")
"""How git begins when the pattern is to blame: it does not compile, or needs too much of the matcher."""


class GitLibrary:
    """The files of one commit. `git` is a repository of our own, that borrows the checkout's objects."""

    def __init__(self, git: Git, commit: str) -> None:
        self._git = git
        self._commit = commit

    @property
    def entries(self) -> Mapping[str, Entry]:
        return self._listing[0]

    @property
    def limits(self) -> Sequence[str]:
        shallow = (self._git.git_dir / "shallow").exists()
        return [*self._listing[1], *(["the clone is shallow, so that history ends early"] if shallow else [])]

    @cached_property
    def _listing(self) -> tuple[dict[str, Entry], tuple[str, ...]]:
        with _unreadable_errors():
            rows = list(islice(list_tree(self._git, self._commit, "-l"), PATHS + 1))
        cut = (f"only the first {PATHS:,} files are known",) if len(rows) > PATHS else ()
        return {entry.path: entry for entry in map(_entry, rows)}, cut

    def contents(self, entries: Sequence[Entry]) -> tuple[bytes, ...]:
        if any(entry.size < 0 for entry in entries):
            raise Unreadable("its content is not in this clone, which is a partial one")
        with _unreadable_errors():
            blobs = read_blobs(self._git, sorted({entry.id for entry in entries}))
        return tuple(blobs[entry.id] for entry in entries)

    def search(self, pattern: str, among: Sequence[Entry], limit: int, *, word: bool = False) -> Matches:
        """Searches a tree of these files alone, under numbers for names: no pathspec and no name can lead elsewhere."""
        files = [entry for entry in among if entry.kind is EntryKind.FILE and entry.size >= 0]
        listed = "".join(f"100644 blob {entry.id}\t{number:08}\0" for number, entry in enumerate(files))
        with _unreadable_errors():
            tree = self._git.run("mktree", "-z", "--missing", stdin=listed.encode()).decode("ascii").strip()
        try:
            return self._grep(["-F", "-w"] if word else ["-P"], pattern, tree, files, limit)
        except GitFailed as error:
            if "Perl-compatible" in error.why:
                matches = self._grep(["-F"], pattern, tree, files, limit)
                note = "git knows no Perl-compatible expressions here: the pattern was taken as plain text"
                return Matches(matches.found, matches.more, note)
            if "took longer" in error.what:
                raise BadPattern(f"it took longer than {SEARCH_SECONDS:g} s") from None
            if _COMPLAINT.search(error.why):
                raise BadPattern(error.why.removeprefix("fatal: ")) from None
            raise Unreadable(error.why) from None

    def _grep(self, how: Sequence[str], pattern: str, tree: str, files: Sequence[Entry], limit: int) -> Matches:
        matches: list[Match] = []
        arguments = ("grep", "-n", "-I", "--no-color", "--no-textconv", *how, "-e", pattern, tree)
        try:
            with self._git.stream(*arguments, seconds=SEARCH_SECONDS, env={"GIT_ALLOC_LIMIT": MEMORY}) as output:
                for row in _rows(output):
                    if hit := _HIT.fullmatch(row):
                        if len(matches) == limit:
                            return Matches(tuple(matches), more=True)
                        text = hit[3].decode("utf-8", "replace")
                        matches.append(Match(files[int(hit[1])].path, int(hit[2]), text))
        except GitFailed as error:
            if matches and "took longer" in error.what:
                return Matches(tuple(matches), more=True, note=f"stopped after {SEARCH_SECONDS:g} s")
            # 1 is git's way to say that there is no match.
            if error.code != 1:
                raise
        return Matches(tuple(matches))

    def history(self, path: str, limit: int) -> tuple[Commit, ...]:
        arguments = (f"--max-count={limit}", self._commit, "--", path)
        with _unreadable_errors():
            return list_commits(self._git, *arguments, seconds=HISTORY_SECONDS, env={"GIT_ALLOC_LIMIT": MEMORY})

    def blame(self, path: str, first: int, last: int) -> tuple[Blamed, ...]:
        arguments = ("blame", "--line-porcelain", "--encoding=UTF-8", "-L", f"{first},{last}", self._commit, "--", path)
        with _unreadable_errors():
            printed = self._git.run(*arguments, seconds=HISTORY_SECONDS, env={"GIT_ALLOC_LIMIT": MEMORY})
        return tuple(_blamed(printed.decode("utf-8", "replace").split("\n")))


def _entry(row: bytes) -> Entry:
    about, _, name = row.partition(b"\t")
    mode, _, id_, size = about.split()
    # A submodule has no size, and of what a partial clone lacks git says BAD.
    known = int(size) if size.isdigit() else -1
    return Entry(readable_name(name), _KINDS[mode[:3]], id_.decode("ascii"), known)


def _rows(output: IO[bytes]) -> Iterator[bytes]:
    """Lines without their end, of a long one only the beginning."""
    while row := output.readline(_ROW):
        rest = row
        while not rest.endswith(b"\n") and (rest := output.readline(1 << 20)):
            pass
        yield row.removesuffix(b"\n")


def _blamed(rows: Sequence[str]) -> Iterator[Blamed]:
    """One line after another: its commit, what is known of that, and after a tab its text."""
    known: dict[str, str] = {}
    sha = number = ""
    for row in rows:
        if row.startswith("\t"):
            when = int(known["author-time"])
            yield Blamed(int(number), row[1:], sha, known["author"], when, known.get("summary", ""))
            known, sha = {}, ""
        elif not sha:
            sha, _, number, *_ = [*row.split(" "), "", ""]
        else:
            key, _, value = row.partition(" ")
            known[key] = value


@contextmanager
def _unreadable_errors() -> Iterator[None]:
    try:
        yield
    except GitFailed as error:
        raise Unreadable(error.why.removeprefix("fatal: ") or error.what) from None
