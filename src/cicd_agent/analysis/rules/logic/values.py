"""Values that come to nothing: nobody keeps what was changed or made, or a test of them has one outcome only."""

import ast
import re
from collections import Counter
from collections.abc import Iterator

from cicd_agent.analysis.rules.context import FileContext
from cicd_agent.analysis.rules.logic.scope import FUNCTIONS
from cicd_agent.analysis.rules.python.source import Function, PythonText, expression_text
from cicd_agent.analysis.rules.rule import Hit

_GROW = frozenset({"append", "extend", "insert", "add", "update", "setdefault", "appendleft"})
_OF_TEXT = frozenset(
    [
        "strip",
        "lstrip",
        "rstrip",
        "lower",
        "upper",
        "casefold",
        "capitalize",
        "title",
        "swapcase",
        "replace",
        "zfill",
        "center",
        "ljust",
        "rjust",
        "split",
        "rsplit",
        "splitlines",
        "join",
        "format",
        "removeprefix",
        "removesuffix",
        "expandtabs",
        "translate",
    ]
)
_KEEPERS = (ast.Try, ast.Assign, ast.Expr)
_LAZY = {
    "map": "calls nothing",
    "filter": "calls nothing",
    "sorted": "leaves its argument",
    "reversed": "leaves its argument",
}
_JS_LOST = re.compile(
    r"^\s*\(\s*[\w.$]+(?:\.get\([^()]*\)|\[[^\[\]]+\]|\.\w+)\s*(?:\|\||\?\?)\s*"
    r"(?:\[\s*\]|\{\s*\}|new (?:Set|Map|Array)\(\))\s*\)\.(push|unshift|add|set)\("
)


def lost_result(context: FileContext) -> Iterator[Hit]:
    for number, line in context.script:
        if ")." in line and (found := _JS_LOST.search(line)):
            yield Hit(number, f"When there is no such value yet, `{found[1]}` changes a new one that is discarded.")
    tried: set[int] = set()
    for text, node, inside in context.nodes:
        if not isinstance(node, _KEEPERS):
            continue
        match node:
            case ast.Try(body=body, handlers=[_, *_]):
                tried |= {id(each) for each in body}  # an error may be all that is asked for
            case ast.Assign(targets=[ast.Subscript(value=ast.Call() as made)]) if _is_fresh(made):
                if (place := context.first_added(node.lineno)) is not None:
                    yield Hit(place, "When the key is missing, the item is set in a new value that is discarded.")
            case ast.Expr(value=ast.Call() as call) if id(node) not in tried:
                if (place := context.first_added(call.lineno, call.func.end_lineno)) is not None:
                    yield from _discarded(text, call, inside, place)
            case _:
                pass


def _discarded(text: PythonText, call: ast.Call, inside: Function | ast.Lambda | None, line: int) -> Iterator[Hit]:
    match call.func:
        case ast.Attribute(value=owner, attr=method) if method in _GROW and _is_fresh(owner):
            message = f"Where the key is missing, `{method}` changes a new value that nobody keeps."
            yield Hit(line, message, suggestion=_with_setdefault(text, owner, line), call=call)
        case ast.Attribute(value=owner, attr=method) if method in _OF_TEXT and _is_text(text, owner, inside):
            message = (
                f"`{expression_text(call.func)}` returns a new string and changes nothing; the result is discarded."
            )
            name, row = getattr(owner, "id", ""), text.lines[line - 1]
            suggestion = text.line_with(call, f"{name} = {row[call.col_offset : call.end_col_offset]}", line)
            keeps = name and method not in {"split", "rsplit", "splitlines", "join"}
            yield Hit(line, message, suggestion=suggestion if keeps else "", call=call)
        case ast.Name(id=name) if name in _LAZY and call.args and name not in text.defined and name not in text.imports:
            yield Hit(line, f"`{name}` returns a new object and {_LAZY[name]}; the result is discarded.", call=call)
        case _:
            pass


def _is_fresh(node: ast.expr) -> bool:
    """Whether an expression is a new empty collection wherever a key is missing: `counts.get(key, [])`."""
    match node:
        case ast.Call(func=ast.Attribute(attr="get"), args=[_, default], keywords=[]):
            return _is_empty(default)
        case ast.BoolOp(op=ast.Or(), values=[ast.Call(func=ast.Attribute(attr="get")), default]):
            return _is_empty(default)
        case _:
            return False


def _is_empty(node: ast.expr) -> bool:
    match node:
        case ast.List(elts=[]) | ast.Dict(keys=[]):
            return True
        case ast.Call(func=ast.Name(id="list" | "dict" | "set" | "deque"), args=[], keywords=[]):
            return True
        case _:
            return False


def _with_setdefault(text: PythonText, owner: ast.expr, line: int) -> str:
    if not isinstance(owner, ast.Call) or not isinstance(owner.func, ast.Attribute):
        return ""
    return text.line_with(owner.func, f"{expression_text(owner.func.value)}.setdefault", line)


def _is_text(text: PythonText, node: ast.expr, inside: Function | ast.Lambda | None) -> bool:
    """Whether a value is a string by how it is written, annotated or assigned."""
    if not isinstance(node, ast.Name):
        return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))
    if not isinstance(inside, FUNCTIONS):
        return False
    arguments = inside.args
    for each in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
        if each.arg == node.id:
            return isinstance(each.annotation, ast.Name) and each.annotation.id == "str"
    values = text.values_of(inside, node.id)
    return bool(values) and all(
        isinstance(value, ast.JoinedStr)
        or (isinstance(value, ast.Constant) and isinstance(value.value, str))
        or (isinstance(value, ast.Call) and text.name_of(value.func) in {"str", "input"})
        for value in values
    )


_OFF = frozenset({"false", "0", "no", "off", "f", "n", "none"})
_ON = frozenset({"true", "1", "yes", "on", "t", "y"})
_ASSIGNED = re.compile(r"\b(\w+)[ \t]*(?::[^\n=]{0,80})?=(?!=)")
_READERS = frozenset({"os.environ.get", "os.getenv", "environ.get"})


def string_as_boolean(context: FileContext) -> Iterator[Hit]:
    head = context.head or ""
    if not any(word in head for word in ("environ", "getenv", "add_argument")):
        return
    settings: dict[str, str] = {}
    assigned = Counter[str]()
    for text, node, _ in context.nodes:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if default := _switch(text, value):
                assigned = assigned or Counter(_ASSIGNED.findall(head))
                settings |= {name: default} if assigned[name] == 1 else {}
                if name == "DEBUG" and default in _OFF and (line := context.first_added(node.lineno, value.lineno)):
                    yield _truthy_string(line, default, value)
            case ast.Call(func=ast.Attribute(attr="add_argument"), keywords=keywords):
                yield from _bool_option(context, node, keywords)
            case _:
                pass
        for test in _tested(node):
            default = settings.get(test.id, "") if isinstance(test, ast.Name) else _switch(text, test)
            if default and (line := context.first_added(test.lineno)):
                yield _truthy_string(line, default, test)


def _tested(node: ast.AST) -> Iterator[ast.expr]:
    """The expressions of which a node asks nothing but whether they are true."""
    match node:
        case ast.If(test=test) | ast.While(test=test) | ast.IfExp(test=test) | ast.Assert(test=test):
            yield from test.values if isinstance(test, ast.BoolOp) else (test,)
        case ast.UnaryOp(op=ast.Not(), operand=test):
            yield test
        case ast.Call(func=ast.Name(id="bool"), args=[test], keywords=[]):
            yield test
        case ast.keyword(arg="debug", value=test):
            yield test
        case _:
            pass


def _switch(text: PythonText, node: ast.expr) -> str:
    """The default of an environment variable that is meant to switch something on or off, in small letters."""
    match node:
        case ast.Call(args=[_, ast.Constant(value=str(default))]) if text.name_of(node.func) in _READERS:
            return default.lower() if default.lower() in _OFF | _ON else ""
        case _:
            return ""


def _truthy_string(line: int, default: str, node: ast.expr) -> Hit:
    shown = expression_text(node)
    message = f"`{shown}` is a text, and every text but the empty one is true: so is its default, `{default}`."
    return Hit(line, message, confidence=None if default in _OFF else 0.8)


def _bool_option(context: FileContext, call: ast.Call, keywords: list[ast.keyword]) -> Iterator[Hit]:
    kinds = [each.value for each in keywords if each.arg == "type"]
    line = context.first_added(*(kind.lineno for kind in kinds), call.lineno)
    if line is not None and any(isinstance(kind, ast.Name) and kind.id == "bool" for kind in kinds):
        option = next((each.value for each in call.args if isinstance(each, ast.Constant)), "")
        yield Hit(line, f"`bool` of any non-empty string is true: `{option!s} False` sets it to True.")
