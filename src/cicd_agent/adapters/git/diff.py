"""Reads a change out of the object database within fixed limits, and notes each limit that it met."""

import heapq
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice, zip_longest
from typing import IO

from cicd_agent.adapters.git.process import INCOMPLETE, OUTPUT, Git, GitFailed, Trees
from cicd_agent.domain.repository.change import Commit
from cicd_agent.domain.repository.diff import ChangeKind, FileDiff
from cicd_agent.domain.repository.diff_parser import TRUNCATED, parse_diff, readable_name
from cicd_agent.domain.repository.paths import is_source

TOO_LARGE = "too large"

COMMITS = 250
PATHS = 200_000
TEXT = 1_000_000
TEXTS = 20_000_000
SECTION = 1_000_000
"""Bytes of one file's part of the diff."""
WEIGHT = 100_000_000
"""Bytes that all parts may take once parsed, about."""
_LINE_WEIGHT = 200
"""What a parsed line weighs besides its text, about."""
BIG = 20 << 20
"""core.bigFileThreshold: git calls what is larger binary without looking."""
_REGULAR = "100"
"""How the modes of regular files begin."""
_BODY = 10_000
_SNIFFED = 8_000
"""Bytes in which git looks for a NUL."""

PLAIN_DIFF = ("diff", "--no-ext-diff", "--no-textconv", "--no-color", "--ignore-submodules=none")
_COMPARE = (*PLAIN_DIFF, "--find-renames=50%", "-l1000")
PATCH_FORM = (
    "--patch",
    "--full-index",
    "--submodule=short",
    "--diff-algorithm=histogram",
    "--unified=3",
    "--inter-hunk-context=0",
    "--src-prefix=a/",
    "--dst-prefix=b/",
)
"""How a patch is written, whatever the configuration says."""
_PATCH = (*_COMPARE, *PATCH_FORM)
_KINDS = {"A": ChangeKind.ADDED, "D": ChangeKind.DELETED, "R": ChangeKind.RENAMED, "C": ChangeKind.COPIED}


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of `git diff --raw`: exact names, and the ids of its content. A missing side has mode ""."""

    kind: ChangeKind
    old_mode: str
    new_mode: str
    old_id: str
    new_id: str
    old_name: bytes
    new_name: bytes

    @property
    def path(self) -> str:
        return readable_name(self.new_name)

    @property
    def old_path(self) -> str:
        return readable_name(self.old_name)

    @property
    def is_regular(self) -> bool:
        return (self.new_mode or self.old_mode).startswith(_REGULAR)

    @property
    def is_source(self) -> bool:
        """Whether its name or mode says that it runs or is built."""
        return is_source(self.path, self.new_mode or self.old_mode)


def read_entries(git: Git, old: str, new: str) -> tuple[Entry, ...]:
    fields = iter(git.run(*_COMPARE, "--raw", "--no-abbrev", "-z", old, new, "--").split(b"\0"))
    return tuple(entry for head in fields if head for entry in _entries(head.decode("ascii"), fields))


def _entries(head: str, fields: Iterator[bytes]) -> Iterator[Entry]:
    old_mode, new_mode, old_id, new_id, status = head.removeprefix(":").split(" ")
    old_name = new_name = next(fields)
    if status[0] in "RC":
        new_name = next(fields)
    if status == "T":
        # A file that became a link (or the like): the patch shows it going and coming, and so do we.
        yield Entry(ChangeKind.DELETED, old_mode, "", old_id, "", old_name, new_name)
        yield Entry(ChangeKind.ADDED, "", new_mode, "", new_id, old_name, new_name)
        return
    kind = _KINDS.get(status[0], ChangeKind.MODIFIED)
    old_mode, old_id = ("", "") if kind is ChangeKind.ADDED else (old_mode, old_id)
    new_mode, new_id = ("", "") if kind is ChangeKind.DELETED else (new_mode, new_id)
    yield Entry(kind, old_mode, new_mode, old_id, new_id, old_name, new_name)


def read_files(git: Git, old: str, new: str, entries: Sequence[Entry]) -> tuple[FileDiff, ...]:
    """The entries with their hunks. When they weigh too much together, data give way first, then the largest."""
    with git.stream(*_PATCH, old, new, "--") as output:
        sections = _lighten(_sections(output), entries)
    sizes = read_sizes(git, {id_ for entry in entries for id_ in (entry.old_id, entry.new_id)})
    return tuple(
        _file(entry, section, max(sizes.get(entry.old_id, 0), sizes.get(entry.new_id, 0)))
        for entry, section in zip_longest(entries, sections, fillvalue=b"")
        if isinstance(entry, Entry)
    )


def _sections(output: IO[bytes]) -> Iterator[bytes]:
    """Each file's part; no line of a hunk begins with "diff". One that is too large is empty."""
    section = bytearray()
    for line in output:
        if line.startswith(b"diff --git ") and section:
            yield bytes(section) if len(section) <= SECTION else b""
            section.clear()
        section += line[: SECTION + 1 - len(section)]
    if section:
        yield bytes(section) if len(section) <= SECTION else b""


def weight(section: bytes) -> int:
    """What a part of a diff takes once it is parsed, about."""
    return len(section) + _LINE_WEIGHT * section.count(b"\n")


def _lighten(sections: Iterable[bytes], entries: Sequence[Entry]) -> list[bytes]:
    remaining: list[bytes] = []
    heaviest: list[tuple[bool, int, int]] = []
    total = 0
    for section, entry in zip(sections, entries, strict=False):
        own = weight(section)
        heapq.heappush(heaviest, (entry.is_source, -own, len(remaining)))
        remaining.append(section)
        total += own
        while total > WEIGHT:
            _, own, index = heapq.heappop(heaviest)
            remaining[index] = b""
            total += own
    return remaining


def _file(entry: Entry, section: bytes, size: int) -> FileDiff:
    parsed = next(iter(parse_diff(section.decode("utf-8", "replace"))), FileDiff("", "", entry.kind, omitted=TOO_LARGE))
    return replace(
        parsed,
        path=entry.path,
        old_path=entry.old_path,
        kind=entry.kind,
        old_mode=entry.old_mode,
        new_mode=entry.new_mode,
        omitted=TOO_LARGE if parsed.binary and size > BIG else parsed.omitted,
    )


def omission_notes(files: Iterable[FileDiff]) -> tuple[str, ...]:
    left_out = [file.path for file in files if file.omitted in {TOO_LARGE, TRUNCATED}]
    return (f"diff left out as too large: {_named(left_out)}",) if left_out else ()


def read_texts(
    git: Git, entries: Sequence[Entry], files: Sequence[FileDiff]
) -> tuple[dict[str, str], dict[str, str], tuple[str, ...]]:
    """The whole text of each changed regular file by path, after and before, and notes. Small source comes first."""
    new: dict[str, str] = {}
    old: dict[str, str] = {}
    sides: list[tuple[dict[str, str], str, str]] = []
    for entry, file in zip(entries, files, strict=True):
        if not file.binary and entry.new_mode.startswith(_REGULAR):
            sides.append((new, entry.path, entry.new_id))
        if not file.binary and entry.old_mode.startswith(_REGULAR):
            sides.append((old, entry.old_path, entry.old_id))
    source = {id_ for entry in entries if entry.is_source for id_ in (entry.old_id, entry.new_id)}
    blobs = read_blobs(git, _fitting(read_sizes(git, {id_ for _, _, id_ in sides}), source))
    left_out: dict[str, None] = {}
    not_utf8: dict[str, None] = {}
    for texts, path, id_ in sides:
        blob = blobs.get(id_)
        if blob is None:
            left_out[path] = None
        elif b"\0" not in blob[:_SNIFFED]:
            texts[path] = blob.decode("utf-8", "replace")
            if "\ufffd" in texts[path] and texts[path].encode() != blob:
                not_utf8[path] = None
    notes = []
    if left_out:
        notes.append(f"not read in full (over {TEXT // 10**6} MB, or {TEXTS // 10**6} MB in all): {_named(left_out)}")
    if not_utf8:
        notes.append(f"not UTF-8, bytes replaced: {_named(not_utf8)}")
    return new, old, tuple(notes)


def _fitting(sizes: Mapping[str, int], source: Container[str]) -> Iterator[str]:
    """The ids of what is read within the limits: source before data, then the smallest first."""
    budget = TEXTS
    for id_, size in sorted(sizes.items(), key=lambda item: (item[0] not in source, item[1], item[0])):
        if size <= min(TEXT, budget):
            budget -= size
            yield id_


def read_sizes(git: Git, ids: Iterable[str]) -> dict[str, int]:
    heads = git.heads(sorted({id_ for id_ in ids if id_}))
    return {head[0]: head[2] for head in heads if head is not None and head[1] == "blob"}


def read_blobs(git: Git, ids: Iterable[str]) -> dict[str, bytes]:
    """The contents of blobs by id, all of which are here."""
    blobs: dict[str, bytes] = {}
    budget = OUTPUT
    for id_ in ids:
        blob = git.content(id_, budget)
        if blob is None:
            raise GitFailed("git cat-file failed", why=f"object {id_} is missing", remedy=INCOMPLETE)
        blobs[id_] = blob
        budget -= len(blob)
    return blobs


def read_commits(git: Git, base: str, head: str) -> tuple[tuple[Commit, ...], tuple[str, ...]]:
    commits = list_commits(git, f"--max-count={COMMITS + 1}", f"{base}..{head}", "--")
    notes = (f"commit list cut at {COMMITS}",) if len(commits) > COMMITS else ()
    return commits[:COMMITS], notes


def list_commits(
    git: Git, *arguments: str, seconds: float | None = None, env: Mapping[str, str] | None = None
) -> tuple[Commit, ...]:
    """The commits that `git log` lists for these arguments, in its order."""
    form = "--format=%H%x00%ct%x00%an%x00%s%x00%b"
    log = ("log", "-z", "--no-show-signature", "--encoding=UTF-8", form, *arguments)
    fields = [field.decode("utf-8", "replace") for field in git.run(*log, seconds=seconds, env=env).split(b"\0")]
    return tuple(
        Commit(sha, subject, body.strip()[:_BODY], author, int(when))
        for sha, when, author, subject, body in zip(*(fields[column::5] for column in range(5)), strict=False)
    )


def list_tree(git: Git, tree: str, *options: str) -> Iterator[bytes]:
    """The rows of `git ls-tree` for all that is below a tree, one after another."""
    rest = b""
    with git.stream("ls-tree", "-r", "-z", "--full-tree", *options, tree) as output:
        while chunk := output.read(1 << 16):
            *whole, rest = (rest + chunk).split(b"\0")
            yield from whole


def read_paths(git: Git, tree: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Every path of a tree, at most PATHS of them."""
    names = list(islice(list_tree(git, tree, "--name-only"), PATHS + 1))
    notes = (f"path list cut at {PATHS:,}",) if len(names) > PATHS else ()
    return tuple(readable_name(name) for name in names[:PATHS]), notes


def with_attributes(
    git: Git, trees: Trees, base: str, entries: Sequence[Entry], files: Sequence[FileDiff]
) -> tuple[FileDiff, ...]:
    """The files with their .gitattributes in `base`, a renamed one with those of both of its names."""
    folders = {
        b"/".join(parts[:depth])
        for entry in entries
        for parts in (entry.old_name.split(b"/"), entry.new_name.split(b"/"))
        for depth in range(len(parts))
    }
    # Most repositories have none.
    if all(trees.find(base, (folder + b"/.gitattributes").removeprefix(b"/")) is None for folder in folders):
        return tuple(files)
    # An index of our own: `check-attr --source` would do, but came with git 2.40.
    index = {"GIT_INDEX_FILE": str(git.git_dir / "attributes.index")}
    git.run("read-tree", base, env=index)
    names = b"".join(name + b"\0" for entry in entries for name in {entry.old_name, entry.new_name})
    attributes = ("linguist-generated", "linguist-vendored", "diff")
    printed = git.run("check-attr", "--cached", "-z", "--stdin", *attributes, stdin=names, env=index).split(b"\0")
    on: dict[bytes, set[str]] = {}
    for name, attribute, value in zip(*(printed[column::3] for column in range(3)), strict=False):
        if attribute == b"diff" and value == b"unset":
            on.setdefault(name, set()).add("-diff")
        elif attribute != b"diff" and value in {b"set", b"true"}:
            on.setdefault(name, set()).add(attribute.decode("ascii"))
    nothing: set[str] = set()
    return tuple(
        replace(file, attributes=tuple(sorted(on.get(entry.old_name, nothing) & on.get(entry.new_name, nothing))))
        for entry, file in zip(entries, files, strict=True)
    )


def _named(paths: Iterable[str]) -> str:
    names = list(paths)
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""  # noqa: PLR2004  a reader's patience
    return ", ".join(names[:5]) + more
