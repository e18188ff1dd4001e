"""A zip file that somebody else packed: read entry by entry within limits, and never unpacked to a path."""

import re
import struct
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import IO, Any
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from cicd_agent.adapters.github.errors import printable
from cicd_agent.domain.events.workflow_run import JobRun
from cicd_agent.errors import ForgeRefused

PIECE = 65_536
MAX_ENTRIES = 50_000
MAX_DIRECTORY = 8_000_000
"""Bytes that the list of entries may take: zipfile reads it at once, and makes a hundred times as much of it."""
MAX_UNPACKED = 4_000_000_000
"""Bytes that are read of one archive, all entries together: what a bomb costs is time alone, and it is limited."""
MAX_FILES = 200
"""Files of an artifact that are read."""
MAX_TOTAL = 100_000_000
"""Bytes of all files together."""
ENCRYPTED = 0x1
UTF_8 = 0x800
BROKEN = (
    BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    RuntimeError,  # a password is asked for, or a method is not known
    OSError,
    ValueError,
    LookupError,
    OverflowError,
)
"""What zipfile raises over files that are none."""


class Archive:
    """The entries of a zip file that can be read, by name. `task` finishes the sentence "GitHub refused to …".

    A name is foreign text and nothing else: nobody may use it as a path. What is left out is noted.
    """

    def __init__(self, file: IO[bytes], task: str, note: Callable[[str], None]) -> None:
        """Takes the file over: it is closed with the archive, or when this fails."""
        self._file = file
        self._task = task
        self._note = note
        self._left = MAX_UNPACKED
        try:
            self._zip = ZipFile(_LimitedReader(file))
            listed = self._zip.infolist()
        except BROKEN as error:
            file.close()
            raise self._broken(error) from None
        if len(listed) > MAX_ENTRIES:
            self.close()
            raise ForgeRefused(f"GitHub's archive cannot be used to {task}", why=f"more than {MAX_ENTRIES:,} entries")
        self.entries: Mapping[str, ZipInfo] = self._readable(listed)

    def close(self) -> None:
        self._zip.close()
        self._file.close()

    def pieces(self, entry: ZipInfo, max_bytes: int, *, note_rest: bool = True) -> Iterator[bytes]:
        """At most `max_bytes` of an entry; with `note_rest` the rest is noted. Broken, it is refused."""
        left = max_bytes
        try:
            with self._zip.open(entry) as content:
                while piece := content.read(min(PIECE, left + 1)):
                    self._left -= len(piece)
                    if self._left < 0:
                        raise ForgeRefused(
                            f"GitHub's archive cannot be used to {self._task}", why="it unpacks to more than it should"
                        )
                    if piece[:left]:
                        yield piece[:left]
                    left -= len(piece)
                    if left < 0:
                        if note_rest:
                            self._note(f"only the first {max_bytes:,} bytes of {printable(entry.filename)} were read")
                        return
            if max_bytes - left != entry.file_size:
                raise BadZipFile  # zipfile takes an entry that ends early for a short one
        except BROKEN as error:
            raise self._broken(error) from None

    def _readable(self, listed: list[ZipInfo]) -> dict[str, ZipInfo]:
        """Without folders and without what nobody asks for; the first of two with one name."""
        readable: dict[str, ZipInfo] = {}
        strange = 0
        for entry in listed:
            name = spelled(entry)
            if name.endswith("/"):
                continue
            if entry.flag_bits & ENCRYPTED or entry.compress_type not in {ZIP_STORED, ZIP_DEFLATED} or name in readable:
                strange += 1
                continue
            readable[name] = entry
        if strange:
            self._note(f"{strange:,} of {len(listed):,} entries were left out when asked to {self._task}")
        return readable

    def _broken(self, error: Exception) -> ForgeRefused:
        cut = isinstance(error, EOFError)
        why = "it is cut off" if cut else "it is not a zip file, or a broken one"
        remedy = "Run the job again; if it stays so, the archive is broken at its source"
        return ForgeRefused(f"GitHub's archive cannot be used to {self._task}", why=why, remedy=remedy)


class _LimitedReader:
    """A file for zipfile that does not hold more of its list of entries than it should."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def read(self, size: int = -1) -> bytes:
        """The next bytes; BadZipFile when that is more than any honest archive makes necessary."""
        if size > MAX_DIRECTORY:
            raise BadZipFile
        return self._file.read(size if size >= 0 else MAX_DIRECTORY)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def store(pieces: Iterator[bytes], scratch: Path | None, task: str) -> IO[bytes]:
    """A download as a file that has no name and is gone when it is closed."""
    with ExitStack() as closing:
        try:
            file = tempfile.TemporaryFile(dir=scratch)  # noqa: SIM115  it is handed over open
            closing.callback(file.close)
            for piece in pieces:
                file.write(piece)
            file.seek(0)
        except OSError as error:
            why = printable(error.strerror or "the disk refused")
            remedy = "Look at the space left in RUNNER_TEMP"
            raise ForgeRefused(f"there is no room to {task}", why=why, remedy=remedy) from None
        closing.pop_all()
    return file


def spelled(entry: ZipInfo) -> str:
    """Its name: a packer that writes UTF-8 without saying so is read all the same, and a backslash parts folders."""
    name = entry.filename
    if not entry.flag_bits & UTF_8:
        with suppress(UnicodeError):
            name = name.encode("cp437").decode("utf-8")
    return name.replace("\\", "/")


def matching(
    archive: Archive, patterns: Sequence[str], max_bytes: int, note: Callable[[str], None]
) -> Mapping[str, bytes]:
    """The files whose names match, each of at most `max_bytes`; what is left out is noted.

    A size that the archive claims is not believed: what comes out is counted.
    """
    files: dict[str, bytes] = {}
    total = 0
    names = [name for name in archive.entries if is_named(name, patterns)]
    if len(names) > MAX_FILES:
        note(f"only {MAX_FILES} of {len(names):,} files that match were read from an artifact")
    for name in names[:MAX_FILES]:
        try:
            content = b"".join(archive.pieces(archive.entries[name], max_bytes + 1, note_rest=False))
        except ForgeRefused as broken:
            note(f"{printable(name)} was left out of an artifact: {broken.why}")
            continue
        if len(content) > max_bytes or total + len(content) > MAX_TOTAL:
            note(f"{printable(name)} was left out of an artifact: it is too large")
            continue
        files[name] = content
        total += len(content)
    return files


def is_named(name: str, patterns: Sequence[str]) -> bool:
    """Whether one of the patterns matches the path or the last part of it; `**/` stands for no folder as well."""
    forms = (name, f"/{name}", name.rpartition("/")[2])
    return any(fnmatchcase(form, pattern) for pattern in patterns for form in forms)


MAX_LOG = 512_000_000
"""Bytes of one job's log."""
FORBIDDEN = re.compile(r'[\x00-\x1f"<>|:*?\\/]')
"""What a file may not be called on Windows, where the service that packs them was born."""
MAX_NAME = 90
"""UTF-16 code units of a job's name (cli/cli, pkg/cmd/run/view/logs.go); longer names are cut there."""
NUMBERED = re.compile(r"-?[0-9]+_")
"""An ordinal, or in old archives a negative number, before the name; it is not the job's id."""
STEP = re.compile(r"(-?[0-9]+)_.*\.txt", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Packed:
    """The log of one job: one file, or one for each step. `names` it may have by the job, the likelier first."""

    names: tuple[str, ...]
    files: tuple[str, ...]

    @property
    def is_whole(self) -> bool:
        return "/" not in self.files[0]


def packed(files: Iterable[str]) -> tuple[Packed, ...]:
    """The logs of an archive's files: whole ones lie at the top, steps in a folder of their job.

    The runner's own `system.txt` counts where there is nothing else of a job.
    """
    tops: list[str] = []
    folders: dict[str, list[str]] = {}
    for file in files:
        folder, _, name = file.rpartition("/")
        if folder and name.endswith(".txt"):
            folders.setdefault(folder, []).append(name)
        elif name.endswith(".txt"):
            tops.append(file)
    logs = []
    numbered = all(NUMBERED.match(name) for name in tops)
    for file in tops:
        # Where all have an ordinal, "1_build" may still be the whole name.
        stem = file.removesuffix(".txt")
        bare = NUMBERED.sub("", stem, count=1)
        logs.append(Packed((bare, stem) if numbered else (stem, bare), (file,)))
    for folder, names in folders.items():
        steps = sorted((int(step[1][:18]), name) for name in names if (step := STEP.fullmatch(name)))
        ordered = [name for _, name in steps] or sorted(names)
        logs.append(Packed((folder,), tuple(f"{folder}/{name}" for name in ordered)))
    return tuple(logs)


def spellings(name: str) -> tuple[str, ...]:
    """How an archive may call a job: forbidden characters stripped or, since 2025, replaced; each cut or whole."""
    forms = [FORBIDDEN.sub(filler, name) for filler in ("", "_")]
    # A half character becomes a replacement.
    cut = [form.encode("utf-16-le", "replace")[: 2 * MAX_NAME].decode("utf-16-le", "replace") for form in forms]
    return tuple(form.strip() for form in (*cut, *forms))


class GitHubLogs:
    """The LogArchive of an attempt: each log is found by its job's name, and only when it can be nobody else's."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._packed = packed(archive.entries)

    def log(self, job: JobRun, siblings: Sequence[JobRun]) -> Iterator[bytes] | None:
        """The log of a job, found among its siblings; None when it is not there or may be another's."""
        holders = self._holders({one.id: spellings(one.name) for one in (*siblings, job)})
        owned: list[Packed] = []
        for log in self._packed:
            by_name = (holders[name.strip()] for name in log.names if name.strip() in holders)
            if next(by_name, set()) == {job.id}:
                owned.append(log)
        for is_whole in (True, False):
            logs = [log for log in owned if log.is_whole is is_whole]
            if len(logs) == 1:
                return self._pieces(logs[0])
        return None

    def _holders(self, ways: Mapping[int, Sequence[str]]) -> Mapping[str, set[int]]:
        """The jobs of each name, spelt in the way that explains the most names of the archive, or in all that do."""
        present = [name.strip() for log in self._packed for name in log.names]
        by_way = [{forms[way] for forms in ways.values()} for way in range(len(spellings("")))]
        explained = [sum(name in names for name in present) for names in by_way]
        holders: dict[str, set[int]] = {}
        for way, number in enumerate(explained):
            if number == max(explained):
                for job, forms in ways.items():
                    holders.setdefault(forms[way], set()).add(job)
        return holders

    def close(self) -> None:
        self._archive.close()

    def _pieces(self, log: Packed) -> Iterator[bytes]:
        """The files one after the other, each on lines of its own."""
        left, last = MAX_LOG, b"\n"
        for file in log.files:
            if last != b"\n":
                yield b"\n"
            for piece in self._archive.pieces(self._archive.entries[file], left):
                left -= len(piece)
                last = piece[-1:]
                yield piece
