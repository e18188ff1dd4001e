"""Makes the test map of a traced run, and adds what a trace cannot show: what several tests share, what it misses."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from posixpath import basename, dirname

from cicd_agent.analysis.test_selection.outline import Outline, outline, plain_name
from cicd_agent.analysis.test_selection.test_map import KnownFunction, KnownSource, KnownTest, TestMap
from cicd_agent.domain.trials.test_run import RunResult
from cicd_agent.errors import ConfigError

OUTSIDE = ""
"""The node id under which a run tells what it used outside of all tests."""

_AT_DEFINITION = ("__init_subclass__", "__class_getitem__", "__mro_entries__", "__set_name__")


def made(
    result: RunResult, texts: Mapping[str, str], commit: str, python: str, *, collecting: RunResult | None = None
) -> TestMap:
    """The map of one traced run of the whole suite. `texts` are all Python files of `commit`, by path.

    `collecting` is a run that only collects, with those files measured: it shows what runs at import. Where it does
    not, that is taken of each function that code at import can reach by name. Raises ConfigError when the traced run
    did not come to its end.
    """
    if not result.completed:
        reason = result.problem or "the run did not come to its end"
        raise ConfigError("the suite could not be traced", why=reason, remedy="Run the suite by itself, and mend that")
    outlines = {path: parsed for path, text in texts.items() if (parsed := outline(text)) is not None}
    traces = {trace.nodeid: trace for trace in result.traces}
    tests: dict[str, KnownTest] = {}
    for test in result.tests:
        trace = traces.get(test.nodeid)
        used = _expanded(trace.functions, outlines) if trace else frozenset()
        known = KnownTest(test.outcome, test.seconds, used, frozenset(trace.files if trace else ()))
        tests[test.nodeid] = replace(known, unseen=_unseen(known, outlines) if trace else "it was not traced")
    outside = traces.get(OUTSIDE)
    early = _early(outlines, collecting) | (_expanded(outside.functions, outlines) if outside else frozenset())
    sources = {path: _source(path, each, early) for path, each in outlines.items()}
    files = _opened_early(tests) | frozenset(outside.files if outside else ())
    return TestMap(commit, python, _shared(tests, outlines, _lazy(collecting)), sources, files)


def _opened_early(tests: Mapping[str, KnownTest]) -> frozenset[str]:
    """Files that all tests of a module opened: perhaps none did, but the import of the module, or what that imported.

    What is imported once is there for every other module, too.
    """
    together: dict[str, frozenset[str]] = {}
    for nodeid, test in tests.items():
        path = nodeid.partition("::")[0]
        together[path] = together.get(path, test.files) & test.files
    return frozenset().union(*together.values())


def _source(path: str, source: Outline, early: frozenset[str]) -> KnownSource:
    functions = {
        name: KnownFunction(function.head, function.body, early=f"{path}::{name}" in early)
        for name, function in source.functions.items()
    }
    bases = frozenset().union(*source.classes.values())
    return KnownSource(source.at_import, functions, source.imports, bases)


def _expanded(functions: Iterable[str], outlines: Mapping[str, Outline]) -> frozenset[str]:
    """By plain names, with the functions around them: what these did is in what the inner one sees."""
    expanded = set()
    for each in functions:
        path, _, qualified = each.partition("::")
        name = plain_name(qualified)
        expanded.add(f"{path}::{name}")
        known = outlines[path].functions if path in outlines else {}
        while name:
            name = name.rpartition(".")[0]
            if name in known:
                expanded.add(f"{path}::{name}")
    return frozenset(expanded)


def _unseen(test: KnownTest, outlines: Mapping[str, Outline]) -> str:
    """Why a trace does not show all that the test uses."""
    for each in sorted(test.functions):
        path, _, name = each.partition("::")
        function = outlines[path].functions.get(name) if path in outlines else None
        if function is not None and function.starts:
            return f"{each} can start a process, where nothing is traced"
    return ""


def _lazy(collecting: RunResult | None) -> frozenset[str]:
    """Files of which nothing runs before the first test does: if they are imported, it is by a test."""
    return frozenset(each.path for each in collecting.coverage if not each.executed) if collecting else frozenset()


def _shared(
    tests: Mapping[str, KnownTest], outlines: Mapping[str, Outline], lazy: frozenset[str]
) -> dict[str, KnownTest]:
    """The tests, each with what ran once for several of them: only one of these was seen to use it.

    That is what fixtures of a wider scope prepare, and modules that are imported while a test runs. What these used is
    not told apart from what the test did: all of it is shared.
    """
    wide = {
        f"{path}::{name}": _reach(path)
        for path, source in outlines.items()
        for name, function in source.functions.items()
        if function.wide
    }
    donors: defaultdict[str, list[KnownTest]] = defaultdict(list)
    imported: defaultdict[str, list[KnownTest]] = defaultdict(list)
    for test in tests.values():
        for reach in {wide[each] for each in test.functions & wide.keys()}:
            donors[reach].append(test)
        for path in {each[:-2] for each in test.functions if each.endswith("::")} & lazy:
            imported[path].append(test)
    shared = {}
    for nodeid, test in tests.items():
        path = nodeid.partition("::")[0]
        given = [one for reach in donors if _reaches(reach, path) for one in donors[reach]]
        given += [
            one for used in {each.partition("::")[0] for each in test.functions} for one in imported.get(used, ())
        ]
        shared[nodeid] = replace(
            test,
            functions=test.functions.union(*(one.functions for one in given)),
            files=test.files.union(*(one.files for one in given)),
            unseen=test.unseen or next((one.unseen for one in given if one.unseen), ""),
        )
    return shared


def _reaches(reach: str, path: str) -> bool:
    return not reach or path == reach or (reach.endswith("/") and path.startswith(reach))


def _reach(path: str) -> str:
    """Which tests can share what a file prepares once: those of a folder ("tests/", "" for all), or of this file."""
    if basename(path) == "conftest.py":
        folder = dirname(path)
        return f"{folder}/" if folder else ""
    is_test = basename(path).startswith("test_") or path.endswith("_test.py")
    return path if is_test else ""


def _early(outlines: Mapping[str, Outline], collecting: RunResult | None) -> frozenset[str]:
    """Functions that run while modules are imported, as "path::name"."""
    if collecting is None or not collecting.completed:
        return _reachable(outlines)
    executed = {each.path: each.executed for each in collecting.coverage}
    functions = set()
    for path, each in outlines.items():
        lines = executed.get(path, ())
        for name, function in each.functions.items():
            if any(first <= line <= last for first, last in function.lines for line in lines):
                functions.add(f"{path}::{name}")
    if outlines.keys() <= executed.keys():
        return frozenset(functions)
    return frozenset(functions) | {each for each in _reachable(outlines) if each.partition("::")[0] not in executed}


def _reachable(outlines: Mapping[str, Outline]) -> frozenset[str]:
    """Functions that may run while modules are imported, as "path::name": whatever can be reached by name.

    That takes in too much, never too little but for names that are made at run time.
    """
    by_name: defaultdict[str, set[tuple[str, str]]] = defaultdict(set)
    classes: defaultdict[str, set[tuple[str, str]]] = defaultdict(set)
    for path, source in outlines.items():
        for name in source.functions:
            by_name[name.rpartition(".")[2]].add((path, name))
        for name in source.classes:
            classes[name.rpartition(".")[2]].add((path, name))
    reached: set[tuple[str, str]] = set().union(*(by_name[name] for name in _AT_DEFINITION))
    names: set[str] = set()
    fresh = set().union(*(source.names for source in outlines.values()))
    fresh |= {name for path, each in reached for name in outlines[path].functions[each].names}
    while fresh:
        name = fresh.pop()
        names.add(name)
        reachable_here = set(by_name.get(name, ()))
        for path, qualified in classes.get(name, ()):
            fresh |= {base for base in outlines[path].classes[qualified] if base not in names}
            reachable_here |= {
                (path, each)
                for each in outlines[path].functions
                if each.startswith(f"{qualified}.__") and each.endswith("__")
            }
        for path, each in reachable_here - reached:
            reached.add((path, each))
            fresh |= outlines[path].functions[each].names - names
    return frozenset(f"{path}::{name}" for path, name in reached)
