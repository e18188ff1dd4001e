"""Judges a proposed test by its text alone: what is not allowed is refused before anything is run.

It is an allow-list for what a test of one function needs, widened by what the existing tests do themselves. It keeps
honest mistakes out and tells their author what to write; what a hostile text hides from it is left to the sandbox.
"""

import ast
import builtins
import re
from collections.abc import Callable
from dataclasses import dataclass
from keyword import iskeyword
from typing import Any

from cicd_agent.analysis.python_tests.static import access
from cicd_agent.analysis.python_tests.static.assertions import check_assertions
from cicd_agent.analysis.python_tests.static.scope import NAMES, Refused, Scope, Surroundings, refuse
from cicd_agent.analysis.python_tests.syntax import UNREADABLE, FunctionNode, comments, defined_by, parsed
from cicd_agent.domain.text.python_syntax import parse_python
from cicd_agent.domain.text.visible import visible
from cicd_agent.domain.trials.candidate import Candidate, Hurdle

_EXAMPLES = range(5, 501)
_RESERVED = ("test", "Test", "pytest", "setup", "teardown", "__", "collect_ignore")
_PLAIN_TYPE = re.compile(r"[\w., |\[\]]*", re.ASCII)
_ANY_MESSAGE = frozenset({None, "", ".*", ".", "^", "$", ".+", "(?s).*", "^.*$"})
MAX_LINES = 80
MAX_CHARACTERS = 6_000
_NAME = re.compile(r"test_\w+", re.ASCII)
_DIRECTIVE = re.compile(
    r"(type:\s*ignore|noqa|pragma|pylint|nosec|ruff|fmt|isort|mypy|pyright|coverage)\b", re.IGNORECASE
)
_ENCODING = re.compile(r"coding[:=]")
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def check_module(module: ast.Module, scope: Scope) -> None:
    """What is at the top, and what decorates it."""
    before: set[str] = set()
    for node in module.body:
        name = _check_top_level(node, scope)
        if name and name in before:
            refuse(node, f"`{name}` is defined a second time")
        if node is not scope.test and name.startswith(_RESERVED):
            refuse(node, f"the name `{name}` means something to pytest: take another one")
        before.add(name)
    for decorator in scope.test.decorator_list:
        _check_decorator(decorator, scope)
    for decorator in (each for helper in scope.helpers.values() for each in helper.decorator_list):
        if scope.dotted(decorator) not in NAMES["helper_decorators"]:
            refuse(decorator, f"a helper may not be decorated with {scope.excerpt(decorator)}")


def check_head(_module: ast.Module, scope: Scope) -> None:
    """The first lines of the test: its fixtures and parameters."""
    if isinstance(scope.test, ast.AsyncFunctionDef) and not scope.habits.asynchronous:
        refuse(scope.test, "pytest does not run an `async def` test here: use `asyncio.run` inside of it")
    args = scope.test.args
    if args.vararg or args.kwarg or args.defaults or any(args.kw_defaults) or args.posonlyargs:
        refuse(scope.test, "a test takes fixtures and parameters by name, without defaults or stars")
    known = NAMES["fixtures"] | scope.fixtures | scope.habits.parameters | scope.supplied()
    for parameter in (*args.args, *args.kwonlyargs):
        if parameter.arg in NAMES["pytest_fixtures"]:
            refuse(parameter, f"the fixture `{parameter.arg}` reaches pytest itself: do without it")
        if parameter.arg not in known:
            refuse(parameter, f"there is no fixture or parameter `{parameter.arg}`")


def _check_top_level(node: ast.stmt, scope: Scope) -> str:
    """The name that it defines."""
    match node:
        case ast.Import() | ast.ImportFrom() | ast.Expr(value=ast.Constant(value=str())):
            return ""
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            return name
        case (
            ast.Assign(targets=[ast.Name(id=name)], value=value)
            | ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value)
        ):
            for call in (each for each in ast.walk(value) if isinstance(each, ast.Call)):
                dotted = scope.dotted(call.func)
                if dotted.partition(".")[0] not in NAMES["constant_modules"] and dotted not in NAMES["constant_types"]:
                    excerpt = scope.excerpt(call.func)
                    refuse(call, f"a constant may not be made by calling {excerpt}: call it inside of the test")
            return name
        case ast.ClassDef(name=name):
            refuse(node, f"the class `{name}` does not belong here: write plain functions")
        case _:
            pass
    excerpt = scope.excerpt(node)
    raise Refused(node.lineno, f"{excerpt} runs when the module is imported: only functions and constants belong there")


def _check_decorator(decorator: ast.expr, scope: Scope) -> None:
    call = decorator if isinstance(decorator, ast.Call) else None
    dotted = scope.dotted(call.func if call else decorator)
    if call and dotted == "pytest.mark.parametrize":
        _check_parametrize(call)
    elif call and dotted == "hypothesis.settings":
        _check_settings(call)
    elif not call or dotted not in {"hypothesis.given", "hypothesis.example", *NAMES["patches"]}:
        mark = dotted.removeprefix("pytest.mark.")
        if mark == dotted or dotted not in scope.habits.uses or mark in NAMES["excusing_marks"]:
            excerpt = scope.excerpt(decorator)
            refuse(decorator, f"the decorator {excerpt} is not allowed: only parametrize, patch and Hypothesis's are")


def _check_parametrize(call: ast.Call) -> None:
    for keyword in call.keywords:
        if keyword.arg not in {"argnames", "argvalues", "ids"}:
            refuse(call, f"parametrize may not be given `{keyword.arg or '**'}`")
    values = [*call.args[1:2], *(keyword.value for keyword in call.keywords if keyword.arg == "argvalues")]
    if any(isinstance(value, ast.List | ast.Tuple | ast.Set) and not value.elts for value in values):
        refuse(call, "parametrize has no values, so the test would be skipped")


def _check_settings(call: ast.Call) -> None:
    if call.args:
        refuse(call, "Hypothesis's settings may not be taken from elsewhere")
    for keyword in call.keywords:
        value = keyword.value.value if isinstance(keyword.value, ast.Constant) else None
        if keyword.arg not in NAMES["hypothesis_settings"]:
            refuse(call, f"Hypothesis's setting `{keyword.arg or '**'}` may not be changed")
        if keyword.arg == "max_examples" and not (isinstance(value, int) and value in _EXAMPLES):
            refuse(call, f"`max_examples` has to be between {_EXAMPLES[0]} and {_EXAMPLES[-1]}")


def check_letters(node: ast.Name, _scope: Scope) -> None:
    for name in (getattr(node, field, None) for field in ("id", "attr", "arg", "name", "asname")):
        if isinstance(name, str) and not name.isascii():
            refuse(node, f"the name {name!a} has letters that look like others: use plain ASCII")


def check_binding(node: ast.Name | ast.arg | FunctionNode | ast.ClassDef, scope: Scope) -> None:
    """Names that are given a meaning."""
    match node:
        case ast.Name(ctx=ast.Load()):
            return
        case ast.Name(id=name) | ast.arg(arg=name) | ast.ClassDef(name=name):
            pass
        case _:
            name = node.name
    if name in scope.names or (name in scope.exports and scope.is_own(scope.stands_for(name))):
        refuse(node, f"`{name}` is an imported name and may not be given another meaning")
    called = {each.func.id for each in scope.nodes if isinstance(each, ast.Call) and isinstance(each.func, ast.Name)}
    if hasattr(builtins, name) and name in called:
        refuse(node, f"`{name}` is a built-in name and may not be given another meaning")


def check_annotation(node: ast.arg | ast.AnnAssign | FunctionNode, scope: Scope) -> None:
    """Hypothesis runs the texts in annotations."""
    for annotation in (getattr(node, "annotation", None), getattr(node, "returns", None)):
        for part in ast.walk(annotation) if annotation else ():
            if isinstance(part, ast.Constant) and isinstance(part.value, str) and not _PLAIN_TYPE.fullmatch(part.value):
                refuse(part, f"the annotation {scope.excerpt(part)} holds code: write a plain type")


def check_class(node: ast.ClassDef, scope: Scope) -> None:
    # An exception of one's own, raised by a stand-in, changes nothing.
    empty = all(isinstance(statement, ast.Pass | ast.Expr) for statement in node.body)
    for base in (*node.bases, *(keyword.value for keyword in node.keywords)):
        name = next((part.id for part in ast.walk(base) if isinstance(part, ast.Name)), "")
        if scope.is_code(name) and not empty:
            refuse(node, f"the class `{node.name}` changes code of the project: test that code as it is")
    if node.decorator_list:
        refuse(node, f"the class `{node.name}` may not be decorated")
    for statement in node.body:
        for name in defined_by(statement):
            if isinstance(statement, FunctionNode) and name.startswith("__") and name not in NAMES["methods"]:
                refuse(statement, f"a stand-in may not define `{name}`: it would decide what the assertion says")
            if isinstance(statement, ast.Assign) and name.startswith("__"):
                refuse(statement, "a stand-in may not set double-underscore names")


def check_flow(node: ast.stmt | ast.expr, scope: Scope) -> None:  # noqa: C901  one case each
    """Of the test, its helpers, and the functions in them."""
    match node:
        case ast.Return() if id(node) in scope.own:
            refuse(node, "a test does not return: what comes after would not be run")
        case ast.Yield() | ast.YieldFrom() if id(node) in scope.own:
            refuse(node, f"{scope.excerpt(node)} makes the test a generator, which is never run")
        case ast.Global():
            refuse(node, "`global` is not allowed: keep values inside of the test")
        case ast.Try(handlers=[_, *_]):
            refuse(node, "`try … except` can swallow the failure: use `pytest.raises`")
        case ast.Try(finalbody=body):
            parts = (part for statement in body for part in ast.walk(statement))
            if any(isinstance(part, ast.Return | ast.Break | ast.Continue) for part in parts):
                refuse(node, "leaving a `finally` swallows the failure")
        case ast.TryStar():
            refuse(node, "`try … except*` can swallow the failure")
        case ast.While():
            refuse(node, "a `while` loop may never end: write the steps out or use `for`")
        case ast.For(iter=ast.Call(func=called)) if scope.dotted(called) in NAMES["endless"]:
            refuse(node, f"{scope.excerpt(node.iter)} has no end")
        case ast.Call() if scope.dotted(node.func) in {"pytest.raises", "pytest.RaisesExc"}:
            _check_raises(node, scope)
        case ast.Assert(test=ast.Tuple()):
            refuse(node, "asserting a tuple can never fail: leave out the parentheses")
        case _:
            pass


def _check_raises(node: ast.Call, scope: Scope) -> None:
    """Only a certain exception, or one with a certain message."""
    keywords = {keyword.arg: keyword.value for keyword in node.keywords}
    match = keywords.get("match")
    matched = match is not None and not (isinstance(match, ast.Constant) and match.value in _ANY_MESSAGE)
    kinds = node.args[:1] or [keywords[name] for name in ("expected_exception", "expected_warning") if name in keywords]
    if not kinds and not matched:
        refuse(node, f"{scope.excerpt(node)} does not say which exception is expected")
    for option in (each for kind in kinds for each in (kind.elts if isinstance(kind, ast.Tuple) else [kind])):
        name = scope.dotted(option)
        # SystemExit is how command lines end.
        if name in NAMES["never_raised"]:
            refuse(node, f"`{name}` is not what this code raises")
        if name in NAMES["broad_exceptions"] and not matched:
            refuse(node, f"`pytest.raises({name})` takes any failure: name the exception, or `match`")
        bodies = (part for each in scope.nodes if isinstance(each, ast.With) for part in each.body)
        if name == "AssertionError" and any(isinstance(each, ast.Assert) for part in bodies for each in ast.walk(part)):
            refuse(node, "`pytest.raises(AssertionError)` swallows the failure of the test")


@dataclass(frozen=True, slots=True)
class Objection:
    """Why a proposed test is not run: the hurdle that it did not take, and one sentence for its author."""

    hurdle: Hurdle
    reason: str


CHECKS: tuple[tuple[type[ast.AST] | tuple[type[ast.AST], ...], Callable[[Any, Scope], None]], ...] = (
    (ast.Module, check_module),
    (ast.Module, check_head),
    ((ast.stmt, ast.expr, ast.arg, ast.keyword, ast.alias), check_letters),
    ((ast.Name, ast.arg, *_FUNCTIONS, ast.ClassDef), check_binding),
    ((ast.arg, ast.AnnAssign, *_FUNCTIONS), check_annotation),
    (ast.ClassDef, check_class),
    (ast.Module, access.check_imports),
    (ast.Call, access.check_call),
    (ast.Module, access.check_files),
    (ast.Name, access.check_name),
    (ast.Attribute, access.check_attribute),
    (ast.Constant, access.check_text),
    (ast.Call, access.check_patch),
    ((ast.Attribute, ast.Subscript), access.check_assignment),
    ((ast.stmt, ast.expr), check_flow),
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
    try:
        tree = parse_python(candidate.code)
    except SyntaxError as error:
        reason = f"Line {error.lineno or 1} of the code does not parse: {(error.msg or 'invalid syntax')[:100]}."
        return Objection(Hurdle.PARSES, reason)
    except UNREADABLE:
        return Objection(Hurdle.PARSES, "The code does not parse.")
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
    if not _NAME.fullmatch(candidate.name) or iskeyword(candidate.name):
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
