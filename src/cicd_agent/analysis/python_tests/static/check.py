"""Judges a proposed test by its text alone: what is not allowed is refused before anything is run.

It is an allow-list for what a test of one function needs, widened by what the existing tests do themselves. It keeps
honest mistakes out and tells their author what to write; what a hostile text hides from it is left to the sandbox.
"""

import ast
import io
import keyword
import re
import tokenize
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from cicd_agent.analysis.python_tests.static import access, imports, structure
from cicd_agent.analysis.python_tests.static.assertions import check_assertions
from cicd_agent.analysis.python_tests.static.scope import Function, Refused, Scope, Surroundings
from cicd_agent.analysis.python_tests.syntax import parsed
from cicd_agent.domain.text.visible import visible
from cicd_agent.domain.trials.candidate import Candidate, Hurdle

MAX_LINES = 80
MAX_CHARACTERS = 6_000

_NAME = re.compile(r"test_\w+", re.ASCII)
_DIRECTIVE = re.compile(
    r"#\s*(type:\s*ignore|noqa|pragma|pylint|nosec|ruff|fmt|isort|mypy|pyright|coverage)\b", re.IGNORECASE
)
_ENCODING = re.compile(r"#.*?coding[:=]")


@dataclass(frozen=True, slots=True)
class Objection:
    """Why a proposed test is not run: the hurdle that it did not take, and one sentence for its author."""

    hurdle: Hurdle
    reason: str


CHECKS: tuple[tuple[Callable[[Scope], Iterable[Any]], Callable[[Any, Scope], None]], ...] = (
    (structure.top_level, structure.check_top_level),
    (lambda scope: scope.test.decorator_list, structure.check_decorator),
    (structure.helper_decorators, structure.check_helper_decorator),
    (lambda scope: [scope.test], structure.check_test),
    (lambda scope: [*scope.test.args.args, *scope.test.args.kwonlyargs], structure.check_parameter),
    (lambda scope: scope.nodes, structure.check_name),
    (lambda scope: scope.imports, imports.check_import),
    (access.expressions, access.check_expression),
    (lambda scope: scope.nodes, access.check_patch),
    (structure.statements_of_test, structure.check_return),
    (lambda scope: scope.nodes, structure.check_flow),
    (lambda scope: [scope.test], check_assertions),
)
"""What is looked at, and what by, in this order: the first refusal is the one that is reported."""


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
    tests = [node for node in tree.body if isinstance(node, Function) and node.name == candidate.name]
    if len(tests) != 1:
        return Objection(Hurdle.PARSES, f"`code` has to define the function `{candidate.name}` exactly once.")
    scope = Scope(candidate, around, tree, statements, tests[0])
    try:
        for nodes, check in CHECKS:
            for node in nodes(scope):
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
        for comment in _comments(text):
            if _DIRECTIVE.match(comment):
                reason = reason or f"The comment `{comment[:60]}` gives orders to a tool: leave it out."
            elif _ENCODING.match(comment):
                reason = reason or "A comment declares an encoding: leave it out."
    return Objection(Hurdle.PARSES, reason) if reason else None


def _comments(text: str) -> Iterator[str]:
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT:
                yield token.string
    except (tokenize.TokenError, SyntaxError):
        # Whether it parses is found out elsewhere.
        return


def _syntax_error(code: str) -> str:
    try:
        ast.parse(code)
    except SyntaxError as error:
        return f"Line {error.lineno or 1} of the code does not parse: {(error.msg or 'invalid syntax')[:100]}."
    except (ValueError, RecursionError, MemoryError):
        pass
    return "The code does not parse."
