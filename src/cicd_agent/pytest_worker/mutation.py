"""Tries mutants in a session of tests that is already running: each in a fork of its own, none is ever in a file."""

from __future__ import annotations

import ast
import functools
import gc
import os
import re
import types
import warnings
from collections.abc import Callable, Iterator
from inspect import CO_OPTIMIZED
from typing import Any, NamedTuple, Optional

from .fork import in_fork

# Evaluated by Python 3.9 too.
RunTests = Callable[[list[str]], Optional[tuple[str, str]]]  # noqa: UP045
"""Runs tests in this process, in this order: the first that fails with the type of what it raised, None if all pass."""
Value = dict[str, Any]
Swap = tuple[types.FunctionType, types.CodeType]

_NEWLINE = re.compile(r"\r\n|\r|\n")
_CACHED = type(functools.lru_cache(lambda: None))


def try_mutants(  # noqa: PLR0917  the session calls it by these positions
    mutants: list[Value],
    read_text: Callable[[str], str],
    run_tests: RunTests,
    tests_of: Callable[[Value], list[str]],
    seconds: float,
    top: str,
    frozen: int = 0,
) -> list[Value]:
    """What became of each mutant, as fields of a MutantOutcome.

    `mutants` are the fields of Mutants, `read_text` gives the text that they were made of by path, with its line ends
    as they are. `tests_of` names the tests to try one against; all must have passed in this process. A fork is ended
    after `seconds`. `top` is the top of the tree; of objects that are `frozen`, so many at most are not the project's.

    A kill counts only when the same tests pass in a fork without the mutant: a test that cannot pass twice in one
    process, or that needs a thread which no fork has, kills nothing. What runs at import is not tried, nor are
    generators that were already running, subprocesses, and modules that a test reads from the disk again.
    """
    functions = LiveFunctions(read_text, top, frozen)
    # What is here now outlives the forks: collections in them need not copy its pages.
    gc.freeze()
    trials = _Trials(run_tests, seconds, functions.caches)

    def end(mutant: Value) -> _End:
        tests = tests_of(mutant)
        if not tests:
            return _End("not_run", detail="no test executes it")
        try:
            return trials.verdict(tests, functions.swaps(mutant))
        except NotApplicableError as error:
            return _End("not_run", detail=str(error))

    outcomes = [{"id": mutant["id"], **end(mutant)._asdict()} for mutant in mutants]
    if not frozen:
        gc.unfreeze()
    return outcomes


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


class NotApplicableError(Exception):
    """Why a mutant cannot be put in place."""


class LiveFunctions:
    """The functions that live in this process now. `caches` are those of functools that were in use."""

    def __init__(self, read_text: Callable[[str], str], top: str, frozen: int = 0) -> None:
        self._read_text = read_text
        self._top = top
        self._files: dict[str, dict[Any, list[types.FunctionType]]] = {}
        self._texts: dict[str, tuple[str, types.CodeType]] = {}
        self.caches: list[Any] = []
        self._functions: dict[str, list[types.FunctionType]] = {}
        # What is frozen is not among the objects: what the project has frozen has to be.
        if gc.get_freeze_count() > frozen:
            gc.unfreeze()
        for thing in gc.get_objects():
            # Not by isinstance: that asks the project's own objects for their class.
            if type(thing) is types.FunctionType:
                self._functions.setdefault(thing.__code__.co_filename, []).append(thing)
            elif type(thing) is _CACHED:
                self.caches.append(thing)

    def swaps(self, mutant: dict[str, Any]) -> list[Swap]:
        """Live functions with the code that each would have. Raises NotApplicableError."""
        text, original = self._original(mutant["path"])
        start, end = mutant["start"], mutant["end"]
        if not 0 <= start <= end <= len(text) or len(_NEWLINE.findall(text, 0, start)) + 1 != mutant["line"]:
            raise NotApplicableError("the file is not the one that it was made of")
        changed = text[:start] + mutant["replacement"] + text[end:]
        mutated = _compiled(changed, original.co_filename)
        pairs = list(_pairs(original, mutated))
        if not pairs:
            raise NotApplicableError("it compiles to the same code")
        if not any(pair.itself and pair.called for pair in pairs):
            raise NotApplicableError("it runs at import")
        live = self._live(mutant["path"])
        swaps = [(function, pair.new) for pair in pairs for function in live.get(_key(pair.old), ())]
        if not swaps:
            raise NotApplicableError("no live function has this code")
        if any(len(new.co_freevars) != len(function.__code__.co_freevars) for function, new in swaps):
            swaps = _closed(swaps, _parsed(changed), original.co_filename)
        return swaps

    def _original(self, path: str) -> tuple[str, types.CodeType]:
        if path not in self._texts:
            try:
                text = self._read_text(path)
            except (OSError, ValueError, KeyError) as error:
                raise NotApplicableError(f"its file cannot be read: {type(error).__name__}") from None
            names = [name for name in self._functions if self._is_of(name, path)]
            self._texts[path] = text, _compiled(text, names[0] if names else path)
        return self._texts[path]

    def _live(self, path: str) -> dict[Any, list[types.FunctionType]]:
        """The functions of a file by what tells their code."""
        if path not in self._files:
            live: dict[Any, list[types.FunctionType]] = {}
            for name, functions in self._functions.items():
                if self._is_of(name, path):
                    for function in functions:
                        live.setdefault(_key(function.__code__), []).append(function)
            self._files[path] = live
        return self._files[path]

    def _is_of(self, filename: str, path: str) -> bool:
        if filename.rpartition("/")[2] != path.rpartition("/")[2]:
            return False
        return os.path.realpath(filename) == os.path.realpath(f"{self._top}/{path}")


class _Pair(NamedTuple):
    """Code that a mutant makes another: the code `itself`, or only what is nested in it; `called`: not at import."""

    old: types.CodeType
    new: types.CodeType
    itself: bool
    called: bool


def _pairs(old: types.CodeType, new: types.CodeType, called: bool = False) -> Iterator[_Pair]:  # noqa: FBT001, FBT002
    if _key(old) == _key(new):
        return
    called = called or bool(old.co_flags & CO_OPTIMIZED)
    before, after = _nested(old), _nested(new)
    alike = len(before) == len(after)
    yield _Pair(old, new, not alike or _itself(old) != _itself(new), called)
    for index in range(len(before) if alike else 0):
        yield from _pairs(before[index], after[index], called)


def _nested(code: types.CodeType) -> list[types.CodeType]:
    return [constant for constant in code.co_consts if isinstance(constant, types.CodeType)]


def _itself(code: types.CodeType) -> tuple[Any, ...]:
    """What a code does, less what is nested in it. Columns do not count, which change beside a mutant."""
    return (
        *(code.co_code, code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars, code.co_flags),
        *(code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, getattr(code, "co_exceptiontable", b"")),
        *map(_distinguishable, code.co_consts),
    )


def _key(code: types.CodeType) -> tuple[Any, ...]:
    return code.co_name, code.co_firstlineno, _itself(code), tuple(map(_key, _nested(code)))


def _distinguishable(constant: Any) -> Any:
    if isinstance(constant, (tuple, frozenset)):
        return type(constant)(map(_distinguishable, constant))
    return type(constant).__name__, "" if isinstance(constant, types.CodeType) else repr(constant)


def _closed(swaps: list[Swap], tree: ast.Module, filename: str) -> list[Swap]:
    """The swaps with code that closes over what the live functions do, for a mutant that does not use all of that."""
    names = {_position(function.__code__): function.__code__.co_freevars for function, _ in swaps}
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            used = names.get((node.name, first))
            if used:
                # Never executed, but the names count as used.
                retained = ast.parse(f"if 0: ({', '.join(used)})").body[0]
                for part in ast.walk(retained):
                    ast.copy_location(part, node.body[-1])
                node.body.append(retained)
    made = {_position(code): code for code in _within(_compiled(tree, filename))}
    closed = [(function, made.get(_position(code), code)) for function, code in swaps]
    if any(function.__code__.co_freevars != code.co_freevars for function, code in closed):
        raise NotApplicableError("it changes what a function closes over")
    return closed


def _within(code: types.CodeType) -> Iterator[types.CodeType]:
    for inner in _nested(code):
        yield inner
        yield from _within(inner)


def _position(code: types.CodeType) -> tuple[str, int]:
    return code.co_name, code.co_firstlineno


def _parsed(text: str) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(text.lstrip("\ufeff"))


def _compiled(source: str | ast.Module, filename: str) -> types.CodeType:
    source = source.lstrip("\ufeff") if isinstance(source, str) else source
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return compile(source, filename, "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError) as error:
        raise NotApplicableError(f"it does not compile here: {type(error).__name__}") from None
