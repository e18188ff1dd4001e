"""Judges a proposed test by its text alone: what is not allowed is refused before anything is run.

It is an allow-list for what a test of one function needs, widened by what the existing tests do themselves. It keeps
honest mistakes out and tells their author what to write; what a hostile text hides from it is left to the sandbox.
"""

import ast
import keyword
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cicd_agent.analysis.python_tests.static import access, structure
from cicd_agent.analysis.python_tests.static.assertions import check_assertions
from cicd_agent.analysis.python_tests.static.scope import Refused, Scope, Surroundings
from cicd_agent.analysis.python_tests.syntax import FunctionNode, comments, parsed
from cicd_agent.domain.text.visible import visible
from cicd_agent.domain.trials.candidate import Candidate, Hurdle

MAX_LINES = 80
MAX_CHARACTERS = 6_000

_NAME = re.compile(r"test_\w+", re.ASCII)
_DIRECTIVE = re.compile(
    r"(type:\s*ignore|noqa|pragma|pylint|nosec|ruff|fmt|isort|mypy|pyright|coverage)\b", re.IGNORECASE
)
_ENCODING = re.compile(r"coding[:=]")
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True, slots=True)
class Objection:
    """Why a proposed test is not run: the hurdle that it did not take, and one sentence for its author."""

    hurdle: Hurdle
    reason: str


CHECKS: tuple[tuple[type[ast.AST] | tuple[type[ast.AST], ...], Callable[[Any, Scope], None]], ...] = (
    (ast.Module, structure.check_module),
    (ast.Module, structure.check_head),
    ((ast.stmt, ast.expr, ast.arg, ast.keyword, ast.alias), structure.check_letters),
    ((ast.Name, ast.arg, *_FUNCTIONS, ast.ClassDef), structure.check_binding),
    ((ast.arg, ast.AnnAssign, *_FUNCTIONS), structure.check_annotation),
    (ast.ClassDef, structure.check_class),
    (ast.Module, access.check_imports),
    (ast.Call, access.check_call),
    (ast.Module, access.check_files),
    (ast.Name, access.check_name),
    (ast.Attribute, access.check_attribute),
    (ast.Constant, access.check_text),
    (ast.Call, access.check_patch),
    ((ast.Attribute, ast.Subscript), access.check_assignment),
    ((ast.stmt, ast.expr), structure.check_flow),
    (ast.Module, check_assertions),
)
"""The kinds of nodes that are looked at, and what by: of all refusals the first check's is reported."""


def objection(candidate: Candidate, around: Surroundings) -> Objection | None:
    """The first thing that is wrong with a test, None when its text is in order. Never raises, whatever the text."""
    try:
        return _unreadable(candidate) or _objection(candidate, around)
    except (RecursionError, ValueError, MemoryError):
        # Nesting beyond Python's own limits, or a number too long to be written out.
        return Objection(Hurdle.PARSES, "The test is nested too deeply or holds a number that is too long.")


def _objection(candidate: Candidate, around: Surroundings) -> Objection | None:
    if not (tree := parsed(candidate.code)):
        return Objection(Hurdle.PARSES, _syntax_error(candidate.code))
    bodies = [module.body if (module := parsed(line)) else [] for line in candidate.imports]
    statements = [node for body in bodies for node in body if isinstance(node, ast.Import | ast.ImportFrom)]
    if not all(bodies) or len(statements) != sum(map(len, bodies)):
        return Objection(Hurdle.PARSES, "`imports` may only hold import statements, one in each entry.")
    tests = [node for node in tree.body if isinstance(node, FunctionNode) and node.name == candidate.name]
    if len(tests) != 1:
        return Objection(Hurdle.PARSES, f"`code` has to define the function `{candidate.name}` exactly once.")
    scope = Scope(candidate, around, tree, statements, tests[0])
    try:
        for kinds, check in CHECKS:
            for node in scope.nodes:
                if isinstance(node, kinds):
                    check(node, scope)
    except Refused as refused:
        return Objection(Hurdle.STATIC, f"Line {refused.line} of the code: {refused.reason}.")
    return None


def _unreadable(candidate: Candidate) -> Objection | None:
    """Why a text is refused before its syntax is looked at."""
    text = "\n".join([*candidate.imports, candidate.code])
    reason = ""
    if not _NAME.fullmatch(candidate.name) or keyword.iskeyword(candidate.name):
        reason = "The name of the test has to be an identifier that begins with `test_`."
    elif len(text) > MAX_CHARACTERS or text.count("\n") >= MAX_LINES:
        reason = f"The test is longer than {MAX_LINES} lines or {MAX_CHARACTERS:,} characters: test one thing."
    elif visible(text) != text:
        number = next(at for at, line in enumerate(text.split("\n"), 1) if visible(line + "\n") != line + "\n")
        reason = f"Line {number} has a character that cannot be seen: write it as an escape."
    else:
        for comment in comments(text):
            if _DIRECTIVE.match(comment.text):
                reason = reason or f"The comment `# {comment.text[:58]}` gives orders to a tool: leave it out."
            elif _ENCODING.search(comment.text):
                reason = reason or "A comment declares an encoding: leave it out."
    return Objection(Hurdle.PARSES, reason) if reason else None


def _syntax_error(code: str) -> str:
    try:
        ast.parse(code)
    except SyntaxError as error:
        return f"Line {error.lineno or 1} of the code does not parse: {(error.msg or 'invalid syntax')[:100]}."
    except (ValueError, RecursionError, MemoryError):
        pass
    return "The code does not parse."
