"""Tries mutants in a session of tests that is already running: each in a fork of its own, none is ever in a file."""

from __future__ import annotations

import contextlib
import faulthandler
import json
import os
import random
import resource
import select
import signal
import sys
import threading
import warnings
from collections.abc import Callable
from time import monotonic, sleep
from typing import Any, NamedTuple, NoReturn, Optional

from .mutated_code import LiveFunctions, NotApplicableError, Swap

# Evaluated by Python 3.9 too.
RunTests = Callable[[list[str]], Optional[tuple[str, str]]]  # noqa: UP045
"""Runs tests in this process, in this order: the first that fails with the type of what it raised, None if all pass."""
Value = dict[str, Any]

_SILENT = 70
_TICK = 0.2
_GRACE = 0.5
"""Seconds after which a fork ends itself, when it should have been ended."""
_REAP_SECONDS = 15.0
"""How long to wait for a fork that ends itself: on a busy machine it gets to that late."""
_MAX = 4_000


def try_mutants(  # noqa: PLR0917  the session calls it by these places
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
    locations = LiveFunctions(read_text, top)
    forks = _Forks(run_tests, seconds, locations.caches)
    return [_judged(mutant, locations, forks, tests_of(mutant)) for mutant in mutants]


class _End(NamedTuple):
    """How a fork ended: `fate` "survived" for tests that passed, "not_run" when it cannot be told."""

    fate: str
    by: str = ""
    exception: str = ""
    detail: str = ""


def _judged(mutant: Value, locations: LiveFunctions, forks: _Forks, tests: list[str]) -> Value:
    end = _End("not_run", detail="no test executes it")
    if tests:
        try:
            swaps = locations.swaps(mutant)
        except NotApplicableError as error:
            end = _End("not_run", detail=str(error))
        else:
            end = forks.verdict(tests, swaps)
    return {"id": mutant["id"], **end._asdict()}


class _Forks:
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
        # What the code under test writes to every descriptor it finds does not begin with this.
        token = os.urandom(16).hex().encode()
        chances = random.getstate()
        hears, says = os.pipe()
        try:
            try:
                child = _fork()
            except OSError as error:
                os.close(says)
                return _End("not_run", detail=f"no process can be started for it: {error.strerror}")
            if not child:
                self._child(tests, swaps, says, token, chances)
            os.close(says)
            return _received(child, hears, token, self._seconds, tests)
        finally:
            os.close(hears)

    def _child(self, tests: list[str], swaps: list[Swap], says: int, token: bytes, chances: Any) -> NoReturn:
        try:
            _settle(chances, self._seconds)
            for function, code in swaps:
                function.__code__ = code
            for cache in self._caches:
                cache.cache_clear()
            first = self._run_tests(list(tests))
            text = [tests.index(first[0]), first[1][:200]] if first else []
            os.write(says, token + json.dumps(text).encode() + b"\n")
        finally:
            # Nothing may go up from here into the session that this is a copy of.
            os._exit(_SILENT)


def _fork() -> int:
    with warnings.catch_warnings():
        # Of threads, in 3.12 and later: that the tests pass in a fork is seen for each kill.
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def _settle(chances: Any, seconds: float) -> None:
    """Makes a fork ready: a process group of its own, nowhere to write to, no measuring, an end, half of the memory."""
    os.setpgid(0, 0)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    sys.settrace(None)
    threading.settrace(None)
    monitoring: Any = getattr(sys, "monitoring", None)
    for tool in range(6 if monitoring else 0):
        if monitoring.get_tool(tool) is not None:
            monitoring.set_events(tool, 0)
    faulthandler.disable()
    # There are sandboxes in which no process may signal another.
    faulthandler.dump_traceback_later(seconds + _GRACE, exit=True, file=nowhere)
    # A mutant that never stops to fill a list must not end the whole run by its limit.
    for limit in (resource.RLIMIT_AS, resource.RLIMIT_DATA):
        soft, hard = resource.getrlimit(limit)
        if soft != resource.RLIM_INFINITY:
            with contextlib.suppress(ValueError, OSError):
                resource.setrlimit(limit, (soft // 2, hard))
    # A fork draws other numbers than its parent would: that is no difference that a mutant makes.
    random.setstate(chances)


def _received(child: int, hears: int, token: bytes, seconds: float, tests: list[str]) -> _End:
    """How a fork ends; it has been ended, and all of its group, when this returns."""
    with contextlib.suppress(OSError):
        os.setpgid(child, child)
    poll = select.poll()
    poll.register(hears, select.POLLIN)
    ends, text, silent, status = monotonic() + seconds, b"", False, None
    try:
        while monotonic() < ends and b"\n" not in text and len(text) <= _MAX and status is None:
            left = max(0.0, min(_TICK, ends - monotonic()))
            if silent:
                sleep(min(left, 0.005))
            elif poll.poll(left * 1000):
                chunk = os.read(hears, _MAX)
                text, silent = text + chunk, not chunk
                continue
            # It may have ended while something that it started still holds the pipe.
            ended, code = os.waitpid(child, os.WNOHANG)
            status = code if ended else None
    finally:
        _end(child, reaped=status is not None)
    if text:
        return _read_verdict(text, token, tests)
    if status is None:
        return _End("killed", exception="timeout")
    if os.WIFSIGNALED(status):
        return _End("killed", exception="crash", detail=f"ended by signal {os.WTERMSIG(status)}")
    return _End("not_run", detail=f"its process ended (exit {os.WEXITSTATUS(status)}) before its tests did")


def _end(child: int, *, reaped: bool) -> None:
    """Ends a fork and its group; where no process may signal another the fork ends itself, which is waited for."""
    with contextlib.suppress(OSError):
        os.killpg(child, signal.SIGKILL)
    ends = monotonic() + _REAP_SECONDS
    while not reaped and monotonic() < ends:
        try:
            reaped = os.waitpid(child, os.WNOHANG)[0] == child
        except OSError:
            return
        if not reaped:
            sleep(0.001)


def _read_verdict(text: bytes, token: bytes, tests: list[str]) -> _End:
    with contextlib.suppress(ValueError, TypeError, IndexError):
        first = json.loads(text[len(token) :]) if text.startswith(token) else None
        if first == []:
            return _End("survived")
        if first is not None:
            return _End("killed", by=tests[first[0]], exception=str(first[1]))
    return _End("not_run", detail="its process said what cannot be read")
