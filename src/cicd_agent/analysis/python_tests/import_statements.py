"""Sets import statements where a module has its own: names join the import of their module, others their group."""

import ast
import re
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from cicd_agent.analysis.python_tests.insertion import added_lines, statement
from cicd_agent.analysis.python_tests.syntax import Definition, first_line, parsed

WIDTH = 88
"""Characters of a line of imports that we write."""
_COOKIE = re.compile(r"#.*coding[:=]|#!")
_FRAMEWORKS = frozenset({"hypothesis", "pytest"})


@dataclass(frozen=True, slots=True)
class Imported:
    """One name of an import statement. `module` is None for a plain `import name`, with dots for a relative one."""

    name: str
    alias: str = ""
    module: str | None = None

    @property
    def bound(self) -> str:
        return self.alias or (self.name if self.module is not None else self.name.split(".")[0])

    @property
    def origin(self) -> str:
        if self.module is not None:
            return f"{self.module}:{self.name}"
        return self.name if self.alias else self.name.split(".")[0]


def imported_by(statement: ast.Import | ast.ImportFrom) -> Iterator[Imported]:
    module = "." * statement.level + (statement.module or "") if isinstance(statement, ast.ImportFrom) else None
    for alias in statement.names:
        yield Imported(alias.name, "" if alias.asname in {None, alias.name} else str(alias.asname), module)


def import_lines(imported: Sequence[Imported]) -> list[list[str]]:
    """Import statements, sorted, in the groups that are set apart: standard library, frameworks, the rest."""
    groups: dict[int, list[str]] = defaultdict(list)
    for one in sorted(set(imported), key=lambda one: (one.module is not None, one.module or "", one.name, one.alias)):
        lines = groups[_group(one.module if one.module is not None else one.name)]
        name = f"{one.name} as {one.alias}" if one.alias else one.name
        start = "import " if one.module is None else f"from {one.module} import "
        is_same = one.module is not None and bool(lines) and lines[-1].startswith(start)
        if is_same and len(lines[-1]) + len(name) + 2 <= WIDTH:
            lines[-1] += f", {name}"
        else:
            lines.append(start + name)
    return [groups[group] for group in sorted(groups)]


def _group(module: str) -> int:
    root = module.partition(".")[0]
    return -1 if root == "__future__" else 0 if root in sys.stdlib_module_names else 1 if root in _FRAMEWORKS else 2


def extended(body: str, imports: Sequence[Imported]) -> tuple[str, list[Imported]]:
    """The module with the names that joined an import statement in it, and those that have none to join."""
    lines = body.split("\n")
    remaining = []
    for one in dict.fromkeys(imports):
        tree = parsed("\n".join(lines)) or ast.Module([], [])
        own = [
            node
            for node in tree.body
            if isinstance(node, ast.ImportFrom) and "." * node.level + (node.module or "") == one.module
        ]
        # Where each name has a statement, it gets one, too.
        single = len(own) > 1 and all(len(node.names) == 1 for node in own)
        if not own or single or not (text := statement(lines, own[-1])) or not (text := _with_name(text, one)):
            remaining.append(one)
        else:
            lines[own[-1].lineno - 1 : own[-1].end_lineno] = text.split("\n")
    result = "\n".join(lines)
    # Whoever delivers it asks the same.
    return (result, remaining) if added_lines(body, result) is not None else (body, list(imports))


def _with_name(text: str, one: Imported) -> str:
    """An import statement with one more name in the order of those that it has, "" where that is not plain to see."""
    [node] = ast.parse(text).body
    if not isinstance(node, ast.ImportFrom) or not text.isascii() or "\\" in text:
        return ""
    names, new = [each.name for each in node.names], f"{one.name} as {one.alias}" if one.alias else one.name
    key = next((key for key in _ORDERS if names == sorted(names, key=key)), lambda _: (0, ""))
    at = sum(key(name) <= key(one.name) for name in names)
    lines = text.split("\n")
    if len(lines) == 1:
        end = "\r" * text.endswith("\r")
        start, _, _ = text.partition(" import ")
        listed = [ast.unparse(each) for each in node.names]
        listed.insert(at, new)
        flat = text.replace("(", "").replace(")", "").strip()
        plain = flat == f"{start} import {', '.join(ast.unparse(each) for each in node.names)}"
        joined = f"{start} import {', '.join(listed)}"
        if plain and len(joined) > WIDTH:
            return "\n".join([f"{start} import ({end}", *(f"    {each},{end}" for each in listed), f"){end}"])
        return joined + end if plain and "(" not in text else ""
    rows = [each.lineno for each in node.names]
    last = lines[rows[-1] - 1].split("#")[0].rstrip()
    if len({1, *rows, len(lines)}) != len(rows) + 2 or not last.endswith(","):
        return ""
    indent = lines[rows[0] - 1][: node.names[0].col_offset]
    lines.insert(rows[at] - 1 if at < len(rows) else rows[-1], f"{indent}{new}," + "\r" * text.endswith("\r"))
    return "\n".join(lines)


_ORDERS: tuple[Callable[[str], tuple[int, str]], ...] = (
    lambda name: (0 if name.isupper() and len(name) > 1 else 1 if name[:1].isupper() else 2, name),
    lambda name: (0, name.casefold()),
    lambda name: (0, name),
)
"""How names are sorted in an import statement: as isort has it, or as they are spelt."""


def import_locations(
    tree: ast.Module, lines: Sequence[str], imports: Sequence[Imported]
) -> list[tuple[int, list[str]]]:
    """New statements between those of a block in which modules are grouped: after how many lines each stands.

    None at all where the module has no such block.
    """
    body = tree.body[1:] if ast.get_docstring(tree, clean=False) is not None else tree.body
    end = next((at for at, node in enumerate(body) if not isinstance(node, ast.Import | ast.ImportFrom)), len(body))
    block = [node for node in body[:end] if isinstance(node, ast.Import | ast.ImportFrom)]
    keys = [_order(node) for node in block]
    if not block or keys != sorted(keys, key=lambda key: key[0]):
        return []
    if any(isinstance(node, ast.Import | ast.ImportFrom) for node in body[end:]):
        return []
    text = [line.rstrip("\r\n") for line in lines]
    if not all(statement(text, node) for node in block) or text[max(block[0].lineno - 2, 0)].startswith("#"):
        return []
    pairs = [(one, other) for one, other in pairwise(block) if _order(one)[0] != _order(other)[0]]
    parted = not any((one.end_lineno or 0) + 1 == other.lineno for one, other in pairs)
    places: dict[int, list[str]] = defaultdict(list)
    for new in (line for group in import_lines(imports) for line in group):
        key = _order(ast.parse(new))
        same = any(other[0] == key[0] for other in keys)
        # Beside those of its own package, if it has any: others of the group may be set apart.
        kin = [other for other in keys if other[0] == key[0] and other[2].split(".")[0] == key[2].split(".")[0]] or keys
        beside = [(each, other) for each, other in zip(block, keys, strict=True) if other in kin]
        before = [each for each, other in beside if other <= key]
        at = before[-1].end_lineno or 0 if before else beside[0][0].lineno - 1
        blank = parted and not same and not any(_order(ast.parse(each))[0] == key[0] for each in places[at] if each)
        places[at] += [*([""] if blank and before else []), new, *([""] if blank and not before else [])]
    return sorted(places.items())


def _order(node: ast.stmt | ast.Module) -> tuple[int, bool, str]:
    """The group of an import statement (or of a module that is one), and its place in that."""
    node = node.body[0] if isinstance(node, ast.Module) else node
    module = "." * node.level + (node.module or "") if isinstance(node, ast.ImportFrom) else ""
    name = module or (node.names[0].name if isinstance(node, ast.Import) else "")
    return 3 if module.startswith(".") else _group(name), bool(module), name


def import_position(tree: ast.Module, lines: Sequence[str]) -> tuple[int, bool]:
    """After how many lines of a module new imports stand, and whether others stand right before them."""
    last = 0
    beside = False
    for at, node in enumerate(tree.body):
        if isinstance(node, ast.Import | ast.ImportFrom):
            beside = True
        elif isinstance(node, Definition):
            break
        elif at or not isinstance(node, ast.Expr) or not isinstance(node.value, ast.Constant):
            continue
        last = max(last, node.end_lineno or node.lineno)
    for node in tree.body:
        # What begins on the line on which another statement ends cannot be parted from it.
        if first_line(node) <= last:
            last = max(last, node.end_lineno or node.lineno)
    if last or not tree.body:
        return last or len(lines), beside
    first = first_line(tree.body[0]) - 1
    # A comment right above belongs to what it stands above, unless it says how the file is run or encoded.
    while first and lines[first - 1].lstrip().startswith("#"):
        if first in {1, 2} and _COOKIE.match(lines[first - 1]):
            break
        first -= 1
    return first, False
