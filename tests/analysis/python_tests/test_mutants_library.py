"""Mutants of what others wrote, without us in mind: the standard library, in sources of every age and style."""

import ast
import sysconfig
import warnings
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import pytest

from cicd_agent.analysis.python_tests.mutants import mutants
from cicd_agent.analysis.python_tests.syntax import function_at, functions
from cicd_agent.domain.trials.test_run import Mutant

LIBRARY = Path(sysconfig.get_paths()["stdlib"])
MODULES = (
    *("abc", "argparse", "ast", "base64", "bdb", "bisect", "calendar", "cmd", "codeop", "colorsys", "configparser"),
    *("contextlib", "copy", "csv", "dataclasses", "datetime", "difflib", "dis", "enum", "filecmp", "fileinput"),
    *("fnmatch", "fractions", "ftplib", "functools", "getopt", "gettext", "glob", "graphlib", "gzip", "heapq"),
    *("hmac", "inspect", "ipaddress", "linecache", "locale", "mimetypes", "netrc", "numbers", "operator", "optparse"),
    *("pickle", "platform", "plistlib", "pprint", "queue", "random", "sched", "selectors", "shlex", "shutil"),
    *("statistics", "string", "tarfile", "textwrap", "tokenize", "trace", "typing", "uuid", "zipfile"),
)


def tree_of(text: str) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(text)


def check(text: str, mutant: Mutant) -> None:
    """It parses and compiles, has as many lines, and differs by the edit alone."""
    mutated = text[: mutant.start] + mutant.replacement + text[mutant.end :]
    assert mutated.count("\n") == text.count("\n")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        compile(mutated, mutant.path, "exec", dont_inherit=True)
    changed = [was for was, now in zip(spelled(text), spelled(mutated), strict=True) if was.dump != now.dump]
    assert len(changed) == 1
    assert changed[0].first <= mutant.line <= changed[0].last


class Statement(NamedTuple):
    """One of a module's, as text that differs when what it does may."""

    first: int
    last: int
    dump: str


@lru_cache(maxsize=2)
def spelled(text: str) -> tuple[Statement, ...]:
    """The original's is asked for again with each of its mutants."""
    return tuple(Statement(each.lineno, each.end_lineno or 0, ast.dump(each)) for each in tree_of(text).body)


@pytest.mark.parametrize("name", [name for name in MODULES if (LIBRARY / f"{name}.py").is_file()])
def test_mutants_of_a_module_differ_by_their_edit_alone(name: str) -> None:
    text = (LIBRARY / f"{name}.py").read_text("utf-8")
    lines = range(1, text.count("\n") + 2)
    every = mutants(f"{name}.py", text, lines, 30)
    assert len({mutant.id for mutant in every}) == len(every)
    assert list(every) == sorted(every, key=lambda mutant: (mutant.line, mutant.start, mutant.operator))
    known = functions(text)
    for mutant in every:
        assert mutant.line == text.count("\n", 0, mutant.start) + 1
        around = function_at(known, mutant.line)
        assert around is not None
        # A function on one line with another is told apart by where it stands, not by the line.
        assert around.name == mutant.function or around.first == around.last
    for mutant in every[::20]:
        check(text, mutant)


def test_the_library_has_mutants_of_every_kind() -> None:
    text = (LIBRARY / "argparse.py").read_text("utf-8")
    every = mutants("argparse.py", text, range(1, 4_000), 100_000)
    assert len({mutant.id for mutant in every}) == len(every)
    kinds = {mutant.operator for mutant in every}
    assert kinds == {
        *("relational", "boolean", "negate", "arithmetic", "unary"),
        *("slice", "constant", "statement", "raise", "return"),
    }
