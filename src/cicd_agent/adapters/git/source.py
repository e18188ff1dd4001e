"""Source of which git shows no lines: it calls it binary, or it is too long to be held. Rules read it all the same."""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import IO

from cicd_agent.adapters.git.diff import (
    BIG,
    PATCH_FORM,
    PLAIN_DIFF,
    SECTION,
    TEXT,
    TEXTS,
    TOO_LARGE,
    Entry,
    read_sizes,
    weight,
)
from cicd_agent.adapters.git.process import Git, GitFailed
from cicd_agent.domain.repository.diff import DiffLine, FileDiff, LineKind
from cicd_agent.domain.repository.diff_parser import BINARY, changed_lines, parse_diff
from cicd_agent.domain.repository.paths import is_source
from cicd_agent.domain.text.encoding import decoded, text_in

STREAMED = 100_000_000
"""Bytes that are read in this way of one change: as many as GitHub takes in one file."""
_WHOLE = 20_000_000
"""Bytes that the parts of the diff of files which git calls binary may take once parsed, about."""
SECONDS = 120.0
"""How long that may take: no diff may use up the time of a run."""
_SNIFFED = 1_000_000
"""Bytes up to which a file is read for its shebang; a process of its own prints the start of a larger one."""
_SNIFFS, _HEADS = 100_000_000, 200
"""Bytes of the ones, and the number of the others."""
_START = 1 << 18
_DISTINCT = 2_000_000
"""Lines that are remembered of the old side of what git would not compare."""


def read_source(
    git: Git, entries: Sequence[Entry], files: Sequence[FileDiff], texts: dict[str, str], old_texts: dict[str, str]
) -> tuple[tuple[FileDiff, ...], tuple[str, ...]]:
    """The files, source among them with what rules can read of it, and notes. The texts gain what was decoded."""
    lacking = [index for index, file in enumerate(files) if file.omitted in {BINARY, TOO_LARGE}]
    results, notes = list(files), list[str]()
    if lacking:
        ids = {id_ for index in lacking for id_ in (entries[index].old_id, entries[index].new_id)}
        reader = _SourceReader(git, read_sizes(git, ids), texts, old_texts)
        for index in lacking:
            if reader.is_source(entries[index]):
                results[index], more = reader.read(entries[index], files[index])
                notes += more
    return tuple(results), tuple(notes)


class _SourceReader:
    """Reads one file after another while there is room."""

    def __init__(self, git: Git, sizes: dict[str, int], texts: dict[str, str], old_texts: dict[str, str]) -> None:
        self._git = git
        self._sizes = sizes
        self._texts, self._old_texts = texts, old_texts
        self._streamed, self._whole, self._held = STREAMED, _WHOLE, TEXTS
        self._sniffs, self._heads = _SNIFFS, _HEADS
        self._end = time.monotonic() + SECONDS

    def is_source(self, entry: Entry) -> bool:
        """Whether a file is source by its name or mode, or else by how it begins, as far as that is looked at."""
        mode = entry.new_mode or entry.old_mode
        if not entry.is_regular:
            return False
        return is_source(entry.path, mode) or is_source(entry.path, mode, self._shebang(entry.new_id or entry.old_id))

    def _shebang(self, id_: str) -> str:
        size = self._sizes.get(id_, 0)
        start = b""
        if size <= min(_SNIFFED, self._sniffs):
            self._sniffs -= size
            start = self._git.content(id_, _SNIFFED) or b""
        elif self._heads:
            self._heads -= 1
            start = self._start(id_)
        return decoded(start[:8]).replace("\0", "")[:2]

    def _start(self, id_: str) -> bytes:
        with self._git.stream("cat-file", "blob", id_) as output:
            return output.read(_START)

    def read(self, entry: Entry, file: FileDiff) -> tuple[FileDiff, Sequence[str]]:
        """The file with its lines, or with those that a rule means; as it is, of what is no text or over a limit."""
        sizes = [self._sizes.get(id_, 0) for id_ in (entry.old_id, entry.new_id)]
        if sum(sizes) > self._streamed or not self._seconds:
            return replace(file, omitted=TOO_LARGE), ()
        self._streamed -= sum(sizes)
        try:
            if max(sizes) > BIG:
                if text_in(self._start(entry.new_id or entry.old_id)) is None:
                    return file, ()
                return _excerpt(file, self._uncompared(entry), before=self._blob(entry.old_id))
            return self._decoded(entry, file) if file.binary else self._with_diff(file, entry.old_id, entry.new_id)
        except GitFailed:
            return replace(file, omitted=TOO_LARGE), ()

    @property
    def _seconds(self) -> float:
        return max(0.0, self._end - time.monotonic())

    def _decoded(self, entry: Entry, file: FileDiff) -> tuple[FileDiff, Sequence[str]]:
        old, new = self._text(entry.old_id), self._text(entry.new_id)
        if new is None or (old is None and not entry.new_id):
            return file, ()  # what there is now, or was last, is no text
        for texts, path, id_, text in (
            (self._texts, file.path, entry.new_id, new),
            (self._old_texts, file.old_path, entry.old_id, old),
        ):
            if id_ and text is not None and len(text) <= min(TEXT, self._held):
                self._held -= len(text)
                texts[path] = text
        return self._with_diff(file, self._written(old or ""), self._written(new))

    def _text(self, id_: str) -> str | None:
        return text_in(self._git.content(id_, BIG) or b"") if id_ else ""

    def _written(self, text: str) -> str:
        """The id of a blob of this text, in our own repository."""
        data = text.encode("utf-8", "replace")
        return self._git.run("hash-object", "-w", "--stdin", stdin=data).decode("ascii").strip()

    def _with_diff(self, file: FileDiff, old: str, new: str) -> tuple[FileDiff, Sequence[str]]:
        """The difference of two blobs, "" is none: whole where git had called it binary, and there is room for it."""
        blobs = [id_ or self._written("") for id_ in (old, new)]
        with self._git.stream(*PLAIN_DIFF, *PATCH_FORM, *blobs, "--", seconds=self._seconds) as output:
            start = output.read(SECTION + 1)
            if file.omitted == BINARY and len(start) <= SECTION and weight(start) <= self._whole:
                self._whole -= weight(start)
                parsed = parse_diff(start.decode("utf-8", "replace"))
                return replace(file, hunks=parsed[0].hunks if parsed else (), omitted=""), ()
            lines = changed_lines(_lines(output, start))
            old_text = self._old_texts.get(file.old_path)
            before = self._blob(old) if old_text is None else ()
            return _excerpt(file, lines, self._texts.get(file.path), old_text, before)

    def _uncompared(self, entry: Entry) -> Iterator[DiffLine]:
        """The lines of the new side that the old one has nowhere: to compare both would take git too much memory."""
        known: set[int] = set()
        for line in self._blob(entry.old_id):
            if len(known) < _DISTINCT:
                known.add(hash(line))
        for number, line in enumerate(self._blob(entry.new_id), 1):
            if hash(line) not in known:
                yield DiffLine(LineKind.ADDED, None, number, line)

    def _blob(self, id_: str) -> Iterator[str]:
        if id_:
            with self._git.stream("cat-file", "blob", id_, seconds=self._seconds) as output:
                yield from _lines(output)


def _excerpt(
    file: FileDiff,
    lines: Iterable[DiffLine],
    text: str | None = None,
    old_text: str | None = None,
    before: Iterable[str] = (),
) -> tuple[FileDiff, Sequence[str]]:
    from cicd_agent.analysis.rules.excerpt import excerpt  # noqa: PLC0415  it takes all rules, and few changes need it

    return excerpt(file, lines, text, old_text, before)


def _lines(output: IO[bytes], start: bytes = b"") -> Iterator[str]:
    """The lines of what was read already and of what comes."""
    *whole, rest = start.split(b"\n")
    for line in whole:
        yield line.decode("utf-8", "replace")
    for line in output:
        yield (rest + line).removesuffix(b"\n").decode("utf-8", "replace")
        rest = b""
    if rest:
        yield rest.decode("utf-8", "replace")
