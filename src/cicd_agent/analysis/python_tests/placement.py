"""Puts new tests where a person would: into the module that tests the file already, beside what stands there."""

import ast
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from cicd_agent.analysis.python_tests.import_statements import (
    Imported,
    extended,
    import_lines,
    import_locations,
    import_position,
    imported_by,
)
from cicd_agent.analysis.python_tests.insertion import separated
from cicd_agent.analysis.python_tests.syntax import (
    UNREADABLE,
    Definition,
    defined_by,
    first_line,
    parsed,
    symbol_tables,
)
from cicd_agent.domain.trials.candidate import Candidate

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+$")
_DEFINITION = re.compile(r"@|(async|def|class)\b")
_DEFINES = re.compile(r"(?:async\s+def|def|class)\s+", re.ASCII)
_PLAIN = re.compile(r"[\w./-]+", re.ASCII)
_CODING = re.compile(r"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)", re.ASCII)


class NotPlaceable(Exception):
    """A candidate has no place in a module; the message says why in one sentence."""


@dataclass(frozen=True, slots=True)
class Placement:
    """The text of a module, and the name that each candidate's test has in it, in their order."""

    text: str
    names: tuple[str, ...]


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

    def module(self, dotted: str) -> str:
        """How a module is named of which no name is imported by itself; "" where some are, or it is not there."""
        if any(origin.startswith(f"{dotted}:") for origins in self.origins.values() for origin in origins):
            return ""
        head, _, last = dotted.rpartition(".")
        named = [name for name, origins in self.origins.items() if origins in ({dotted}, {f"{head}:{last}"})]
        return dotted if dotted in self.plain else min(named, default="")

    def add(self, imported: Imported) -> None:
        self.origins.setdefault(imported.bound, set()).add(imported.origin)
        self.used.add(imported.bound)
        if imported.module is None and not imported.alias:
            self.plain.add(imported.name)

    def define(self, node: ast.stmt) -> None:
        for name in defined_by(node):
            self.definitions[name] = ast.dump(node)


def insert_tests(text: str | None, candidates: Sequence[Candidate]) -> Placement:
    """A module (None where there is none yet) with the candidates' tests at its end, in this order.

    Nothing that stands in it is touched: lines are inserted, names join the import of their module, and names that are
    taken are changed in what is new. Raises NotPlaceable where that does not work out.
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
    around, remaining = extended(body, imports)
    result = before[: len(before) - len(body)] + _inserted(around, remaining, [code for _, code, _ in joined])
    _check(body, result, tests)
    return Placement(result, tests)


def _header(candidates: Sequence[Candidate], before: str) -> str:
    paths = sorted({candidate.path for candidate in candidates})
    what = ", ".join(paths) if all(_PLAIN.fullmatch(path) for path in paths) else "code that has changed"
    return ("" if not before.strip("\ufeff") or before.endswith("\n") else "\n") + f'"""Tests of {what}."""\n'


def _join(candidate: Candidate, names: _Names) -> tuple[str, str, list[Imported]]:
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
    wanted = [one for one in requested if one.bound in needed]
    changed |= _qualified(wanted, names, tree, needed)
    fresh = _resolve_imports([one for one in wanted if one.bound not in changed], names, own, changed)
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


def _imports_of(line: str) -> Iterator[Imported]:
    for node in ast.parse(line.strip()).body:
        if not isinstance(node, ast.Import | ast.ImportFrom):
            raise NotPlaceable("there is more than import statements among its imports")
        if isinstance(node, ast.ImportFrom) and node.module == "__future__":
            # What is left of these (3.11 and later) changes no value, only when annotations are evaluated.
            continue
        for imported in imported_by(node):
            if imported.name == "*":
                raise NotPlaceable("it imports everything from a module: say which names")
            yield imported


def _resolve_imports(
    requested: Sequence[Imported], names: _Names, own: _Names, changed: dict[str, str]
) -> list[Imported]:
    """What has to be imported, which is added to `names`; names to be changed are added to `changed`."""
    fresh: list[Imported] = []
    for one in requested:
        if one.bound in own.origins:
            raise NotPlaceable(f"it imports `{one.bound}` and defines it, too")
        if needed := _needed(one, names, changed, own):
            fresh.append(needed)
            names.add(needed)
    return fresh


def _qualified(
    imported: Sequence[Imported], names: _Names, tree: ast.Module, needed: Collection[str]
) -> Mapping[str, str]:
    """Names as the module has them that it would join: `client.parse` where that says `import client`."""
    nodes = list(ast.walk(tree))
    called = {node.func.id for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    if any(isinstance(node, ast.JoinedStr) for node in nodes):
        return {}  # before Python 3.12 nobody knows where in it a name stands
    # What is neither called nor a class may be a module, which no other need have as an attribute.
    single = [one for one in imported if one.module and not one.alias and (one.name in called or one.name[0].isupper())]
    modules = {one.name: names.module(one.module or "") for one in single if one.name not in names.used}
    return {name: f"{module}.{name}" for name, module in modules.items() if module.split(".")[0] not in {"", *needed}}


def _needed(one: Imported, names: _Names, changed: dict[str, str], own: _Names) -> Imported | None:
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
    return Imported(one.name, changed[one.bound], one.module)


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


def _inserted(body: str, imports: Sequence[Imported], pieces: Sequence[str]) -> str:
    end = "\r\n" if body.count("\r\n") * 2 > body.count("\n") else "\n"
    lines: list[str] = _LINE.findall(body)
    groups = import_lines(imports)
    tail = "\n\n".join(pieces)
    if lines and not lines[-1].endswith(("\n", "\r")):
        lines[-1] += end
    if groups and (places := import_locations(ast.parse(body), lines, imports)):
        for at, block in reversed(places):
            lines[at:at] = [line + end for line in block]
    elif groups:
        at, beside = import_position(ast.parse(body), lines)
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
    result = ast.parse(separated(before, after.removeprefix("\ufeff")))
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
        for imported in imported_by(statement):
            names.add(imported)
    for node in tree.body:
        names.define(node)
    return names


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
    # A name with a dot is one name in this tree, and an attribute in the text.
    expected = parsed(ast.unparse(tree)) if any("." in name for name in names.values()) else tree
    if (after := parsed(result)) is None or expected is None or ast.dump(expected) != ast.dump(after):
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
