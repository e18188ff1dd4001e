"""Runs of workflows on GitHub: what is known of them, their logs and artifacts, and how to run them again."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cicd_agent.adapters.github.archive import MAX_LOG, Archive, GitHubLogs, matching, store
from cicd_agent.adapters.github.channel import PER_PAGE, Channel, path_part
from cicd_agent.adapters.github.download import Downloads
from cicd_agent.adapters.github.errors import Call, printable
from cicd_agent.adapters.github.payloads import (
    Artifact,
    ChangedFile,
    Committed,
    Comparison,
    Job,
    Noted,
    Page,
    Run,
    Tree,
)
from cicd_agent.domain.events.workflow_run import JobRun, RunNote, RunState, StoredArtifact
from cicd_agent.domain.repository.change import Change, ChangeSource

READS = "actions: read"
CODE = "contents: read"
MAX_JOBS = 1_000
MAX_ARCHIVE = 512_000_000
"""Packed bytes of an attempt's logs."""
MAX_ARTIFACT = 256_000_000
"""Packed bytes of an artifact."""
MAX_FILES = 300
"""Files of a commit or a comparison in one answer."""


@dataclass(frozen=True, slots=True)
class GitHubRuns:
    """The Runs of one repository; `scratch` is where archives lie while they are open, None for the system's own."""

    channel: Channel
    downloads: Downloads
    scratch: Path | None

    def run(self, run: int, attempt: int = 0) -> RunState:
        suffix = f"/attempts/{attempt}" if attempt else ""
        return self.channel.get(f"read run {run}", f"/actions/runs/{run}{suffix}", Run, READS).to(RunState)

    def jobs(self, run: int, attempt: int) -> tuple[JobRun, ...]:
        limit = f"only the first {MAX_JOBS:,} jobs of a run were read"
        task, path = f"list the jobs of run {run}", f"/actions/runs/{run}/attempts/{attempt}/jobs"
        jobs = self.channel.entries(task, path, Job, MAX_JOBS // PER_PAGE, needs=READS, limit=limit)
        return tuple({job.id: job.as_job() for job in jobs}.values())

    def log(self, job: int) -> Iterator[bytes]:
        return self.downloads.pieces(self._call("read the log of a job", f"/actions/jobs/{job}/logs"), MAX_LOG)

    def archive(self, run: int, attempt: int) -> GitHubLogs:
        call = self._call(f"read the logs of run {run}", f"/actions/runs/{run}/attempts/{attempt}/logs")
        return GitHubLogs(self._archive(call, MAX_ARCHIVE))

    def notes(self, job: int) -> tuple[RunNote, ...]:
        task, path = "list the annotations of a job", f"/check-runs/{job}/annotations"
        noted = self.channel.get(task, path, list[Noted], "checks: read", {"per_page": PER_PAGE})
        return tuple(note.as_note() for note in noted)

    def artifacts(self, run: int) -> tuple[StoredArtifact, ...]:
        task, path = f"list the artifacts of run {run}", f"/actions/runs/{run}/artifacts"
        page = self.channel.get(task, path, Page[Artifact], READS, {"per_page": PER_PAGE})
        if page.total > len(page.entries):
            self.channel.note(f"only {len(page.entries):,} of {page.total:,} artifacts of a run were listed")
        return tuple(artifact.to(StoredArtifact) for artifact in page.entries)

    def artifact(self, artifact: StoredArtifact, patterns: Sequence[str], max_bytes: int) -> Mapping[str, bytes]:
        task = f"read the artifact {printable(artifact.name)}"
        archive = self._archive(self._call(task, f"/actions/artifacts/{artifact.id}/zip"), MAX_ARTIFACT)
        try:
            return matching(archive, patterns, max_bytes, self.channel.note)
        finally:
            archive.close()

    def of_workflow(
        self, workflow: int, *, branch: str = "", sha: str = "", status: str = "", limit: int = 10
    ) -> tuple[RunState, ...]:
        filters = {"branch": branch, "head_sha": sha, "status": status}
        query: dict[str, str | int] = {name: value for name, value in filters.items() if value}
        query["per_page"] = min(limit, PER_PAGE)
        path = f"/actions/workflows/{workflow}/runs" if workflow else "/actions/runs"
        task = "list the runs of a workflow" if workflow else "list the runs of a commit or branch"
        listed = self.channel.get(task, path, Page[Run], READS, query).entries[:limit]
        return tuple(run.to(RunState) for run in listed)

    def compare(self, base: str, head: str) -> Change:
        """The commits and files between the merge base and `head`; commits newest first, as git has them."""
        task = f"compare {printable(base)[:40]} with {printable(head)[:40]}"
        path = f"/compare/{path_part(base, 'commit')}...{path_part(head, 'commit')}"
        answer = self.channel.get(task, path, Comparison, CODE)
        cut = answer.total > len(answer.commits)
        notes = (f"commit list cut at {len(answer.commits)} of {answer.total:,}",) if cut else ()
        tip = answer.commits[-1].sha if answer.commits else head
        return _change(answer.merge_base, tip, answer.files, answer.commits[::-1], notes)

    def commit(self, sha: str) -> Change:
        task, path = f"read commit {printable(sha)[:40]}", f"/commits/{path_part(sha, 'commit')}"
        answer = self.channel.get(task, path, Committed, CODE)
        return _change(answer.parents[0] if answer.parents else "", answer.sha, answer.files, (answer,))

    def paths(self, commit: str) -> tuple[str, ...]:
        task, path = f"list the files of {printable(commit)[:40]}", f"/git/trees/{path_part(commit, 'commit')}"
        tree = self.channel.get(task, path, Tree, CODE, {"recursive": "1"})
        return () if tree.truncated else tuple(each.path for each in tree.entries if each.type == "blob" and each.path)

    def rerun(self, run: int) -> None:
        """Run the failed jobs of a run again; without an answer, look whether there is one attempt more."""
        before = self.run(run).attempt
        task, path = f"run the failed jobs of run {run} again", f"/actions/runs/{run}/rerun-failed-jobs"
        call = self.channel.call(task, "POST", path, "actions: write", repeatable=False)

        def begun() -> bool | None:
            return self.run(run).attempt > before or None

        self.channel.once(lambda: self.channel.wire.ask(call).ok, begun)

    def _archive(self, call: Call, max_bytes: int) -> Archive:
        pieces = self.downloads.pieces(call, max_bytes, whole=True)
        return Archive(store(pieces, self.scratch, call.task), call.task, self.channel.note)

    def _call(self, task: str, path: str) -> Call:
        return self.channel.call(task, "GET", path, READS)


def _change(
    base: str,
    head: str,
    files: Sequence[ChangedFile] | None,
    commits: Sequence[Committed],
    limits: tuple[str, ...] = (),
) -> Change:
    """The change that the API lists, with what it leaves out of it."""
    diffs = tuple(file.as_diff() for file in files or ())
    notes = []
    if files is None:
        notes.append("the API told of no files")
    if len(diffs) >= MAX_FILES:
        notes.append(f"the API lists {MAX_FILES} files at most: there may be more")
    if bare := sum(1 for file in diffs if file.omitted):
        notes.append(
            f"{bare:,} of {len(diffs):,} files came without their whole patch: binary, too large, or mode only"
        )
    listed = tuple(commit.as_commit() for commit in commits)
    incomplete = notes[0] if files is None or len(diffs) >= MAX_FILES else ""
    return Change(base, head, ChangeSource.API, diffs, listed, notes=(*notes, *limits), incomplete=incomplete)
