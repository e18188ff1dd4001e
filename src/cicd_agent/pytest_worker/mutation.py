"""Tries mutants in a session of tests that is already running: each in a fork of its own, none is ever in a file."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, NamedTuple, Optional

from .fork import in_fork
from .mutated_code import LiveFunctions, NotApplicableError, Swap

# Evaluated by Python 3.9 too.
RunTests = Callable[[list[str]], Optional[tuple[str, str]]]  # noqa: UP045
"""Runs tests in this process, in this order: the first that fails with the type of what it raised, None if all pass."""
Value = dict[str, Any]


def try_mutants(  # noqa: PLR0917  the session calls it by these positions
    mutants: list[Value],
    read_text: Callable[[str], str],
    run_tests: RunTests,
    tests_of: Callable[[Value], list[str]],
    seconds: float,
    top: str | None = None,
) -> list[Value]:
    """What became of each mutant, as fields of a MutantOutcome.

    `mutants` are the fields of Mutants, `read_text` gives the text that they were made of by path, with its line ends
    as they are. `tests_of` names the tests to try one against; all must have passed in this process. A fork is ended
    after `seconds`. `top` is the top of the tree; without it a function belongs to a path when its file's name ends so.

    A kill counts only when the same tests pass in a fork without the mutant: a test that cannot pass twice in one
    process, or that needs a thread which no fork has, kills nothing. What runs at import is not tried, nor are
    generators that were already running, subprocesses, and modules that a test reads from the disk again.
    """
    functions = LiveFunctions(read_text, top)
    trials = _Trials(run_tests, seconds, functions.caches)

    def end(mutant: Value) -> _End:
        tests = tests_of(mutant)
        if not tests:
            return _End("not_run", detail="no test executes it")
        try:
            return trials.verdict(tests, functions.swaps(mutant))
        except NotApplicableError as error:
            return _End("not_run", detail=str(error))

    return [{"id": mutant["id"], **end(mutant)._asdict()} for mutant in mutants]


class _End(NamedTuple):
    """How tests ended: `fate` "survived" when they passed, "not_run" when it cannot be told."""

    fate: str
    by: str = ""
    exception: str = ""
    detail: str = ""


class _Trials:
    """Runs tests in forks of this process, with code swapped, and without for comparison."""

    def __init__(self, run_tests: RunTests, seconds: float, caches: list[Any]) -> None:
        self._run_tests = run_tests
        self._seconds = seconds
        self._caches = caches
        self._controls: dict[tuple[str, ...], _End] = {}
        self._unfit: set[str] = set()

    def verdict(self, tests: list[str], swaps: list[Swap]) -> _End:
        """How the tests end with the swaps, when they would pass without."""
        while True:
            fit = [test for test in tests if test not in self._unfit]
            if not fit:
                return _End("not_run", detail="the tests that execute it do not pass when they run a second time")
            end = self._forked(fit, swaps)
            if end.fate != "killed":
                return end
            control = self._control(tuple(fit[: fit.index(end.by) + 1] if end.by else fit))
            if control.fate == "survived":
                return end
            if not control.by:
                return _End("not_run", detail="its tests do not come to an end in a fork without it either")
            self._unfit.add(control.by)

    def _control(self, tests: tuple[str, ...]) -> _End:
        if tests not in self._controls:
            self._controls[tests] = self._forked(list(tests), [])
        return self._controls[tests]

    def _forked(self, tests: list[str], swaps: list[Swap]) -> _End:
        def run() -> tuple[str, ...]:
            for function, code in swaps:
                function.__code__ = code
            for cache in self._caches:
                cache.cache_clear()
            first = self._run_tests(list(tests))
            return (first[0], first[1][:200]) if first else ()

        try:
            ended = in_fork(run, self._seconds)
        except OSError as error:
            return _End("not_run", detail=f"no process can be started for it: {error.strerror}")
        if ended.result is not None:
            return _End("killed", *ended.result) if ended.result else _End("survived")
        if ended.is_unreadable:
            return _End("not_run", detail="its process said what cannot be read")
        if ended.status is None:
            return _End("killed", exception="timeout")
        if os.WIFSIGNALED(ended.status):
            return _End("killed", exception="crash", detail=f"ended by signal {os.WTERMSIG(ended.status)}")
        return _End("not_run", detail=f"its process ended (exit {os.WEXITSTATUS(ended.status)}) before its tests did")
