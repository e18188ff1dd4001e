"""What a proposed test consists of: one test function, helpers and constants, and nothing that pytest obeys."""

import ast
import builtins
import re
from collections.abc import Iterator

from cicd_agent.analysis.python_tests.static.scope import Complaint, Function, Scene, listed

# Built-in fixtures that let a test see what the code does. Those that reach pytest itself (`request`) are not here.
FIXTURES = listed("capfd capfdbinary caplog capsys capsysbinary monkeypatch recwarn tmp_path tmp_path_factory tmpdir")
_DRAWN = ("hypothesis.given", "hypothesis.example")
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
_PLAIN_TYPES = listed("bytes dict float frozenset int list range set str tuple")
_PLAIN_TYPE = re.compile(r"[\w., |\[\]]*", re.ASCII)
_PLAIN_CALLS = listed(
    "decimal datetime fractions re pathlib collections math dataclasses types uuid ipaddress hypothesis pytest"
)


def shape_complaints(scene: Scene) -> Iterator[Complaint]:
    """Top-level statements, decorators, parameters, names."""
    names: set[str] = set()
    for node in scene.tree.body:
        yield from _statement(node, scene)
        for name in _bound(node):
            if name in names:
                yield Complaint(node.lineno, f"`{name}` is defined a second time")
            if node is not scene.test and name.startswith(_RESERVED):
                yield Complaint(node.lineno, f"the name `{name}` means something to pytest: take another one")
            names.add(name)
    yield from _decorators(scene)
    yield from _parameters(scene)
    annotations = {id(part) for each in ast.walk(scene.tree) for part in _annotations(each)}
    for each in ast.walk(scene.tree):
        yield from _names(each, scene, annotations)
        if isinstance(each, ast.ClassDef):
            yield from _inner_class(each, scene)


def _statement(node: ast.stmt, scene: Scene) -> Iterator[Complaint]:
    match node:
        case ast.Import() | ast.ImportFrom() | ast.FunctionDef() | ast.AsyncFunctionDef():
            pass
        case ast.Expr(value=ast.Constant(value=str())):
            pass
        case (
            ast.Assign(targets=[ast.Name()], value=ast.expr() as value)
            | ast.AnnAssign(target=ast.Name(), value=ast.expr() as value)
        ):
            calls: list[ast.Call] = [each for each in ast.walk(value) if isinstance(each, ast.Call)]
            for call in calls:
                dotted = scene.dotted(call.func)
                if dotted.partition(".")[0] not in _PLAIN_CALLS and dotted not in _PLAIN_TYPES:
                    words = (
                        f"a constant may not be made by calling {scene.shown(call.func)}: call it inside of the test"
                    )
                    yield Complaint(call.lineno, words)
        case ast.ClassDef(name=name):
            yield Complaint(node.lineno, f"the class `{name}` does not belong here: write plain functions")
        case _:
            words = f"{scene.shown(node)} runs when the module is imported: only functions and constants belong there"
            yield Complaint(node.lineno, words)


def _bound(node: ast.stmt) -> Iterator[str]:
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            yield name
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            yield name
        case _:
            pass


def _decorators(scene: Scene) -> Iterator[Complaint]:
    for decorator in scene.test.decorator_list:
        call = decorator if isinstance(decorator, ast.Call) else None
        dotted = scene.dotted(call.func if call else decorator)
        match dotted:
            case "pytest.mark.parametrize" if call:
                yield from _parametrize(call)
            case "hypothesis.settings" if call:
                yield from _settings(call)
            case _ if dotted in _DRAWN and call:
                pass
            case _ if dotted.startswith("pytest.mark.") and dotted in scene.habits.uses and not _excuses(dotted):
                pass
            case _:
                words = f"the decorator {scene.shown(decorator)} is not allowed: only parametrize and Hypothesis's are"
                yield Complaint(decorator.lineno, words)
    for helper in scene.helpers.values():
        for decorator in helper.decorator_list:
            if scene.dotted(decorator) not in _HELPER_DECORATORS:
                yield Complaint(decorator.lineno, f"a helper may not be decorated with {scene.shown(decorator)}")
    if isinstance(scene.test, ast.AsyncFunctionDef) and not scene.habits.asynchronous:
        yield Complaint(
            scene.test.lineno, "pytest does not run an `async def` test here: use `asyncio.run` inside of it"
        )


def _excuses(dotted: str) -> bool:
    return dotted.rpartition(".")[2] in {"skip", "skipif", "xfail", "usefixtures", "flaky", "order", "run"}


def _parametrize(call: ast.Call) -> Iterator[Complaint]:
    for word in call.keywords:
        if word.arg not in {"argnames", "argvalues", "ids"}:
            yield Complaint(call.lineno, f"parametrize may not be given `{word.arg or '**'}`")
    values = [*call.args[1:2], *(word.value for word in call.keywords if word.arg == "argvalues")]
    if any(isinstance(value, ast.List | ast.Tuple | ast.Set) and not value.elts for value in values):
        yield Complaint(call.lineno, "parametrize has no values, so the test would be skipped")


def _settings(call: ast.Call) -> Iterator[Complaint]:
    if call.args:
        yield Complaint(call.lineno, "Hypothesis's settings may not be taken from elsewhere")
    for word in call.keywords:
        if word.arg not in _SETTINGS:
            yield Complaint(call.lineno, f"Hypothesis's setting `{word.arg or '**'}` may not be changed")
        elif word.arg == "max_examples" and not (
            isinstance(word.value, ast.Constant) and isinstance(word.value.value, int) and word.value.value in _EXAMPLES
        ):
            yield Complaint(call.lineno, f"`max_examples` has to be between {_EXAMPLES[0]} and {_EXAMPLES[-1]}")


def supplied(test: Function, scene: Scene) -> set[str]:
    """The parameters that the decorators of a test supply. With positional `given` these are all that are left."""
    names: set[str] = set()
    for call in (each for each in test.decorator_list if isinstance(each, ast.Call)):
        match scene.dotted(call.func):
            case "pytest.mark.parametrize":
                named = [*call.args[:1], *(word.value for word in call.keywords if word.arg == "argnames")]
                for node in (each for value in named for each in ast.walk(value) if isinstance(each, ast.Constant)):
                    if isinstance(node.value, str):
                        names |= {part.strip() for part in node.value.split(",")}
            case "hypothesis.given":
                names |= {word.arg for word in call.keywords if word.arg}
                # From the right, as Hypothesis fills them.
                arguments = [each.arg for each in test.args.args]
                names |= set(arguments[len(arguments) - len(call.args) :] if call.args else [])
            case _:
                pass
    return names


def _parameters(scene: Scene) -> Iterator[Complaint]:
    arguments = scene.test.args
    if arguments.vararg or arguments.kwarg or arguments.defaults or any(arguments.kw_defaults) or arguments.posonlyargs:
        yield Complaint(scene.test.lineno, "a test takes fixtures and parameters by name, without defaults or stars")
    known = supplied(scene.test, scene) | FIXTURES | scene.fixtures | scene.habits.parameters
    for each in (*arguments.args, *arguments.kwonlyargs):
        if each.arg in {"request", "pytestconfig", "pytester", "testdir", "cache", "doctest_namespace"}:
            yield Complaint(each.lineno, f"the fixture `{each.arg}` reaches pytest itself: do without it")
        elif each.arg not in known:
            yield Complaint(each.lineno, f"there is no fixture or parameter `{each.arg}`")


def _annotations(node: ast.AST) -> Iterator[ast.AST]:
    """Everything in the annotations that a node has. Hypothesis runs the texts in them."""
    match node:
        case ast.arg(annotation=ast.expr() as annotation) | ast.AnnAssign(annotation=annotation):
            yield from ast.walk(annotation)
        case ast.FunctionDef(returns=ast.expr() as annotation) | ast.AsyncFunctionDef(returns=ast.expr() as annotation):
            yield from ast.walk(annotation)
        case _:
            pass


def _names(  # noqa: C901  one case for each kind of name
    node: ast.AST, scene: Scene, annotations: set[int]
) -> Iterator[Complaint]:
    line = getattr(node, "lineno", 1)
    match node:
        case ast.Name(id=name, ctx=ast.Store() | ast.Del()) | ast.arg(arg=name):
            bound = name
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            bound = name
        case ast.Attribute(attr=name) | ast.keyword(arg=str(name)):
            bound = ""
        case ast.Name(id=name):
            bound = ""
        case ast.alias(name=name, asname=other):
            name, bound = name + (other or ""), ""
        case ast.Constant(value=str(text)) if id(node) in annotations and not _PLAIN_TYPE.fullmatch(text):
            yield Complaint(line, f"the annotation {scene.shown(node)} holds code: write a plain type")
            return
        case ast.Global():
            yield Complaint(line, "`global` is not allowed: keep values inside of the test")
            return
        case _:
            return
    if not name.isascii():
        yield Complaint(line, f"the name {name!a} has letters that look like others: use plain ASCII")
    if bound in scene.names or (bound and bound in scene.exports and scene.roots.own(scene.stands_for(bound))):
        yield Complaint(line, f"`{bound}` is an imported name and may not be given another meaning")
    if bound and hasattr(builtins, bound) and _called(bound, scene):
        yield Complaint(line, f"`{bound}` is a built-in name and may not be given another meaning")


def _called(name: str, scene: Scene) -> bool:
    return any(
        isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name
        for node in ast.walk(scene.tree)
    )


def _inner_class(node: ast.ClassDef, scene: Scene) -> Iterator[Complaint]:
    for base in (*node.bases, *(word.value for word in node.keywords)):
        name = next((each.id for each in ast.walk(base) if isinstance(each, ast.Name)), "")
        if scene.is_code(name) and not _abstract(node):
            words = f"the class `{node.name}` changes code of the project: test that code as it is"
            yield Complaint(node.lineno, words)
    if node.decorator_list:
        yield Complaint(node.lineno, f"the class `{node.name}` may not be decorated")
    for each in node.body:
        if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef):
            if each.name.startswith("__") and each.name not in _METHODS:
                words = f"a stand-in may not define `{each.name}`: it would decide what the assertion says"
                yield Complaint(each.lineno, words)
        elif isinstance(each, ast.Assign) and any(
            isinstance(target, ast.Name) and target.id.startswith("__") for target in each.targets
        ):
            yield Complaint(each.lineno, "a stand-in may not set double-underscore names")


def _abstract(node: ast.ClassDef) -> bool:
    # An exception of one's own, raised by a stand-in, changes nothing.
    return all(isinstance(each, ast.Pass | ast.Expr) for each in node.body)
