"""The account book as JSON lines in a directory: it needs nothing but files."""

import heapq
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from cicd_agent.adapters.storage.lines.facts import FACTS, FactLines
from cicd_agent.adapters.storage.lines.file import append_line, cut, locked, replaced, rows_of, told
from cicd_agent.adapters.storage.lines.heads import Heads, heads_after, write_heads
from cicd_agent.adapters.storage.records import PATIENCE, checked, guarded, number_after
from cicd_agent.domain.audit_entry import ZERO, Entry, Link, Row, chained, word
from cicd_agent.domain.facts import Fact
from cicd_agent.domain.ports.storage import About, Pruned, Store, Wanted

LINES: Final = "audit.jsonl"


class LinesStore(Store):
    """The book in a folder: a line for each entry, of all repositories; beside it, where each chain ends.

    An entry is on the disk before `append` returns. What a killed process left of a line is removed by the next one.
    """

    def __init__(self, folder: Path, patience: float = PATIENCE) -> None:
        self._folder = folder
        self._lines = folder / LINES
        self._facts = FactLines(folder / FACTS)
        self._patience = patience

    @property
    def place(self) -> str:
        """The path of the file."""
        return str(self._lines)

    @property
    def is_guarded(self) -> bool:
        """Anybody may have written the file."""
        return False

    def append(self, entry: Entry) -> Link:
        """Enter it at the end of its repository's chain."""
        checked(entry)
        with guarded(self.place), locked(self._folder, self._patience):
            return self._enter(entry, heads_after(self._lines))

    def head(self, repository: str) -> Link | None:
        """The end of the chain as it was noted."""
        with guarded(self.place):
            return heads_after(self._lines).links.get(word(repository))

    def repositories(self) -> tuple[str, ...]:
        """Every repository that has a chain, in order."""
        with guarded(self.place):
            noted = set(heads_after(self._lines).links)
            return tuple(sorted(noted | {row.repository for _, row in rows_of(self._lines, only="") if row.seq}))

    def rows(self, repository: str, first: int = 0) -> Iterator[Row]:
        """The entries of a chain in the order of the file, and every line between them that is no entry."""
        begun = first <= 1
        with guarded(self.place):
            for _, row in rows_of(self._lines, only=word(repository)):
                ours = row.repository == word(repository)
                begun = begun or (ours and row.seq >= first)
                if begun and (not row.seq or (ours and row.seq >= first)):
                    yield row

    def row(self, repository: str, seq: int) -> Row | None:
        """One entry."""
        return next((row for row in self.rows(repository, seq) if row.seq == seq), None) if seq > 0 else None

    def find(self, wanted: Wanted) -> Iterator[Row]:
        """The entries that are asked for, newest first: the file is read once, then what was found in it."""
        meets = _test(wanted)
        with guarded(self.place):
            met = (
                (row.columns.at, row.seq, row.repository, offset)
                for offset, row in rows_of(self._lines, only=word(wanted.repository) or None)
                if row.seq and meets(row)
            )
            best = heapq.nlargest(max(wanted.most, 0), met)
            for at, seq, repository, offset in best:
                row = next((row for _, row in rows_of(self._lines, offset)), None)
                # The file may have been replaced meanwhile.
                if row and (row.columns.at, row.seq, row.repository) == (at, seq, repository):
                    yield row

    def prune(self, repository: str, before: int, entry: Callable[[Pruned], Entry]) -> Pruned | None:
        """Remove what is older from the beginning of a chain, and enter that: the file is written anew, at once."""
        with guarded(self.place), locked(self._folder, self._patience):
            stale: list[Row] = []
            count = 0
            for row in self.rows(repository):
                if row.seq and row.columns.at >= before:
                    break
                if row.seq:
                    stale = [stale[0] if stale else row, row]
                    count += 1
            if not stale:
                return None
            pruned = Pruned(repository, stale[0].seq, stale[-1].seq, stale[-1].hash, before)
            heads = heads_after(self._lines)
            made = checked(entry(pruned))
            line, link = _line(made, heads.end(made.repository))
            replaced(self._lines, word(repository), count, line)
            write_heads(self._lines, heads.moved(link))
            return pruned

    def put(self, facts: Sequence[Fact]) -> None:
        """Leave facts for later runs."""
        with guarded(self._facts.place), locked(self._folder, self._patience):
            self._facts.put(facts)

    def facts(self, about: About) -> tuple[Fact, ...]:
        """The facts that are asked for, newest first."""
        with guarded(self._facts.place):
            return self._facts.facts(about)

    def close(self) -> None:
        """Nothing is held between two calls."""

    def _enter(self, entry: Entry, heads: Heads) -> Link:
        line, link = _line(entry, heads.end(entry.repository))
        start = append_line(self._lines, line)
        try:
            write_heads(self._lines, heads.moved(link))
        except OSError:
            # Nobody is to hear of an entry that is said to have failed.
            cut(self._lines, start)
            raise
        return link


def _line(entry: Entry, end: Link) -> tuple[bytes, Link]:
    seq = number_after(end)
    link = Link(entry.repository, seq, chained(entry.repository, seq, end.hash or ZERO, entry.text))
    return told(link, end.hash, entry.text), link


def _test(wanted: Wanted) -> Callable[[Row], bool]:
    """Whether an entry is asked for."""
    repository, sha, kind = word(wanted.repository), word(wanted.sha), wanted.kind
    event_id, mode, decision = word(wanted.event_id), word(wanted.mode), word(wanted.decision)

    def meets(row: Row) -> bool:
        columns = row.columns
        return (
            repository in ("", row.repository)
            and kind in (None, columns.kind)
            and event_id in ("", columns.event_id)
            and mode in ("", columns.mode)
            and decision in ("", columns.decision)
            and columns.sha.startswith(sha)
            and wanted.pull in (0, columns.pull)
            and wanted.since <= columns.at
            and (not wanted.until or columns.at < wanted.until)
        )

    return meets
