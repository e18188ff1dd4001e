"""Which events are analysed, and what is read for them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, partial

from cicd_agent.analysis.logs.extract import Extract
from cicd_agent.analysis.logs.matcher import Matcher
from cicd_agent.analysis.logs.reduction import passed, reduce
from cicd_agent.analysis.logs.registry import load_tools
from cicd_agent.analysis.test_reports.cases import Case
from cicd_agent.domain.events.event import Event, EventKind
from cicd_agent.domain.events.workflow_run import JobRun, RunState
from cicd_agent.domain.evidence import Evidence, Gap
from cicd_agent.domain.ports.actions import Runs
from cicd_agent.domain.ports.forge import Library, Repository
from cicd_agent.domain.repository.change import Change, ChangeSource
from cicd_agent.domain.repository.diff import FileDiff
from cicd_agent.domain.repository.library import EntryKind
from cicd_agent.domain.text.words import clip, count
from cicd_agent.errors import ConfigError
from cicd_agent.modes.analyse_failure.attribution.import_graph import reach
from cicd_agent.modes.analyse_failure.attribution.overlap import names_around
from cicd_agent.modes.analyse_failure.attribution.path_match import Tree, find_locations
from cicd_agent.modes.analyse_failure.evidence import (
    FAILED_RUN,
    Candidate,
    FailedJob,
    FailedRun,
    GapFor,
    LogSource,
    Role,
)
from cicd_agent.modes.analyse_failure.runs.artifact_reports import PATTERNS, failing, is_report_artifact
from cicd_agent.modes.analyse_failure.runs.history import History, blame_commits, list_commits
from cicd_agent.modes.analyse_failure.runs.jobs import FIRST_TOKENS, JobSpec, LogReader, job_specs, roles, templates
from cicd_agent.modes.analyse_failure.runs.previous_failures import read_previous_failures
from cicd_agent.modes.protocol import LogFiles, Ports
from cicd_agent.modes.shared.change_reader import gaps, read_change
from cicd_agent.modes.shared.risk_history import with_past
from cicd_agent.modes.shared.self_triggered import own_run
from cicd_agent.settings.schema import Settings

FINE = frozenset({"success", "skipped", "neutral"})
MAX_ARTIFACTS = 5
MAX_REPORT = 20_000_000
MAX_ARTIFACT = 200_000_000
MAX_FETCHED = 12
"""Files whose text is asked of GitHub, where nothing is checked out, to see what they import."""
MAX_SOURCE = 400_000
MAX_CALLERS = 20


def declines(event: Event) -> str | None:
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
        green = passed(logs.green(self._noting("the log that passed"))) if logs.green else None
        matcher = Matcher(load_tools())
        extracts = {
            name: reduce(open_log(self._noting(name)), tokens=FIRST_TOKENS, green=green, job=name, matcher=matcher)
            for name, open_log in logs.failed.items()
        }
        if all(extract.passed for extract in extracts.values()):
            return Evidence(self.event, declined=_nothing_failed(extracts), gaps=tuple(self.gaps))
        jobs = tuple(
            FailedJob(JobRun(number, name, "completed", "failure"), extract=extract, source=LogSource.FILE)
            for number, (name, extract) in enumerate(extracts.items(), 1)
            if not extract.passed
        )
        return self._evidence(FailedRun(jobs=jobs), self._change(None, None))

    def _noting(self, name: str) -> Callable[[str], None]:
        return lambda limit: self.gaps.append(Gap(name, limit))

    def of_run(self, runs: Runs, number: int, attempt: int) -> Evidence:
        run = runs.run(number, attempt)
        all_jobs = runs.jobs(number, attempt)
        matcher = Matcher(load_tools())
        history = History(runs, run, self.event.default_branch or self.event.base.name, matcher)
        green = history.green()
        green_templates = cache(lambda name: templates(runs, green, name) if green is not None else None)
        log_reader = LogReader(runs, run, green_templates, matcher)
        named = roles(all_jobs, self._specs(run))
        if not any(one.role in {Role.FAILED, Role.TOLERATED} for one in named):
            named = (*log_reader.overdue(all_jobs), *named)
        if not any(one.role is Role.FAILED for one in named) and run.conclusion not in {"failure", "startup_failure"}:
            reason = "the run was cancelled" if run.conclusion == "cancelled" else "no job of the run has failed"
            return Evidence(self.event, declined=reason)
        jobs = log_reader.read(named, all_jobs)
        change = self._change(runs, green)
        failed = FailedRun(
            run=run,
            jobs=jobs,
            cases=self._cases(runs, run),
            traces=history.traces([job.job for job in jobs if job.role is Role.FAILED]),
            green=green,
            turned_red=history.turned_red(),
        )
        self.gaps += log_reader.gaps
        return self._evidence(failed, change, history)

    def _evidence(self, failed: FailedRun, change: Change | None, history: History | None = None) -> Evidence:
        paths = self._paths(change)
        located = tuple(replace(job, places=find_locations(job.extract, paths)) for job in failed.jobs)
        failed = replace(failed, jobs=located, candidates=self._candidates(change))
        failed = replace(failed, imports=self._imports(failed, change, paths), called=self._called(failed, change))
        known = read_previous_failures(self.world, failed, self.event.repo, history)
        self.gaps += [Gap("the audit log", limit) for limit in known.limits]
        more = gaps(change, self.settings) if change else ()
        all_gaps = (*more, *self.gaps, *(history.gaps if history else ()))
        evidence = Evidence(self.event, change, gaps=all_gaps, known=known).put(FAILED_RUN, failed)
        return with_past(evidence, change, self.world, self.settings) if change else evidence

    def _specs(self, run: RunState) -> tuple[JobSpec, ...]:
        if run.path and self.world.forge is not None:
            with GapFor(self.gaps, "the workflow's file"):
                return job_specs(self.world.forge.text_at(run.path.partition("@")[0], run.sha) or "")
        return ()

    def _change(self, runs: Runs | None, green: RunState | None) -> Change | None:
        """What is suspected: the pull request, or all that came since the workflow last passed on the branch."""
        event = self.event
        with GapFor(self.gaps, "the change"):
            if event.pull is None and green is not None and runs is not None and green.sha != event.sha:
                return self._since(green.sha, event, runs)
            if event.base.sha:
                return read_change(event, self.world, self.settings)
            reason = "it is not known what changed: no earlier run passed, and no base is named"
            self.gaps.append(Gap("the change", reason))
        return None

    def _since(self, base: str, event: Event, runs: Runs) -> Change:
        repository = self.world.repository
        if repository is not None:
            token = self.settings.github_token.get_secret_value()
            if not repository.ensure((base, event.sha), token):
                return repository.change(base, event.sha)
        return runs.compare(base, event.sha)

    def _paths(self, change: Change | None) -> tuple[str, ...]:
        if change is None:
            return ()
        if not change.paths and change.head and self.world.forge is not None:
            with GapFor(self.gaps, "the names of all files"):
                if listed := self.world.forge.runs.paths(change.head):
                    return listed
        return change.paths or tuple(file.path for file in change.files)

    def _candidates(self, change: Change | None) -> tuple[Candidate, ...]:
        if change is None or not change.commits:
            return ()
        repository, forge = self.world.repository, self.world.forge
        is_here = change.source is ChangeSource.WORKTREE or (repository and repository.resolve(change.head))
        if repository is not None and is_here:
            with GapFor(self.gaps, "who wrote which line"):
                return blame_commits(change, repository.library(change), partial(_files_of, repository))
        return list_commits(change, forge.runs) if forge is not None else ()

    def _imports(self, failed: FailedRun, change: Change | None, paths: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """What the files use that the logs and failing tests name; a reach with holes would look like innocence."""
        if change is None or not change.files or len(paths) <= len(change.files):
            return {}
        # What imports a file that is gone is known to miss it.
        paths = [*paths, *(file.old_path for file in change.files if file.old_path not in paths)]
        tree = Tree(paths)
        named = [location.path for job in failed.jobs for location in job.places]
        named += [tree.find(case.file) for case in failed.cases if case.file]
        tests = [problem.test for job in failed.jobs for problem in job.extract.problems if problem.test]
        named += [tree.test(name) for name in (*tests, *(case.name for case in failed.cases))]
        with GapFor(self.gaps, "what the failing tests use"):
            return reach([path for path in named if path], self._reader(change), paths)
        return {}

    def _called(self, failed: FailedRun, change: Change | None) -> dict[str, tuple[str, ...]]:
        """The names in those functions of tests that the logs point into."""
        places = [place for job in failed.jobs for place in job.places if place.is_test]
        if change is None or not change.paths or self.world.repository is None:
            return {}
        with GapFor(self.gaps, "what the failing tests call"):
            texts = self._reader(change)(list(dict.fromkeys(place.path for place in places[:MAX_CALLERS])))
            return {f"{each.path}:{each.line}": names_around(texts.get(each.path, ""), each.line) for each in places}
        return {}

    def _reader(self, change: Change) -> Callable[[Sequence[str]], dict[str, str]]:
        repository, forge = self.world.repository, self.world.forge
        if repository is not None and change.paths:
            return partial(_texts, repository.library(change))
        left = MAX_FETCHED

        def fetch(wave: Sequence[str]) -> dict[str, str]:
            nonlocal left
            paths, left = wave[:left], max(left - len(wave), 0)
            texts = {
                path: change.texts.get(path) or (forge.text_at(path, change.head) if forge else None) for path in paths
            }
            return {path: text for path, text in texts.items() if text is not None}

        return fetch

    def _cases(self, runs: Runs, run: RunState) -> tuple[Case, ...]:
        files: dict[str, bytes] = {}
        with GapFor(self.gaps, "test reports"):
            stored = [one for one in runs.artifacts(run.id) if is_report_artifact(one.name) and not one.expired]
            for one in stored[:MAX_ARTIFACTS]:
                if one.size > MAX_ARTIFACT:
                    self.gaps.append(Gap(f"artifact {one.name}", f"over {MAX_ARTIFACT:,} bytes"))
                    continue
                unpacked = runs.artifact(one, PATTERNS, MAX_REPORT)
                files |= {f"{one.name}/{name}": content for name, content in unpacked.items()}
        cases, unread = failing(files)
        self.gaps += unread
        return cases


def _nothing_failed(extracts: Mapping[str, Extract]) -> str:
    name, last = next((name, extract.passed) for name, extract in extracts.items() if extract.passed)
    others = f", and in {count(len(extracts) - 1, 'other log')}" if len(extracts) > 1 else ""
    return f"no failure in {name}{others}: its job passed, says line {last.number:,} ({clip(last.text, 80)})"


def _files_of(repository: Repository, sha: str) -> Sequence[FileDiff]:
    return repository.commit_files(sha) if sha else repository.uncommitted("HEAD").files


def _texts(library: Library, paths: Sequence[str]) -> dict[str, str]:
    found = filter(None, map(library.entries.get, paths))
    entries = [entry for entry in found if entry.kind is EntryKind.FILE and 0 <= entry.size <= MAX_SOURCE]
    read = library.contents(entries)
    return {entry.path: text.decode("utf-8", "replace") for entry, text in zip(entries, read, strict=True)}
