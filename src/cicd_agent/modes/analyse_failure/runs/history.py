"""What was before a failed run: when the same job passed last, where else it failed, and which commits came between."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from cicd_agent.analysis.logs.matcher import Matcher
from cicd_agent.analysis.logs.reduction import reduce
from cicd_agent.domain.events.workflow_run import JobRun, RunState
from cicd_agent.domain.evidence import Gap
from cicd_agent.domain.ports.actions import Runs
from cicd_agent.domain.ports.forge import Library
from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.repository.diff import FileDiff
from cicd_agent.domain.repository.library import Unreadable
from cicd_agent.errors import ForgeRefused
from cicd_agent.modes.analyse_failure.evidence import Candidate, FailedJob, Trace
from cicd_agent.modes.analyse_failure.groups import fingerprints
from cicd_agent.modes.analyse_failure.runs.log_download import failed_itself, spans

RECENT = 30
"""Runs of the default branch that are looked at, all in one request."""
ELSEWHERE = 20
MAX_READ = 4
"""Logs of other runs that are read, to know whether they failed of the same."""
MAX_COMMITS = 10
"""Commits whose files are asked for one by one, where there is no checkout."""
MAX_BLAMED = 60
"""Pieces of the change whose lines are blamed on commits."""
_TOKENS = 300


@dataclass
class History:
    """Looks around one run. Everything here is a hint: what cannot be had is a gap, and never an error."""

    runs: Runs
    run: RunState
    default_branch: str
    matcher: Matcher
    gaps: list[Gap] = field(default_factory=list)
    _recent: tuple[RunState, ...] | None = None

    def green(self) -> RunState | None:
        """The last run of the workflow before this one that passed: on the branch, else on the default branch."""
        if not self.run.workflow_id:
            return None
        for branch in dict.fromkeys((self.run.branch, self.default_branch)):
            listed = self._listed(branch=branch, status="success", limit=5) if branch else ()
            before = [one for one in listed if one.id != self.run.id and one.created <= self.run.created]
            if before:
                return before[0]
        return None

    def turned_red(self) -> bool:
        """Whether this run of the default branch failed where the one before it had passed."""
        if self.run.branch != self.default_branch or self.run.event in {"pull_request", "pull_request_target"}:
            return False
        earlier = [one for one in self._on_default() if one.created < self.run.created]
        return bool(earlier) and earlier[0].conclusion == "success"

    def traces(self, jobs: Sequence[JobRun]) -> tuple[Trace, ...]:
        """The same jobs elsewhere: other attempts, the same commit, the default branch, other pull requests."""
        names = {job.name for job in jobs}
        if not names:
            return ()
        traces = [*self._same_commit(names), *self._green_on_default(names)]
        read = 0
        for one in (*self._failed_on_default(), *self._failed_elsewhere()):
            if read >= MAX_READ:
                break
            traced = self._failed_of(one, names)
            read += len(traced)
            traces += traced
        return tuple(traces)

    def _same_commit(self, names: set[str]) -> Iterator[Trace]:
        """Other attempts of this run, and other runs of the workflow on its commit."""
        attempts = [replace(self.run, attempt=n) for n in range(max(1, self.run.attempt - 2), self.run.attempt)]
        others = self._listed(sha=self.run.sha, limit=5) if self.run.workflow_id and self.run.sha else ()
        # What a pull request's run has tested is a merge with the base, which another run saw at another commit.
        is_merge = self.run.event.startswith("pull_request")
        same = [one for one in others if one.id != self.run.id and one.event == self.run.event and not is_merge]
        later = [one for one in others if one.id == self.run.id and one.attempt > self.run.attempt]
        for one in (*attempts, *later, *same[:2]):
            for job in self._jobs(one):
                if job.name in names and job.status == "completed" and job.conclusion:
                    yield self._trace(one, job)

    def _green_on_default(self, names: set[str]) -> Iterator[Trace]:
        """When the default branch passed: between its failures, it shows that they come and go."""
        for one in self._on_default():
            if one.id != self.run.id and one.conclusion == "success":
                yield from (
                    self._trace(one, JobRun(0, name, "completed", "success")) for name in sorted(names)[:MAX_READ]
                )

    def _failed_on_default(self) -> Iterator[RunState]:
        for one in self._on_default():
            if one.id != self.run.id and one.sha != self.run.sha and one.conclusion == "failure":
                yield one

    def _failed_elsewhere(self) -> Iterator[RunState]:
        """Failed runs of other branches: one of each, for the same branch may hold the same change."""
        if not self.run.workflow_id:
            return
        visited = {(self.run.repo, self.run.branch), (self.run.repo, self.default_branch)}
        for one in self._listed(status="failure", limit=ELSEWHERE):
            if (one.repo, one.branch) not in visited and one.sha != self.run.sha:
                visited.add((one.repo, one.branch))
                yield one

    def _failed_of(self, one: RunState, names: set[str]) -> list[Trace]:
        """The jobs of another run that failed like ours by name, with the fingerprints of their problems."""
        traced = []
        for job in self._jobs(one):
            if job.name not in names or not failed_itself(job):
                continue
            try:
                log = self.runs.log(job.id)
                extract = reduce(log, tokens=_TOKENS, job=job.name, steps=spans(job), matcher=self.matcher)
            except ForgeRefused:
                continue
            problems = [problem for problem in extract.problems if not problem.wraps]
            traced.append(
                replace(
                    self._trace(one, job),
                    strict=fingerprints(FailedJob(job, extract=extract)),
                    loose=tuple(dict.fromkeys(problem.loose for problem in problems if problem.loose)),
                    fixed_by=self._passed_again(one),
                )
            )
            break  # siblings fail alike, and each log is a request
        return traced

    def _trace(self, one: RunState, job: JobRun) -> Trace:
        is_default = one.branch == self.default_branch and not one.event.startswith("pull_request")
        return Trace(
            run=one.id,
            attempt=one.attempt,
            job=job.name,
            conclusion=job.conclusion,
            sha=one.sha,
            branch=one.branch,
            is_default=is_default,
            pull=one.pulls[0] if one.pulls else 0,
            url=job.url or one.url,
            when=one.created,
            event=one.event,
        )

    def _passed_again(self, failed: RunState) -> str:
        """The commit of the default branch on which the workflow passed next, "" when it has not."""
        if failed.branch != self.default_branch:
            return ""
        later = [one for one in self._on_default() if one.created > failed.created and one.conclusion == "success"]
        return later[-1].sha if later else ""

    def passed_after(self, branch: str, when: int) -> RunState | None:
        """The first run of the workflow on a branch that passed later than that; None where it may be another.

        `when` is in seconds since the epoch.
        """
        if not self.run.workflow_id:
            return None
        if branch == self.default_branch:
            listed: tuple[RunState, ...] = self._on_default()
        else:
            listed = self._listed(branch=branch, status="success", limit=RECENT)
        # Where the list does not go back so far, an earlier one may have passed that is not in it.
        if len(listed) >= RECENT and listed[-1].created > when:
            return None
        later = [one for one in listed if one.created > when and one.conclusion == "success" and one.sha]
        return min(later, key=lambda one: one.created, default=None)

    def _on_default(self) -> tuple[RunState, ...]:
        if self._recent is None:
            is_known = self.run.workflow_id and self.default_branch
            listed = self._listed(branch=self.default_branch, status="completed", limit=RECENT) if is_known else ()
            # A fork's branch may have the same name.
            self._recent = tuple(one for one in listed if not one.event.startswith("pull_request"))
        return self._recent

    def _listed(self, *, branch: str = "", sha: str = "", status: str = "", limit: int = 10) -> tuple[RunState, ...]:
        try:
            return self.runs.of_workflow(self.run.workflow_id, branch=branch, sha=sha, status=status, limit=limit)
        except ForgeRefused as refusal:
            self._miss("earlier runs of the workflow", refusal)
            return ()

    def _jobs(self, one: RunState) -> tuple[JobRun, ...]:
        try:
            return self.runs.jobs(one.id, one.attempt)
        except ForgeRefused as refusal:
            self._miss("the jobs of other runs", refusal)
            return ()

    def _miss(self, what: str, refusal: ForgeRefused) -> None:
        if all(gap.what != what for gap in self.gaps):
            self.gaps.append(Gap(what, str(refusal)))


def blame_commits(change: Change, library: Library) -> tuple[Candidate, ...]:
    """The commits of a change with the lines that each left in its files, as git blames them."""
    known = {commit.sha for commit in change.commits}
    numbers: dict[str, dict[str, list[int]]] = {sha: {} for sha in known}
    pieces = [(file, first, last) for file in change.files for first, last in _ranges(file)]
    for file, first, last in pieces[:MAX_BLAMED]:
        try:
            rows = library.blame(file.path, first, last)
        except Unreadable:
            continue
        for row in rows:
            if row.sha in known:
                numbers[row.sha].setdefault(file.path, []).append(row.line)
    return tuple(
        Candidate(commit, {path: tuple(_runs(sorted(set(lines)))) for path, lines in numbers[commit.sha].items()})
        for commit in change.commits
    )


def list_commits(change: Change, runs: Runs) -> tuple[Candidate, ...]:
    """The same from the API: a file's lines are known where one commit alone touched it."""
    parts: dict[str, tuple[FileDiff, ...]] = {}
    for commit in change.commits[:MAX_COMMITS]:
        try:
            parts[commit.sha] = runs.commit(commit.sha).files
        except ForgeRefused:
            continue
    touched: dict[str, int] = {}
    for files in parts.values():
        for file in files:
            touched[file.path] = touched.get(file.path, 0) + 1
    complete = len(parts) == len(change.commits)
    return tuple(
        Candidate(
            commit,
            {
                file.path: tuple(_ranges(file)) if complete and touched[file.path] == 1 else None
                for file in parts.get(commit.sha, ())
            },
        )
        for commit in change.commits
    )


def _ranges(file: FileDiff) -> Iterator[tuple[int, int]]:
    """Where lines were added, by their numbers after the change."""
    return _runs(line.new or 0 for line in file.added)


def _runs(numbers: Iterable[int]) -> Iterator[tuple[int, int]]:
    """First and last of each run of consecutive numbers."""
    first, last = 0, -1
    for number in numbers:
        if number != last + 1:
            if first:
                yield first, last
            first = number
        last = number
    if first:
        yield first, last
