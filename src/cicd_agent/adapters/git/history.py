"""Reads the commits before a change in one go: names for all of them, line counts for the newest.

What a commit's author wrote stands between NULs, which no message, name or address can hold, and an empty field tells
where the next commit begins, which no path can be.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from hashlib import sha256

from cicd_agent.adapters.git.diff import PATCH_FORM, PLAIN_DIFF
from cicd_agent.adapters.git.process import Git, GitFailed
from cicd_agent.domain.repository.diff_parser import readable_name
from cicd_agent.domain.repository.history import Past, PastCommit

BYTES = 64_000_000
"""What is read of one log: enough for 20,000 commits with a page of text each."""
PATCH_BYTES = 200_000_000
_CHUNK = 1 << 20
_SUBJECT = 300
_ABOUT = 5
"""Fields before the paths: id, time, address, subject, body."""

# The start is marked by an empty field. `%b` comes last of the texts: nothing has to be found behind it.
_FORM = "--format=%x00%H%x00%ct%x00%aE%x00%s%x00%b"
_LOG = ("log", "-z", "--no-merges", "--no-show-signature", "--no-notes", "--encoding=UTF-8", "--ignore-submodules=none")
_NAMES = ("--name-only", "--no-renames")
# As the change itself is read: a renamed file counts as one, with the lines that differ.
_LINES = ("--numstat", "--no-ext-diff", "--no-textconv", "--find-renames=50%", "-l1000", "--diff-algorithm=histogram")
_PATCH = (*PLAIN_DIFF, "--no-renames", *PATCH_FORM)
_REVERTS = re.compile(rb"^This reverts commit ([0-9a-fA-F]{7,64})\b", re.MULTILINE)
_REMEDY = "set `fetch-depth: 0` and no `filter` on actions/checkout"


def read_past(git: Git, sha: str, limit: int, counted: int) -> Past:
    """The last `limit` commits that lead to `sha`, newest first, without merges.

    The newest `counted` have their lines counted and their renames found; of the others a renamed file is two, for to
    find it takes what the files hold. What cannot be read is left out, and a limit.
    """
    ends = _ends(git)
    settings = {
        "GIT_FLUSH": "0",  # else git writes each commit by itself
        "GIT_CONFIG_COUNT": "3",
        "GIT_CONFIG_KEY_0": "mailmap.blob",
        "GIT_CONFIG_VALUE_0": f"{sha}:.mailmap",
        "GIT_CONFIG_KEY_1": "core.deltaBaseCacheLimit",
        "GIT_CONFIG_VALUE_1": "256m",
        # Where a shallow clone ends, all files look new.
        "GIT_CONFIG_KEY_2": "log.showRoot",
        "GIT_CONFIG_VALUE_2": "false" if ends else "true",
    }
    parse = _parser()
    limits: list[str] = []
    lines, problem = _read(git, (*_LINES, f"--max-count={counted}", sha), settings, parse) if counted else ([], "")
    if problem:
        limits.append(f"the lines of only {len(lines)} past commits were counted: {problem}; {_REMEDY}")
    names: list[PastCommit] = []
    ends_early = bool(ends)
    if limit > len(lines) and (problem or len(lines) == counted):
        rest = (f"--skip={len(lines)}", f"--max-count={limit - len(lines)}", sha)
        names, problem = _read(git, (*_NAMES, *rest), settings, parse)
        ends_early = ends_early or bool(problem)
        if problem:
            limits.append(f"the past was read back to {len(lines) + len(names)} commits only: {problem}; {_REMEDY}")
    commits = tuple(commit for commit in (*lines, *names) if commit.sha not in ends)
    if ends:
        limits.append(
            f"the clone is shallow: it has only {len(commits)} past commits that can be read; set `fetch-depth: 0` on "
            "actions/checkout"
        )
    return Past(commits, tuple(limits), shallow=ends_early)


def _ends(git: Git) -> frozenset[str]:
    try:
        return frozenset((git.git_dir / "shallow").read_text("ascii", "replace").split())
    except FileNotFoundError:
        return frozenset()


_Parser = Callable[[list[bytes], list[bytes], bool], PastCommit]


def _read(
    git: Git, arguments: tuple[str, ...], settings: Mapping[str, str], parse: _Parser
) -> tuple[list[PastCommit], str]:
    """The commits that git shows, as many as can be had, and why those were not all."""
    data = bytearray()
    problem = ""
    try:
        with git.stream(*_LOG, _FORM, *arguments, "--", env=settings) as output:
            while len(data) <= BYTES and (chunk := output.read(_CHUNK)):
                data += chunk
    except GitFailed as error:
        # Without its remedy, which stands once and at the end.
        problem = f"{error.what} ({error.why})" if error.why else error.what
    if len(data) > BYTES:
        problem = f"git log printed more than {BYTES // 10**6} MB"
    fields = bytes(data).split(b"\0")
    del data
    commits = [parse(about, files, "--numstat" in arguments) for about, files in _records(fields)]
    # Nobody knows whether the last one is whole when something went wrong.
    return (commits[:-1] if problem else commits), problem


def _parser() -> _Parser:
    """What makes a commit of its fields and what git lists of its files; a name or an address is decoded once."""
    path_of = cache(readable_name)

    @cache
    def author_of(address: bytes) -> str:
        return sha256(address.lower()).hexdigest()[:12]

    def parse(about: list[bytes], files: list[bytes], is_counted: bool) -> PastCommit:  # noqa: FBT001
        sha, when, address, subject, body = about
        paths = [] if is_counted else [path_of(name) for name in files]
        churn: list[tuple[int, int]] = []
        rows = iter(files if is_counted else ())
        for row in rows:
            # Of `--numstat`: `added TAB deleted TAB path`, or an empty path before the two of a rename.
            added, _, rest = row.partition(b"\t")
            deleted, _, name = rest.partition(b"\t")
            if not name:
                next(rows, b"")  # the name before
                name = next(rows, b"")
            paths.append(path_of(name))
            churn.append((_number(added), _number(deleted)))
        reverted = _REVERTS.search(body) if b"This reverts commit " in body else None
        return PastCommit(
            sha.decode("ascii", "replace"),
            _number(when),
            author_of(address),
            subject.decode("utf-8", "replace")[:_SUBJECT],
            tuple(paths),
            tuple(churn),
            reverted[1].decode("ascii").lower() if reverted else "",
        )

    return parse


def _records(fields: list[bytes]) -> Iterator[tuple[list[bytes], list[bytes]]]:
    """The fields of each commit, and what comes after them; a record that is not whole ends the list."""
    at = 0
    last = len(fields)
    while at + _ABOUT < last and not fields[at]:
        first = at + 1 + _ABOUT
        try:
            end = fields.index(b"", first)
        except ValueError:
            end = last
        files = fields[first:end]
        if files:
            files[0] = files[0].removeprefix(b"\n")
        yield fields[at + 1 : first], files
        at = end


def _number(text: bytes) -> int:
    """A time or a count; 0 for what is none (a binary file's lines, a commit without a time)."""
    return int(text) if text.isdigit() and len(text) < 19 else 0  # noqa: PLR2004  digits that 64 bits can hold


def read_file_changes(git: Git, shas: Sequence[str]) -> tuple[dict[str, tuple[str, str]], ...]:
    """What each commit changes against its first parent, by path; see ports.forge.Repository."""
    form = ("-r", "-z", "--root", "--no-renames", "--diff-merges=first-parent", "--stdin")
    fields = iter(git.run("diff-tree", *form, stdin="".join(f"{sha}\n" for sha in shas).encode()).split(b"\0")[:-1])
    changes: dict[str, dict[str, tuple[str, str]]] = {sha: {} for sha in shas}
    sha = ""
    for field in fields:
        if field.startswith(b":"):
            old_mode, new_mode, old, new, _ = field[1:].decode("ascii").split()
            changes[sha][next(fields).decode("utf-8", "surrogateescape")] = (f"{old_mode} {old}", f"{new_mode} {new}")
        else:
            sha = field.decode("ascii")
    return tuple(changes[sha] for sha in shas)


def is_clean_merge(git: Git, sha: str, base: str) -> bool:
    """Whether git makes the same files of the two parents, of which the second leads to `base`; False for unknown."""
    try:
        _, *parents = git.text("rev-list", "--parents", "--max-count=1", sha, "--").split()
        if len(parents) != 2:  # noqa: PLR2004  one merges nothing, and of three git makes nothing by itself
            return False
        git.run("merge-base", "--is-ancestor", parents[1], base)
        # Where history is cut off between the two, they may have another common ancestor.
        ends = _ends(git)
        if ends and not ends.isdisjoint(git.text("rev-list", "...".join(parents), "--").split()):
            return False
        merged = git.text("merge-tree", "--write-tree", "--no-messages", *parents)
        return merged == git.text("rev-parse", f"{sha}^{{tree}}")
    except GitFailed:
        return False


def patch_id(git: Git, old: str, new: str) -> str:
    """An id of the diff between two trees, without line numbers, so that it may have moved.

    Not `git patch-id`: that leaves out white space, and with it the indentation of Python, and counts binary files
    differently from version to version. Here they count by the ids of their content.
    """
    digest = sha256()
    ids = b""
    size = 0
    with git.stream(*_PATCH, old, new, "--") as output:
        # No line of a hunk begins with one of these words: a sign or a blank stands before it.
        for line in output:
            size += len(line)
            if size > PATCH_BYTES:
                raise GitFailed("git diff was stopped", why=f"it printed more than {PATCH_BYTES // 10**6} MB")
            if line.startswith(b"index "):
                ids = line
            elif line.startswith(b"@@ "):
                digest.update(b"@@\n")
            else:
                digest.update(ids + line if line.startswith(b"Binary files ") else line)
    return digest.hexdigest() if size else ""
