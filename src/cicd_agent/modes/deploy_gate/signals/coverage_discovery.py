"""Coverage reports that nobody named: those of the job's own workspace, and of the artifacts of runs on GitHub.

Where a repository has none, the signal has no weight. So it matters that a change cannot take it away: what ran before
is looked at as well, and the lines that the change deletes.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from cicd_agent.analysis.test_reports.coverage import USUAL_PATHS, is_coverage
from cicd_agent.domain.events.workflow_run import RunState, StoredArtifact
from cicd_agent.domain.ports.forge import Forge, Left
from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.repository.paths import PathKind, kinds
from cicd_agent.domain.text.visible import visible_line
from cicd_agent.domain.text.words import clip
from cicd_agent.modes.deploy_gate.signals.report_files import MAX_REPORT_BYTES, UntrackedFiles

_NAMES = (
    *("*cov*.xml", "*cov*.json", "*cov*.info", "*.lcov", "cover*.out", "coverage.txt"),
    *("*jacoco*.xml", "*cobertura*.xml", "clover.xml"),
)
"""What the files are called in artifacts; what they are, their content says."""
_ABOUT_COVERAGE = re.compile(r"(?i)cov|jacoco|clover|cobertura")
_ABOUT_REPORTS = re.compile(r"(?i)report|test|result")
_MAX_RUNS, _MAX_ARTIFACTS, _MAX_PACKED, _MAX_TOTAL = 5, 6, 20_000_000, 100_000_000
_OF_PULLS = frozenset({"pull_request", "pull_request_target"})
"""Runs of pull requests say nothing of the commit: what they have checked out is a merge of it, or anything at all."""

_TOOLS = re.compile(
    r"(?i)--cov|coverprofile|\bcoverage[ -]?(?:run|xml|json|lcov|report|dir|from)|coverage\.(?:xml|json|out)|"
    r"\b(?:lcov|jacoco|cobertura|codecov|coveralls|tarpaulin|llvm-cov|nyc|c8|istanbul|simplecov)\b"
)
_TEST_INPUT = re.compile(r"\btest-reports\s*:")
_NO_BUILD = frozenset({PathKind.DOCS, PathKind.TEST, PathKind.GENERATED, PathKind.VENDORED, PathKind.LOCK_FILE})
_WORKFLOWS = frozenset({PathKind.WORKFLOW, PathKind.CI_CONFIG})


@dataclass(frozen=True, slots=True)
class CommitCoverage:
    """The reports of one commit's runs, and where they are from; `gone` is an artifact that cannot be had any more."""

    reports: tuple[Left, ...] = ()
    source: str = ""
    gone: str = ""


@dataclass(frozen=True, slots=True)
class DiscoveredCoverage:
    """What was found of the commit that would be deployed, and of what runs now.

    `earlier` says why there has to be coverage, "" when nothing shows that there ever was. `problem` is why the
    artifacts could not be read, "" when they could.
    """

    head: CommitCoverage = CommitCoverage()
    base: CommitCoverage = CommitCoverage()
    earlier: str = ""
    problem: str = ""


def search_artifacts(forge: Forge, sha: str, base: str, branch: str, own: str) -> DiscoveredCoverage:
    """The coverage in the artifacts of both commits' runs; `own` is the id of the run that asks, and comes first.

    Where what runs now has no run, the newest ones of the branch tell whether there was coverage. Raises ForgeRefused.
    """
    runs = sorted(_runs_of(forge, sha), key=lambda run: str(run.id) != own)
    workflow = next((run.workflow_id for run in runs if str(run.id) == own), 0)
    # Of many workflows of a push, the one that asks is the likeliest to measure both.
    before = sorted(_runs_of(forge, base) if base else [], key=lambda run: run.workflow_id != workflow)
    compared = _read(forge, before)
    witness = compared
    if not before:
        newest = forge.runs.of_workflow(0, branch=branch, status="success", limit=_MAX_RUNS)
        witness = _read(forge, [run for run in newest if run.sha != sha and run.event not in _OF_PULLS])
    earlier = witness.source or witness.gone
    return DiscoveredCoverage(_read(forge, runs), compared, f"{earlier} had coverage" if earlier else "")


def _runs_of(forge: Forge, sha: str) -> list[RunState]:
    return [run for run in forge.runs.of_workflow(0, sha=sha, limit=30) if run.event not in _OF_PULLS]


def _read(forge: Forge, runs: list[RunState]) -> CommitCoverage:
    """The reports of the first run that has any."""
    gone = ""
    for run in runs[:_MAX_RUNS]:
        reports: list[Left] = []
        left = _MAX_TOTAL
        for artifact in _chosen(forge.runs.artifacts(run.id)):
            name = clip(visible_line(artifact.name), 100)
            if artifact.expired or artifact.size > _MAX_PACKED:
                is_coverage_lost = _ABOUT_COVERAGE.search(artifact.name) is not None
                gone = gone or (f"the artifact {name} of run {run.id}" if is_coverage_lost else "")
                continue
            for path, content in forge.runs.artifact(artifact, _NAMES, min(MAX_REPORT_BYTES, left)).items():
                if is_coverage(content):
                    reports.append(Left(f"{name}/{path}", content))
                    left -= len(content)
        if reports:
            return CommitCoverage(tuple(reports), f"artifacts of run {run.id}")
    return CommitCoverage(gone=gone)


def _chosen(artifacts: tuple[StoredArtifact, ...]) -> list[StoredArtifact]:
    """Those that may hold coverage, one of each name: a run that was started again may have left several."""
    newest = {each.name: each for each in sorted(artifacts, key=lambda each: each.id)}
    about = {name: bool(_ABOUT_COVERAGE.search(name)) for name in newest}
    names = [name for name in newest if about[name] or _ABOUT_REPORTS.search(name)]
    return [newest[name] for name in sorted(names, key=lambda name: (not about[name], name))[:_MAX_ARTIFACTS]]


def search_workspace(workspace: UntrackedFiles) -> CommitCoverage:
    """The reports that a step of this job has left where tools write them; a file of the repository is none."""
    files = workspace.files(USUAL_PATHS, most=len(USUAL_PATHS), limit=MAX_REPORT_BYTES)
    reports = tuple(left for left in files if not left.problem and is_coverage(left.content))
    return CommitCoverage(reports, "workspace" if reports else "")


def takes_away_coverage(change: Change) -> str:
    """What the change deletes that looks like the measuring of coverage, "" for nothing."""
    return _taken_away(change, lambda text, is_workflow: _TOOLS.search(text) or (is_workflow and "coverage" in text))


def takes_away_test_reports(change: Change) -> str:
    return _taken_away(change, lambda text, is_workflow: is_workflow and _TEST_INPUT.search(text))


def _taken_away(change: Change, is_about: Callable[[str, bool], object]) -> str:
    """The first file of the build in which fewer lines are about something than before."""
    for file in change.files:
        about = kinds(file.old_path)
        if about & _NO_BUILD:
            continue
        is_workflow = bool(about & _WORKFLOWS)
        deleted, added = (
            sum(1 for line in lines if is_about(line.text[:2_000], is_workflow)) for lines in (file.deleted, file.added)
        )
        if deleted > added:
            return f"this change takes it out of `{clip(visible_line(file.old_path), 100)}`"
    return ""


def with_workspace(found: DiscoveredCoverage, workspace: UntrackedFiles, known_earlier: str) -> DiscoveredCoverage:
    """What was found with the reports of the workspace, and without those that are files of the commit.

    `known_earlier` is why there has to be coverage by what is known from elsewhere, "" for nothing.
    """
    head = search_workspace(workspace)
    if not head.reports:
        reports = tuple(left for left in found.head.reports if not workspace.holds(left))
        head = replace(found.head, reports=reports)
    earlier = found.earlier or known_earlier or takes_away_coverage(workspace.change)
    return replace(found, head=head, earlier=earlier)
