"""Coroutines and promises that nobody awaits: they are thrown away, or tested as though they were the answer."""

import ast
import re
from collections.abc import Iterator
from functools import cached_property

from cicd_agent.analysis.rules.context import CLIP, FileContext
from cicd_agent.analysis.rules.logic.scope import Callees, calls_in_functions, own
from cicd_agent.analysis.rules.python.source import Function, PythonText, expression_text
from cicd_agent.analysis.rules.rule import Hit, around
from cicd_agent.domain.repository.diff import Side

_PLAIN = frozenset({"staticmethod", "classmethod", "abstractmethod", "override", "final"})
_EFFECT = {
    "discard": "nothing of it runs.",
    "test": "a coroutine is always true, whatever it would return.",
    "use": "this works with the coroutine, not with what it returns.",
}

_WORD = re.compile(r"\w+")
_DEFINED = re.compile(r"\b(async[ \t]+)?def[ \t]+(\w+)")
_ATTRIBUTE = re.compile(r"(?:^[ \t]*|\.)(\w+)[ \t]*(?::[^\n=]{0,80})?=(?!=)", re.MULTILINE)
_VARIABLE = re.compile(
    r"\b(\w+)[ \t]*(?::[^\n=]{0,80})?=(?!=)|^[ \t]*\**(\w+)[ \t]*[,)]|\bdef[ \t]+\w+\(([^\n]*)|\blambda\b([^\n:]*)"
    r"|\bimport\b([^\n]*)|\b(?:as|for|class|global|nonlocal|del)[ \t]+(\w+)",
    re.MULTILINE,
)

_JS_ASYNC = re.compile(
    r"\basync[ \t]+function[ \t]+([\w$]+)[ \t]*\(|\b(?:const|let|var)[ \t]+([\w$]+)[ \t]*=[ \t]*async\b"
    r"|^[ \t]+(?:(?:public|private|protected|static|override)[ \t]+)*async[ \t]+([\w$]+)[ \t]*\(",
    re.MULTILINE,
)
_JS_PLAIN_FUNCTION = re.compile(
    r"(?<!async )\bfunction\s+([\w$]+)\s*\(|\b(?:const|let|var)\s+([\w$]+)\s*=(?!\s*async\b)"
)
_JS_PLAIN_METHOD = re.compile(r"^\s+(?:(?:public|private|protected|static|override|get)\s+)*([\w$]+)\s*\([^;]*\{\s*$")
_JS_TEST = re.compile(r"\b(?:if|while)\s*\(\s*!?\s*((?:this\.)?([\w$]+))\s*\(")
_JS_WORDS = frozenset({"if", "for", "while", "switch", "catch", "function", "return"})
_LONGEST_CALL = 300
_JS_CALLBACK = re.compile(r"\.(filter|some|every|findIndex|forEach)\(\s*async\b(?!\s*[,)])")


def missing_await(context: FileContext) -> Iterator[Hit]:
    if context.script:
        yield from _in_script(context)
    text = context.python
    if text is None or "async def" not in (context.head or ""):
        return
    coroutines, callees, meanings = _coroutines(text), Callees(text), _Meanings(text)
    awaited = {expression_text(call.func) for call in _awaited(text) if isinstance(call.func, ast.Attribute)} - {""}
    dead: set[int] = set()
    for node, inside in text.nodes:
        if isinstance(node, ast.If) and isinstance(node.test, ast.Constant):
            dead |= {id(each) for each in node.orelse}  # `if True: … else:` of a generator of synchronous code
        for call, how in _unawaited(node):
            line = context.first_added(call.lineno, call.func.end_lineno)
            if line is None or id(node) in dead:
                continue
            name = expression_text(call.func)
            sure = callees.of(call, callees.name(inside)) in coroutines and meanings.is_async(call)
            if sure or (how == "test" and isinstance(inside, ast.AsyncFunctionDef) and name in awaited):
                suggestion = _with_await(text, call, line) if isinstance(inside, ast.AsyncFunctionDef) else ""
                confidence = None if sure and isinstance(inside, ast.AsyncFunctionDef) else 0.9
                message = f"`{name}` is not awaited: {_EFFECT[how]}"
                yield Hit(line, message, suggestion=suggestion, confidence=confidence, call=call)
    yield from _left_behind(context, coroutines, callees, meanings)


def _coroutines(text: PythonText) -> dict[str, Function]:
    """The `async def` functions of a file that run only when they are awaited, by name."""
    return {
        name: defined.node
        for name, defined in text.defined.items()
        if isinstance(defined.node, ast.AsyncFunctionDef)
        and not defined.is_nested
        and all(text.name_of(each).rpartition(".")[2] in _PLAIN for each in defined.node.decorator_list)
        and not any(isinstance(node, ast.Yield) for node in own(defined.node.body))
    }


def _awaited(text: PythonText) -> Iterator[ast.Call]:
    """The awaited calls near what has changed."""
    for node, _ in text.nodes:
        if isinstance(node, ast.Await) and isinstance(node.value, ast.Call):
            yield node.value


def _unawaited(node: ast.AST) -> Iterator[tuple[ast.Call, str]]:
    """The calls of which a node takes the result for something that can be used at once, and for what."""
    found: list[tuple[ast.expr, str]] = []
    match node:
        case ast.Expr(value=value):
            found = [(value, "discard")]
        case ast.If(test=test) | ast.While(test=test) | ast.IfExp(test=test) | ast.Assert(test=test):
            found = [(each, "test") for each in _operands(test)]
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            found = [(each, "test") for each in _operands(operand)]
        case ast.comprehension(iter=values, ifs=tests, is_async=0):
            found = [(values, "use"), *((each, "test") for test in tests for each in _operands(test))]
        case ast.Compare(left=left, comparators=others):
            found = [(each, "use") for each in (left, *others)]
        case ast.Subscript(value=value) | ast.For(iter=value):
            found = [(value, "use")]
        case ast.BinOp(left=left, right=right):
            found = [(left, "use"), (right, "use")]
        case _:
            pass
    yield from ((value, how) for value, how in found if isinstance(value, ast.Call))


def _operands(test: ast.expr) -> list[ast.expr]:
    return [each for value in test.values for each in _operands(value)] if isinstance(test, ast.BoolOp) else [test]


class _Meanings:
    """What the names of a file mean besides functions, each kind read in one pass over the text."""

    def __init__(self, text: PythonText) -> None:
        self._source = "\n".join(text.lines)

    @cached_property
    def _plain(self) -> frozenset[str]:
        return frozenset(name for is_async, name in _DEFINED.findall(self._source) if not is_async)

    @cached_property
    def _attributes(self) -> frozenset[str]:
        return frozenset(_ATTRIBUTE.findall(self._source))

    @cached_property
    def _variables(self) -> frozenset[str]:
        given = (name for found in _VARIABLE.findall(self._source) for name in found if name)
        return frozenset(word for text in given for word in _WORD.findall(text))

    def is_async(self, call: ast.Call) -> bool:
        """Whether the name that is called means nothing but `async def` functions in the whole file."""
        if isinstance(call.func, ast.Attribute):
            return call.func.attr not in self._plain and call.func.attr not in self._attributes
        name = getattr(call.func, "id", "")
        return name not in self._plain and name not in self._variables


def _with_await(text: PythonText, call: ast.Call, line: int) -> str:
    row = text.lines[line - 1]
    if call.end_col_offset is None or not row.isascii() or row[call.end_col_offset :].startswith("["):
        return ""
    return text.line_with(call, f"await {row[call.col_offset : call.end_col_offset]}", line)


def _left_behind(
    context: FileContext, coroutines: dict[str, Function], callees: Callees, meanings: _Meanings
) -> Iterator[Hit]:
    """Calls that the change leaves as they were, of functions that it turns into coroutines."""
    fresh = {name for name, node in coroutines.items() if node.lineno in context.added_numbers}
    old = context.old_python if fresh and context.deleted else None
    turned = {name for name in fresh if old and name in old.defined and _was_plain(old, name)}
    if not turned:
        return
    for node, inside, caller in calls_in_functions(context):
        for call, how in _unawaited(node):
            name = callees.of(call, caller)
            if name in turned and call.lineno not in context.added_numbers and meanings.is_async(call):
                where = f"line {call.lineno}, in `{inside.name}`, still does not await it"
                yield Hit(coroutines[name].lineno, f"`{name}` is a coroutine now, and {where}: {_EFFECT[how]}")


def _was_plain(old: PythonText, name: str) -> bool:
    return isinstance(old.defined[name].node, ast.FunctionDef)


def _in_script(context: FileContext) -> Iterator[Hit]:
    asynchronous = _async_in_script(context.head or "") if context.head and "async" in context.head else frozenset()
    for number, text in context.script:
        if "async" in text and (found := _JS_CALLBACK.search(text)):
            near = around(text, *found.span())
            if found[1] == "forEach":
                message = "`forEach` awaits no promise: what follows runs before they end, and their errors are lost."
                yield Hit(number, message, near=near, confidence=0.85)
            else:
                message = f"`{found[1]}` tests the callback's promise, which is always truthy, not its result."
                yield Hit(number, message, near=near)
        for found in _JS_TEST.finditer(text) if asynchronous else ():
            if found[2] in asynchronous and _ends_test(text, found.end()):
                message = f"`{found[1]}` is not awaited: a promise is always truthy, whatever it resolves to."
                suggestion = _awaited_in_script(context, number, text, found.start(1))
                yield Hit(number, message, near=around(text, *found.span()), suggestion=suggestion, confidence=0.95)


def _async_in_script(head: str) -> frozenset[str]:
    """The names that a file gives to async functions or methods, and to nothing else."""
    names = {name for found in _JS_ASYNC.findall(head) for name in found if name}
    if not names:
        return frozenset()
    lines = head.split("\n")
    other = {
        name for line in lines for name in (_JS_PLAIN_FUNCTION.findall(line) + _JS_PLAIN_METHOD.findall(line[:CLIP]))
    }
    return frozenset(names - other - _JS_WORDS)


def _ends_test(text: str, start: int) -> bool:
    """Whether a call whose bracket is open at `start` is all that a test, or an operand of it, consists of."""
    depth = 1
    for at in range(start, min(len(text), start + _LONGEST_CALL)):
        depth += {"(": 1, ")": -1}.get(text[at], 0)
        if not depth:
            return text[at + 1 :].lstrip().startswith((")", "&&", "||"))
    return False


def _awaited_in_script(context: FileContext, number: int, text: str, at: int) -> str:
    line = context.anchors.line_at(Side.RIGHT, number)
    return f"{text[:at]}await {text[at:]}" if line is not None and line.text == text else ""
