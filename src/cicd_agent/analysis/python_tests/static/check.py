"""Judges a proposed test by its text alone: what is not allowed is refused before anything is run.

It is an allow-list for what a test of one function needs, widened by what the existing tests do themselves. It keeps
honest mistakes out and tells their author what to write; what a hostile text hides from it is left to the sandbox.
"""

import ast
import io
import keyword
import re
import tokenize
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from cicd_agent.analysis.python_tests.static.assertions import assertion_complaints
from cicd_agent.analysis.python_tests.static.calls import call_complaints
from cicd_agent.analysis.python_tests.static.flow import flow_complaints
from cicd_agent.analysis.python_tests.static.imports import import_complaints
from cicd_agent.analysis.python_tests.static.patches import patch_complaints
from cicd_agent.analysis.python_tests.static.scope import (
    Complaint,
    Function,
    Roots,
    Scene,
    bound,
    definitions,
    habits,
    parsed,
)
from cicd_agent.analysis.python_tests.static.shape import shape_complaints
from cicd_agent.domain.candidate import Candidate, Hurdle
from cicd_agent.domain.text.visible import visible

MOST_LINES = 80
MOST_CHARACTERS = 6_000

_NAME = re.compile(r"test_\w+", re.ASCII)
_ORDERS = re.compile(
    r"#\s*(type:\s*ignore|noqa|pragma|pylint|nosec|ruff|fmt|isort|mypy|pyright|coverage)\b", re.IGNORECASE
)
_ENCODING = re.compile(r"#.*?coding[:=]")


@dataclass(frozen=True, slots=True)
class Objection:
    """Why a proposed test is not run: the hurdle that it did not take, and one sentence for its author."""

    hurdle: Hurdle
    reason: str


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a proposed test is judged beside.

    `source` is the text of the file under test, `module` the dotted name by which tests import it ("" unknown).
    `modules` are the texts of existing test modules and conftests near it, `paths` all paths of the tree, `fixtures`
    the names of the project's fixtures in its reach.
    """

    source: str
    modules: Mapping[str, str] = field(default_factory=dict)
    paths: Collection[str] = ()
    module: str = ""
    fixtures: Collection[str] = ()


def objection(candidate: Candidate, seen: Surroundings) -> Objection | None:
    """The first thing that is wrong with a test, None when its text is in order. Never raises, whatever the text."""
    try:
        return _objection(candidate, seen)
    except (RecursionError, ValueError, MemoryError):
        # Nesting beyond Python's own limits, or a number too long to be written out.
        return Objection(Hurdle.PARSES, "The test is nested too deeply or holds a number that is too long.")


def _objection(candidate: Candidate, seen: Surroundings) -> Objection | None:
    text = "\n".join([*candidate.imports, candidate.code])
    if (reason := _unreadable(candidate, text)) or not (tree := parsed(candidate.code)):
        return Objection(Hurdle.PARSES, reason or _syntax(candidate.code))
    lines = [parsed(line) for line in candidate.imports]
    bodies = [line.body if line else [] for line in lines]
    imports = [node for body in bodies for node in body if isinstance(node, ast.Import | ast.ImportFrom)]
    if not all(bodies) or len(imports) != sum(map(len, bodies)):
        return Objection(Hurdle.PARSES, "`imports` may only hold import statements, one in each entry.")
    tests = [
        node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and _is(node, candidate)
    ]
    if len(tests) != 1:
        return Objection(Hurdle.PARSES, f"`code` has to define the function `{candidate.name}` exactly once.")
    scene = _scene(candidate, seen, tree, imports, tests[0])
    for complaint in _complaints(scene):
        return Objection(Hurdle.STATIC, f"Line {complaint.line} of the code: {complaint.words}.")
    return None


def _complaints(scene: Scene) -> Iterator[Complaint]:
    yield from shape_complaints(scene)
    yield from import_complaints(scene)
    yield from call_complaints(scene)
    yield from patch_complaints(scene)
    yield from flow_complaints(scene)
    yield from assertion_complaints(scene)


def _unreadable(candidate: Candidate, text: str) -> str:
    """Why a text is refused before its syntax is looked at."""
    if not _NAME.fullmatch(candidate.name) or keyword.iskeyword(candidate.name):
        return "The name of the test has to be an identifier that begins with `test_`."
    if len(text) > MOST_CHARACTERS or text.count("\n") >= MOST_LINES:
        return f"The test is longer than {MOST_LINES} lines or {MOST_CHARACTERS:,} characters: test one thing."
    if visible(text) != text:
        number = next(at for at, line in enumerate(text.split("\n"), 1) if visible(line + "\n") != line + "\n")
        return f"Line {number} has a character that cannot be seen: write it as an escape."
    for comment in _comments(text):
        if _ORDERS.match(comment):
            return f"The comment `{comment[:60]}` gives orders to a tool: leave it out."
        if _ENCODING.match(comment):
            return "A comment declares an encoding: leave it out."
    return ""


def _comments(text: str) -> Iterator[str]:
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT:
                yield token.string
    except (tokenize.TokenError, SyntaxError):
        # Whether it parses is asked elsewhere.
        return


def _syntax(code: str) -> str:
    try:
        ast.parse(code)
    except SyntaxError as error:
        return f"Line {error.lineno or 1} of the code does not parse: {(error.msg or 'invalid syntax')[:100]}."
    except (ValueError, RecursionError, MemoryError):
        pass
    return "The code does not parse."


def _is(node: Function, candidate: Candidate) -> bool:
    return node.name == candidate.name


def _scene(
    candidate: Candidate,
    seen: Surroundings,
    tree: ast.Module,
    imports: list[ast.Import | ast.ImportFrom],
    test: Function,
) -> Scene:
    inner = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    source = parsed(seen.source) or ast.Module([], [])
    exports, defined = definitions(source)
    paths = frozenset(seen.paths) | {candidate.path}
    roots = Roots(paths, seen.module, {})
    source_names = bound(list(ast.walk(source)))
    return Scene(
        imports=(*imports, *inner),
        tree=tree,
        text=candidate.code,
        test=test,
        helpers={
            node.name: node
            for node in tree.body
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node is not test
        },
        names=bound([*imports, *inner]),
        module=seen.module,
        roots=roots,
        source_names=source_names,
        exports=exports,
        defined=defined,
        borrowed=frozenset(name.partition(".")[0] for name in source_names.values()),
        fixtures=frozenset(seen.fixtures),
        habits=habits(seen.modules),
    )
