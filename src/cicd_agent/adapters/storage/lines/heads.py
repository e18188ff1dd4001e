"""Where each chain in a file of JSON lines ends, noted beside it: what is cut off at the end shows, and is not sought.

The note says how large the file was, so that lines whose writer was killed before it could note them are found.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeGuard

from cicd_agent.adapters.files.atomic import write_file
from cicd_agent.adapters.storage.lines.file import opened, rows_of
from cicd_agent.adapters.storage.records import MOST_NUMBER, hash_of
from cicd_agent.domain.audit_entry import ZERO, Link

HEADS: Final = "heads.json"
_LARGEST: Final = 16_000_000
"""Bytes; a note that is larger was not written by us."""


@dataclass(frozen=True, slots=True)
class Heads:
    """The end of each chain, and of which file they were noted: its inode and its size."""

    links: Mapping[str, Link] = field(default_factory=dict)
    inode: int = 0
    size: int = 0

    def end(self, repository: str) -> Link:
        """Where its next entry is tied to."""
        return self.links.get(repository, Link(repository, 0, ZERO))

    def moved(self, link: Link) -> "Heads":
        """With another end of one chain."""
        return Heads({**self.links, link.repository: link}, self.inode, self.size)


def heads_after(lines: Path) -> Heads:
    """The ends as they were noted, or as later lines have them. Only what is new is read, where the note fits the file.

    Where the two disagree it is the later one: nothing is entered twice, and what was taken away leaves a gap.
    Raises OSError.
    """
    noted = _noted(lines.with_name(HEADS))
    links = dict(noted.links)
    for _, row in rows_of(lines, noted.size if _fits(noted, lines) else 0, only=""):
        if row.seq and (row.repository not in links or row.seq > links[row.repository].seq):
            links[row.repository] = Link(row.repository, row.seq, hash_of(row.hash))
    return Heads(links)


def write_heads(lines: Path, heads: Heads) -> None:
    """Note them for the file as it is now. Raises OSError."""
    status = lines.stat()
    told = {
        "version": 1,
        "inode": status.st_ino,
        "size": status.st_size,
        "heads": {name: {"seq": link.seq, "hash": link.hash} for name, link in heads.links.items()},
    }
    write_file(lines.with_name(HEADS), json.dumps(told, ensure_ascii=False) + "\n", mode=0o600)


def _fits(noted: Heads, lines: Path) -> bool:
    """Whether the file has only grown since: the same file, with the end of a line where it ended."""
    file = opened(lines) if noted.size else None
    if file is None:
        return False
    with file:
        status = os.fstat(file.fileno())
        if status.st_ino != noted.inode or status.st_size < noted.size:
            return False
        file.seek(noted.size - 1)
        return file.read(1) == b"\n"


def _noted(path: Path) -> Heads:
    """What a note says; nothing, when it is none of ours."""
    file = opened(path)
    if file is None:
        return Heads()
    with file:
        raw = file.read(_LARGEST)
    try:
        told = json.loads(raw)
    except (ValueError, RecursionError):
        return Heads()
    if not isinstance(told, dict) or not isinstance(heads := told.get("heads"), dict):
        return Heads()
    ends = {str(name): (end.get("seq"), end.get("hash")) for name, end in heads.items() if isinstance(end, dict)}
    links = {name: Link(name, seq, hash_of(digest)) for name, (seq, digest) in ends.items() if _count(seq) and seq}
    inode, size = told.get("inode"), told.get("size")
    return Heads(links, inode, size) if _count(inode) and _count(size) else Heads(links)


def _count(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < MOST_NUMBER
