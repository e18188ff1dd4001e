"""The logs of an attempt in one archive: each found by its job's name, and only when it can be nobody else's."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

from cicd_agent.adapters.github.actions.archive import Archive
from cicd_agent.adapters.github.actions.log_names import Claim, Packed, claims, packed
from cicd_agent.domain.workflow_run import JobRun
from cicd_agent.errors import ForgeRefused

MOST_LOG = 512_000_000
"""Bytes of one job's log."""
APART = 2.0
"""Seconds by which one of two logs must begin nearer to a job's start: GitHub tells the start to the second."""
STAMP = re.compile(rb"(?:\xef\xbb\xbf)?(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.\d+Z ")


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
            found = self._certain(own, job, claimed) or self._nearest(own, job, jobs, claimed)
            if found is not None:
                return self._pieces(found)
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
            first = b"".join(self._archive.pieces(self._archive.entries[log.files[0]], 64, tell=False))
            stamp = STAMP.match(first)
            return datetime.fromisoformat(stamp[1].decode()).replace(tzinfo=UTC).timestamp() if stamp else 0.0
        except (ForgeRefused, ValueError):
            return 0.0

    def _pieces(self, log: Packed) -> Iterator[bytes]:
        """The files one after the other, each on lines of its own."""
        left, last = MOST_LOG, b"\n"
        for file in log.files:
            if last != b"\n":
                yield b"\n"
            for piece in self._archive.pieces(self._archive.entries[file], left):
                left -= len(piece)
                last = piece[-1:]
                yield piece


def _rivals(log: Packed, job: JobRun, claimed: Mapping[int, tuple[Claim, ...]]) -> list[int]:
    return [other for other, own in claimed.items() if other != job.id and any(claim.log is log for claim in own)]
