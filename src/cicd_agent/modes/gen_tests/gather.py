"""Which events tests are written for, and what is read and run for them before anybody is asked."""

import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from cicd_agent.analysis.python_tests.mutants import mutants
from cicd_agent.analysis.python_tests.test_command import read_test_command
from cicd_agent.analysis.python_tests.test_modules import package, possible_homes
from cicd_agent.domain.events.event import Event, EventKind
from cicd_agent.domain.evidence import Evidence, Gap
from cicd_agent.domain.ports.test_runner import Interpreter, PytestRunner, PytestUnavailable
from cicd_agent.domain.repository.change import Change, ChangeSource
from cicd_agent.domain.repository.diff import ChangeKind
from cicd_agent.domain.repository.library import BadPattern, EntryKind, Unreadable
from cicd_agent.domain.repository.paths import PathKind, kinds
from cicd_agent.domain.text.words import clip
from cicd_agent.domain.trials.sandbox import Tier, tier_named
from cicd_agent.domain.trials.test_run import Mutant, Outcome, PytestRun, RunResult, TestOutcome
from cicd_agent.errors import ConfigError
from cicd_agent.modes.gen_tests.coverage_targets import Subject, passed_over, subjects, targets
from cicd_agent.modes.gen_tests.evidence import (
    TEST_EVIDENCE,
    FailureKind,
    SetAside,
    Suite,
    SuiteState,
    TestEvidence,
    known,
)
from cicd_agent.modes.gen_tests.failures import COLLECT_ALL, Sorted, failure, failures, refusal, remedy, sort_out
from cicd_agent.modes.gen_tests.flaky.detection import hunt
from cicd_agent.modes.gen_tests.synthesis.writers import with_written
from cicd_agent.modes.protocol import Ports
from cicd_agent.modes.shared.change_reader import changed, gaps, read_change
from cicd_agent.modes.shared.self_triggered import own_tests, own_touch
from cicd_agent.settings.schema import Settings, path_denier

MAX_MUTANTS = 300
"""Of one change: beyond that a run takes longer than anybody waits."""
_SHARE = 0.4
"""Of the time that is left, for the suite; new tests are tried in the rest."""
_LONGEST = 900.0
_ALONE = 30.0
MAX_ENDLESS = 3
"""Tests that never end or end their process, and are left out."""
MAX_TOLD = 50
SERVED = frozenset({EventKind.PULL_REQUEST, EventKind.PUSH, EventKind.MERGE_GROUP, EventKind.LOCAL})
HUNTED = frozenset({EventKind.SCHEDULE, EventKind.WORKFLOW_DISPATCH})
"""Events without a change, for which only flaky tests are looked for."""
_MAX_NAMES, _MAX_SEARCHED, _MAX_SOURCES = 200, 2_000, 20
_LARGEST = 300_000
"""Bytes of a test module that is read."""


def baseline(
    subjects: Sequence[Subject], pytest_runner: PytestRunner, command: str, added: Collection[str] | None = ()
) -> tuple[Suite, PytestRunner]:
    """What the tests show of the subjects, and the test runner in which they have shown it, which leaves none out.

    Where the sandbox has a private loopback, they have it. `added` are the files that the change brings, None
    where there is no change that could be to blame.
    """
    try:
        wider = pytest_runner.with_loopback()
        # A sandbox that keeps nothing in has one, too, but a stronger one that has none is better.
        loopback = wider is not None and tier_named(wider.sandbox) != Tier.NONE
        pytest_runner = wider if wider is not None and loopback else pytest_runner
        return replace(_baseline(subjects, pytest_runner, command, added), loopback=loopback), pytest_runner
    except PytestUnavailable as error:
        return Suite(SuiteState.UNAVAILABLE, str(error), command), pytest_runner


def _baseline(
    subjects: Sequence[Subject], pytest_runner: PytestRunner, command: str, added: Collection[str] | None
) -> Suite:
    share = MAX_MUTANTS // max(len(subjects), 1) or 1
    made = tuple(each for subject in subjects for each in mutants(subject.path, subject.text, subject.lines, share))
    notes = [f"{name} is not to be had for the project's Python" for name in pytest_runner.interpreter.lacks]
    if len(made) >= MAX_MUTANTS // max(len(subjects), 1):
        limit = f"at most {MAX_MUTANTS} faults are planted in one change: some lines have fewer than they could"
        notes.insert(0, limit)
    result, endless = _run(_whole(subjects, made, pytest_runner), pytest_runner)
    red = (*endless, *failures(result))
    suite = Suite(
        *_state(result, red, pytest_runner.interpreter),
        command,
        pytest_runner.interpreter.version,
        max(len(result.tests), len(result.collected)) + len(endless),
        red[:MAX_TOLD],
        # What a run has executed that broke off says nothing of what the tests would.
        result.coverage if result.completed else (),
        made,
        result.mutants,
        result.seconds,
        pytest_runner.sandbox,
        tuple(notes),
    )
    if not suite.can_judge or not red:
        return suite
    rest = pytest_runner.without([test.nodeid for test in endless]) if endless else pytest_runner
    blame = sort_out(red[len(endless) :], rest, added, result.seconds) if red[len(endless) :] else Sorted()
    reason = "its process does not end by itself here, neither in the suite nor alone"
    hung = tuple(SetAside(test.nodeid, FailureKind.ENVIRONMENT, failure(test), reason) for test in endless)
    state = SuiteState.RED if blame.broken else suite.state
    suite = replace(suite, state=state, failed=blame.broken, set_aside=(*hung, *blame.set_aside))
    return _without(suite, subjects, pytest_runner)


def _whole(subjects: Sequence[Subject], made: tuple[Mutant, ...], pytest_runner: PytestRunner) -> PytestRun:
    """The suite with all that is measured."""
    measured = tuple(subject.path for subject in subjects)
    seconds = min(pytest_runner.seconds_left * _SHARE, _LONGEST)
    return PytestRun("suite", (), COLLECT_ALL, measured=measured, traced=True, mutants=made, seconds=seconds)


def _run(run: PytestRun, pytest_runner: PytestRunner) -> tuple[RunResult, tuple[TestOutcome, ...]]:
    """The result, and tests that had to be left out since no process of theirs comes to its end."""
    endless: list[TestOutcome] = []
    while True:
        rest = pytest_runner.without([test.nodeid for test in endless]) if endless else pytest_runner
        [result] = rest.run([run])
        done = {test.nodeid for test in result.tests}
        last = next((nodeid for nodeid in result.collected if nodeid not in done), "")
        if result.completed or not last or len(endless) == MAX_ENDLESS or rest.seconds_left < 2 * _ALONE:
            return result, tuple(endless)
        # Only the one that does not end by itself either is to blame: others were in the middle of a long suite.
        [alone] = rest.run([PytestRun("alone", (last.partition("[")[0],), seconds=_ALONE)])
        if alone.completed:
            return result, tuple(endless)
        endless.append(TestOutcome(last, Outcome.ERROR, 0.0, clip(alone.problem, 300), "the process does not end"))


def _without(suite: Suite, subjects: Sequence[Subject], pytest_runner: PytestRunner) -> Suite:
    """The suite with the coverage of the tests that are left, where one of the others had a part in it."""
    out = {*suite.left_out()}
    # Of so many tests the worker names no more.
    if not any(out & {*file.tests} or len(file.tests) >= 200 for file in suite.coverage):  # noqa: PLR2004
        return suite
    [result] = pytest_runner.without(suite.left_out()).run([_whole(subjects, (), pytest_runner)])
    if not result.completed:
        return replace(suite, notes=(*suite.notes, "coverage counts lines that only tests execute which are set aside"))
    flaky = tuple(
        SetAside(test.nodeid, FailureKind.FLAKY, failure(test), "it passes in one of two runs of the whole suite")
        for test in failures(result)
    )
    return replace(suite, coverage=result.coverage, set_aside=(*suite.set_aside, *flaky))


def _state(result: RunResult, red: Sequence[TestOutcome], interpreter: Interpreter) -> tuple[SuiteState, str]:
    if not result.completed:
        problem = result.problem or "pytest did not come to its end"
        where = f"(`{interpreter.path}`, Python {interpreter.version})"
        return SuiteState.BROKEN, f"{problem.rstrip('.')} {where}. {remedy(problem, interpreter)}"
    if problem := refusal(result, red, interpreter):
        return SuiteState.BROKEN, problem
    if not any(test.outcome is Outcome.PASSED for test in result.tests):
        return SuiteState.EMPTY, "pytest finds no test that passes"
    return SuiteState.GREEN, ""


def declines(event: Event, settings: Settings | None = None) -> str | None:
    """Why there is nothing to write tests for, in one line."""
    hunts = settings is None or settings.detect_flaky > 0
    if event.kind is EventKind.PULL_REQUEST_TARGET:
        # It runs with the base's secrets, and this mode runs what the pull request brings.
        return "gen-tests does not serve pull_request_target, whose jobs hold secrets; use pull_request"
    if event.kind not in SERVED and not (event.kind in HUNTED and hunts):
        hint = "; set `detect-flaky` to look for flaky tests" if event.kind in HUNTED else ""
        return f"gen-tests does not serve the event {event.name or event.kind}{hint}"
    if event.pull is not None:
        if event.pull.draft:
            return f"pull request {event.pull.number} is a draft"
        if not event.pull.is_open:
            return f"pull request {event.pull.number} is closed"
    if event.kind in SERVED and event.kind is not EventKind.LOCAL and not event.head.sha:
        return "the event names no commit to test (a branch or tag was deleted)"
    return None


def gather(event: Event, world: Ports, settings: Settings) -> Evidence:
    """Evidence of the change, of the project's tests over it, and the tests that rules propose.

    Raises ConfigError for a `test-command` that makes no sense: that is no lack of the machine's.
    """
    read_test_command(settings.test_command)
    change = _change(event, world, settings)
    if ours := own_touch(event, world) or own_tests(event, change, world):
        return Evidence(event, declined=ours)
    result = subjects(change, settings)
    missed = (*gaps(change, settings), *passed_over(change, settings))
    evidence = Evidence(event, change, gaps=missed)
    if not result and not settings.detect_flaky:
        limit = "; its texts are not known without a checkout" if change.source is ChangeSource.API else ""
        return replace(evidence, declined=f"no Python changed that tests could be written for{limit}")
    pytest_runner = world.pytest_runner(change) if world.pytest_runner is not None else None
    if pytest_runner is None:
        reason = "nothing is checked out that could be run. Put actions/checkout before this step"
        return evidence.put(TEST_EVIDENCE, TestEvidence(Suite(SuiteState.UNAVAILABLE, reason, settings.test_command)))
    added = {file.path for file in change.files if file.kind not in {ChangeKind.MODIFIED, ChangeKind.DELETED}}
    suite, pytest_runner = baseline(result, pytest_runner, settings.test_command, added if change.files else None)
    paths = tuple(path for path in change.paths if path.endswith(".py") and PathKind.TEST in kinds(path))
    tests = TestEvidence(suite, paths=paths)
    modules, unread = _texts(sorted(_homes(result, tests) & set(change.paths)), change, world, settings)
    sources = _sources(result, suite, change, world, settings)
    tests = replace(tests, modules=modules, sources=sources)
    evidence = replace(evidence, gaps=(*missed, *unread)).put(TEST_EVIDENCE, tests)
    if suite.can_judge and result:
        evidence = with_written(evidence, None, settings)
    return _with_hunt(evidence, pytest_runner, world, settings)


def _change(event: Event, world: Ports, settings: Settings) -> Change:
    """The change; of an event without one, the commit as it is and nothing changed in it."""
    if event.kind not in HUNTED:
        return read_change(event, world, settings)
    repository = world.repository
    sha = repository.resolve("HEAD") if repository is not None else None
    if repository is None or sha is None:
        raise ConfigError("there is no checkout", remedy="Put actions/checkout before this step")
    return repository.change(sha, sha)


def _homes(result: Sequence[Subject], tests: TestEvidence) -> set[str]:
    """The test modules that belong to the subjects, and the conftest files above them."""
    possible = (possible_homes(subject.path, tests.suite.coverage, tests.paths) for subject in result)
    homes = {path for paths in possible for path in paths}
    folders = {parent for path in homes for parent in PurePosixPath(path).parents}
    return homes | {(folder / "conftest.py").as_posix() for folder in folders}


def _sources(
    result: Sequence[Subject], suite: Suite, change: Change, world: Ports, settings: Settings
) -> dict[str, str]:
    """The texts of modules of the same packages that name a function with goals."""
    names = sorted({each.function.name.rpartition(".")[2] for each in targets(result, suite)})[:_MAX_NAMES]
    if world.repository is None or not names or not suite.can_judge:
        return {}
    tops = {f"{package(subject.path, change.paths)}/".lstrip("/") for subject in result}
    among = {
        path
        for path in change.paths
        if path.endswith(".py") and path.startswith(tuple(tops)) and PathKind.TEST not in kinds(path)
    }
    try:
        library = world.repository.library(change)
        entries = [entry for path, entry in library.entries.items() if path in among][:_MAX_SEARCHED]
        pattern = rf"\b(?:{'|'.join(map(re.escape, names))})\b"
        found = Counter(match.path for match in library.search(pattern, entries, _MAX_SEARCHED).found)
    except (BadPattern, ConfigError, Unreadable):
        return {}
    return _texts(sorted(path for path, _ in found.most_common(_MAX_SOURCES)), change, world, settings)[0]


def _texts(
    requested: Sequence[str], change: Change, world: Ports, settings: Settings
) -> tuple[dict[str, str], tuple[Gap, ...]]:
    """The texts of files at the change's end, and which of them cannot be had."""
    denied = path_denier(settings.deny_paths)
    if world.repository is None:
        return {}, ()
    texts: dict[str, str] = {}
    unread: list[Gap] = []
    try:
        library = world.repository.library(change)
        for path in requested:
            entry = library.entries.get(path)
            is_file = entry is not None and entry.kind is EntryKind.FILE and 0 <= entry.size <= _LARGEST
            if entry is None or not is_file or denied(path):
                unread.append(Gap(path, "too large, a link, or kept from models"))
                continue
            try:
                [content] = library.contents([entry])
                texts[path] = content.decode("utf-8")
            except UnicodeDecodeError:
                unread.append(Gap(path, "it is not UTF-8"))
    except (Unreadable, ConfigError) as error:
        return {}, (Gap("the project's tests", f"their texts could not be read: {error}"),)
    return texts, tuple(unread)


def _with_hunt(evidence: Evidence, pytest_runner: PytestRunner, world: Ports, settings: Settings) -> Evidence:
    tests, change = known(evidence), changed(evidence)
    if not settings.detect_flaky or tests.suite.state is SuiteState.UNAVAILABLE:
        return evidence
    try:
        # New tests are tried after this, and need their time.
        reserve = pytest_runner.seconds_left / 2 if tests.suite.can_judge and change.files else 0.0
        others = pytest_runner.without(tests.suite.left_out(flaky=False))
        result = hunt(settings.detect_flaky, evidence, others, reserve=reserve)
    except PytestUnavailable as error:
        return replace(evidence, gaps=(*evidence.gaps, Gap("flaky tests", str(error))))
    named = {nodeid.partition("::")[0] for each in result.found for nodeid in (each.nodeid, *each.polluters)}
    texts, unread = _texts(sorted(named - tests.modules.keys()), change, world, settings)
    tests = replace(tests, hunt=result, modules={**tests.modules, **texts})
    return replace(evidence, gaps=(*evidence.gaps, *unread)).put(TEST_EVIDENCE, tests)
