"""Puts new tests where a person would: into the module that tests the file already, beside what stands there."""

import ast
import re
import sys
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from cicd_agent.analysis.python_tests.syntax import (
    UNREADABLE,
    Definition,
    defined_by,
    first_line,
    parsed,
    symbol_tables,
)
from cicd_agent.domain.trials.candidate import Candidate

WIDTH = 88
"""Characters of a line of imports that we write."""
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+$")
_DEFINITION = re.compile(r"@|(async|def|class)\b")
_DEFINES = re.compile(r"(?:async\s+def|def|class)\s+", re.ASCII)
_PLAIN = re.compile(r"[\w./-]+", re.ASCII)
_CODING = re.compile(r"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)", re.ASCII)
_COOKIE = re.compile(r"#.*coding[:=]|#!")
_FRAMEWORKS = frozenset({"hypothesis", "pytest"})


class NotPlaceable(Exception):
    """A candidate has no place in a module; the message says why in one sentence."""


@dataclass(frozen=True, slots=True)
class Placement:
    """The text of a module, and the name that each candidate's test has in it, in their order."""

    text: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Import:
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
class _Names:
    """What stands at the top of a module.

    `origins` has "" for what is no import, `used` are all global names, `plain` dotted names of imports without an
    alias. `definitions` is the dump of each function, class or simple assignment.
    """

    origins: dict[str, set[str]] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    plain: set[str] = field(default_factory=set)
    definitions: dict[str, str] = field(default_factory=dict)

    def free(self, name: str, others: Collection[str]) -> str:
        """The first of name_2, name_3, … that nobody uses."""
        number = 2
        while f"{name}_{number}" in self.used or f"{name}_{number}" in others:
            number += 1
        return f"{name}_{number}"

    def add(self, imported: _Import) -> None:
        self.origins.setdefault(imported.bound, set()).add(imported.origin)
        self.used.add(imported.bound)
        if imported.module is None and not imported.alias:
            self.plain.add(imported.name)

    def define(self, node: ast.stmt) -> None:
        for name in defined_by(node):
            self.definitions[name] = ast.dump(node)


def insert_tests(text: str | None, candidates: Sequence[Candidate]) -> Placement:
    """A module (None where there is none yet) with the candidates' tests at its end, in this order.

    Nothing that stands in it is touched: lines are inserted, and names that are taken are changed in what is new.
    Raises NotPlaceable where that does not work out.
    """
    try:
        return _insert(text, candidates)
    except UNREADABLE as error:
        raise NotPlaceable(
            f"the module that it would join cannot be read by Python ({type(error).__name__})"
        ) from error


def _insert(text: str | None, candidates: Sequence[Candidate]) -> Placement:
    before = text or ""
    if not before.strip("\ufeff \t\r\n\f"):
        before += _header(candidates, before)
    body = before.removeprefix("\ufeff")
    names = _names_of(body)
    joined = [_join(candidate, names) for candidate in candidates]
    tests = tuple(name for name, _, _ in joined)
    imports = [each for _, _, requested in joined for each in requested]
    result = before[: len(before) - len(body)] + _inserted(body, imports, [code for _, code, _ in joined])
    _check(body, result, tests)
    return Placement(result, tests)


def _header(candidates: Sequence[Candidate], before: str) -> str:
    paths = sorted({candidate.path for candidate in candidates})
    what = ", ".join(paths) if all(_PLAIN.fullmatch(path) for path in paths) else "code that has changed"
    return ("" if not before.strip("\ufeff") or before.endswith("\n") else "\n") + f'"""Tests of {what}."""\n'


def _join(candidate: Candidate, names: _Names) -> tuple[str, str, list[_Import]]:
    """The test's name, its code and the imports that it needs beside `names`, to which they are added."""
    code = candidate.code.replace("\r\n", "\n").replace("\r", "\n").strip("\n").rstrip() + "\n"
    try:
        tree = ast.parse(code)
        own = _names_of(code)
        requested = [one for line in candidate.imports for one in _imports_of(line)]
    except UNREADABLE as error:
        raise NotPlaceable(f"it cannot be read by Python ({type(error).__name__})") from error
    if sum(candidate.name in defined_by(node) for node in tree.body) != 1:
        raise NotPlaceable(f"it does not define `{candidate.name}` once")
    changed: dict[str, str] = {}
    needed = set(re.findall(r"\w+", code))
    fresh = _resolve_imports([one for one in requested if one.bound in needed], names, own, changed)
    lines = code.split("\n")
    for node in reversed(_resolve_definitions(candidate.name, tree, names, own, changed)):
        del lines[first_line(node) - 1 : node.end_lineno]
    code = _renamed("\n".join(lines).strip("\n") + "\n", changed)
    for node in ast.parse(code).body:
        names.define(node)
        for name in defined_by(node):
            names.origins[name] = {""}
            names.used.add(name)
    names.used.update(changed.get(name, name) for name in own.used)
    return changed.get(candidate.name, candidate.name), code, fresh


def _imports_of(line: str) -> Iterator[_Import]:
    for node in ast.parse(line.strip()).body:
        if not isinstance(node, ast.Import | ast.ImportFrom):
            raise NotPlaceable("there is more than import statements among its imports")
        if isinstance(node, ast.ImportFrom) and node.module == "__future__":
            # What is left of these (3.11 and later) changes no value, only when annotations are evaluated.
            continue
        for imported in _imported_by(node):
            if imported.name == "*":
                raise NotPlaceable("it imports everything from a module: say which names")
            yield imported


def _resolve_imports(
    requested: Sequence[_Import], names: _Names, own: _Names, changed: dict[str, str]
) -> list[_Import]:
    """What has to be imported, which is added to `names`; names to be changed are added to `changed`."""
    fresh: list[_Import] = []
    for one in requested:
        if one.bound in own.origins:
            raise NotPlaceable(f"it imports `{one.bound}` and defines it, too")
        if needed := _needed(one, names, changed, own):
            fresh.append(needed)
            names.add(needed)
    return fresh


def _needed(one: _Import, names: _Names, changed: dict[str, str], own: _Names) -> _Import | None:
    """What has to be imported so that the test has it: None when it is there already, under this name or another."""
    is_submodule = one.module is None and not one.alias and "." in one.name
    there = names.origins.get(one.bound)
    if there == {one.origin}:
        return one if is_submodule and one.name not in names.plain else None
    if there is None and one.bound not in names.used:
        return one
    if is_submodule:
        raise NotPlaceable(f"`{one.bound}` is something else in the module that it would join")
    for name, origins in sorted(names.origins.items()):
        if origins == {one.origin}:
            changed[one.bound] = name
            return None
    changed[one.bound] = names.free(one.bound, own.used | own.origins.keys())
    return _Import(one.name, changed[one.bound], one.module)


def _resolve_definitions(
    test: str, tree: ast.Module, names: _Names, own: _Names, changed: dict[str, str]
) -> list[ast.stmt]:
    """Adds names to be changed; what the module has in the very same words already is returned, to be left out."""
    left_out = []
    for node in tree.body:
        defined = defined_by(node)
        if not defined:
            raise NotPlaceable(f"line {node.lineno} of it is neither a function nor a constant")
        if all(names.definitions.get(name) == ast.dump(node) for name in defined):
            if test in defined:
                raise NotPlaceable(f"the module that it would join has `{test}` already, in the same words")
            left_out.append(node)
            continue
        for name in defined:
            if name in names.used or name in names.origins:
                if any("fixture" in ast.dump(each) for each in getattr(node, "decorator_list", ())):
                    raise NotPlaceable(f"the module that it would join has another fixture `{name}`")
                changed[name] = names.free(name, own.used | own.origins.keys() | set(changed.values()))
    return left_out


def _inserted(body: str, imports: Sequence[_Import], pieces: Sequence[str]) -> str:
    end = "\r\n" if body.count("\r\n") * 2 > body.count("\n") else "\n"
    lines: list[str] = _LINE.findall(body)
    groups = _import_lines(imports)
    tail = "\n\n".join(pieces)
    if lines and not lines[-1].endswith(("\n", "\r")):
        lines[-1] += end
    if groups:
        at, beside = _import_position(ast.parse(body), lines)
        separator = [] if beside else [""]
        block = [line for group in groups for line in (*separator, *group)]
        if not beside:
            # Blank lines before it, but at the top, and after it as many as what comes there has before it.
            block = block if at else block[1:]
            there = next((number for number, line in enumerate(lines[at:]) if line.strip()), 2)
            following = lines[min(at + there, len(lines) - 1)] if lines else ""
            block += [""] * ((2 if _DEFINITION.match(following) else 1) - there if at < len(lines) else 0)
        lines[at:at] = [line + end for line in block]
    if pieces and lines:
        blank = next((number for number, line in enumerate(reversed(lines)) if line.strip()), len(lines))
        lines.extend([end] * (2 - blank))
    coding = next(filter(None, map(_CODING.match, lines[:2])), None)
    is_utf8 = coding is None or coding[1].lower().replace("_", "-") in {"utf-8", "utf8"}
    if coding and not is_utf8 and not (tail + str(groups)).isascii():
        raise NotPlaceable(f"the module that it would join is written in {coding[1]}, which cannot hold all of it")
    return "".join(lines) + tail.replace("\n", end)


def _check(before: str, after: str, tests: Sequence[str]) -> None:
    """Whether all that stood there stands there still, and each test once."""
    result = ast.parse(after.removeprefix("\ufeff"))
    remaining = iter([ast.dump(node) for node in result.body])
    if not all(ast.dump(node) in remaining for node in ast.parse(before).body):
        raise NotPlaceable("the module that it would join would not stay as it is")
    defined = [name for node in result.body for name in defined_by(node)]
    for name in tests:
        if defined.count(name) != 1:
            raise NotPlaceable(f"the module that it would join would have `{name}` twice")


def _names_of(text: str) -> _Names:
    """The names of a module. Raises UNREADABLE."""
    tree = ast.parse(text)
    names = _Names()
    top, *inner = symbol_tables(text)
    for symbol in top.get_symbols():
        names.used.add(symbol.get_name())
        is_own = symbol.is_assigned() or symbol.is_namespace()
        if is_own or symbol.is_imported():
            names.origins[symbol.get_name()] = {""} if is_own else set()
    for table in inner:
        names.used.update(symbol.get_name() for symbol in table.get_symbols() if symbol.is_global())
    for statement in _imports_at_top(tree):
        for imported in _imported_by(statement):
            names.add(imported)
    for node in tree.body:
        names.define(node)
    return names


def _imported_by(statement: ast.Import | ast.ImportFrom) -> Iterator[_Import]:
    module = "." * statement.level + (statement.module or "") if isinstance(statement, ast.ImportFrom) else None
    for alias in statement.names:
        yield _Import(alias.name, "" if alias.asname in {None, alias.name} else str(alias.asname), module)


def _imports_at_top(tree: ast.Module) -> Iterator[ast.Import | ast.ImportFrom]:
    """Import statements of the module's own scope that are carried out when it is imported."""
    pending: list[ast.AST] = [*tree.body]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            pending.extend(node.orelse)
        elif isinstance(node, ast.stmt | ast.ExceptHandler | ast.match_case) and not isinstance(node, Definition):
            pending.extend(ast.iter_child_nodes(node))


def _renamed(code: str, names: Mapping[str, str]) -> str:
    """The snippet with other names for what is global in it. Raises NotPlaceable if that is open.

    Names of parameters and local variables are never touched: one that is called like a name to be changed is refused.
    """
    if not names:
        return code
    for table in symbol_tables(code)[1:]:
        for symbol in table.get_symbols():
            name = symbol.get_name()
            if name in names and (not symbol.is_global() or symbol.is_declared_global()):
                raise NotPlaceable(
                    f"`{name}` is taken in the module that it would join, and means two things in the test"
                )
    tree = ast.parse(code)
    lines = [line.encode() for line in code.split("\n")]
    for row, column, name in sorted(_rename(tree, names, lines), reverse=True):
        lines[row] = lines[row][:column] + names[name].encode() + lines[row][column + len(name.encode()) :]
    result = b"\n".join(lines).decode(errors="replace")
    if (after := parsed(result)) is None or ast.dump(tree) != ast.dump(after):
        raise NotPlaceable(f"`{', '.join(names)}` is taken in the module that it would join, and cannot be renamed")
    return result


def _rename(tree: ast.Module, names: Mapping[str, str], lines: Sequence[bytes]) -> Iterator[tuple[int, int, str]]:
    """Changes the names in the tree; row, column (bytes) and old name of each use."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in names:
            yield node.lineno - 1, node.col_offset, node.id
            node.id = names[node.id]
    for top in tree.body:
        if isinstance(top, Definition) and top.name in names:
            if match := _DEFINES.match(lines[top.lineno - 1].decode()):
                yield top.lineno - 1, match.end(), top.name
            top.name = names[top.name]


def _import_lines(imported: Sequence[_Import]) -> list[list[str]]:
    """Import statements, sorted, in the groups that are set apart: standard library, frameworks, the rest."""
    groups: dict[int, list[str]] = defaultdict(list)
    for one in sorted(set(imported), key=lambda one: (one.module is not None, one.module or "", one.name, one.alias)):
        root = (one.module if one.module is not None else one.name).split(".")[0]
        lines = groups[0 if root in sys.stdlib_module_names else 1 if root in _FRAMEWORKS else 2]
        name = f"{one.name} as {one.alias}" if one.alias else one.name
        start = "import " if one.module is None else f"from {one.module} import "
        is_same = one.module is not None and bool(lines) and lines[-1].startswith(start)
        if is_same and len(lines[-1]) + len(name) + 2 <= WIDTH:
            lines[-1] += f", {name}"
        else:
            lines.append(start + name)
    return [groups[group] for group in sorted(groups)]


def _import_position(tree: ast.Module, lines: Sequence[str]) -> tuple[int, bool]:
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
