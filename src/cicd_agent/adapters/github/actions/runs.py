"""Runs of workflows on GitHub: what is known of them, their logs and artifacts, and how to run them again."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

from cicd_agent.adapters.github.actions.archive import Archive, matching, stored
from cicd_agent.adapters.github.actions.download import Downloads
from cicd_agent.adapters.github.actions.logs import MOST_LOG, GitHubLogs
from cicd_agent.adapters.github.actions.payloads import (
    Artifacts,
    Attempt,
    Attempts,
    Committed,
    Comparison,
    Job,
    Jobs,
    Noted,
    Tree,
)
from cicd_agent.adapters.github.channel import PER_PAGE, made_once
from cicd_agent.adapters.github.errors import Call, words
from cicd_agent.adapters.github.payloads import ChangedFile, read
from cicd_agent.adapters.github.transport import Wire
from cicd_agent.domain.change import Change, ChangeSource
from cicd_agent.domain.workflow_run import JobRun, RunNote, RunState, StoredArtifact
from cicd_agent.errors import ForgeRefused

READS = "actions: read"
CODE = "contents: read"
MOST_JOBS = 1_000
MOST_ARCHIVE = 512_000_000
"""Packed bytes of an attempt's logs."""
MOST_ARTIFACT = 256_000_000
"""Packed bytes of an artifact."""
MOST_FILES = 300
"""Files of a commit or a comparison in one answer."""
COMMITS = 250
"""Commits of a comparison in one answer."""


class GitHubRuns:
    """The Runs of one repository.

    In requests:

    | | |
    |---|---|
    | a run, its annotations, its artifacts, a workflow's runs, a comparison, a commit, its files' names | 1 |
    | jobs | 1 for each 100 |
    | a log, an archive of logs, an artifact | 1, and 1 to 3 to the storage that it lies in |
    | to run failed jobs again | 2 |

    `scratch` is where archives lie while they are open, the system's place when it is None.
    """

    def __init__(
        self,
        wire: Wire,
        root: str,
        *,
        downloads: Downloads,
        scratch: Path | None,
        settle: Callable[[], None],
        note: Callable[[str], None],
    ) -> None:
        self._wire = wire
        self._root = root
        self._downloads = downloads
        self._scratch = scratch
        self._settle = settle
        self._note = note

    def run(self, run: int, attempt: int = 0) -> RunState:
        at = f"/attempts/{attempt}" if attempt else ""
        call = self._call(f"read run {run}", f"/actions/runs/{run}{at}")
        return read(call, self._wire.ask(call), Attempt).as_state()

    def jobs(self, run: int, attempt: int) -> tuple[JobRun, ...]:
        task, path = f"list the jobs of run {run}", f"/actions/runs/{run}/attempts/{attempt}/jobs"
        found: dict[int, Job] = {}
        for number in range(1, MOST_JOBS // PER_PAGE + 1):
            call = self._call(task, path, query={"per_page": PER_PAGE, "page": number})
            page = read(call, self._wire.ask(call), Jobs)
            known = len(found)
            found |= {job.id: job for job in page.jobs}
            if len(found) >= page.total_count or len(page.jobs) < PER_PAGE:
                break
            if len(found) == known:
                raise ForgeRefused(f"GitHub refused to {task}", why=f"page {number} repeats the one before it")
        else:
            self._note(f"only the first {MOST_JOBS:,} jobs of a run were read")
        return tuple(job.as_job() for job in found.values())

    def log(self, job: int) -> Iterator[bytes]:
        return self._downloads.pieces(self._call("read the log of a job", f"/actions/jobs/{job}/logs"), MOST_LOG)

    def archive(self, run: int, attempt: int) -> GitHubLogs:
        call = self._call(f"read the logs of run {run}", f"/actions/runs/{run}/attempts/{attempt}/logs")
        return GitHubLogs(self._archive(call, MOST_ARCHIVE))

    def notes(self, job: int) -> tuple[RunNote, ...]:
        """What was noted on a job's check run, at most 100."""
        query = {"per_page": PER_PAGE}
        path = f"/check-runs/{job}/annotations"
        call = self._call("list the annotations of a job", path, "checks: read", query=query)
        return tuple(note.as_note() for note in read(call, self._wire.ask(call), list[Noted]))

    def artifacts(self, run: int) -> tuple[StoredArtifact, ...]:
        path = f"/actions/runs/{run}/artifacts"
        call = self._call(f"list the artifacts of run {run}", path, query={"per_page": PER_PAGE})
        page = read(call, self._wire.ask(call), Artifacts)
        if page.total_count > len(page.artifacts):
            self._note(f"only {len(page.artifacts):,} of {page.total_count:,} artifacts of a run were listed")
        return tuple(artifact.as_stored() for artifact in page.artifacts)

    def artifact(self, artifact: StoredArtifact, wanted: Sequence[str], most: int) -> Mapping[str, bytes]:
        """The files of an artifact whose names match; see github_artifacts."""
        task = f"read the artifact {words(artifact.name)}"
        archive = self._archive(self._call(task, f"/actions/artifacts/{artifact.id}/zip"), MOST_ARTIFACT)
        try:
            return matching(archive, wanted, most, self._note)
        finally:
            archive.close()

    def of_workflow(
        self, workflow: int, *, branch: str = "", sha: str = "", status: str = "", most: int = 10
    ) -> tuple[RunState, ...]:
        """The last runs of a workflow, newest first, in one request: at most 100."""
        asked = {"branch": branch, "head_sha": sha, "status": status}
        query: dict[str, str | int] = {name: value for name, value in asked.items() if value}
        path = f"/actions/workflows/{workflow}/runs"
        call = self._call("list the runs of a workflow", path, query=query | {"per_page": min(most, PER_PAGE)})
        listed = read(call, self._wire.ask(call), Attempts).workflow_runs[:most]
        return tuple(run.as_state() for run in listed)

    def compare(self, base: str, head: str) -> Change:
        """The commits and files between the merge base and `head`; commits newest first, as git has them."""
        path = f"/compare/{_named(base)}...{_named(head)}"
        call = self._call(f"compare {words(base)[:40]} with {words(head)[:40]}", path, CODE)
        said = read(call, self._wire.ask(call), Comparison)
        notes = _limits(said.files)
        if said.total_commits > len(said.commits):
            notes = (*notes, f"commit list cut at {len(said.commits)} of {said.total_commits:,}")
        return Change(
            base=said.merge_base_commit.sha,
            head=said.commits[-1].sha if said.commits else head,
            source=ChangeSource.API,
            files=tuple(file.as_diff() for file in said.files or ()),
            commits=tuple(commit.as_commit() for commit in reversed(said.commits)),
            notes=notes,
        )

    def commit(self, sha: str) -> Change:
        """What one commit changed against its first parent; the base of the first commit of all is ""."""
        call = self._call(f"read commit {words(sha)[:40]}", f"/commits/{_named(sha)}", CODE)
        said = read(call, self._wire.ask(call), Committed)
        return Change(
            base=said.parents[0].sha if said.parents else "",
            head=said.sha,
            source=ChangeSource.API,
            files=tuple(file.as_diff() for file in said.files or ()),
            commits=(said.as_commit(),),
            notes=_limits(said.files),
        )

    def paths(self, commit: str) -> tuple[str, ...]:
        query = {"recursive": "1"}
        call = self._call(f"list the files of {words(commit)[:40]}", f"/git/trees/{_named(commit)}", CODE, query)
        tree = read(call, self._wire.ask(call), Tree)
        return () if tree.truncated else tuple(each.path for each in tree.tree if each.type == "blob" and each.path)

    def rerun(self, run: int) -> None:
        """Run the failed jobs of a run again; without an answer, look whether there is one attempt more."""
        before = self.run(run).attempt
        path = f"{self._root}/actions/runs/{run}/rerun-failed-jobs"
        call = Call(f"run the failed jobs of run {run} again", "POST", path, "actions: write", repeatable=False)

        def begun() -> bool | None:
            return self.run(run).attempt > before or None

        made_once(lambda: self._wire.ask(call).ok, begun, self._settle)

    def _archive(self, call: Call, most: int) -> Archive:
        pieces = self._downloads.pieces(call, most, whole=True)
        return Archive(stored(pieces, self._scratch, call.task), call.task, self._note)

    def _call(self, task: str, path: str, needs: str = READS, query: Mapping[str, str | int] | None = None) -> Call:
        return Call(task, "GET", f"{self._root}{path}", needs, query=query or {})


def _named(ref: str) -> str:
    """A commit or branch as one part of a path. On the way to GitHub dots alone would be resolved."""
    if ref in {"", ".", ".."}:
        raise ForgeRefused(f"GitHub cannot be asked for the commit {ref!r}", why="that names none", status=404)
    return quote(ref, safe="", errors="replace")


def _limits(files: Sequence[ChangedFile] | None) -> tuple[str, ...]:
    """What the API did not tell of the files."""
    if files is None:
        return ("the API told of no files",)
    notes = []
    if len(files) >= MOST_FILES:
        notes.append(f"the API lists {MOST_FILES} files at most: there may be more")
    if bare := sum(1 for file in files if file.as_diff().omitted):
        notes.append(
            f"{bare:,} of {len(files):,} files came without their whole patch: binary, too large, or mode only"
        )
    return tuple(notes)
