"""Proves that a module of tests only gains: every line and every definition that stood there stands there still."""

import ast
import re
import symtable
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import TypeVar

from cicd_agent.analysis.patches.syntax import PARSERS
from cicd_agent.analysis.python_tests.syntax import UNREADABLE, bound_names, comments, parsed, symbol_tables
from cicd_agent.domain.text.python_syntax import parse_python
from cicd_agent.domain.text.visible import visible

# Names by which a module of tests changes how others of it run, without any of them being touched.
_HOOKS = ("pytest", "setup", "teardown", "setUp", "tearDown", "load_tests", "collect_ignore", "__")


_One = TypeVar("_One")


def alteration(before: str | None, after: str) -> str:
    """Why a text is more than the text before (None: there is no file yet) with tests added; "" when it is not.

    Added may be imports, functions, constants and texts, and names in an import statement that is there. What the
    functions do is not judged here.
    """
    if not PARSERS[".py"](after):
        return "it is not Python in UTF-8"
    if before is not None and not PARSERS[".py"](before):
        return "the file as it is now is not Python in UTF-8"
    lines = added_lines(before or "", after)
    if lines is None:
        return "it changes or takes away lines that are there"
    if any(visible(f"{line}\n") != f"{line}\n" for line in lines):
        return "a line that it adds has hidden characters"
    try:
        return _altered(before or "", separated(before or "", after))
    except UNREADABLE:
        return "it is too deeply nested, or not valid, to be compared"


def added_lines(before: str, after: str) -> list[str] | None:
    """The lines of `after` that are not those of `before`; None when one of these is missing, or out of order.

    Names that joined an import statement count as one of their own.
    """
    return _added(_lines(before), _lines(separated(before, after)), str)


def separated(before: str, after: str) -> str:
    """`after` with each name that joined an import statement of `before` in a statement of its own below that."""
    if re.search(r"\r(?!\n)", before + after):  # which ends a line for Python alone
        return after
    texts = [text.split("\n") for text in (before, after)]
    trees = [parsed(text) or ast.Module([], []) for text in (before, after)]
    imports = [[node for node in tree.body if isinstance(node, ast.ImportFrom)] for tree in trees]
    same = Counter(map(ast.dump, imports[0])) & Counter(map(ast.dump, imports[1]))
    old, new = ([node for node in nodes if ast.dump(node) not in same] for nodes in imports)
    for node in reversed(new):
        for was in old:
            names = _added(was.names, node.names, ast.dump)
            block = [statement(lines, each) for lines, each in zip(texts, (was, node), strict=True)]
            if not names or not all(block) or (was.module, was.level) != (node.module, node.level):
                continue
            if [each.text for each in comments(block[0])] == [each.text for each in comments(block[1])]:
                end = "\r" if block[0].endswith("\r") else ""
                own = ast.unparse(ast.ImportFrom(node.module, names, node.level))
                texts[1][node.lineno - 1 : node.end_lineno] = [*block[0].split("\n"), own + end]
                old.remove(was)
                break
    return "\n".join(texts[1])


def statement(lines: Sequence[str], node: ast.stmt) -> str:
    """The whole lines of a statement, "" when another one shares them."""
    text = "\n".join(lines[node.lineno - 1 : node.end_lineno])
    tree = parsed(text)
    return text if tree is not None and [ast.dump(each) for each in tree.body] == [ast.dump(node)] else ""


def _added(before: Iterable[_One], after: Iterable[_One], key: Callable[[_One], str]) -> list[_One] | None:
    """What `after` has beside all of `before`; None when one of these is missing, or out of order."""
    rest = iter(after)
    added = []
    for one in before:
        for other in rest:
            if key(other) == key(one):
                break
            added.append(other)
        else:
            return None
    return [*added, *rest]


def _lines(text: str) -> list[str]:
    if text and not text.endswith("\n"):
        text += "\r\n" if "\r\n" in text else "\n"
    return text.split("\n")[:-1]


def _altered(before: str, after: str) -> str:
    old = parse_python(before)
    fresh = _added(old.body, parse_python(after).body, ast.dump)
    if fresh is None:
        return "it changes definitions that are there"
    taken = _read(before)
    arguments = {
        argument.arg
        for node in ast.walk(old)
        if isinstance(node, ast.arguments)
        for argument in (*node.posonlyargs, *node.args, *node.kwonlyargs)
    }
    packages = {name for node in old.body for name in _packages(node)}
    for node in fresh:
        names = set() if isinstance(node, ast.Delete) else bound_names(ast.unparse(node))
        if clash := sorted((names & taken) - (packages & {*_packages(node)})):
            return f"it gives `{clash[0]}` another meaning"
        if problem := _intrusion(node, arguments):
            return problem
        if not isinstance(node, ast.Import | ast.ImportFrom):
            taken |= names
    return ""


def _intrusion(node: ast.stmt, arguments: Collection[str]) -> str:
    """Why a statement of its own is no test, helper or import; `arguments` are what functions that are there take."""
    match node:
        case ast.ImportFrom(names=[ast.alias(name="*")]):
            return "it imports every name of a module"
        case ast.Import() | ast.ImportFrom() | ast.Expr(value=ast.Constant(value=str())):
            return ""
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            if node.decorator_list and name in arguments:
                return f"it puts a fixture in the place of `{name}`"
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            pass
        case _:
            return "it adds more than imports, functions and constants"
    return f"`{name}` would change how other tests run" if name.startswith(_HOOKS) else ""


def _packages(node: ast.stmt) -> Iterator[str]:
    """The packages that a statement imports under their own names: `import a.b` takes nothing from `import a.c`."""
    if isinstance(node, ast.Import):
        yield from (alias.name.partition(".")[0] for alias in node.names if not alias.asname)


def _read(text: str) -> set[str]:
    """The names that a module uses at its top and in its classes, and those that its functions look up there.

    Builtins are among them.
    """
    top, *inner = symbol_tables(text)
    names = {*top.get_identifiers()}
    for table in inner:
        for symbol in table.get_symbols():
            if symbol.is_global() or (isinstance(table, symtable.Class) and symbol.is_referenced()):
                names.add(symbol.get_name())
    return names
