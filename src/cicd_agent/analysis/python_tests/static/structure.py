"""What a proposed test consists of: one test function, helpers and constants, and nothing that pytest obeys.

Nor may it end early, or keep a failure to itself.
"""

import ast
import builtins
import re
from collections.abc import Iterator

from cicd_agent.analysis.python_tests.static.scope import FIXTURES, Function, Scope, listed, refuse

_SETTINGS = frozenset({"max_examples", "deadline", "suppress_health_check", "derandomize"})
_EXAMPLES = range(5, 501)
_HELPER_DECORATORS = frozenset(
    {"contextlib.contextmanager", "contextlib.asynccontextmanager", "hypothesis.strategies.composite"}
)
_METHODS = listed(
    "__init__ __repr__ __str__ __len__ __iter__ __next__ __getitem__ __setitem__ __contains__ __call__ __hash__"
    " __post_init__ __aiter__ __anext__ __await__ __add__ __float__ __int__ __index__ __fspath__"
)
_RESERVED = ("test", "Test", "pytest", "setup", "teardown", "__", "collect_ignore")
_PYTEST_FIXTURES = listed("request pytestconfig pytester testdir cache doctest_namespace")
_MARKS_THAT_EXCUSE = listed("skip skipif xfail usefixtures flaky order run")
_PLAIN_TYPES = listed("bytes dict float frozenset int list range set str tuple")
_PLAIN_TYPE = re.compile(r"[\w., |\[\]]*", re.ASCII)
_PLAIN_CALLS = listed(
    "decimal datetime fractions re pathlib collections math dataclasses types uuid ipaddress hypothesis pytest"
)
_BROAD = frozenset({"Exception", "BaseException", "AssertionError", "builtins.Exception", "builtins.BaseException"})
_NEVER_RAISED = frozenset({"BaseException", "builtins.BaseException", "KeyboardInterrupt", "GeneratorExit"})
_ANYTHING = frozenset({"", ".*", ".", "^", "$", ".+", "(?s).*", "^.*$"})
_ENDLESS = frozenset({"itertools.count", "itertools.cycle", "itertools.repeat", "iter"})


def top_level(scope: Scope) -> Iterator[tuple[ast.stmt, str, set[str]]]:
    """Each statement, the name that it binds, and those bound before it."""
    before: set[str] = set()
    for node in scope.tree.body:
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                pass
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                pass
            case _:
                name = ""
        yield node, name, before
        before.add(name)


def check_top_level(result: tuple[ast.stmt, str, set[str]], scope: Scope) -> None:
    node, bound, before = result
    match node:
        case ast.Import() | ast.ImportFrom() | ast.FunctionDef() | ast.AsyncFunctionDef():
            pass
        case ast.Expr(value=ast.Constant(value=str())):
            pass
        case (
            ast.Assign(targets=[ast.Name()], value=value) | ast.AnnAssign(target=ast.Name(), value=ast.expr() as value)
        ):
            for call in ast.walk(value):
                if isinstance(call, ast.Call):
                    _check_constant(call, scope)
        case ast.ClassDef(name=name):
            refuse(node, f"the class `{name}` does not belong here: write plain functions")
        case _:
            shown = scope.shown(node)
            refuse(node, f"{shown} runs when the module is imported: only functions and constants belong there")
    if bound and bound in before:
        refuse(node, f"`{bound}` is defined a second time")
    if node is not scope.test and bound.startswith(_RESERVED):
        refuse(node, f"the name `{bound}` means something to pytest: take another one")


def _check_constant(call: ast.Call, scope: Scope) -> None:
    dotted = scope.dotted(call.func)
    if dotted.partition(".")[0] not in _PLAIN_CALLS and dotted not in _PLAIN_TYPES:
        shown = scope.shown(call.func)
        refuse(call, f"a constant may not be made by calling {shown}: call it inside of the test")


def check_decorator(decorator: ast.expr, scope: Scope) -> None:
    call = decorator if isinstance(decorator, ast.Call) else None
    dotted = scope.dotted(call.func if call else decorator)
    if call and dotted == "pytest.mark.parametrize":
        _check_parametrize(call)
    elif call and dotted == "hypothesis.settings":
        _check_settings(call)
    elif call and dotted in {"hypothesis.given", "hypothesis.example"}:
        pass
    elif (
        not dotted.startswith("pytest.mark.")
        or dotted not in scope.habits.uses
        or dotted.rpartition(".")[2] in _MARKS_THAT_EXCUSE
    ):
        shown = scope.shown(decorator)
        refuse(decorator, f"the decorator {shown} is not allowed: only parametrize and Hypothesis's are")


def _check_parametrize(call: ast.Call) -> None:
    for word in call.keywords:
        if word.arg not in {"argnames", "argvalues", "ids"}:
            refuse(call, f"parametrize may not be given `{word.arg or '**'}`")
    values = [*call.args[1:2], *(word.value for word in call.keywords if word.arg == "argvalues")]
    if any(isinstance(value, ast.List | ast.Tuple | ast.Set) and not value.elts for value in values):
        refuse(call, "parametrize has no values, so the test would be skipped")


def _check_settings(call: ast.Call) -> None:
    if call.args:
        refuse(call, "Hypothesis's settings may not be taken from elsewhere")
    for word in call.keywords:
        value = word.value.value if isinstance(word.value, ast.Constant) else None
        if word.arg not in _SETTINGS:
            refuse(call, f"Hypothesis's setting `{word.arg or '**'}` may not be changed")
        elif word.arg == "max_examples" and not (isinstance(value, int) and value in _EXAMPLES):
            refuse(call, f"`max_examples` has to be between {_EXAMPLES[0]} and {_EXAMPLES[-1]}")


def helper_decorators(scope: Scope) -> Iterator[ast.expr]:
    for helper in scope.helpers.values():
        yield from helper.decorator_list


def check_helper_decorator(decorator: ast.expr, scope: Scope) -> None:
    if scope.dotted(decorator) not in _HELPER_DECORATORS:
        refuse(decorator, f"a helper may not be decorated with {scope.shown(decorator)}")


def check_test(test: Function, scope: Scope) -> None:
    if isinstance(test, ast.AsyncFunctionDef) and not scope.habits.asynchronous:
        refuse(test, "pytest does not run an `async def` test here: use `asyncio.run` inside of it")
    args = test.args
    if args.vararg or args.kwarg or args.defaults or any(args.kw_defaults) or args.posonlyargs:
        refuse(test, "a test takes fixtures and parameters by name, without defaults or stars")


def check_parameter(parameter: ast.arg, scope: Scope) -> None:
    name = parameter.arg
    if name in _PYTEST_FIXTURES:
        refuse(parameter, f"the fixture `{name}` reaches pytest itself: do without it")
    if name not in FIXTURES | scope.fixtures | scope.habits.parameters | scope.supplied():
        refuse(parameter, f"there is no fixture or parameter `{name}`")


def check_name(node: ast.AST, scope: Scope) -> None:  # noqa: C901  one case for each kind of name
    bound = ""
    match node:
        case ast.Name(id=name, ctx=ast.Store() | ast.Del()) | ast.arg(arg=name):
            bound = name
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            bound = name
        case ast.Attribute(attr=name) | ast.keyword(arg=str(name)) | ast.Name(id=name):
            pass
        case ast.alias(name=name, asname=other):
            name += other or ""
        case ast.Constant(value=str(text)) if id(node) in scope.annotations and not _PLAIN_TYPE.fullmatch(text):
            # Hypothesis runs the texts in annotations.
            refuse(node, f"the annotation {scope.shown(node)} holds code: write a plain type")
        case ast.Global():
            refuse(node, "`global` is not allowed: keep values inside of the test")
        case _:
            return
    if not name.isascii():
        refuse(node, f"the name {name!a} has letters that look like others: use plain ASCII")
    if bound in scope.names or (bound and bound in scope.exports and scope.is_own(scope.stands_for(bound))):
        refuse(node, f"`{bound}` is an imported name and may not be given another meaning")
    if bound and hasattr(builtins, bound) and _is_called(bound, scope):
        refuse(node, f"`{bound}` is a built-in name and may not be given another meaning")
    if isinstance(node, ast.ClassDef):
        _check_class(node, scope)


def _is_called(name: str, scope: Scope) -> bool:
    calls = (node.func for node in scope.nodes if isinstance(node, ast.Call))
    return any(isinstance(function, ast.Name) and function.id == name for function in calls)


def _check_class(node: ast.ClassDef, scope: Scope) -> None:
    # An exception of one's own, raised by a stand-in, changes nothing.
    empty = all(isinstance(statement, ast.Pass | ast.Expr) for statement in node.body)
    for base in (*node.bases, *(word.value for word in node.keywords)):
        name = next((part.id for part in ast.walk(base) if isinstance(part, ast.Name)), "")
        if scope.is_code(name) and not empty:
            refuse(node, f"the class `{node.name}` changes code of the project: test that code as it is")
    if node.decorator_list:
        refuse(node, f"the class `{node.name}` may not be decorated")
    for statement in node.body:
        match statement:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                if name.startswith("__") and name not in _METHODS:
                    refuse(statement, f"a stand-in may not define `{name}`: it would decide what the assertion says")
            case ast.Assign(targets=targets):
                if any(isinstance(target, ast.Name) and target.id.startswith("__") for target in targets):
                    refuse(statement, "a stand-in may not set double-underscore names")
            case _:
                pass


def statements_of_test(scope: Scope) -> Iterator[ast.AST]:
    """All that runs in the test itself, and not in a function or a class in it."""
    pending: list[ast.AST] = [*scope.test.body]
    for node in pending:
        if not isinstance(node, Function | ast.ClassDef | ast.Lambda):
            yield node
            pending.extend(ast.iter_child_nodes(node))


def check_return(node: ast.AST, scope: Scope) -> None:
    match node:
        case ast.Return():
            refuse(node, "a test does not return: what comes after would not be run")
        case ast.Yield() | ast.YieldFrom():
            refuse(node, f"{scope.shown(node)} makes the test a generator, which is never run")
        case _:
            pass


def check_flow(node: ast.AST, scope: Scope) -> None:
    """Of the test, its helpers, and the functions in them."""
    match node:
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
        case ast.For(iter=ast.Call(func=called)) if scope.dotted(called) in _ENDLESS:
            refuse(node, f"{scope.shown(node.iter)} has no end")
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
    matched = match is not None and not (isinstance(match, ast.Constant) and match.value in {None, *_ANYTHING})
    kinds = node.args[:1] or [keywords[name] for name in ("expected_exception", "expected_warning") if name in keywords]
    if not kinds and not matched:
        refuse(node, f"{scope.shown(node)} does not say which exception is expected")
    for kind in kinds:
        for option in kind.elts if isinstance(kind, ast.Tuple) else [kind]:
            name = scope.dotted(option)
            # SystemExit is how command lines end.
            if name in _NEVER_RAISED:
                refuse(node, f"`{name}` is not what this code raises")
            if name in _BROAD and not matched:
                refuse(node, f"`pytest.raises({name})` takes any failure: name the exception, or `match`")
            if name == "AssertionError" and not _asserts_within(scope):
                refuse(node, "`pytest.raises(AssertionError)` swallows the failure of the test")


def _asserts_within(scope: Scope) -> bool:
    blocks = [statement for node in scope.nodes if isinstance(node, ast.With) for statement in node.body]
    return not any(isinstance(part, ast.Assert) for statement in blocks for part in ast.walk(statement))
