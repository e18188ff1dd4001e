"""The report files that steps of this job have left, and which of them say something of the commit."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import PurePosixPath

from cicd_agent.analysis.test_reports.claims import written_by
from cicd_agent.domain.gate_evidence import State
from cicd_agent.domain.ports.forge import Left, Repository, Workspace
from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.text.visible import visible_line
from cicd_agent.domain.text.words import clip
from cicd_agent.modes.protocol import Ports

COMMITTED = "it is a file of the repository, which a change can bring, and nothing that a step of this job has measured"
MAX_REPORT_BYTES = 50_000_000

_SKEW = 3_600
"""Seconds by which the clock of whoever committed may be ahead of that of whoever measured."""
_EARLIEST = 946_684_800
"""Tools that make builds reproducible give files a time before 2000, which is none."""


class Unreadable(Exception):
    """A report that cannot be used: `state` is what becomes of the signal, the message says why."""

    def __init__(self, state: State, problem: str) -> None:
        super().__init__(problem)
        self.state = state


@dataclass(slots=True)
class ReportTimes:
    """When the reports of a signal were written; `committed` and `now` in seconds since the epoch, 0 for not known."""

    committed: int = 0
    now: int = 0
    _newest: float = 0
    _by_own_word: float = 0
    _name: str = ""
    _is_known: bool = True

    def add(self, left: Left) -> None:
        written = written_by(left.content)
        latest = left.modified if written is None else written
        self._is_known = self._is_known and latest >= _EARLIEST
        self._newest, self._by_own_word = max(self._newest, latest), max(self._by_own_word, written or 0)
        self._name = self._name or left.path

    @property
    def measured(self) -> int:
        """When the newest report was written by its own word, 0 when that is not known.

        Raises Unreadable when all of them are older than the commit: some may come from a cache of test results.
        A time that nobody gives proves nothing, and neither does a commit from the future.
        """
        if self._name and self._is_known and self._newest < self.committed - _SKEW and self.committed <= self.now:
            text = f"`{clip(visible_line(self._name), 200)}` was written on {_day(self._newest)}"
            remedy = "run it again on this commit"
            raise Unreadable(State.STALE, f"{text}, before the commit ({_day(self.committed)}): {remedy}")
        return int(self._by_own_word) if self._by_own_word <= self.now else 0


def _day(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M UTC")


def read_files(
    setting: str, patterns: Sequence[str], ports: Ports, most: int, limit: int
) -> Iterator[tuple[str, Left]]:
    """The files that a setting names, with what to call each; Unreadable for one that cannot be had."""
    if ports.workspace is None:
        raise Unreadable(State.ERROR, f"`{setting}` was not read: there is no workspace")
    for left in ports.workspace.files(patterns, most=most, limit=limit):
        name = f"`{setting}`: {clip(visible_line(left.path), 200)}"
        if left.problem:
            state = State.MISSING if left.problem == "there is no such file" else State.NONSENSE
            raise Unreadable(state, f"{name}: {left.problem}")
        yield name, left


@dataclass(frozen=True)
class UntrackedFiles(Workspace):
    """The workspace without what stands in the commit that would be deployed, whatever it holds by now."""

    inner: Workspace
    change: Change
    repository: Repository

    @property
    def roots(self) -> Sequence[str]:
        return self.inner.roots

    def files(self, patterns: Sequence[str], *, most: int, limit: int) -> Iterator[Left]:
        tracked = {*self.change.paths, *(path for file in self.change.files for path in (file.path, file.old_path))}
        is_cut = any(note.startswith("path list cut") for note in self.change.notes)
        for left in self.inner.files(patterns, most=most, limit=limit):
            names = set() if left.problem else set(self._git_names(left.path))
            if names & tracked or (
                is_cut
                and any(self.repository.blob(self.change.head, name, MAX_REPORT_BYTES) is not None for name in names)
            ):
                yield replace(left, content=b"", problem=COMMITTED)
            else:
                yield left

    def holds(self, left: Left) -> bool:
        """Whether a file from elsewhere is one of the commit's: the same content under the same name."""
        name = PurePosixPath(left.path).name
        paths = [path for path in self.change.paths if PurePosixPath(path).name == name]
        return any(self.repository.blob(self.change.head, path, MAX_REPORT_BYTES) == left.content for path in paths)

    def _git_names(self, path: str) -> Iterator[str]:
        """What git may call a file of the workspace, or a link that leads to it: the checkout may lie further down."""
        parts = PurePosixPath(path).parts
        for at in range(len(parts)):
            above = "/".join(("", *parts[:at], ""))
            if not at or any(above in f"{root}/" for root in self.roots):
                yield from ("/".join(parts[at:end]) for end in range(at + 1, len(parts) + 1))
