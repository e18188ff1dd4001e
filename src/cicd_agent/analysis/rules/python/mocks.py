"""Tests that replace what they test with a mock, and then look at what the mock says."""

import ast
import sys
from collections.abc import Iterator

from cicd_agent.analysis.rules.context import FileContext
from cicd_agent.analysis.rules.python.source import Function, PythonText, children_of, names_in
from cicd_agent.analysis.rules.rule import Hit
from cicd_agent.domain.repository.paths import PathKind

_BUILT_IN = frozenset(
    {"len", "str", "list", "dict", "set", "sorted", "isinstance", "type", "repr", "int", "tuple", "print"}
)
_ARRANGES = frozenset(
    {"patch", "object", "setattr", "Mock", "MagicMock", "AsyncMock", "run", "approx", "raises", "sentinel"}
)
_EXPECTS = ("assert", "called", "return_value", "side_effect", "reset_mock")


def mock_of_subject(context: FileContext) -> Iterator[Hit]:
    text = context.python
    if text is None or PathKind.TEST not in context.kinds or "patch" not in (context.head or ""):
        return
    for function in text.functions:
        if not function.name.startswith("test"):
            continue
        for patch, target in _patches(text, function):
            call = _subject_call(text, function, target)
            line = context.first_added(patch.lineno, call.lineno) if call is not None else None
            if line is not None:
                message = (
                    f"`{function.name}` replaces `{target}` and then checks what `{target}` returns: the mock's answer."
                )
                yield Hit(line, message)
                break


def _patches(text: PythonText, function: Function) -> Iterator[tuple[ast.Call, str]]:
    """The calls that replace a function of a module for a test, each with the full name of that."""
    stack: list[ast.AST] = [*function.decorator_list, *function.body]
    while stack:
        node = stack.pop()
        match node:
            case ast.Call(func=func, args=[ast.Constant(value=str(target)), *_]):
                if text.name_of(func).rpartition(".")[2] == "patch":
                    yield node, target
            case ast.Call(func=func, args=[of, ast.Constant(value=str(name)), *_]):
                called = text.name_of(func)
                if called.endswith(("patch.object", "monkeypatch.setattr")) and text.name_of(of):
                    yield node, f"{text.name_of(of)}.{name}"
            case _:
                pass
        stack += children_of(node)


def _subject_call(text: PythonText, function: Function, target: str) -> ast.Call | None:
    """The call of a replaced function whose result a test asserts, when the test calls nothing else of the product."""
    module, _, _ = target.rpartition(".")
    # A name that the test's module has imported is the real one still.
    if not module or module.partition(".")[0] in sys.stdlib_module_names:
        return None
    subjects: list[ast.Call] = []
    for node in ast.walk(ast.Module(function.body, [])):
        if not isinstance(node, ast.Call):
            continue
        name = text.name_of(node.func)
        if name == target and isinstance(node.func, ast.Attribute):
            subjects.append(node)
        elif not _is_arrangement(name):
            return None
    return subjects[0] if len(subjects) == 1 and _checks_result(text, function, subjects[0]) else None


def _checks_result(text: PythonText, function: Function, subject: ast.Call) -> bool:
    """Whether a test asserts on the result of a call, or on a name for it."""
    body = ast.Module(function.body, [])
    results = {
        each.id
        for node in ast.walk(body)
        if isinstance(node, ast.Assign) and _holds(node.value, subject)
        for each in node.targets
        if isinstance(each, ast.Name)
    }
    asserted: list[ast.expr] = []
    for node in ast.walk(body):
        if isinstance(node, ast.Assert):
            asserted.append(node.test)
        elif isinstance(node, ast.Call) and text.name_of(node.func).startswith("self.assert"):
            asserted += node.args
    return any(_holds(each, subject) or not results.isdisjoint(names_in(each)) for each in asserted)


def _is_arrangement(name: str) -> bool:
    tail = name.rpartition(".")[2]
    return name in _BUILT_IN or tail in _ARRANGES or tail.startswith(_EXPECTS) or name.startswith("self.assert")


def _holds(node: ast.AST, call: ast.Call) -> bool:
    return any(part is call for part in ast.walk(node))
