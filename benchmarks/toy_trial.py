"""The trial of the toy's candidates by itself, taken apart: what one costs, and what of that is spent on what."""

import tempfile
import time
from dataclasses import replace
from pathlib import Path

from benchmarks.counted_pytest_runner import CountedPytestRunner, CountedSandbox
from benchmarks.toy_project import CHANGED, FUNCTIONS, MODULE, PROJECT, draft
from cicd_agent.domain.events.event import Event, EventKind
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.trials.sandbox import Limits
from cicd_agent.modes.gen_tests.coverage_targets import subjects
from cicd_agent.modes.gen_tests.evidence import TEST_EVIDENCE, TestEvidence
from cicd_agent.modes.gen_tests.gather import baseline
from cicd_agent.modes.gen_tests.questions import candidates
from cicd_agent.modes.gen_tests.trial.single_trial import screen
from cicd_agent.modes.gen_tests.trial.suite_run import settle
from cicd_agent.settings.schema import Settings
from tests.support.samples.changes import change_of
from tests.support.test_runners import TOOLCHAIN, PlainStyler

GOAL = 2.0
MODULE_OF_TESTS = "tests/test_parcels.py"


def taken_apart() -> str:
    """The trial in words and numbers."""
    with tempfile.TemporaryDirectory() as name:
        top = Path(name)
        head = {**PROJECT, **CHANGED}
        for path, text in head.items():
            (top / path).parent.mkdir(parents=True, exist_ok=True)
            (top / path).write_text(text, "utf-8")
        change = change_of(*((path, PROJECT[path], text) for path, text in CHANGED.items()), paths=head)
        sandbox = CountedSandbox()
        pytest_runner = _pytest_runner(top, sandbox)
        suite, _ = baseline(subjects(change, Settings()), pytest_runner, "python -m pytest")
        modules = {MODULE_OF_TESTS: PROJECT[MODULE_OF_TESTS]}
        tests = TestEvidence(suite, modules=modules, paths=tuple(modules))
        evidence = Evidence(Event(EventKind.LOCAL), change).put(TEST_EVIDENCE, tests)
        found = [each for function in FUNCTIONS for each in candidates(draft(function), MODULE, function)]
        pytest_runner.processes.clear()
        pytest_runner.seconds.clear()
        copies, around, begun = sandbox.begun, sandbox.around, time.monotonic()
        reports = screen(found, evidence, pytest_runner)
        screened = time.monotonic() - begun
        settled = settle(reports, evidence, pytest_runner)
        whole = time.monotonic() - begun
    each = ", ".join(
        f"{count} {kind} {pytest_runner.seconds[kind]:.1f} s" for kind, count in pytest_runner.processes.most_common()
    )
    processes = sum(pytest_runner.processes.values())
    first = f"trial alone: {len(settled.kept)} of {len(found)} candidates kept, {whole / len(found):.1f} s each"
    return "\n".join(
        [
            f"{first} (goal ≤ {GOAL:.0f} s), {screened:.1f} s by themselves, {whole - screened:.1f} s together",
            f"  {processes} processes of pytest, {processes / len(found):.1f} a candidate: {each}",
            f"  {sandbox.begun - copies} copies of the tree, {sandbox.around - around:.1f} s around their sandboxes",
            f"  {pytest_runner.faults} faults tried in forks",
        ]
    )


def _pytest_runner(top: Path, sandbox: CountedSandbox) -> CountedPytestRunner:
    toolchain = replace(TOOLCHAIN, roots=("src",))
    return CountedPytestRunner(
        top,
        toolchain,
        sandbox,
        time.monotonic,
        600.0,
        base={path: PROJECT[path] for path in CHANGED},
        limits=Limits(),
        redact=str,
        style_checker=PlainStyler(),
    )
