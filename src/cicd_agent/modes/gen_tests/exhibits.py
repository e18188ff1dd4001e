"""Lays out what a question for tests is put over: the function, its goals, what it calls, and how tests look here."""

import ast
import re
from collections.abc import Iterator, Mapping, Sequence

from cicd_agent.analysis.python_tests.mutation.mutants import functions
from cicd_agent.analysis.python_tests.syntax import fixtures, parsed, path_to
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
    if in_reach := "\n".join(_fixtures(modules)):
        yield Exhibit("FIXTURES", "fixtures in reach", in_reach, priority=6)
    if style := "\n\n".join(_style(tests.modules.get(home, ""), function.name)):
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
    yield from (node.lineno for node in path_to(parsed(text), name)[:-1] if node.lineno < first)


def _callees(text: str, name: str, first: int, last: int) -> Iterator[str]:
    """The signatures of what the same file defines and these lines name."""
    lines = text.splitlines()
    named = set(re.findall(r"\w+", "\n".join(lines[first - 1 : last])))
    others = [each for each in functions(text) if each.name != name and each.name.rpartition(".")[2] in named]
    for each in others[:MAX_CALLEES]:
        yield from (line.rstrip() for line in lines[each.first - 1 : each.signature_end])
        if each.docstring:
            yield f'    """{clip(each.docstring.strip().splitlines()[0], 120)}"""'


def _in_reach(modules: Mapping[str, str], home: str) -> Iterator[str]:
    for path in sorted(modules, key=lambda each: (each.count("/"), each)):
        folder, _, name = path.rpartition("/")
        if path == home or (name == "conftest.py" and (not folder or home.startswith(f"{folder}/"))):
            yield path


def _fixtures(modules: Mapping[str, str]) -> list[str]:
    results = []
    for path, text in modules.items():
        lines = text.splitlines()
        for node in fixtures(text):
            first = (ast.get_docstring(node) or "").strip().split("\n")[0]
            results.append(f"{lines[node.lineno - 1].strip()}  # {path}{f': {clip(first, 100)}' if first else ''}")
    return results[:MAX_FIXTURES]


def _style(text: str, function: str) -> Iterator[str]:
    """One or two tests of the module, those that name the function before others, with the module's imports."""
    tree = parsed(text) or ast.Module([], [])
    if imports := [ast.unparse(node) for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]:
        yield "\n".join(imports)
    lines = text.splitlines()
    short = function.rpartition(".")[2]
    tests = [
        "\n".join(lines[each.first - 1 : each.last])
        for each in functions(text)
        if each.name.rpartition(".")[2].startswith("test") and each.last - each.first < MAX_STYLE_LINES
    ]
    yield from sorted(tests, key=lambda test: short not in test)[:MAX_STYLE]
