"""Runs of workflows as a double of our own port: what it is given is there, and it can be told to refuse."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NoReturn

from cicd_agent.adapters.github.archive import is_named
from cicd_agent.domain.events.workflow_run import JobRun, RunNote, RunState, StoredArtifact
from cicd_agent.domain.ports.actions import LogArchive, Runs
from cicd_agent.domain.repository.change import Change
from cicd_agent.errors import ForgeRefused

CHUNK = 4_099
"""Bytes of a chunk: odd, so that lines are cut anywhere."""


@dataclass
class FakeArchive(LogArchive):
    """The logs of an attempt's jobs, under the jobs' own names."""

    listed: tuple[JobRun, ...] = ()
    logs: Mapping[int, bytes] = field(default_factory=dict)
    closed: bool = False

    def log(self, job: JobRun, siblings: Sequence[JobRun]) -> Iterator[bytes] | None:  # noqa: ARG002  ids tell them apart
        assert not self.closed, "the archive was let go of"
        return chunks(self.logs[job.id]) if job.id in self.logs else None

    def close(self) -> None:
        self.closed = True


@dataclass
class FakeRuns(Runs):
    """One repository's runs. `refusals` maps a method's name to what it raises, until it is taken out."""

    states: list[RunState] = field(default_factory=list)
    """Every attempt of every run, the newest first."""
    job_lists: dict[tuple[int, int], tuple[JobRun, ...]] = field(default_factory=dict)
    """(run, attempt) → its jobs."""
    logs: dict[int, bytes] = field(default_factory=dict)
    """Job → its log; any other is gone."""
    annotations: dict[int, tuple[RunNote, ...]] = field(default_factory=dict)
    """Job → what was noted on it."""
    stored: dict[int, tuple[StoredArtifact, ...]] = field(default_factory=dict)
    """Run → its artifacts."""
    files: dict[int, dict[str, bytes]] = field(default_factory=dict)
    """Artifact → name → content."""
    compared: dict[tuple[str, str], Change] = field(default_factory=dict)
    """(base, head) → what lies between."""
    commits: dict[str, Change] = field(default_factory=dict)
    listed: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Commit → the paths of its files."""
    reran: list[int] = field(default_factory=list)
    refusals: dict[str, ForgeRefused] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    """Names of the methods called, refused calls too."""
    archives: list[FakeArchive] = field(default_factory=list)
    """Those that were handed out."""

    def run(self, run: int, attempt: int = 0) -> RunState:
        self._called("run")
        found = [one for one in self.states if one.id == run and attempt in {0, one.attempt}]
        return max(found, key=lambda one: one.attempt) if found else missing("run", run)

    def jobs(self, run: int, attempt: int) -> tuple[JobRun, ...]:
        self._called("jobs")
        return self.job_lists.get((run, attempt), ())

    def log(self, job: int) -> Iterator[bytes]:
        self._called("log")
        return chunks(self.logs[job] if job in self.logs else missing("log", job))

    def archive(self, run: int, attempt: int) -> FakeArchive:
        self._called("archive")
        made = FakeArchive(self.job_lists.get((run, attempt), ()), self.logs)
        self.archives.append(made)
        return made

    def notes(self, job: int) -> tuple[RunNote, ...]:
        self._called("notes")
        return self.annotations.get(job, ())

    def artifacts(self, run: int) -> tuple[StoredArtifact, ...]:
        self._called("artifacts")
        return self.stored.get(run, ())

    def artifact(self, artifact: StoredArtifact, patterns: Sequence[str], max_bytes: int) -> Mapping[str, bytes]:
        self._called("artifact")
        if artifact.expired:
            missing("artifact", artifact.id, 410)
        return {
            name: content
            for name, content in self.files.get(artifact.id, {}).items()
            if len(content) <= max_bytes and is_named(name, patterns)
        }

    def of_workflow(
        self, workflow: int, *, branch: str = "", sha: str = "", status: str = "", limit: int = 10
    ) -> tuple[RunState, ...]:
        """Of each run its latest attempt, as GitHub lists them."""
        self._called("of_workflow")
        latest: dict[int, RunState] = {}
        for one in self.states:
            if workflow in {0, one.workflow_id} and one.attempt >= latest.get(one.id, one).attempt:
                latest[one.id] = one
        return tuple(
            one
            for one in latest.values()
            if branch in {"", one.branch} and sha in {"", one.sha} and status in {"", one.status, one.conclusion}
        )[:limit]

    def compare(self, base: str, head: str) -> Change:
        self._called("compare")
        return self.compared[base, head] if (base, head) in self.compared else missing("commit", base)

    def commit(self, sha: str) -> Change:
        self._called("commit")
        return self.commits[sha] if sha in self.commits else missing("commit", sha)

    def paths(self, commit: str) -> tuple[str, ...]:
        self._called("paths")
        return self.listed.get(commit, ())

    def rerun(self, run: int) -> None:
        """There is one attempt more from now on, which has not begun."""
        self._called("rerun")
        self.reran.append(run)
        found = [one for one in self.states if one.id == run]
        if found:
            newest = max(found, key=lambda one: one.attempt)
            self.states.insert(0, replace(newest, attempt=newest.attempt + 1, status="queued", conclusion=""))

    def _called(self, method: str) -> None:
        self.calls.append(method)
        if method in self.refusals:
            raise self.refusals[method]


def chunks(data: bytes) -> Iterator[bytes]:
    """The bytes in small pieces."""
    return (data[at : at + CHUNK] for at in range(0, len(data), CHUNK))


def missing(kind: str, ident: int | str, status: int = 404) -> NoReturn:
    """What GitHub says of what is not there."""
    raise ForgeRefused(f"GitHub refused to read {kind} {ident}", why=f"{status}: Not Found", status=status)
