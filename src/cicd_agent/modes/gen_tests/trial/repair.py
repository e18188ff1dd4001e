"""Mends what needs no judgement in a failing candidate: an import that is missing, a constant misread."""

import ast
import re
from dataclasses import replace

from cicd_agent.domain.trials.candidate import Candidate, CandidateReport, Expectation, keyed

_MISSING_NAME = re.compile(r"name '(\w+)' is not defined")
_NOT_THERE = re.compile(r"cannot import name '(\w+)' from '([\w.]+)'")
_NO_MODULE = re.compile(r"No module named '([\w.]+)'")
_COMPARED = re.compile(r"assert (.{1,120}) == (.{1,120})")
_WORLDLY = frozenset(
    [
        "aiohttp",
        "asyncio",
        "datetime",
        "ftplib",
        "getpass",
        "glob",
        "http",
        "httpx",
        "locale",
        "os",
        "pathlib",
        "platform",
        "random",
        "requests",
        "secrets",
        "shutil",
        "smtplib",
        "socket",
        "ssl",
        "subprocess",
        "sys",
        "tempfile",
        "time",
        "urllib",
        "urllib3",
        "uuid",
    ]
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
        tree = ast.parse(source.removeprefix("\ufeff"))
        names = _exported(tree)
        if match := _MISSING_NAME.search(report.fails_with):
            return _importing(candidate, match[1], names, module)
        if match := _NOT_THERE.search(report.fails_with):
            return _moved(candidate, match[1], match[2], module) if match[1] in names and module else None
        if match := _NO_MODULE.search(report.fails_with):
            # Only a name that means this very file is taken for it.
            same = module and match[1] != module and match[1].rpartition(".")[2] == module.rpartition(".")[2]
            return _moved(candidate, "", match[1], module) if same else None
        read = report.exception == "AssertionError" and candidate.expectation is Expectation.CODE
        if read and not _asks_the_world(tree):
            return _reread(candidate, report.fails_with)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return None


def _asks_the_world(tree: ast.Module) -> bool:
    """Whether what was seen here may be otherwise elsewhere: the sandbox has no network, and its own hour and files."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import) and any(alias.name.partition(".")[0] in _WORLDLY for alias in node.names):
            return True
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in _WORLDLY:
            return True
    return False


def _importing(candidate: Candidate, name: str, names: frozenset[str], module: str) -> Candidate | None:
    line = f"from {module} import {name}" if name in names and module else _WELL_KNOWN.get(name, "")
    if not line or line in candidate.imports:
        return None
    return _with_reason(replace(candidate, imports=(*candidate.imports, line)), f"the import of {name} was added")


def _moved(candidate: Candidate, name: str, wrong: str, module: str) -> Candidate | None:
    """The imports with the module `module` where `wrong` was asked, for `name` alone unless that is ""."""
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
    changed = replace(candidate, imports=tuple(lines))
    return (
        _with_reason(changed, f"{name or wrong} is imported from {module}")
        if changed.imports != candidate.imports
        else None
    )


def _reread(candidate: Candidate, message: str) -> Candidate | None:
    """The test with the value that was seen, if it compares one call with one constant and this is all it says."""
    match = _COMPARED.search(message)
    if not match:
        return None
    seen, expected = _literal(match[1]), _literal(match[2])
    if seen is None or expected is None:
        return None
    tree = ast.parse(candidate.code)
    asserts = [node for node in ast.walk(tree) if isinstance(node, ast.Assert)]
    if len(asserts) != 1 or not isinstance(asserts[0].test, ast.Compare):
        return None
    compared = asserts[0].test
    constant = compared.comparators[-1]
    if len(compared.ops) != 1 or not isinstance(compared.ops[0], ast.Eq) or ast.dump(constant) != ast.dump(expected):
        return None
    segment = ast.get_source_segment(candidate.code, constant)
    if not segment or candidate.code.count(segment) != 1:
        return None
    code = candidate.code.replace(segment, ast.unparse(seen))
    return _with_reason(replace(candidate, code=code), f"{segment} was expected, {ast.unparse(seen)} was seen")


def _literal(text: str) -> ast.expr | None:
    """The expression when it is a literal: what is cut off or no value is None."""
    try:
        ast.literal_eval(text)
        return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, TypeError):
        return None


def _exported(tree: ast.Module) -> frozenset[str]:
    """The names that a module defines itself."""
    names: set[str] = set()
    for node in tree.body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                names.add(node.name)
            case ast.Assign():
                names.update(target.id for target in node.targets if isinstance(target, ast.Name))
            case ast.AnnAssign(target=ast.Name(id=name)):
                names.add(name)
            case _:
                pass
    return frozenset(names)


def _with_reason(candidate: Candidate, what: str) -> Candidate:
    reason = f"{candidate.why} (repaired: {what})" if candidate.why else f"Repaired: {what}."
    return keyed(replace(candidate, why=reason))
