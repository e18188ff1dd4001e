"""Keeps a proposed test from replacing what it is there to judge."""

import ast
from collections.abc import Iterator

from cicd_agent.analysis.python_tests.static.imports import within
from cicd_agent.analysis.python_tests.static.scope import Complaint, Scene

_PATCH = frozenset(
    f"{module}.patch{what}"
    for module in ("unittest.mock", "mock", "mocker")
    for what in ("", ".object", ".dict", ".multiple")
) | {"mocker.spy", "mocker.stub"}
_MOCKS = frozenset({"Mock", "MagicMock", "AsyncMock", "NonCallableMock", "create_autospec", "PropertyMock", "seal"})
_SET = frozenset({"setattr", "delattr"})
_ITEMS = frozenset({"setitem", "delitem"})
_JUDGES = frozenset({"pytest", "_pytest", "builtins", "hypothesis", "unittest", "coverage", "sys", "gc", "importlib"})
_STREAMS = frozenset({"sys.argv", "sys.stdin"})
_GUARDED = ("PYTHON", "PYTEST", "COVERAGE", "COV_", "HYPOTHESIS", "LD_", "PATH", "GITHUB_", "CI")


def patch_complaints(scene: Scene) -> Iterator[Complaint]:  # noqa: C901  one case for each way to bind
    """Patches and assignments to what is not the test's own."""
    for node in ast.walk(scene.tree):
        match node:
            case ast.Call():
                yield from _call(node, scene)
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    yield from _assigned(target, value, scene)
            case ast.AugAssign(target=target, value=value):
                yield from _assigned(target, value, scene)
            case ast.AnnAssign(target=target, value=value):
                yield from _assigned(target, value, scene)
            case ast.For(target=target) | ast.AsyncFor(target=target) | ast.comprehension(target=target):
                yield from _assigned(target, None, scene)
            case ast.withitem(optional_vars=ast.expr() as target):
                yield from _assigned(target, None, scene)
            case ast.Delete(targets=targets):
                for target in targets:
                    yield from _assigned(target, None, scene)
            case ast.NamedExpr(target=target, value=value):
                yield from _assigned(target, value, scene)
            case _:
                pass


def _call(node: ast.Call, scene: Scene) -> Iterator[Complaint]:
    dotted = scene.dotted(node.func)
    method = node.func.attr if isinstance(node.func, ast.Attribute) else ""
    if dotted in _PATCH or (method in _SET | _ITEMS | {"syspath_prepend"} and node.args):
        yield from _patched(node, dotted, scene)
    elif method in {"setenv", "delenv"} and node.args:
        name = node.args[0]
        if not isinstance(name, ast.Constant) or not isinstance(name.value, str) or name.value.startswith(_GUARDED):
            yield Complaint(node.lineno, f"{scene.shown(node)} changes a variable that the run itself may need")
    elif method == "chdir" and not any(isinstance(each, ast.Name) and "tmp" in each.id for each in ast.walk(node)):
        yield Complaint(node.lineno, f"{scene.shown(node)} leaves `tmp_path`")
    elif dotted.rpartition(".")[2] in _MOCKS and dotted.startswith(("unittest.", "mock.", "mocker.")):
        for each in (*node.args, *(word.value for word in node.keywords if word.arg in {"wraps", "side_effect"})):
            if any(isinstance(name, ast.Name) and scene.is_code(name.id) for name in ast.walk(each)):
                yield Complaint(node.lineno, f"{scene.shown(node)} stands in for the code under test: call that itself")
                break


def _patched(node: ast.Call, dotted: str, scene: Scene) -> Iterator[Complaint]:
    """A patch is for input and output that the existing tests patch too, never for what the project defines."""
    what, line = scene.shown(node), node.lineno
    method = dotted.rpartition(".")[2]
    target = _target(node, scene)
    if method == "syspath_prepend" or not target:
        yield Complaint(line, f"{what} changes something that cannot be told from the text")
    elif target in _STREAMS or (method in _ITEMS and within(target, "os.environ")):
        pass
    elif target.partition(".")[0] in _JUDGES:
        yield Complaint(line, f"{what} changes Python or pytest")
    elif _is_constant(target, node) and _patching_is_usual(scene):
        # A limit made small so that it is met.
        pass
    elif words := _defined_by_project(target, scene):
        yield Complaint(line, f"{what} replaces {words}: the test would judge its own stand-in")
    elif not _patching_is_usual(scene):
        yield Complaint(line, f"{what} patches, which the existing tests do not do: pass a stand-in as an argument")


def _target(node: ast.Call, scene: Scene) -> str:
    """The full name of what is replaced, "" when it is computed or an object of the test."""
    if not node.args:
        return ""
    first = node.args[0]
    if isinstance(first, ast.Constant) and isinstance(first.value, str):
        return first.value if "." in first.value else ""
    name = node.args[1] if len(node.args) > 1 else None
    base = scene.dotted(first)
    if not base:
        return ""
    return f"{base}.{name.value}" if isinstance(name, ast.Constant) and isinstance(name.value, str) else base


def _defined_by_project(target: str, scene: Scene) -> str:
    if not scene.roots.own(target):
        return "a method of the code under test" if target.rpartition(".")[2] in scene.defined else ""
    if scene.module and within(target, scene.module) and target != scene.module:
        member = target[len(scene.module) + 1 :].partition(".")[0]
        behind = scene.source_names.get(member, "")
        if behind and not scene.roots.own(behind) and member not in scene.exports:
            return ""
    return f"`{target}` of the project"


def _is_constant(target: str, node: ast.Call) -> bool:
    value = node.args[-1] if node.args else None
    return target.rpartition(".")[2].isupper() and isinstance(value, ast.Constant) and not isinstance(value.value, str)


def _patching_is_usual(scene: Scene) -> bool:
    names = {name.rpartition(".")[2] for name in scene.habits.uses} | scene.habits.imports
    return bool(names & {"setattr", "patch", "unittest.mock.patch", "object"})


def _assigned(target: ast.expr, value: ast.expr | None, scene: Scene) -> Iterator[Complaint]:
    match target:
        case ast.Tuple(elts=elements) | ast.List(elts=elements):
            for element in elements:
                yield from _assigned(element, None, scene)
        case ast.Starred(value=inner):
            yield from _assigned(inner, value, scene)
        case ast.Attribute() | ast.Subscript():
            root: ast.expr = target
            while isinstance(root, ast.Attribute | ast.Subscript):
                root = root.value
            name = root.id if isinstance(root, ast.Name) else ""
            if not name or name in scene.names or scene.is_code(name):
                yield Complaint(
                    target.lineno, f"{scene.shown(target)} may not be assigned to: it is not the test's own"
                )
            elif isinstance(target, ast.Attribute) and target.attr in scene.defined:
                words = f"{scene.shown(target)} is defined by the code under test and may not be replaced"
                yield Complaint(target.lineno, words)
            elif isinstance(target, ast.Attribute) and isinstance(value, ast.Lambda):
                yield Complaint(target.lineno, f"{scene.shown(target)} may not be replaced by a function")
        case _:
            pass
