"""Makes the test map of a traced run, and adds what a trace cannot show: what several tests share, what it misses."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from posixpath import basename, dirname

from cicd_agent.analysis.test_selection.outline import Outline, module_stem, outline, plain_name
from cicd_agent.analysis.test_selection.syntax import ATTRIBUTE, STORED, VALUE
from cicd_agent.analysis.test_selection.test_map import KnownFunction, KnownSource, KnownTest, TestMap
from cicd_agent.domain.trials.test_run import RunResult, TestTrace
from cicd_agent.errors import ConfigError

_OUTSIDE = ""
"""The node id under which a run lists what it used before its first test."""
_STATEMENT = "import:"
"""Begins those under which it lists what ran for one statement at import: "import:path:line"."""


def build_map(result: RunResult, texts: Mapping[str, str], commit: str, python: str) -> TestMap:
    """The map of one traced run of the whole suite. `texts` are all Python files of `commit`, by path.

    Where the run does not tell what it used outside of all tests, each function may run at import. Raises ConfigError
    when the traced run did not come to its end.
    """
    if not result.completed:
        reason = result.problem or "the run did not come to its end"
        raise ConfigError("the suite could not be traced", why=reason, remedy="Run the suite by itself, and fix that")
    outlines = {path: parsed for path, text in texts.items() if (parsed := outline(text)) is not None}
    traces = {trace.nodeid: trace for trace in result.traces}
    tests: dict[str, KnownTest] = {}
    for test in result.tests:
        known = KnownTest(test.outcome, test.seconds, unseen="it was not traced")
        if trace := traces.get(test.nodeid):
            used = _expanded(trace.functions, outlines)
            known = replace(known, functions=used, files=frozenset(trace.files), unseen=_unseen(used, outlines))
        tests[test.nodeid] = known
    files = _opened_early(tests)
    early = frozenset(f"{path}::{name}" for path, each in outlines.items() for name in each.functions)
    # Files of which nothing runs before the first test does: if they are imported, it is by a test.
    lazy = set[str]()
    if outside := traces.get(_OUTSIDE):
        early = _expanded(outside.functions, outlines)
        files |= frozenset(outside.files)
        lazy = outlines.keys() - set(map(_path, outside.functions))
    functions = (name.rpartition(".")[2] for each in outlines.values() for name in each.functions)
    defined = frozenset((*functions, *map(module_stem, outlines))).union(*(each.classes for each in outlines.values()))
    sources = {path: _source(path, each, early, defined) for path, each in outlines.items()}
    if _OUTSIDE in traces:
        sources = _with_runs(sources, traces, outlines)
        loaded = {_path(name) for trace in result.traces for name in trace.functions}
        sources = {path: replace(each, loaded=path in loaded) for path, each in sources.items()}
    return TestMap(commit, python, _shared(tests, outlines, lazy), sources, files)


def _opened_early(tests: Mapping[str, KnownTest]) -> frozenset[str]:
    """Files that all tests of a module opened: perhaps its import did, which happens once for all modules."""
    by_module: dict[str, frozenset[str]] = {}
    for nodeid, test in tests.items():
        path = _path(nodeid)
        by_module[path] = by_module.get(path, test.files) & test.files
    return frozenset().union(*by_module.values())


def _with_runs(
    sources: Mapping[str, KnownSource], traces: Mapping[str, TestTrace], outlines: Mapping[str, Outline]
) -> dict[str, KnownSource]:
    """The sources with what ran for each statement; what ran for none that is known counts for all."""
    ran: defaultdict[tuple[str, int], frozenset[str]] = defaultdict(frozenset)
    loose = {
        f"{path}::{name}" for path, source in sources.items() for name, each in source.functions.items() if each.early
    }
    alone: set[str] = set()
    for nodeid, trace in traces.items():
        path, _, line = nodeid.removeprefix(_STATEMENT).rpartition(":")
        if not nodeid.startswith(_STATEMENT):
            continue
        functions = _expanded(trace.functions, outlines)
        spans = outlines[path].lines if path in outlines and line.isdecimal() else ()
        found = [at for at, (first, last) in enumerate(spans) if first <= int(line) <= last]
        for at in found:
            ran[path, at] |= functions
        if found:
            loose -= functions
        else:
            alone |= functions
    loose |= alone
    return {
        path: replace(
            source,
            units=tuple(unit._replace(ran=ran.get((path, at), frozenset())) for at, unit in enumerate(source.units)),
            functions={
                name: each._replace(early=f"{path}::{name}" in loose) for name, each in source.functions.items()
            },
        )
        for path, source in sources.items()
    }


def _source(path: str, source: Outline, early: frozenset[str], defined: frozenset[str]) -> KnownSource:
    def known(names: frozenset[str], *, is_early: bool) -> frozenset[str]:
        """Without what nobody asks for: other uses of what is no function, and what is set while tests run."""
        return frozenset(
            name
            for name in names
            if (name[0] != VALUE or name[1:].removeprefix(ATTRIBUTE) in defined) and (name[0] != STORED or is_early)
        )

    functions = {
        name: KnownFunction(function.body, is_early, known(function.names, is_early=is_early))
        for name, function in source.functions.items()
        for is_early in [f"{path}::{name}" in early]
    }
    return KnownSource(source.units, functions, source.imports, source.guarded, dict(source.classes))


def _expanded(functions: Iterable[str], outlines: Mapping[str, Outline]) -> frozenset[str]:
    """By plain names, with the functions around them: what these did is in what the inner one sees."""
    expanded = set()
    for each in functions:
        path, _, qualified = each.partition("::")
        name = plain_name(qualified)
        if name.isdecimal():
            # Before Python 3.11 a trace knows the line where it begins, and not the name.
            spans = outlines[path].spans if path in outlines else ()
            around = [span for span in spans if span[0] <= int(name) <= span[1]]
            name = max(around)[2] if around else ""
        expanded.add(f"{path}::{name}")
        while name := name.rpartition(".")[0]:
            if path in outlines and name in outlines[path].functions:
                expanded.add(f"{path}::{name}")
    return frozenset(expanded)


def _unseen(functions: Iterable[str], outlines: Mapping[str, Outline]) -> str:
    for each in sorted(functions):
        path, _, name = each.partition("::")
        function = outlines[path].functions.get(name) if path in outlines else None
        if function is not None and function.starts:
            return f"{each} can start a process, where nothing is traced"
    return ""


def _shared(tests: Mapping[str, KnownTest], outlines: Mapping[str, Outline], lazy: set[str]) -> dict[str, KnownTest]:
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
    prepared: defaultdict[str, list[KnownTest]] = defaultdict(list)
    imported: defaultdict[str, list[KnownTest]] = defaultdict(list)
    for test in tests.values():
        for reach in {wide[each] for each in test.functions & wide.keys()}:
            prepared[reach].append(test)
        for path in {each[:-2] for each in test.functions if each.endswith("::")} & lazy:
            imported[path].append(test)
    shared = {}
    for nodeid, test in tests.items():
        others = [one for reach in prepared if _path(nodeid).startswith(reach) for one in prepared[reach]]
        others += [one for used in set(map(_path, test.functions)) for one in imported.get(used, ())]
        shared[nodeid] = replace(
            test,
            functions=test.functions.union(*(one.functions for one in others)),
            files=test.files.union(*(one.files for one in others)),
            unseen=test.unseen or next((one.unseen for one in others if one.unseen), ""),
        )
    return shared


def _reach(path: str) -> str:
    """Which tests can share what a file prepares once: those of a folder ("tests/", "" for all), or of this file."""
    if basename(path) == "conftest.py":
        folder = dirname(path)
        return f"{folder}/" if folder else ""
    is_test = basename(path).startswith("test_") or path.endswith("_test.py")
    return path if is_test else ""


def _path(name: str) -> str:
    return name.partition("::")[0]
