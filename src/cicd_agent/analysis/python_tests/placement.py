"""Puts new tests where a person would: into the module that tests the file already, beside what stands there."""

import ast
import re
import symtable
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from cicd_agent.domain.trials.candidate import Candidate

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+$")
_DEFINITION = re.compile(r"@|(async|def|class)\b")
_PLAIN = re.compile(r"[\w./-]+", re.ASCII)
_CODING = re.compile(r"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)", re.ASCII)
_DEPTHS = (SyntaxError, ValueError, RecursionError, MemoryError)


@dataclass(frozen=True, slots=True)
class Placement:
    """The text of a module, and the name that each candidate's test has in it, in their order."""

    text: str
    names: tuple[str, ...]


def place(text: str | None, candidates: Sequence[Candidate]) -> str:
    return placed(text, candidates).text


def placed(text: str | None, candidates: Sequence[Candidate]) -> Placement:
    """A module (None where there is none yet) with the candidates' tests at its end, in this order.

    Nothing that stands in it is touched: lines are inserted, and names that are taken are changed in what is new.
    Raises NotPlaceable where that does not work out.
    """
    try:
        return _placed(text, candidates)
    except _DEPTHS as error:
        raise NotPlaceable(
            f"the module that it would join cannot be read by Python ({type(error).__name__})"
        ) from error


def _placed(text: str | None, candidates: Sequence[Candidate]) -> Placement:
    new = text is None or not text.strip("\ufeff \t\r\n\f")
    before = text or ""
    if new:
        before += _introduced(candidates, before)
    body = before.removeprefix("\ufeff")
    names = names_of(body)
    imports: list[Imported] = []
    pieces: list[str] = []
    called: list[str] = []
    for candidate in candidates:
        name, code, requested = _joined(candidate, names)
        called.append(name)
        pieces.append(code)
        imports.extend(requested)
    result = before[: len(before) - len(body)] + _inserted(body, imports, pieces)
    _check(body, result, called)
    return Placement(result, tuple(called))


def _introduced(candidates: Sequence[Candidate], before: str) -> str:
    paths = sorted({candidate.path for candidate in candidates})
    what = ", ".join(paths) if all(_PLAIN.fullmatch(path) for path in paths) else "code that has changed"
    return ("" if not before.strip("\ufeff") or before.endswith("\n") else "\n") + f'"""Tests of {what}."""\n'


def _joined(candidate: Candidate, names: Names) -> tuple[str, str, list[Imported]]:
    """The test's name, its code and the imports that it needs beside `names`, to which they are added."""
    code = candidate.code.replace("\r\n", "\n").replace("\r", "\n").strip("\n").rstrip() + "\n"
    try:
        tree = ast.parse(code)
        own = names_of(code)
        requested = [one for line in candidate.imports for one in _read(line)]
    except _DEPTHS as error:
        raise NotPlaceable(f"it cannot be read by Python ({type(error).__name__})") from error
    if sum(candidate.name in defined_by(node) for node in tree.body) != 1:
        raise NotPlaceable(f"it does not define `{candidate.name}` once")
    changed: dict[str, str] = {}
    words = set(re.findall(r"\w+", code))
    fresh = _settle_imports([one for one in requested if one.bound in words], names, own, changed)
    left_out = _settle_definitions(candidate.name, tree, names, own, changed)
    lines = code.split("\n")
    for node in reversed(left_out):
        first = min([node.lineno, *(one.lineno for one in getattr(node, "decorator_list", ()))])
        del lines[first - 1 : node.end_lineno]
    code = renamed("\n".join(lines).strip("\n") + "\n", changed)
    for node in ast.parse(code).body:
        for name in defined_by(node):
            names.origins[name] = {""}
            names.used.add(name)
            names.definitions[name] = ast.dump(node)
    names.used.update(changed.get(name, name) for name in own.used)
    return changed.get(candidate.name, candidate.name), code, fresh


def _read(line: str) -> list[Imported]:
    results: list[Imported] = []
    for node in ast.parse(line.strip()).body:
        if not isinstance(node, ast.Import | ast.ImportFrom):
            raise NotPlaceable("there is more than import statements among its imports")
        if isinstance(node, ast.ImportFrom) and node.module == "__future__":
            # What is left of these (3.11 and later) changes no value, only when annotations are evaluated.
            continue
        results.extend(imported_by(node))
    if any(one.name == "*" for one in results):
        raise NotPlaceable("it imports everything from a module: say which names")
    return results


def _settle_imports(requested: Sequence[Imported], names: Names, own: Names, changed: dict[str, str]) -> list[Imported]:
    """What has to be imported, which is added to `names`; names to be changed are added to `changed`."""
    fresh: list[Imported] = []
    for one in requested:
        if one.bound in own.origins:
            raise NotPlaceable(f"it imports `{one.bound}` and defines it, too")
        if needed := _reconciled(one, names, changed, own):
            fresh.append(needed)
            names.origins.setdefault(needed.bound, set()).add(needed.origin)
            names.used.add(needed.bound)
            if needed.module is None and not needed.alias:
                names.plain.add(needed.name)
    return fresh


def _reconciled(one: Imported, names: Names, changed: dict[str, str], own: Names) -> Imported | None:
    """What has to be imported so that the test has it: None when it is there already, under this name or another."""
    there = names.origins.get(one.bound)
    if there == {one.origin}:
        dotted = one.module is None and not one.alias
        return one if dotted and one.name not in names.plain and "." in one.name else None
    if there is None and one.bound not in names.used:
        return one
    if one.module is None and not one.alias and "." in one.name:
        raise NotPlaceable(f"`{one.bound}` is something else in the module that it would join")
    for name, origins in sorted(names.origins.items()):
        if origins == {one.origin}:
            changed[one.bound] = name
            return None
    alias = names.free(one.bound, own.used | own.origins.keys())
    changed[one.bound] = alias
    return Imported(one.name, alias, one.module)


def _settle_definitions(
    test: str, tree: ast.Module, names: Names, own: Names, changed: dict[str, str]
) -> list[ast.stmt]:
    """Adds names to be changed; what the module says in the very same words already is returned, to be left out."""
    left_out = []
    for node in tree.body:
        defined = defined_by(node)
        if not defined:
            raise NotPlaceable(f"line {node.lineno} of it is neither a function nor a constant")
        same = all(names.definitions.get(name) == ast.dump(node) for name in defined)
        if same and test in defined:
            raise NotPlaceable(f"the module that it would join has `{test}` already, in the same words")
        if same:
            left_out.append(node)
            continue
        for name in defined:
            if name in names.used or name in names.origins:
                if _is_fixture(node):
                    raise NotPlaceable(f"the module that it would join has another fixture `{name}`")
                changed[name] = names.free(name, own.used | own.origins.keys() | set(changed.values()))
    return left_out


def _is_fixture(node: ast.stmt) -> bool:
    return any("fixture" in ast.dump(one) for one in getattr(node, "decorator_list", ()))


def _inserted(body: str, imports: Sequence[Imported], pieces: Sequence[str]) -> str:
    end = "\r\n" if body.count("\r\n") * 2 > body.count("\n") else "\n"
    lines = _LINE.findall(body)
    groups = statements(imports)
    tail = "\n\n".join(pieces)
    if lines and not lines[-1].endswith(("\n", "\r")):
        lines[-1] += end
    if groups:
        at, beside = import_line(ast.parse(body), lines)
        block = (
            [line for group in groups for line in (*group, "")][:-1]
            if not beside
            else [line for group in groups for line in group]
        )
        if not beside and at:
            block = ["", *block]
        if not beside and at < len(lines):
            there = next((number for number, line in enumerate(lines[at:]) if line.strip()), 2)
            block += [""] * ((2 if _DEFINITION.match(lines[min(at + there, len(lines) - 1)]) else 1) - there)
        lines[at:at] = [line + end for line in block]
    if pieces and lines:
        blank = next((number for number, line in enumerate(reversed(lines)) if line.strip()), len(lines))
        lines.extend([end] * (2 - blank))
    if (result := next(filter(None, map(_CODING.match, lines[:2])), None)) and not (tail + str(groups)).isascii():
        encoding = result[1].lower().replace("_", "-")
        if encoding not in {"utf-8", "utf8"}:
            raise NotPlaceable(f"the module that it would join is written in {result[1]}, which cannot hold all of it")
    return "".join(lines) + tail.replace("\n", end)


def _check(before: str, after: str, called: Sequence[str]) -> None:
    """Whether all that stood there stands there still, and each test once."""
    result = ast.parse(after.removeprefix("\ufeff"))
    remaining = iter([ast.dump(node) for node in result.body])
    if not all(ast.dump(node) in remaining for node in ast.parse(before).body):
        raise NotPlaceable("the module that it would join would not stay as it is")
    defined = [name for node in result.body for name in defined_by(node)]
    for name in called:
        if defined.count(name) != 1:
            raise NotPlaceable(f"the module that it would join would have `{name}` twice")


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
