"""Fixes what needs no judgement in a failing candidate: an import that is missing, a constant misread."""

import ast
import re
from collections.abc import Collection
from dataclasses import replace

from cicd_agent.analysis.python_tests.documented_examples import literal
from cicd_agent.analysis.python_tests.static.scope import bindings
from cicd_agent.analysis.python_tests.syntax import UNREADABLE, defined_by, expression
from cicd_agent.domain.text.python_syntax import parse_python
from cicd_agent.domain.trials.candidate import Candidate, CandidateReport, Expectation, keyed

_MISSING_NAME = re.compile(r"name '(\w+)' is not defined")
_NOT_THERE = re.compile(r"cannot import name '(\w+)' from '([\w.]+)'")
_NO_MODULE = re.compile(r"No module named '([\w.]+)'")
_COMPARED = re.compile(r"assert (.{1,120}) == (.{1,120})")
_ENVIRONMENTAL = frozenset(
    {"aiohttp", "asyncio", "datetime", "ftplib", "getpass", "glob", "http", "httpx", "locale", "os", "pathlib"}
    | {"platform", "random", "requests", "secrets", "shutil", "smtplib", "socket", "ssl", "subprocess", "sys"}
    | {"tempfile", "time", "urllib", "urllib3", "uuid"}
)
"""Modules whose answers depend on where and when they are asked."""
_WELL_KNOWN = {
    "pytest": "import pytest",
    "json": "import json",
    "math": "import math",
    "re": "import re",
    "Decimal": "from decimal import Decimal",
    "Fraction": "from fractions import Fraction",
    "Path": "from pathlib import Path",
    "date": "from datetime import date",
    "datetime": "from datetime import datetime",
    "timedelta": "from datetime import timedelta",
    "timezone": "from datetime import timezone",
}


def repaired(report: CandidateReport, source: str, module: str) -> Candidate | None:
    """The failing candidate with the one thing changed that explains why it fails, None when there is no such thing.

    It has a new key. `source` is the text of the file under test, `module` the name under which it is imported. An
    expectation is changed only if it came from the code itself.
    """
    candidate = report.candidate
    try:
        tree = parse_python(source)
        names = {name for node in tree.body for name in defined_by(node)}
        if match := _MISSING_NAME.search(report.fails_with):
            return _importing(candidate, match[1], names, module)
        if match := _NOT_THERE.search(report.fails_with):
            return _moved(candidate, match[1], match[2], module) if match[1] in names and module else None
        if match := _NO_MODULE.search(report.fails_with):
            # Only a name that means this very file is taken for it.
            same = module and match[1] != module and match[1].rpartition(".")[2] == module.rpartition(".")[2]
            return _moved(candidate, "", match[1], module) if same else None
        read = report.exception == "AssertionError" and candidate.expectation is Expectation.CODE
        if read and not _depends_on_environment(tree):
            return _reread(candidate, report.fails_with)
    except UNREADABLE:
        return None
    return None


def _depends_on_environment(tree: ast.Module) -> bool:
    """Whether what came of it here may be otherwise elsewhere: the sandbox has its own hour and files, no network."""
    imported = {name.partition(".")[0] for name in bindings(ast.walk(tree)).values()}
    return not imported.isdisjoint(_ENVIRONMENTAL)


def _importing(candidate: Candidate, name: str, names: Collection[str], module: str) -> Candidate | None:
    line = f"from {module} import {name}" if name in names and module else _WELL_KNOWN.get(name, "")
    if not line or line in candidate.imports:
        return None
    return _with_reason(replace(candidate, imports=(*candidate.imports, line)), f"the import of {name} was added")


def _moved(candidate: Candidate, name: str, wrong: str, module: str) -> Candidate | None:
    """The imports with the module `module` in the place of `wrong`, for `name` alone unless that is ""."""
    lines: list[str] = []
    for line in candidate.imports:
        for node in ast.parse(line.strip()).body:
            if not isinstance(node, ast.ImportFrom) or node.level or node.module != wrong:
                lines.append(ast.unparse(node))
                continue
            here = [alias for alias in node.names if name in {"", alias.name}]
            there = [alias for alias in node.names if alias not in here]
            lines.extend(
                ast.unparse(ast.ImportFrom(where, names, 0))
                for where, names in ((wrong, there), (module, here))
                if names
            )
    if tuple(lines) == candidate.imports:
        return None
    return _with_reason(replace(candidate, imports=tuple(lines)), f"{name or wrong} is imported from {module}")


def _reread(candidate: Candidate, message: str) -> Candidate | None:
    """The test with the actual value, if it compares one call with one constant and asserts nothing else."""
    comparison = _COMPARED.search(message)
    if not comparison:
        return None
    actual, expected = expression(comparison[1]), expression(comparison[2])
    if actual is None or expected is None or not literal(actual) or not literal(expected):
        return None
    match [node.test for node in ast.walk(ast.parse(candidate.code)) if isinstance(node, ast.Assert)]:
        case [ast.Compare(ops=[ast.Eq()], comparators=[constant])] if ast.dump(constant) == ast.dump(expected):
            segment = ast.get_source_segment(candidate.code, constant)
        case _:
            return None
    if not segment or candidate.code.count(segment) != 1:
        return None
    code = candidate.code.replace(segment, ast.unparse(actual))
    return _with_reason(replace(candidate, code=code), f"{segment} was expected, {ast.unparse(actual)} was seen")


def _with_reason(candidate: Candidate, what: str) -> Candidate:
    reason = f"{candidate.why} (repaired: {what})" if candidate.why else f"Repaired: {what}."
    return keyed(replace(candidate, why=reason))
