"""Refuses ways by which a proposed test ends early or keeps a failure to itself."""

import ast
from collections.abc import Iterator

from cicd_agent.analysis.python_tests.static.scope import Complaint, Function, Scene

_BROAD = frozenset({"Exception", "BaseException", "AssertionError", "builtins.Exception", "builtins.BaseException"})
_RAISES = frozenset({"pytest.raises", "pytest.warns", "pytest.RaisesExc"})
_ANYTHING = frozenset({"", ".*", ".", "^", "$", ".+", "(?s).*", "^.*$"})
_ENDLESS = frozenset({"itertools.count", "itertools.cycle", "itertools.repeat", "iter"})


def flow_complaints(scene: Scene) -> Iterator[Complaint]:
    """Of the test, its helpers, and the functions in them."""
    yield from _returns(scene.test, scene)
    for node in ast.walk(scene.tree):
        match node:
            case ast.Try(handlers=handlers) if handlers:
                yield Complaint(node.lineno, "`try … except` can swallow the failure: use `pytest.raises`")
            case ast.Try(finalbody=body):
                leaving = [
                    one
                    for each in body
                    for one in ast.walk(each)
                    if isinstance(one, ast.Return | ast.Break | ast.Continue)
                ]
                if leaving:
                    yield Complaint(node.lineno, "leaving a `finally` swallows the failure")
            case ast.While():
                yield Complaint(node.lineno, "a `while` loop may never end: write the steps out or use `for`")
            case ast.For(iter=ast.Call(func=called)) if scene.dotted(called) in _ENDLESS:
                yield Complaint(node.lineno, f"{scene.shown(node.iter)} has no end")
            case ast.Call() if scene.dotted(node.func) in _RAISES:
                yield from _raises(node, scene)
            case ast.Assert(test=ast.Tuple()):
                yield Complaint(node.lineno, "asserting a tuple can never fail: leave out the parentheses")
            case _:
                # `except*` is a node of its own.
                if type(node).__name__ == "TryStar":
                    yield Complaint(getattr(node, "lineno", 1), "`try … except*` can swallow the failure")


def _returns(test: Function, scene: Scene) -> Iterator[Complaint]:
    pending: list[ast.AST] = [*test.body]
    while pending:
        node = pending.pop(0)
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef() | ast.Lambda():
                continue
            case ast.Return():
                yield Complaint(node.lineno, "a test does not return: what comes after would not be run")
            case ast.Yield() | ast.YieldFrom():
                yield Complaint(node.lineno, f"{scene.shown(node)} makes the test a generator, which is never run")
            case _:
                pass
        pending.extend(ast.iter_child_nodes(node))


def _raises(node: ast.Call, scene: Scene) -> Iterator[Complaint]:
    """Only a certain exception, or one that says certain words."""
    words = {word.arg: word.value for word in node.keywords}
    match = words.get("match")
    said = isinstance(match, ast.expr) and not (isinstance(match, ast.Constant) and match.value in {None, *_ANYTHING})
    kinds = node.args[:1] or [words[name] for name in ("expected_exception", "expected_warning") if name in words]
    if scene.dotted(node.func) == "pytest.warns":
        return
    if not kinds and not said:
        yield Complaint(node.lineno, f"{scene.shown(node)} does not say which exception is expected")
    for kind in kinds:
        options = kind.elts if isinstance(kind, ast.Tuple) else [kind]
        for option in options:
            name = scene.dotted(option)
            # SystemExit is how command lines end.
            if name in {"BaseException", "builtins.BaseException", "KeyboardInterrupt", "GeneratorExit"}:
                yield Complaint(node.lineno, f"`{name}` is not what this code raises")
            elif name in _BROAD and not said:
                yield Complaint(
                    node.lineno, f"`pytest.raises({name})` takes any failure: name the exception, or `match`"
                )
            elif name == "AssertionError" and not _asserts(scene):
                yield Complaint(node.lineno, "`pytest.raises(AssertionError)` swallows the failure of the test")


def _asserts(scene: Scene) -> bool:
    inside = [node for node in ast.walk(scene.tree) if isinstance(node, ast.With)]
    return not any(isinstance(each, ast.Assert) for node in inside for body in node.body for each in ast.walk(body))
