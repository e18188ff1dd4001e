"""Which function a call of a Python file reaches, and the statements that run in one."""

import ast
from collections.abc import Iterable, Iterator

from cicd_agent.analysis.rules.context import FileContext
from cicd_agent.analysis.rules.python.source import Function, PythonText

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
SCOPES = (*FUNCTIONS, ast.ClassDef, ast.Lambda)
_BLOCKS = ("body", "orelse", "finalbody")


def own(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """All that runs where these nodes stand: a nested function or class is one of them, and what it holds is not."""
    stack = [*nodes][::-1]
    while stack:
        node = stack.pop()
        yield node
        if not isinstance(node, SCOPES):
            stack += [*ast.iter_child_nodes(node)][::-1]


def blocks(node: ast.AST) -> Iterator[list[ast.stmt]]:
    """The lists of statements that a statement or function holds."""
    for name in _BLOCKS:
        block = getattr(node, name, None)
        if isinstance(block, list):
            yield block


class Callees:
    """The functions of a file by their callers."""

    def __init__(self, text: PythonText) -> None:
        self._text = text
        self._names = {id(defined.node): name for name, defined in text.defined.items()}

    def name(self, function: ast.AST | None) -> str:
        """The name of a function with those it is nested in, "" for a lambda and outside of all functions."""
        return self._names.get(id(function), "")

    def of(self, call: ast.Call, caller: str) -> str:
        """The function that a call reaches by name or by `self`; "" for what the file does not define once."""
        match call.func:
            case ast.Name(id=name):
                found = name if name in self._text.defined else f"{name}.__init__"
                return found if found in self._text.defined else ""
            case ast.Attribute(value=ast.Name(id="self" | "cls"), attr=method):
                while caller:
                    caller = caller.rpartition(".")[0]
                    if f"{caller}.{method}" in self._text.defined and caller not in self._text.defined:
                        return f"{caller}.{method}"
            case _:
                pass
        return ""


def parameters(function: Function, call: ast.Call | None = None) -> list[str]:
    """The names of what is passed by position, without the object of a method."""
    names = [each.arg for each in (*function.args.posonlyargs, *function.args.args)]
    is_bound = call is None or isinstance(call.func, ast.Attribute) or function.name == "__init__"
    return names[1:] if is_bound and names[:1] in (["self"], ["cls"]) else names


def calls_in_functions(context: FileContext) -> Iterator[tuple[ast.AST, Function, str]]:
    """Every node of every function, also where the change has touched none of its lines."""
    text = context.python
    for name, defined in text.defined.items() if text else ():
        for node in own(defined.node.body):
            yield node, defined.node, name
