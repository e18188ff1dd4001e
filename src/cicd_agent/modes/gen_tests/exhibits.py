"""Lays out what a question for tests is put over: the function, its goals, what it calls, and how tests look here."""

import ast
import re
from collections.abc import Iterator, Mapping, Sequence

from cicd_agent.analysis.python_tests.mutation.mutants import functions
from cicd_agent.domain.events.event import Event
from cicd_agent.domain.evidence import Exhibit
from cicd_agent.domain.text.words import clip
from cicd_agent.modes.gen_tests.coverage_targets import Target
from cicd_agent.modes.gen_tests.evidence import TestEvidence

MAX_LINES = 400
"""Of a function that are shown."""
MAX_CALLEES, MAX_FIXTURES, MAX_STYLE = 20, 30, 2
MAX_STYLE_LINES = 60
MAX_DESCRIPTION = 4_000
_FIXTURE = re.compile(r"^\s*@(?:pytest\.)?fixture\b")


def exhibits(target: Target, text: str, tests: TestEvidence, home: str, event: Event) -> Iterator[Exhibit]:
    """All that is known of a function and belongs before somebody who writes tests for it; `text` is its file's."""
    lines = text.splitlines()
    function = target.function
    first, last = function.first, min(function.last, function.first + MAX_LINES - 1)
    around = list(_around(function.name, text, first))
    body = "\n".join([*(lines[number - 1] for number in around), *lines[first - 1 : last]])
    gutter = tuple(map(str, (*around, *range(first, last + 1))))
    yield Exhibit("SOURCE", target.path, body, first, priority=9, gutter=gutter)
    yield Exhibit("GOALS", f"what is open in {function.name}", "\n".join(_goals(target, lines)), priority=9)
    if callees := "\n".join(_callees(text, function.name, first, last)):
        yield Exhibit("CALLEES", f"what {target.path} offers that it calls", callees, priority=5)
    modules = {path: tests.modules[path] for path in _in_reach(tests.modules, home)}
    if fixtures := "\n".join(_fixtures(modules)):
        yield Exhibit("FIXTURES", "fixtures in reach", fixtures, priority=6)
    style = "\n\n".join(_style(tests.modules.get(home, ""), function.name))
    if style:
        yield Exhibit("TESTS", home, style, priority=7)
    if event.pull is not None and (event.pull.title or event.pull.body):
        words = clip(f"{event.pull.title}\n\n{event.pull.body}".strip(), MAX_DESCRIPTION)
        yield Exhibit("PULL REQUEST", "its title and description", words, priority=1)


def pull_request_text(event: Event) -> str:
    return f"{event.pull.title}\n{event.pull.body}" if event.pull else ""


def _goals(target: Target, lines: Sequence[str]) -> Iterator[str]:
    def shown(line: int) -> str:
        return clip(lines[line - 1].strip(), 120) if 0 < line <= len(lines) else ""

    for line in target.lines:
        yield f"never executed, line {line}: {shown(line)}"
    for start, end in target.branches:
        where = f"to line {end}" if end > 0 else "out of the function"
        yield f"branch never taken, line {start} {where}: {shown(start)}"
    for mutant in target.survivors:
        yield f"fault that no test notices, line {mutant.line}, {mutant.words}: {shown(mutant.line)}"


def _around(name: str, text: str, first: int) -> Iterator[int]:
    """The lines that open the classes and functions around it."""
    known = {each.name: each for each in functions(text)}
    parts = name.split(".")
    opened = re.compile(r"^\s*class\s+(\w+)")
    for depth in range(1, len(parts)):
        outer = known.get(".".join(parts[:depth]))
        if outer is not None:
            yield outer.first
            continue
        for number, line in enumerate(text.splitlines()[: first - 1], 1):
            match = opened.match(line)
            if match and match[1] == parts[depth - 1]:
                yield number
                break


def _callees(text: str, name: str, first: int, last: int) -> Iterator[str]:
    """The signatures of what the same file defines and these lines name."""
    lines = text.splitlines()
    named = set(re.findall(r"\w+", "\n".join(lines[first - 1 : last])))
    result = 0
    for each in functions(text):
        if each.name == name or each.name.rpartition(".")[2] not in named or result == MAX_CALLEES:
            continue
        result += 1
        yield from (line.rstrip() for line in lines[each.first - 1 : each.signature_end])
        if each.docstring:
            yield f'    """{clip(each.docstring.strip().splitlines()[0], 120)}"""'


def _in_reach(modules: Mapping[str, str], home: str) -> Iterator[str]:
    for path in sorted(modules, key=lambda each: (each.count("/"), each)):
        folder, _, name = path.rpartition("/")
        if path == home or (name == "conftest.py" and (not folder or home.startswith(f"{folder}/"))):
            yield path


def _fixtures(modules: Mapping[str, str]) -> Iterator[str]:
    result = 0
    for path, text in modules.items():
        lines = text.splitlines()
        for each in functions(text):
            decorators = lines[each.first - 1 : each.signature_end]
            if result < MAX_FIXTURES and any(map(_FIXTURE.match, decorators)):
                result += 1
                signature = next((line.strip() for line in decorators if "def " in line), each.name)
                first = each.docstring.strip().splitlines()[0] if each.docstring and each.docstring.strip() else ""
                yield f"{signature}  # {path}{f': {clip(first, 100)}' if first else ''}"


def _style(text: str, function: str) -> Iterator[str]:
    """One or two tests of the module, those that name the function before others, with the module's imports."""
    if not text:
        return
    lines = text.splitlines()
    if imports := "\n".join(_imports(text)):
        yield imports
    short = function.rpartition(".")[2]
    results = [each for each in functions(text) if each.name.rpartition(".")[2].startswith("test")]
    results = [each for each in results if each.last - each.first < MAX_STYLE_LINES]
    results.sort(key=lambda each: (short not in "\n".join(lines[each.first - 1 : each.last]), each.first))
    for each in results[:MAX_STYLE]:
        yield "\n".join(lines[each.first - 1 : each.last])


def _imports(text: str) -> Iterator[str]:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield ast.unparse(node)
