"""Proves that a module of tests only gains: every line and every definition that stood there stands there still."""

import ast
import symtable
import warnings
from collections.abc import Collection, Iterator, Sequence

from cicd_agent.analysis.patches.syntax import PARSERS
from cicd_agent.domain.text.visible import visible

# Names by which a module of tests changes how others of it run, without any of them being touched.
_HOOKS = ("pytest", "setup", "teardown", "setUp", "tearDown", "load_tests", "collect_ignore", "__")


def alteration(before: str | None, after: str) -> str:
    """Why a text is more than the text before (None: there is no file yet) with tests added; "" when it is not.

    Added may be imports, functions, constants and texts. What the functions do is not judged here.
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
        return _altered(before or "", after)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return "it is too deeply nested, or not valid, to be compared"


def added_lines(before: str, after: str) -> list[str] | None:
    """The lines of `after` that are not those of `before`; None when one of these is missing, or out of order."""
    old, new = _lines(before), iter(_lines(after))
    added = []
    for line in old:
        for candidate in new:
            if candidate == line:
                break
            added.append(candidate)
        else:
            return None
    return [*added, *new]


def _lines(text: str) -> list[str]:
    if text and not text.endswith("\n"):
        text += "\r\n" if "\r\n" in text else "\n"
    return text.split("\n")[:-1]


def _altered(before: str, after: str) -> str:
    old, new = _tree(before), _tree(after)
    fresh = _fresh(old.body, new.body)
    if fresh is None:
        return "it changes definitions that are there"
    taken = {name for node in old.body for name in _bound(node)} | _read_from_module(before) | {*_read_in_classes(old)}
    arguments = {argument.arg for node in ast.walk(old) if isinstance(node, ast.arguments) for argument in _all(node)}
    packages = {name for node in old.body for name in _packages(node)}
    for node in fresh:
        names = set(_bound(node))
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
        case (
            ast.FunctionDef(name=name, decorator_list=[_, *_]) | ast.AsyncFunctionDef(name=name, decorator_list=[_, *_])
        ) if name in arguments:
            return f"it puts a fixture in the place of `{name}`"
        case (
            ast.FunctionDef(name=name)
            | ast.AsyncFunctionDef(name=name)
            | ast.Assign(targets=[ast.Name(id=name)])
            | ast.AnnAssign(target=ast.Name(id=name))
        ):
            return f"`{name}` would change how other tests run" if name.startswith(_HOOKS) else ""
        case _:
            return "it adds more than imports, functions and constants"


def _tree(text: str) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(text.removeprefix("\ufeff"))


def _fresh(old: Sequence[ast.stmt], new: Sequence[ast.stmt]) -> list[ast.stmt] | None:
    """The statements of a module that it did not have; None when one that it had is missing, or out of order."""
    rest = iter(new)
    fresh = []
    for statement in old:
        requested = ast.dump(statement)
        for candidate in rest:
            if ast.dump(candidate) == requested:
                break
            fresh.append(candidate)
        else:
            return None
    return [*fresh, *rest]


def _bound(node: ast.stmt) -> Iterator[str]:
    """The names that a statement gives a meaning in its module."""
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            yield node.name
        case ast.Import():
            yield from (alias.asname or alias.name.partition(".")[0] for alias in node.names)
        case ast.ImportFrom():
            yield from (alias.asname or alias.name for alias in node.names)
        case _:
            for inner in ast.walk(node):
                if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
                    yield inner.id
                elif isinstance(inner, ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef):
                    yield from _bound(inner)


def _packages(node: ast.stmt) -> Iterator[str]:
    """The packages that a statement imports under their own names: `import a.b` takes nothing from `import a.c`."""
    if isinstance(node, ast.Import):
        yield from (alias.name.partition(".")[0] for alias in node.names if not alias.asname)


def _read_from_module(text: str) -> set[str]:
    """The names that a module uses at its top, and those that its functions look up there, builtins among them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        top = symtable.symtable(text.removeprefix("\ufeff"), "<tests>", "exec")
    result, todo = {*top.get_identifiers()}, [*top.get_children()]
    while todo:
        table = todo.pop()
        todo += table.get_children()
        if isinstance(table, symtable.Function):
            result.update(table.get_globals())
    return result


def _read_in_classes(tree: ast.Module) -> Iterator[str]:
    """The names that bodies of classes use beside their methods; what decorates these is used there as well."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.ClassDef):
            continue
        for inner in node.body:
            parts: list[ast.AST] = [inner]
            if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef):
                parts = [*inner.decorator_list, *inner.args.defaults]
            yield from (one.id for part in parts for one in ast.walk(part) if isinstance(one, ast.Name))


def _all(arguments: ast.arguments) -> list[ast.arg]:
    return [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
