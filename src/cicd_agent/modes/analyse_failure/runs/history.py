"""What was before a failed run: when the same job passed last, where else it failed, and which commits came between."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain, groupby, islice

from cicd_agent.analysis.logs.matcher import Matcher
from cicd_agent.analysis.logs.reduction import reduce
from cicd_agent.analysis.risk.comment_only import is_remark
from cicd_agent.domain.events.workflow_run import JobRun, RunState
from cicd_agent.domain.evidence import Gap
from cicd_agent.domain.ports.actions import Runs
from cicd_agent.domain.ports.forge import Library
from cicd_agent.domain.repository.change import Change, ChangeSource, Commit
from cicd_agent.domain.repository.diff import ChangeKind, FileDiff, LineKind
from cicd_agent.domain.repository.library import Unreadable
from cicd_agent.errors import ConfigError, ForgeRefused
from cicd_agent.modes.analyse_failure.attribution.edits import changed_lines, defined, gone, is_aside, is_silent
from cicd_agent.modes.analyse_failure.evidence import Candidate, FailedJob, GapFor, Trace
from cicd_agent.modes.analyse_failure.groups import fingerprints
from cicd_agent.modes.analyse_failure.runs.jobs import failed_itself, spans

RECENT = 30
ELSEWHERE = 20
MAX_READ = 4
MAX_COMMITS = 10
MAX_BLAMED = 60
MAX_DIFFS = 40
_TOKENS = 300


@dataclass
class History:
    """Looks around one run. Everything here is a hint: what cannot be had is a gap, and never an error."""

    runs: Runs
    run: RunState
    default_branch: str
    matcher: Matcher
    gaps: list[Gap] = field(default_factory=list)

    def green(self) -> RunState | None:
        for branch in dict.fromkeys(filter(None, (self.run.branch, self.default_branch))):
            for one in self._listed(branch=branch, status="success", limit=5):
                if one.id != self.run.id and one.created <= self.run.created:
                    return one
        return None

    def turned_red(self) -> bool:
        if self.run.branch != self.default_branch or self.run.event in {"pull_request", "pull_request_target"}:
            return False
        earlier = [one for one in self._on_default if one.created < self.run.created]
        return bool(earlier) and earlier[0].conclusion == "success"

    def traces(self, jobs: Sequence[JobRun]) -> tuple[Trace, ...]:
        names = {job.name for job in jobs}
        if not names:
            return ()
        traces = list(self._same_commit(names))
        others = [one for one in self._on_default if one.id != self.run.id]
        # When the default branch passed: between its failures, it shows that they come and go.
        traces += (
            Trace.of(one, JobRun(0, name, "completed", "success"), self.default_branch)
            for one in others
            if one.conclusion == "success"
            for name in sorted(names)[:MAX_READ]
        )
        failed = [one for one in others if one.sha != self.run.sha and one.conclusion == "failure"]
        read = filter(None, (self._failed(one, names) for one in chain(failed, self._failed_elsewhere())))
        return (*traces, *islice(read, MAX_READ))

    def _same_commit(self, names: set[str]) -> Iterator[Trace]:
        attempts = [replace(self.run, attempt=n) for n in range(max(1, self.run.attempt - 2), self.run.attempt)]
        others = self._listed(sha=self.run.sha, limit=5) if self.run.sha else ()
        # What a pull request's run has tested is a merge with the base, which another run saw at another commit.
        is_merge = self.run.event.startswith("pull_request")
        same = [one for one in others if one.id != self.run.id and one.event == self.run.event and not is_merge]
        later = [one for one in others if one.id == self.run.id and one.attempt > self.run.attempt]
        for one in (*attempts, *later, *same[:2]):
            for job in self._jobs(one):
                if job.name in names and job.status == "completed" and job.conclusion:
                    yield Trace.of(one, job, self.default_branch)

    def _failed_elsewhere(self) -> Iterator[RunState]:
        """Failed runs of other branches: one of each, for the same branch may hold the same change."""
        visited = {(self.run.repo, self.run.branch), (self.run.repo, self.default_branch)}
        for one in self._listed(status="failure", limit=ELSEWHERE):
            if (one.repo, one.branch) not in visited and one.sha != self.run.sha:
                visited.add((one.repo, one.branch))
                yield one

    def _failed(self, one: RunState, names: set[str]) -> Trace | None:
        """A job of another run that failed like ours by name: its siblings fail alike, and each log is a request."""
        for job in self._jobs(one):
            if job.name not in names or not failed_itself(job):
                continue
            try:
                log = self.runs.log(job.id)
                extract = reduce(log, tokens=_TOKENS, job=job.name, steps=spans(job), matcher=self.matcher)
            except ForgeRefused:
                continue
            loose = (problem.loose for problem in extract.problems if problem.loose and not problem.wraps)
            # The commit of the default branch on which the workflow passed next.
            later = [each for each in self._on_default if each.created > one.created and each.conclusion == "success"]
            return replace(
                Trace.of(one, job, self.default_branch),
                strict=fingerprints(FailedJob(job, extract=extract)),
                loose=tuple(dict.fromkeys(loose)),
                fixed_by=later[-1].sha if later and one.branch == self.default_branch else "",
            )
        return None

    def passed_after(self, branch: str, when: int) -> RunState | None:
        """The first run on a branch that passed after `when` (seconds since 1970); None where it may be another."""
        is_default = branch == self.default_branch
        listed = self._on_default if is_default else self._listed(branch=branch, status="success", limit=RECENT)
        # Where the list does not go back so far, an earlier one may have passed that is not in it.
        if len(listed) >= RECENT and listed[-1].created > when:
            return None
        later = [one for one in listed if one.created > when and one.conclusion == "success" and one.sha]
        return min(later, key=lambda one: one.created, default=None)

    @cached_property
    def _on_default(self) -> Sequence[RunState]:
        if not self.default_branch:
            return ()
        listed = self._listed(branch=self.default_branch, status="completed", limit=RECENT)
        # A fork's branch may have the same name.
        return [one for one in listed if not one.event.startswith("pull_request")]

    def _listed(self, *, branch: str = "", sha: str = "", status: str = "", limit: int = 10) -> Sequence[RunState]:
        if self.run.workflow_id:
            with self._gap("earlier runs of the workflow"):
                return self.runs.of_workflow(self.run.workflow_id, branch=branch, sha=sha, status=status, limit=limit)
        return ()

    def _jobs(self, one: RunState) -> Sequence[JobRun]:
        with self._gap("the jobs of other runs"):
            return self.runs.jobs(one.id, one.attempt)
        return ()

    def _gap(self, what: str) -> GapFor:
        """The first of its kind stands for all."""
        return GapFor([] if any(gap.what == what for gap in self.gaps) else self.gaps, what)


def blame_commits(change: Change, library: Library, read: Callable[[str], Sequence[FileDiff]]) -> tuple[Candidate, ...]:
    """The commits of a change with the lines that each left in its files, as git blames them, and what it deleted.

    `read` gives the files of a commit; work that is not committed has no SHA there.
    """
    work = (Commit("", "not committed yet"),) if change.source is ChangeSource.WORKTREE else ()
    commits = (*work, *change.commits)
    known = {commit.sha for commit in commits}
    numbers: dict[str, dict[str, set[int]]] = {sha: {} for sha in known}
    pieces = [(file, first, last) for file in change.files for first, last in _ranges(file)]
    for file, first, last in pieces[:MAX_BLAMED]:
        try:
            rows = library.blame(file.path, first, last)
        except Unreadable:
            continue
        for row in rows:
            # Nobody knows the SHA of the commit that was made of uncommitted work to look at.
            sha = row.sha if row.sha in known else ""
            if sha in known and not is_remark(file.path, row.text):
                numbers[sha].setdefault(file.path, set()).add(row.line)
    parts: dict[str, Sequence[FileDiff]] = {}
    for commit in commits[:MAX_DIFFS]:
        try:
            parts[commit.sha] = read(commit.sha)
        except ConfigError:
            continue
    found = _candidates(change, commits, parts, numbers)
    return tuple(each for each in found if each.commit.sha or each.lines)


def list_commits(change: Change, runs: Runs) -> tuple[Candidate, ...]:
    parts: dict[str, Sequence[FileDiff]] = {}
    for commit in change.commits[:MAX_COMMITS]:
        try:
            parts[commit.sha] = runs.commit(commit.sha).files
        except ForgeRefused:
            continue
    touched = Counter(file.path for files in parts.values() for file in files)
    numbers: dict[str, dict[str, set[int]]] = {sha: {} for sha in parts}
    for sha, files in parts.items() if len(parts) == len(change.commits) else ():
        for file in files:
            if touched[file.path] == 1:
                added = {line.new or 0 for line in file.added if not is_remark(file.path, line.text)}
                numbers[sha][file.path] = added
    return tuple(_candidates(change, change.commits, parts, numbers))


def _candidates(
    change: Change,
    commits: Sequence[Commit],
    parts: Mapping[str, Sequence[FileDiff]],
    numbers: Mapping[str, Mapping[str, set[int]]],
) -> Iterator[Candidate]:
    """The commits, newest first, with the lines of `numbers` and those after what they deleted.

    Files have the names that they end with: a commit is told by what later ones have renamed.
    """
    points = _deletion_points(change)
    now: dict[str, str] = {}
    for commit in commits:
        files = [(file, now.get(file.path, file.path)) for file in parts.get(commit.sha, ())]
        lines: dict[str, tuple[tuple[int, int], ...] | None] = {
            path: tuple(_runs(sorted(own))) for path, own in numbers.get(commit.sha, {}).items() if own
        }
        for file, path in files:
            texts = (line.text for line in file.deleted if not is_remark(file.path, line.text))
            deleted = {points[path, text.strip()] for text in texts if (path, text.strip()) in points}
            own = numbers.get(commit.sha, {}).get(path, set()) | deleted
            lines[path] = tuple(_runs(sorted(own))) or (() if is_silent(file) else None)
            if file.kind is ChangeKind.RENAMED:
                lines.setdefault(file.old_path, None)
        yield Candidate(
            commit,
            lines,
            {path: tuple(sorted(names)) for file, path in files if (names := frozenset(defined(file)))},
            tuple(sorted(gone(file for file, _ in files))),
            tuple(path for file, path in files if is_aside(file)),
            tuple(_described(file) for file, _ in files),
        )
        now |= {file.old_path: path for file, path in files if file.kind is ChangeKind.RENAMED}


def _deletion_points(change: Change) -> Mapping[tuple[str, str], int]:
    """The line after each deleted one, by path and text: of texts that were deleted once."""
    points: dict[tuple[str, str], set[int]] = {}
    for file in change.files:
        for number, line in changed_lines(file):
            if line.kind is LineKind.DELETED and file.kind is not ChangeKind.DELETED:
                points.setdefault((file.path, line.text.strip()), set()).add(number)
    return {key: next(iter(found)) for key, found in points.items() if len(found) == 1}


def _described(file: FileDiff) -> str:
    if file.kind is ChangeKind.DELETED:
        return f"{file.path} deleted"
    moved = f"{file.old_path} → " if file.old_path != file.path else ""
    return f"{moved}{file.path} +{file.added_count} -{file.deleted_count}"


def _ranges(file: FileDiff) -> Iterator[tuple[int, int]]:
    return _runs(line.new or 0 for line in file.added)


def _runs(numbers: Iterable[int]) -> Iterator[tuple[int, int]]:
    """First and last of each run of consecutive numbers, which ascend."""
    for _, run in groupby(enumerate(numbers), lambda pair: pair[1] - pair[0]):
        members = [number for _, number in run]
        yield members[0], members[-1]
