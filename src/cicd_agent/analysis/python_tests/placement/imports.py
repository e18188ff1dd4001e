"""Where import statements go in a module, and what they look like there."""

import ast
import re
import sys
from collections.abc import Sequence

from cicd_agent.analysis.python_tests.placement.names import Imported

WIDTH = 88
"""Characters of a line of imports that we write."""
_COOKIE = re.compile(r"#.*coding[:=]|#!")
_FRAMEWORKS = frozenset({"hypothesis", "pytest"})


def statements(imported: Sequence[Imported]) -> list[list[str]]:
    """Lines of import statements, sorted, in the groups that are set apart: standard library, frameworks, the rest."""
    groups: dict[int, list[str]] = {}
    for one in sorted({one for one in imported if one.module is None}, key=lambda one: (one.name, one.alias)):
        groups.setdefault(_group(one), []).append(f"import {one.name}" + (f" as {one.alias}" if one.alias else ""))
    taken = {one for one in imported if one.module is not None}
    for module in sorted({str(one.module) for one in taken}):
        of_it = sorted((one for one in taken if one.module == module), key=lambda one: (one.name, one.alias))
        line = ""
        for one in of_it:
            name = one.name + (f" as {one.alias}" if one.alias else "")
            if line and len(line) + len(name) + 2 <= WIDTH:
                line += f", {name}"
                continue
            if line:
                groups.setdefault(_group(one), []).append(line)
            line = f"from {module} import {name}"
        groups.setdefault(_group(of_it[0]), []).append(line)
    return [groups[group] for group in sorted(groups)]


def import_line(tree: ast.Module, lines: Sequence[str]) -> tuple[int, bool]:
    """After how many lines of a module new imports stand, and whether others stand right before them."""
    last = 0
    beside = False
    for at, node in enumerate(tree.body):
        docstring = not at and isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if isinstance(node, ast.Import | ast.ImportFrom):
            beside = True
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            break
        elif not docstring:
            continue
        last = max(last, node.end_lineno or node.lineno)
    for node in tree.body:
        # What begins on the line on which another statement ends cannot be parted from it.
        if _first(node) <= last:
            last = max(last, node.end_lineno or node.lineno)
    if last:
        return last, beside
    if not tree.body:
        return len(lines), False
    first = _first(tree.body[0]) - 1
    # A comment right above belongs to what it stands above, unless it belongs to the file.
    while first and lines[first - 1].lstrip().startswith("#") and not _is_of_the_file(first, lines):
        first -= 1
    return first, False


def _first(node: ast.stmt) -> int:
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(one.lineno for one in decorators)])


def _is_of_the_file(number: int, lines: Sequence[str]) -> bool:
    """Whether a line says how the file is run or encoded, which only its first two can."""
    return number in {1, 2} and bool(_COOKIE.match(lines[number - 1]))


def _group(one: Imported) -> int:
    top = (one.name if one.module is None else one.module).split(".")[0]
    if top in sys.stdlib_module_names:
        return 0
    return 1 if top in _FRAMEWORKS else 2
