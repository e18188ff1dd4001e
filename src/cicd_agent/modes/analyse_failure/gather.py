"""Which events are analysed, and what is read for them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache

from cicd_agent.analysis.logs.matcher import Matcher
from cicd_agent.analysis.logs.reduction import passed, reduce
from cicd_agent.analysis.logs.registry import load_tools
from cicd_agent.analysis.logs.template import Templates
from cicd_agent.analysis.test_reports.cases import Case
from cicd_agent.domain.events.event import Event, EventKind
from cicd_agent.domain.events.workflow_run import JobRun, RunState
from cicd_agent.domain.evidence import Evidence, Gap
from cicd_agent.domain.ports.actions import Runs
from cicd_agent.domain.ports.forge import Library
from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.repository.library import EntryKind, Unreadable
from cicd_agent.errors import ConfigError, ForgeRefused
from cicd_agent.modes.analyse_failure.attribution.path_match import Tree, find_locations
from cicd_agent.modes.analyse_failure.evidence import FAILED_RUN, Candidate, FailedJob, FailedRun, LogSource, Role
from cicd_agent.modes.analyse_failure.import_graph import reach
from cicd_agent.modes.analyse_failure.runs.artifact_reports import PATTERNS, failing, looks_like_reports
from cicd_agent.modes.analyse_failure.runs.history import History, blame_commits, list_commits
from cicd_agent.modes.analyse_failure.runs.log_download import (
    FIRST_TOKENS,
    Acquisition,
    JobSpec,
    job_specs,
    roles,
    templates,
)
from cicd_agent.modes.analyse_failure.runs.previous_failures import read_previous_failures, unread
from cicd_agent.modes.protocol import LogFiles, Ports
from cicd_agent.modes.shared.change_reader import gaps, read_change
from cicd_agent.modes.shared.self_triggered import own_run
from cicd_agent.settings.schema import Settings

FINE = frozenset({"success", "skipped", "neutral"})
MAX_ARTIFACTS = 5
MAX_REPORT = 20_000_000
"""Bytes of one file of an artifact."""
MAX_ARTIFACT = 200_000_000
"""Bytes of an artifact as it is packed."""
MAX_FETCHED = 12
"""Files whose text is asked of GitHub, where nothing is checked out, to see what they import."""
MAX_SOURCE = 400_000
"""Bytes of a file whose imports are read."""


def declines(event: Event) -> str | None:
    """Why there is nothing to analyse, in one line."""
    if event.kind is EventKind.LOCAL:
        return None
    if event.kind is EventKind.WORKFLOW_RUN:
        if event.run is None:
            return "the event names no workflow run"
        if event.run.conclusion in FINE:
            return f"the run of {event.run.name or 'the workflow'} did not fail ({event.run.conclusion})"
        return own_run(event) or None
    if event.run is None and not run_of(event):
        return f"the event {event.name or event.kind} belongs to no run of a workflow; set `run-id`"
    return None


def run_of(event: Event) -> tuple[int, int] | None:
    """The run and the attempt that the event is about: one that has ended, else the one this job is a part of."""
    if event.run is not None:
        return event.run.id, event.run.attempt
    run, _, attempt = event.delivery.partition(".")
    return (int(run), int(attempt)) if run.isdecimal() and attempt.isdecimal() and int(run) else None


def gather(event: Event, world: Ports, settings: Settings) -> Evidence:
    """Evidence of what failed and of what came before. Raises ConfigError where there is no log to begin with."""
    if world.logs.failed:
        return _Reading(event, world, settings).of_files(world.logs)
    run_ids = run_of(event)
    if run_ids is None:
        raise ConfigError("there is nothing to analyse", remedy="Give --log FILE, or --run-id N with GITHUB_TOKEN set")
    if world.forge is None:
        raise ConfigError("the run cannot be read", why="no token or no repository", remedy="Set `github-token`")
    return _Reading(event, world, settings).of_run(world.forge.runs, *run_ids)


@dataclass
class _Reading:
    """One run, read step by step; `gaps` are what could not be."""

    event: Event
    world: Ports
    settings: Settings
    gaps: list[Gap] = field(default_factory=list)

    def of_files(self, logs: LogFiles) -> Evidence:
        """Logs that somebody has at hand, each that of a failed job."""
        green, matcher = passed(logs.green()) if logs.green else None, Matcher(load_tools())
        jobs = tuple(
            FailedJob(
                JobRun(number, name, "completed", "failure"),
                extract=reduce(open_log(), tokens=FIRST_TOKENS, green=green, job=name, matcher=matcher),
                source=LogSource.FILE,
            )
            for number, (name, open_log) in enumerate(logs.failed.items(), 1)
        )
        return self._evidence(FailedRun(jobs=jobs), self._change(None, None))

    def of_run(self, runs: Runs, number: int, attempt: int) -> Evidence:
        """A run that GitHub knows."""
        run = runs.run(number, attempt)
        all_jobs = runs.jobs(number, attempt)
        matcher = Matcher(load_tools())
        history = History(runs, run, self.event.default_branch or self.event.base.name, matcher)
        green = history.green()
        acquisition = Acquisition(runs, run, _green_templates(runs, green), matcher)
        named = roles(all_jobs, self._specs(run))
        if not any(one.role in {Role.FAILED, Role.TOLERATED} for one in named):
            named = (*acquisition.timed_out(all_jobs), *named)
        if not any(one.role is Role.FAILED for one in named) and run.conclusion not in {"failure", "startup_failure"}:
            reason = "the run was cancelled" if run.conclusion == "cancelled" else "no job of the run has failed"
            return Evidence(self.event, declined=reason)
        jobs = acquisition.jobs(named, all_jobs)
        change = self._change(runs, green)
        broken = [job.job for job in jobs if job.role is Role.FAILED]
        failed = FailedRun(
            run=run,
            jobs=jobs,
            cases=self._cases(runs, run),
            traces=history.traces(broken),
            green=green,
            turned_red=history.turned_red(),
        )
        self.gaps += acquisition.gaps
        return self._evidence(failed, change, history)

    def _evidence(self, failed: FailedRun, change: Change | None, history: History | None = None) -> Evidence:
        paths = self._paths(change)
        placed = tuple(replace(job, places=find_locations(job.extract, paths)) for job in failed.jobs)
        failed = replace(failed, jobs=placed, candidates=self._candidates(change))
        failed = replace(failed, imports=self._imports(failed, change, paths))
        known = read_previous_failures(self.world, failed, self.event.repo, history)
        self.gaps += [*unread(known), *(history.gaps if history is not None else ())]
        more = gaps(change, self.settings) if change else ()
        return Evidence(self.event, change, gaps=(*more, *self.gaps), known=known).put(FAILED_RUN, failed)

    def _specs(self, run: RunState) -> tuple[JobSpec, ...]:
        if not run.path or self.world.forge is None:
            return ()
        try:
            text = self.world.forge.text_at(run.path.partition("@")[0], run.sha)
        except ForgeRefused as refusal:
            self.gaps.append(Gap("the workflow's file", str(refusal)))
            return ()
        return job_specs(text or "")

    def _change(self, runs: Runs | None, green: RunState | None) -> Change | None:
        """What is suspected: the pull request, or all that came since the workflow last passed on the branch."""
        event = self.event
        try:
            if event.pull is None and green is not None and runs is not None and green.sha != event.sha:
                return self._since(green.sha, event, runs)
            if event.base.sha:
                return read_change(event, self.world, self.settings)
        except (ConfigError, ForgeRefused) as error:
            self.gaps.append(Gap("the change", str(error)))
        else:
            self.gaps.append(
                Gap("the change", "it is not known what changed: no earlier run passed, and no base is named")
            )
        return None

    def _since(self, base: str, event: Event, runs: Runs) -> Change:
        repository = self.world.repository
        if repository is not None:
            token = self.settings.github_token.get_secret_value()
            if not repository.ensure((base, event.sha), token):
                return repository.change(base, event.sha)
        return runs.compare(base, event.sha)

    def _paths(self, change: Change | None) -> tuple[str, ...]:
        """The files that a line of a log may mean."""
        if change is None:
            return ()
        if not change.paths and change.head and self.world.forge is not None:
            try:
                if listed := self.world.forge.runs.paths(change.head):
                    return listed
            except ForgeRefused as refusal:
                self.gaps.append(Gap("the names of all files", str(refusal)))
        return change.paths or tuple(file.path for file in change.files)

    def _candidates(self, change: Change | None) -> tuple[Candidate, ...]:
        if change is None or not change.commits:
            return ()
        repository, forge = self.world.repository, self.world.forge
        if repository is not None and repository.resolve(change.head) is not None:
            try:
                return blame_commits(change, repository.library(change))
            except ConfigError as error:
                self.gaps.append(Gap("who wrote which line", str(error)))
        return list_commits(change, forge.runs) if forge is not None else ()

    def _imports(self, failed: FailedRun, change: Change | None, paths: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """What the files that the logs and the failing tests name use, however far that reaches.

        Only where all files of the commit are known: a reach with holes in it would look like innocence.
        """
        if change is None or not change.files or len(paths) <= len(change.files):
            return {}
        tree = Tree(paths)
        named = [location.path for job in failed.jobs for location in job.places]
        named += [tree.find(case.file) for case in failed.cases if case.file]
        tests = [problem.test for job in failed.jobs for problem in job.extract.problems if problem.test]
        named += [tree.test(name) for name in (*tests, *(case.name for case in failed.cases))]
        try:
            return reach([path for path in named if path], self._reader(change), paths)
        except (ConfigError, ForgeRefused, Unreadable) as error:
            self.gaps.append(Gap("what the failing tests use", str(error)))
            return {}

    def _reader(self, change: Change) -> Callable[[Sequence[str]], dict[str, str]]:
        """The texts of files of the commit: from the clone, else a few from GitHub."""
        repository, forge = self.world.repository, self.world.forge
        if repository is not None and change.paths:
            library = repository.library(change)
            return lambda wave: _texts(library, wave)
        left = MAX_FETCHED

        def fetch(wave: Sequence[str]) -> dict[str, str]:
            nonlocal left
            texts: dict[str, str] = {}
            for path in wave[:left]:
                left -= 1
                text = change.texts.get(path) or (forge.text_at(path, change.head) if forge else None)
                if text is not None:
                    texts[path] = text
            return texts

        return fetch

    def _cases(self, runs: Runs, run: RunState) -> tuple[Case, ...]:
        """The failing cases of the test reports that the run has stored."""
        files: dict[str, bytes] = {}
        try:
            stored = [one for one in runs.artifacts(run.id) if looks_like_reports(one.name) and not one.expired]
            for one in stored[:MAX_ARTIFACTS]:
                if one.size > MAX_ARTIFACT:
                    self.gaps.append(Gap(f"artifact {one.name}", f"over {MAX_ARTIFACT:,} bytes"))
                    continue
                unpacked = runs.artifact(one, PATTERNS, MAX_REPORT)
                files |= {f"{one.name}/{name}": content for name, content in unpacked.items()}
        except ForgeRefused as refusal:
            self.gaps.append(Gap("test reports", str(refusal)))
        cases, unread = failing(files)
        self.gaps += unread
        return cases


def _texts(library: Library, paths: Sequence[str]) -> dict[str, str]:
    """The text of the files that are files, and not too large."""
    known = library.entries
    entries = [
        entry
        for path in paths
        if (entry := known.get(path)) and entry.kind is EntryKind.FILE and 0 <= entry.size <= MAX_SOURCE
    ]
    read = library.contents(entries)
    return {entry.path: text.decode("utf-8", "replace") for entry, text in zip(entries, read, strict=True)}


def _green_templates(runs: Runs, green: RunState | None) -> Callable[[str], Templates | None]:
    """The templates of the job's log when it passed, each log read once."""

    @cache
    def of(name: str) -> Templates | None:
        return templates(runs, green, name) if green is not None else None

    return of
