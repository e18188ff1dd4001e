"""A suite that is played: how each test ends is a function of what differs, and of what ran before it."""

import random
from collections.abc import Callable, Mapping, Sequence

from cicd_agent.domain.events.event import Event, EventKind
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.repository.change import Change, ChangeSource
from cicd_agent.domain.repository.diff import ChangeKind, FileDiff
from cicd_agent.domain.trials.test_run import Outcome, Perturbation, PytestRun, RunResult, TestOutcome
from cicd_agent.modes.gen_tests.evidence import TEST_EVIDENCE, Suite, SuiteState, TestEvidence
from tests.support.fakes.test_runner import FakePytestRunner

Ends = Callable[[Perturbation, Sequence[str]], bool | Outcome]
"""Whether a test passes (or how it ends), by what differs and the names of the tests before it."""


def stable(_perturbation: Perturbation, _before: Sequence[str]) -> bool:
    return True


def after(*names: str) -> Ends:
    """Fails after these, all of them."""
    return lambda _, before: not set(names) <= set(before)


def needing(*names: str) -> Ends:
    """Passes only after these."""
    return lambda _, before: set(names) <= set(before)


def drawing(seed: int = 1) -> Ends:
    """Fails by what it draws: by the seed, where one is held."""
    chance = random.Random(seed)
    return lambda one, _: (
        (chance.random() if one.random_seed is None else random.Random(one.random_seed).random()) > 0.4
    )


def tossing(seed: int = 3, red: float = 0.4) -> Ends:
    """Fails by chance, whatever is held."""
    chance = random.Random(seed)
    return lambda *_: chance.random() > red


def nodeid(name: str) -> str:
    return f"tests/test_{name.partition('_')[0]}.py::test_{name}"


def pytest_runner(
    tests: Mapping[str, Ends],
    *,
    left: Mapping[str, tuple[str, ...]] | None = None,
    seconds_left: Callable[[int], float] = lambda _: 6000.0,
    problem: Callable[[PytestRun], str] = lambda _: "",
    exception: str = "AssertionError",
    temporary: Callable[[str, PytestRun], Sequence[str]] = lambda *_: (),
) -> FakePytestRunner:
    """`left` is what a test of this name leaves in the tree, `problem` why a run does not come to its end."""

    def script(run: PytestRun, _files: Mapping[str, str], _at: str) -> RunResult:
        if why := problem(run):
            return RunResult(run.name, completed=False, problem=why)
        names = [name for name in tests if not run.select or _selected(nodeid(name), run.select)]
        if run.in_order:
            names.sort(key=lambda name: run.select.index(nodeid(name)))
        elif run.perturbation.order is not None:
            random.Random(run.perturbation.order).shuffle(names)
        outcomes = []
        for place, name in enumerate(names):
            ended = tests[name](run.perturbation, names[:place])
            outcome = ended if isinstance(ended, Outcome) else Outcome.PASSED if ended else Outcome.FAILED
            raised = "" if outcome is Outcome.PASSED else exception
            written = tuple(temporary(name, run))
            outcomes.append(TestOutcome(nodeid(name), outcome, 0.1, raised and "it differs", raised, temporary=written))
        leaves = tuple(path for name in names for path in (left or {}).get(name, ()))
        ids = tuple(nodeid(name) for name in names)
        return RunResult(run.name, completed=True, collected=ids, tests=tuple(outcomes), left=leaves, seconds=1.0)

    return FakePytestRunner(script, left=seconds_left)


def evidence(state: SuiteState = SuiteState.GREEN, seconds: float = 1.0, *changed: str) -> Evidence:
    files = tuple(FileDiff(path, path, ChangeKind.MODIFIED) for path in changed)
    change = Change("a" * 40, "b" * 40, ChangeSource.GIT, files)
    suite = Suite(state, "it cannot be collected" if state is SuiteState.BROKEN else "", seconds=seconds)
    return Evidence(Event(kind=EventKind.SCHEDULE), change).put(TEST_EVIDENCE, TestEvidence(suite))


def _selected(test: str, select: Sequence[str]) -> bool:
    return test in select or test.partition("::")[0] in select
