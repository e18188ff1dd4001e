"""A zip file that somebody else packed: read entry by entry within limits, and never unpacked to a path."""

import re
import struct
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import IO
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

    def tell(self) -> int:
        return self._file.tell()

    def seekable(self) -> bool:
        return True

    def close(self) -> None:
        """Leave the file to whom it belongs."""


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
APART = 2.0
"""Seconds by which one of two logs must begin nearer to a job's start: GitHub tells the start to the second."""
STAMP = re.compile(rb"(?:\xef\xbb\xbf)?(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.\d+Z ")


FORBIDDEN = re.compile(r'[\x00-\x1f"<>|:*?\\/]')
"""What a file may not be called on Windows, where the service that packs them was born."""
MAX_NAME = 90
"""UTF-16 code units of a job's name (cli/cli, pkg/cmd/run/view/logs.go); longer names are cut there."""
MIN_NAME = 20
"""Characters that a name must at least share with a job's to count as cut from it."""
NUMBERED = re.compile(r"-?[0-9]+_")
"""An ordinal, or in old archives a negative number, before the name; it is not the job's id."""
REPEATED = re.compile(r" ?(?:\([0-9]{1,3}\)|_[0-9]{1,3})$")
"""What tells two files of one name apart."""
STEP = re.compile(r"(-?[0-9]+)_.*\.txt", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Packed:
    """The log of one job as it was packed: one file, or one for each step. `names` it may have been cut from."""

    names: tuple[str, ...]
    files: tuple[str, ...]

    @property
    def whole(self) -> bool:
        return "/" not in self.files[0]


@dataclass(frozen=True, slots=True)
class Claim:
    """A log that may be a job's; a lower `rank` is a better claim."""

    rank: int
    log: Packed


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
    numbered = bool(tops) and all(NUMBERED.match(name) for name in tops)
    logs = [Packed(_names(name.removesuffix(".txt"), numbered=numbered), (name,)) for name in tops]
    for folder, names in folders.items():
        steps = sorted((int(step[1][:18]), name) for name in names if (step := STEP.fullmatch(name)))
        ordered = [name for _, name in steps] or sorted(names)
        logs.append(Packed((folder,), tuple(f"{folder}/{name}" for name in ordered)))
    return tuple(logs)


def claims(logs: Sequence[Packed], jobs: Mapping[int, str]) -> dict[int, tuple[Claim, ...]]:
    """For each job (id → name) the logs that can be its own, the likeliest first; most have one.

    A log goes to the jobs that it fits best, in this order: the whole name, the name but for what packers strip, the
    beginning of the name; and only then the same less a number that tells two files apart.
    """
    spelt = _spelt(logs, jobs)
    bones = _turned({job: frozenset({skeleton(name)}) for job, name in jobs.items()})
    bones.pop("", None)
    shares: dict[int, list[Claim]] = {job: [] for job in jobs}
    for log in logs:
        for rank, fits in enumerate(_fits(log, spelt, bones)):
            for job in fits:
                shares[job].append(Claim(rank, log))
            if fits:
                break
    return {job: tuple(sorted(share, key=lambda claim: claim.rank)) for job, share in shares.items()}


def spellings(name: str) -> tuple[str, ...]:
    """How an archive may call a job, by the ways there are: cut or whole, without forbidden characters or with others.

    They were stripped once, and are replaced since 2025.
    """
    return tuple(form for filler in ("", "_") for form in _cut_and_whole(FORBIDDEN.sub(filler, name)))


def cut(name: str, units: int = MAX_NAME) -> str:
    """The first `units` UTF-16 code units, a half character as the replacement that it becomes."""
    return name.encode("utf-16-le", "replace")[: 2 * units].decode("utf-16-le", "replace").strip()


def skeleton(name: str) -> str:
    return "".join(char for char in name if char.isalnum())


def _cut_and_whole(name: str) -> tuple[str, str]:
    return cut(name), name.strip()


def _spelt(logs: Sequence[Packed], jobs: Mapping[int, str]) -> dict[str, list[int]]:
    """Who is called what in this archive: in the way that explains the most of its names, or in those that do alike."""
    ways = {job: spellings(name) for job, name in jobs.items()}
    present = [name.strip() for log in logs for name in log.names]
    known = [{forms[way] for forms in ways.values()} for way in range(len(spellings("")))]
    explained = [sum(name in names for name in present) for names in known]
    best = [way for way, count in enumerate(explained) if count == max(explained)]
    return _turned({job: frozenset(forms[way] for way in best) for job, forms in ways.items()})


def _turned(names: Mapping[int, frozenset[str]]) -> dict[str, list[int]]:
    """Who has a name, by the name."""
    holders: dict[str, list[int]] = {}
    for job, forms in names.items():
        for form in forms:
            holders.setdefault(form, []).append(job)
    return holders


def _names(stem: str, *, numbered: bool) -> tuple[str, ...]:
    """What a file at the top may be named after, the likelier first: "1_build" may be the whole name."""
    bare = NUMBERED.sub("", stem, count=1)
    return tuple(dict.fromkeys((bare, stem) if numbered else (stem, bare)))


def _fits(log: Packed, spelt: Mapping[str, list[int]], bones: Mapping[str, list[int]]) -> Iterator[list[int]]:
    """The jobs that it fits, the best first."""
    for names in (log.names, tuple(REPEATED.sub("", name) for name in log.names)):
        for name in names:
            yield spelt.get(name.strip(), [])
        for name in names:
            yield bones.get(skeleton(name), [])
        for name in names:
            cut_off = skeleton(name)
            whole = [bone for bone in bones if bone.startswith(cut_off)] if len(cut_off) >= MIN_NAME else []
            yield [job for bone in whole for job in bones[bone]]


class GitHubLogs:
    """The LogArchive of an attempt. Where names do not tell two jobs apart, the times at which they began must."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._packed = packed(archive.entries)
        self._known: dict[int, str] = {}
        self._claimed: dict[int, tuple[Claim, ...]] = {}

    @property
    def jobs(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(log.names[0] for log in self._packed))

    def log(self, job: JobRun, siblings: Sequence[JobRun]) -> Iterator[bytes] | None:
        """The log of a job, found among its siblings; None when it is not there or may be another's."""
        jobs = {one.id: one for one in (*siblings, job)}
        names = {one.id: one.name for one in jobs.values()}
        if names != self._known:
            self._known, self._claimed = names, claims(self._packed, names)
        claimed = self._claimed
        for whole in (True, False):
            own = [claim for claim in claimed[job.id] if claim.log.whole is whole]
            log = self._certain(own, job, claimed) or self._nearest(own, job, jobs, claimed)
            if log is not None:
                return self._pieces(log)
        return None

    def close(self) -> None:
        self._archive.close()

    def _certain(self, own: Sequence[Claim], job: JobRun, claimed: Mapping[int, tuple[Claim, ...]]) -> Packed | None:
        best = [claim.log for claim in own if claim.rank == own[0].rank]
        return best[0] if len(best) == 1 and not _rivals(best[0], job, claimed) else None

    def _nearest(
        self, own: Sequence[Claim], job: JobRun, jobs: Mapping[int, JobRun], claimed: Mapping[int, tuple[Claim, ...]]
    ) -> Packed | None:
        """The log that clearly began nearer to the job's start than any other, and than to any other job's."""
        begun = {claim.log: self._begun(claim.log) for claim in own}
        near = sorted((abs(when - job.started), index) for index, when in enumerate(begun.values()) if when)
        if not near or not job.started or len(near) < len(begun):
            return None
        distance, index = near[0]
        log = tuple(begun)[index]
        others = [jobs[rival].started for rival in _rivals(log, job, claimed)]
        clear = [*(one for one, _ in near[1:]), *(abs(begun[log] - started) for started in others)]
        return log if all(others) and all(one - distance >= APART for one in clear) else None

    def _begun(self, log: Packed) -> float:
        """When its first line was written, in seconds since the epoch; 0 when it does not say."""
        try:
            first = b"".join(self._archive.pieces(self._archive.entries[log.files[0]], 64, note_rest=False))
            stamp = STAMP.match(first)
            return datetime.fromisoformat(stamp[1].decode()).replace(tzinfo=UTC).timestamp() if stamp else 0.0
        except (ForgeRefused, ValueError):
            return 0.0

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


def _rivals(log: Packed, job: JobRun, claimed: Mapping[int, tuple[Claim, ...]]) -> list[int]:
    return [other for other, own in claimed.items() if other != job.id and any(claim.log is log for claim in own)]
