"""Which names a module uses, and how a snippet is brought to use others: two tests may call their helpers alike."""

import ast
import re
import symtable
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

_DEFINES = re.compile(r"(?:async\s+def|def|class)\s+", re.ASCII)


class NotPlaceable(Exception):
    """A candidate has no place in a module; the message says why in one sentence."""


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


@dataclass(slots=True)
class Names:
    """What stands at the top of a module. `origins` has "" for what is no import; `used` are all global names."""

    origins: dict[str, set[str]] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    plain: set[str] = field(default_factory=set)
    """Dotted names of plain imports without an alias."""
    definitions: dict[str, str] = field(default_factory=dict)
    """The dump of what each function, class or simple assignment at the top says."""

    def free(self, name: str, others: Collection[str]) -> str:
        """The first of name_2, name_3, … that nobody uses."""
        number = 2
        while f"{name}_{number}" in self.used or f"{name}_{number}" in others:
            number += 1
        return f"{name}_{number}"


def names_of(text: str) -> Names:
    """The names of a module that parses. Raises what `ast.parse` raises."""
    tree = ast.parse(text)
    names = Names()
    top, *inner = _tables(text)
    for symbol in top.get_symbols():
        names.used.add(symbol.get_name())
        if symbol.is_assigned() or symbol.is_imported() or symbol.is_namespace():
            names.origins[symbol.get_name()] = {""} if symbol.is_assigned() or symbol.is_namespace() else set()
    for table in inner:
        names.used.update(symbol.get_name() for symbol in table.get_symbols() if symbol.is_global())
    for statement in _imports_at_top(tree):
        for imported in imported_by(statement):
            names.origins.setdefault(imported.bound, set()).add(imported.origin)
            if imported.module is None and not imported.alias:
                names.plain.add(imported.name)
    for node in tree.body:
        for name in defined_by(node):
            names.definitions[name] = ast.dump(node)
    return names


def imported_by(statement: ast.Import | ast.ImportFrom) -> Iterator[Imported]:
    module = "." * statement.level + (statement.module or "") if isinstance(statement, ast.ImportFrom) else None
    for alias in statement.names:
        yield Imported(alias.name, "" if alias.asname in {None, alias.name} else str(alias.asname), module)


def defined_by(node: ast.stmt) -> tuple[str, ...]:
    """What a function, a class or an assignment of plain names defines; () for everything else."""
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return (node.name,)
        case ast.AnnAssign(target=ast.Name(id=name)):
            return (name,)
        case ast.Assign() if all(isinstance(target, ast.Name) for target in node.targets):
            return tuple(target.id for target in node.targets if isinstance(target, ast.Name))
        case _:
            return ()


def renamed(code: str, names: Mapping[str, str]) -> str:
    r"""The snippet (lines end in "\n") with other names for what is global in it. Raises NotPlaceable if that is open.

    Names of parameters and local variables are never touched: one that is called like a name to be changed is refused.
    """
    if not names:
        return code
    _, *inner = _tables(code)
    for table in inner:
        for symbol in table.get_symbols():
            name = symbol.get_name()
            if name in names and (not symbol.is_global() or symbol.is_declared_global()):
                raise NotPlaceable(
                    f"`{name}` is taken in the module that it would join, and means two things in the test"
                )
    tree = ast.parse(code)
    lines = [line.encode() for line in code.split("\n")]
    for row, column, name in sorted(_uses(tree, lines, names), reverse=True):
        line = lines[row]
        if line[column : column + len(name.encode())] != name.encode():
            raise NotPlaceable(f"`{name}` is taken in the module that it would join, and cannot be renamed")
        lines[row] = line[:column] + names[name].encode() + line[column + len(name.encode()) :]
    result = b"\n".join(lines).decode()
    if ast.dump(_Renaming(names).visit(tree)) != ast.dump(ast.parse(result)):
        raise NotPlaceable(f"`{', '.join(names)}` is taken in the module that it would join, and cannot be renamed")
    return result


def _uses(tree: ast.Module, lines: list[bytes], names: Mapping[str, str]) -> Iterator[tuple[int, int, str]]:
    """Row and column (bytes) of each use."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in names:
            yield node.lineno - 1, node.col_offset, node.id
    for top in tree.body:
        if isinstance(top, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and top.name in names:
            match = _DEFINES.match(lines[top.lineno - 1].decode(), top.col_offset)
            if not match:
                raise NotPlaceable(f"`{top.name}` is taken in the module that it would join, and cannot be renamed")
            yield top.lineno - 1, match.end(), top.name


class _Renaming(ast.NodeTransformer):
    """What the renamed snippet has to say."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = names

    def visit_Module(self, node: ast.Module) -> ast.Module:
        for top in node.body:
            if isinstance(top, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                top.name = self._names.get(top.name, top.name)
        self.generic_visit(node)
        return node

    def visit_Name(self, node: ast.Name) -> ast.Name:
        node.id = self._names.get(node.id, node.id)
        return node


def _tables(text: str) -> list[symtable.SymbolTable]:
    """The module's own table, then those of all scopes in it."""
    tables = [symtable.symtable(text, "<module>", "exec")]
    for table in tables:
        tables.extend(table.get_children())
    return tables


def _imports_at_top(tree: ast.Module) -> Iterator[ast.Import | ast.ImportFrom]:
    """Import statements of the module's own scope that are carried out when it is imported."""
    pending: list[ast.AST] = [*tree.body]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            pending.extend(node.orelse)
        elif isinstance(node, ast.stmt | ast.ExceptHandler | ast.match_case) and not isinstance(
            node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
        ):
            pending.extend(ast.iter_child_nodes(node))


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
