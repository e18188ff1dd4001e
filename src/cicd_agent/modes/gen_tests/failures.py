"""Says of each test that fails before anything is added whether the machine, chance, or the change is to blame."""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from cicd_agent.domain.ports.test_runner import Interpreter, PytestRunner
from cicd_agent.domain.text.words import clip, count
from cicd_agent.domain.trials.test_run import Outcome, Perturbation, PytestRun, RunResult, TestOutcome
from cicd_agent.modes.gen_tests.evidence import FailureKind, SetAside
from cicd_agent.modes.gen_tests.flaky.experiments import MIN_SECONDS, failed

MAX_ALONE = 20
"""Tests that are tried in a process of their own each; the others are tried again together."""
COLLECT_ALL: Final = ("--continue-on-collection-errors",)
_SECONDS = 60.0
_MOST = 0.5
"""The share of the tests above which one cause means that the suite cannot be used."""
_ERROR = 200

_NO_NETWORK = "there is no network here"
_MISSING: Final = re.compile(r"No module named '?([\w.]+)")
# What is withheld, by what is raised for want of it: type and message in one line. The first that fits counts.
_WITHHELD: Final = tuple(
    (re.compile(pattern), words)
    for pattern, words in (
        (
            (
                r"^(?:gaierror|ConnectionRefusedError|NewConnectionError|MaxRetryError|URLError|ConnectError"
                r"|ConnectTimeout|ConnectionError|ClientConnector\w*|NameResolutionError|ProxyError):"
                r"|name resolution|Name or service not known|nodename nor servname|[Nn]etwork is unreachable"
                r"|[Ff]ailed to establish a new connection|[Cc]onnection refused|getaddrinfo failed"
                r"|\[Errno (?:97|99|101|111|113)\]"
            ),
            _NO_NETWORK,
        ),
        (r"^DockerException:|docker daemon|docker\.sock", "there is no Docker here"),
        (r"^TclError:|cannot open display|could not connect to display|no display name", "there is no display here"),
        (
            r"^PermissionError: \[Errno (?:1|13)\]|\[Errno (?:1|13|38)\]",
            "the sandbox refuses a system call or a file that it asks for",
        ),
        (
            r"^(?:OSError|PermissionError): \[Errno 30\]|[Rr]ead-only file system",
            "it writes where nothing can be written",
        ),
        (
            r"\[Errno (?:11|12|23|24|27|28)\]|^MemoryError|can't start new thread",
            "it uses more processes, memory, files or disk than a run is given",
        ),
        (r"^FileNotFoundError: \[Errno 2\][^']*'[\w.+-]+'$", "a program that it starts is not installed"),
        (r"'/(?:proc|sys|dev|run|home|root|var|etc)/[^']*'", "a file of the machine is not shown to it"),
        (r"DID NOT RAISE.*PermissionError", "it runs as another user than it expects"),
        (r"^FixtureLookupError|fixture '\w+' not found", "a plugin of pytest is not installed"),
        (r"^ZoneInfoNotFoundError:|^Error: unsupported locale setting", "data of the system are not installed"),
    )
)


@dataclass(frozen=True, slots=True)
class Sorted:
    """`broken` passes before the change and fails after it; all others that fail are `set_aside`."""

    set_aside: tuple[SetAside, ...] = ()
    broken: tuple[TestOutcome, ...] = ()


def failures(result: RunResult) -> tuple[TestOutcome, ...]:
    """What fails in a run, by test, or by module where that cannot be collected."""
    collected = frozenset(result.collected)
    found: dict[str, TestOutcome] = {}
    for test in result.failed:
        nodeid = test.nodeid
        if test.outcome is Outcome.ERROR and nodeid not in collected:
            nodeid = nodeid.partition("::")[0]
        found.setdefault(nodeid, replace(test, nodeid=nodeid))
    return tuple(found.values())


def failure(test: TestOutcome) -> str:
    return clip(f"{test.exception}: {test.message}".strip(": ") or str(test.outcome), _ERROR)


def withheld(test: TestOutcome) -> str:
    """What this machine does not give to the test, by what it raised; "" where nothing of the kind is to be seen."""
    raised = f"{test.exception}: {test.message}"
    if test.exception in {"ModuleNotFoundError", "ImportError"} and (missing := _MISSING.search(test.message)):
        return f"`{missing[1]}` is not installed"
    return next((words for pattern, words in _WITHHELD if pattern.search(raised)), "")


def refusal(result: RunResult, red: Sequence[TestOutcome], interpreter: Interpreter) -> str:
    """Why the suite cannot be used at all, with what to do; "" where enough of it passes."""
    passed = [test.nodeid for test in result.tests if test.outcome is Outcome.PASSED]
    causes = Counter(_cause(test) for test in red)
    if not causes:
        return ""
    [(cause, number)] = causes.most_common(1)
    modules = {test.nodeid for test in red if "::" not in test.nodeid and _cause(test) == cause}
    others = {nodeid.partition("::")[0] for nodeid in passed}
    # How many tests a module has that cannot be collected nobody knows.
    if passed and number <= _MOST * (number + len(passed)) and len(modules) <= len(others):
        return ""
    first = next(test for test in red if _cause(test) == cause)
    kept = "all" if not passed else "most"
    return (
        f"{kept} of them fail for one cause, {number:,} of {count(len(red) + len(passed), 'test')} such as "
        f"{clip(first.nodeid, _ERROR)}: {failure(first)} (`{interpreter.path}`, Python {interpreter.version}). "
        f"{remedy(failure(first), interpreter)}"
    )


def remedy(text: str, interpreter: Interpreter) -> str:
    """What to do about an error that stops a suite."""
    if "did not end within" in text or "limit of wall_seconds" in text:
        return "Raise `timeout-minutes`, or give with `test-command` the tests that are quicker"
    install = f"Install the project and its test requirements for `{interpreter.path}` in a step before"
    if missing := _MISSING.search(text):
        return f"{install}: it has no `{missing[1].partition('.')[0]}`; or name another interpreter with `python`"
    if re.search(
        r"fixture '|unrecognized arguments|[Mm]issing required plugin|FixtureLookupError|Unknown config", text
    ):
        return f"{install}, with the plugins of pytest that it uses"
    if any(words == _NO_NETWORK and pattern.search(text) for pattern, words in _WITHHELD):
        return (
            "Tests here reach no network but a loopback, where the sandbox has one: answer their requests in the tests"
        )
    return f"{install}, or give with `test-command` the tests that pass without more"


def _cause(test: TestOutcome) -> tuple[str, str]:
    """What makes two errors one: not the numbers and names in them, unless what is missing is a module."""
    if missing := _MISSING.search(test.message):
        return test.exception, missing[1]
    return test.exception, re.sub(r"'[^']*'|\"[^\"]*\"|0x[0-9a-f]+|\d+", "…", test.message)


def sort_out(
    red: Sequence[TestOutcome], pytest_runner: PytestRunner, added: Collection[str] | None, seconds: float
) -> Sorted:
    """What is to blame for each: tried again together, in another order, alone, and before the change.

    `added` are the files that the change brings, None where there is no change; `seconds` is what the suite takes.
    Raises PytestUnavailable.
    """
    limit = max(_SECONDS, 2 * seconds)
    again = _run(_again(red, limit), pytest_runner)
    modules = dict.fromkeys(test.nodeid.partition("::")[0] for test in red)
    old = tuple(path for path in modules if added is not None and path not in added)
    before = [
        PytestRun(f"before {seed}", old, COLLECT_ALL, Perturbation(hash_seed=seed), seconds=limit) for seed in (0, 1)
    ]
    base = _run(before, pytest_runner, at_base=True) if old else ()
    set_aside, broken = [], []
    for test in red:
        ends = [end for result in again if (end := failed(result, test.nodeid)) is not None]
        earlier = [end for result in base if (end := failed(result, test.nodeid)) is not None]
        if len(earlier) > 1 and not any(earlier) and ends and all(ends) and not withheld(test):
            broken.append(test)
        else:
            set_aside.append(SetAside(test.nodeid, *_judged(test, ends, earlier)))
    return Sorted(tuple(set_aside), tuple(broken))


def _again(red: Sequence[TestOutcome], limit: float) -> list[PytestRun]:
    # A parameter may hold anything, "::" as well, which pytest does not always find again.
    names = tuple(dict.fromkeys(test.nodeid.partition("[")[0] for test in red))
    other = Perturbation(hash_seed=1, order=1, random_seed=1)
    return [
        PytestRun("again", names, COLLECT_ALL, seconds=limit),
        PytestRun("in another order", names, COLLECT_ALL, other, seconds=limit),
        *(PytestRun(f"alone {name}", (name,), seconds=_SECONDS) for name in names[:MAX_ALONE] if len(names) > 1),
    ]


def _run(runs: Sequence[PytestRun], pytest_runner: PytestRunner, *, at_base: bool = False) -> Iterable[RunResult]:
    return pytest_runner.run(runs, at_base=at_base) if pytest_runner.seconds_left > MIN_SECONDS else ()


def _judged(test: TestOutcome, ends: Sequence[bool], earlier: Sequence[bool]) -> tuple[FailureKind, str, str]:
    """Kind, error and reason."""
    # A server in a thread that may not listen shows by whatever its test misses then.
    raised, want = failure(test), withheld(test) or (_NO_NETWORK if test.reached else "")
    if ends and not all(ends):
        passed = f"it passes in {ends.count(False)} of {count(len(ends), 'further run')} on the same code"
        return FailureKind.FLAKY, raised, passed
    if want:
        known = "; it fails before the change, too" if earlier and all(earlier) else ""
        return FailureKind.ENVIRONMENT, raised, f"{want}{known}"
    if earlier and all(earlier):
        return FailureKind.FAILING, raised, "it fails before the change, too"
    if any(earlier):
        return FailureKind.FLAKY, raised, "it passes in one of two runs before the change"
    if not ends:
        return FailureKind.FAILING, raised, "there was no time to try it again"
    return FailureKind.FAILING, raised, "it fails each time, and nothing is known of it before the change"
