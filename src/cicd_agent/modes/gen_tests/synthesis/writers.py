"""Writes candidates without a model: from documented examples, from what plain values give, from the ghostwriter."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from cicd_agent.analysis.python_tests.syntax import parsed
from cicd_agent.analysis.python_tests.test_modules import dotted
from cicd_agent.domain.evidence import Evidence, Gap
from cicd_agent.domain.ports.test_runner import PytestRunner, PytestUnavailable
from cicd_agent.domain.trials.candidate import Candidate
from cicd_agent.modes.gen_tests.coverage_targets import left, subjects, targets
from cicd_agent.modes.gen_tests.evidence import TEST_EVIDENCE, known
from cicd_agent.modes.gen_tests.synthesis.calls import callee
from cicd_agent.modes.gen_tests.synthesis.documented import documented
from cicd_agent.modes.gen_tests.synthesis.observed import observed, probes
from cicd_agent.modes.gen_tests.synthesis.properties import suits, written_property
from cicd_agent.modes.gen_tests.synthesis.subject import FunctionTarget, Subject, subject
from cicd_agent.modes.gen_tests.synthesis.text import is_typed
from cicd_agent.modes.shared.change_reader import changed
from cicd_agent.settings.schema import Settings

MAX_PROBES = 480
MAX_GHOSTWRITTEN = 12

MIN_SECONDS = 5
"""Below this the test runner starts nothing."""


def written(
    targets: Sequence[FunctionTarget],
    evidence: Evidence,
    pytest_runner: PytestRunner | None,
    limit: int = 40,
    *,
    characterises: bool = False,
) -> tuple[Candidate, ...]:
    """At most so many tests of these functions, of which the first is worth most; the same for the same evidence.

    Nothing in here has been tried. What is documented comes first, then with `characterises` what was seen, then
    properties; without a test runner there is no more than the first. May raise PytestUnavailable.
    """
    tests = evidence.get(TEST_EVIDENCE)
    modules = tests.modules if tests is not None else {}
    changed = evidence.change.texts if evidence.change is not None else {}
    texts = {path: text for path, text in (*modules.items(), *changed.items()) if path.endswith(".py")}
    trees = {path: tree for path, text in sorted(texts.items()) for tree in [parsed(text)] if tree is not None}
    subjects = [each for each in (subject(requested, evidence, trees) for requested in targets) if each is not None]
    taken: set[str] = set()
    typed = is_typed(modules.values())
    results = [each for one in subjects for each in documented(one, taken, typed=typed)]
    if characterises and pytest_runner is not None and len(results) < limit:
        results += _observed(subjects, pytest_runner, taken, typed=typed)
    if pytest_runner is not None and len(results) < limit:
        results += _properties(subjects, pytest_runner, taken, typed=typed)
    return tuple(results[:limit])


def _observed(
    subjects: Sequence[Subject], pytest_runner: PytestRunner, taken: set[str], *, typed: bool
) -> list[Candidate]:
    callable_ones = [(one, called) for one in subjects for called in [callee(one)] if called is not None]
    batch = [probe for number, (_, called) in enumerate(callable_ones) for probe in probes(number, called)]
    if not batch or pytest_runner.seconds_left < MIN_SECONDS:
        return []
    seen = pytest_runner.probe(batch[:MAX_PROBES])
    return [
        candidate
        for number, (one, called) in enumerate(callable_ones)
        for candidate in observed(number, one, called, seen, taken, typed=typed)
    ]


def _properties(
    subjects: Sequence[Subject], pytest_runner: PytestRunner, taken: set[str], *, typed: bool
) -> Iterator[Candidate]:
    """Only where the project has Hypothesis itself: its tests have to run in the project's own jobs as well."""
    suitable = [one for one in subjects if suits(one)][:MAX_GHOSTWRITTEN]
    if (
        not suitable
        or "hypothesis" not in pytest_runner.interpreter.provides
        or pytest_runner.seconds_left < MIN_SECONDS
    ):
        return
    ghostwritten_modules = pytest_runner.ghostwrite([(one.wanted.path, one.wanted.function) for one in suitable])
    by_function: Mapping[tuple[str, str], Subject] = {(one.wanted.path, one.wanted.function): one for one in suitable}
    written_before: set[str] = set()
    for ghostwritten in ghostwritten_modules:
        one = by_function.get((ghostwritten.path, ghostwritten.function))
        # The two of a pair are given one and the same text.
        if one is None or ghostwritten.source in written_before:
            continue
        written_before.add(ghostwritten.source)
        candidate = written_property(one, ghostwritten, taken, typed=typed)
        if candidate is not None:
            yield candidate


MAX_WRITTEN = 40
"""Tests of one change that rules write."""


def with_written(evidence: Evidence, pytest_runner: PytestRunner | None, settings: Settings) -> Evidence:
    """The evidence with the tests that rules write for what is open; without a test runner only what is documented.

    What has to be run to be written costs more than a test, and shows less than what somebody meant.
    """
    tests, change = known(evidence), changed(evidence)
    texts = tests.modules.values()
    requested = [
        FunctionTarget(target.path, target.function.name, dotted(target.path, change.paths, texts))
        for target in targets(subjects(change, settings), tests.suite)
        if left(target, tests.screened).gap_count
    ]
    try:
        characterises = settings.characterisation == "on"
        result = written(requested, evidence, pytest_runner, MAX_WRITTEN, characterises=characterises)
    except PytestUnavailable as error:
        return replace(evidence, gaps=(*evidence.gaps, Gap("tests by rule", str(error))))
    proposed = {each.key: each for each in (*tests.proposed, *result)}
    return evidence.put(TEST_EVIDENCE, replace(tests, proposed=tuple(proposed.values())))
