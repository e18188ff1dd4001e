"""What a Python file consists of, as far as it matters which tests a change of it can reach: by parts, not by lines."""

import ast
import builtins
import re
import typing
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from posixpath import basename, dirname
from typing import Final

from cicd_agent.analysis.test_selection.syntax import ATTRIBUTE, VALUE, Reading, digest, last_name, root_name
from cicd_agent.analysis.test_selection.test_map import Unit, UnitKind
from cicd_agent.domain.text.python_syntax import parse_python

_STARTING_MODULES: Final = frozenset(
    {"subprocess", "multiprocessing", "runpy", "pty", "pexpect", "sh", "plumbum", "invoke", "sarge", "nox", "docker"}
)
_STARTING: Final = re.compile(
    r"ProcessPoolExecutor|create_subprocess_(?:exec|shell)|pytester|testdir|script_runner"
    r"|(?:posix_)?spawn[lvpe]*|exec[lv][pe]*|fork|forkpty|popen|system"
)
"""What starts another process, in which nothing is traced."""
_WIDE: Final = re.compile(r"(?:setup|teardown)_(?:module|class)|(?:setUp|tearDown)(?:Module|Class)")
"""Functions that pytest and unittest call once for several tests."""
_INERT: Final = frozenset(
    {*dir(builtins), "ABC", "Generic", "Protocol", "final", "runtime_checkable", "total_ordering"}
)
"""Bases and decorators that do not look at the attributes of a class, but at special methods."""

_FIXED: Final = frozenset(
    {"TypeVar", "ParamSpec", "TypeVarTuple", "NewType", "namedtuple", "compile", "frozenset", "getLogger", "object",
     "str", "int", "float", "bool", "bytes", "tuple", "attrgetter", "itemgetter", "Path"}
)  # fmt: skip
"""Functions whose result nobody can change in position, or that are the same for all who ask."""
_TYPES: Final = frozenset({*typing.__all__, "dict", "list", "set", "tuple", "type"})

_Definition = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Function:
    """One function (all of its qualified name: a property has several), without those in it, which are told alone.

    Its decorators and signature are among the units, or part of the function around it.
    """

    body: str
    """A digest."""
    names: frozenset[str] = frozenset()
    starts: bool = False
    """Whether it names something that starts a process."""
    wide: bool = False
    """Whether it runs once for several tests, as a fixture of a module does."""


@dataclass(frozen=True, slots=True)
class Outline:
    """A file: functions by qualified name, and `units`, the statements that run at import.

    `imports` are dotted names that the file imports anywhere, `guarded` those whose failure it catches. `classes` are
    by their last names, with the names of what they inherit from and are decorated with. `spans` are the first and last
    line of each function, with its name.
    """

    units: tuple[Unit, ...]
    functions: Mapping[str, Function]
    imports: frozenset[str]
    guarded: frozenset[str]
    classes: Mapping[str, frozenset[str]]
    spans: tuple[tuple[int, int, str], ...]
    lines: tuple[tuple[int, int], ...]
    """First and last line of each unit."""


def outline(text: str) -> Outline | None:
    """The outline of a module, None for what is no Python that this interpreter reads."""
    try:
        return _Reader(parse_python(text)).outline()
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def plain_name(qualified: str) -> str:
    """A function's qualified name as outlines have it: a lambda or comprehension is part of what is around it."""
    parts = [part for part in qualified.split(".") if part != "<locals>"]
    end = next((at for at, part in enumerate(parts) if part.startswith("<")), len(parts))
    return ".".join(parts[:end])


def module_stem(path: str) -> str:
    """The last name by which a file is imported."""
    stem = basename(path).removesuffix(".py")
    return basename(dirname(path)) if stem == "__init__" else stem


class _Reader:
    """Takes the functions out of a module, so that what is left is what runs at import."""

    def __init__(self, tree: ast.Module) -> None:
        self._functions: dict[str, list[Function]] = {}
        self._classes: dict[str, frozenset[str]] = {}
        self._units: list[Unit] = []
        self._at = (0, 0)
        self._lines: list[tuple[int, int]] = []
        self._spans: list[tuple[int, int, str]] = []
        self._guarded: set[str] = set()
        self._imports, self._starting = _imported(tree)
        top = [node for node in tree.body if isinstance(node, ast.Import)]
        self._modules = {each.asname or each.name.split(".")[0] for node in top for each in node.names}
        self._block(tree.body, _Position())

    def outline(self) -> Outline:
        functions = {
            name: Function(
                parts[0].body if len(parts) == 1 else digest(part.body for part in parts),
                frozenset().union(*(part.names for part in parts)),
                starts=any(part.starts for part in parts),
                wide=any(part.wide for part in parts),
            )
            for name, parts in sorted(self._functions.items())
        }
        units = tuple(_in_order(self._units))
        guarded = frozenset(self._guarded)
        return Outline(units, functions, self._imports, guarded, self._classes, tuple(self._spans), tuple(self._lines))

    def _block(self, body: Sequence[ast.stmt], position: "_Position") -> None:
        for number, node in enumerate(body):
            self._at = _head_lines(node)
            match node:
                case ast.FunctionDef() | ast.AsyncFunctionDef():
                    self._definition(node, position)
                case ast.ClassDef():
                    self._class(node, position)
                case ast.If():
                    self._if(node, position)
                case ast.Try() | ast.TryStar():
                    types = Reading(["try", *(each.type for each in node.handlers)]).digest
                    self._block(node.body, replace(position, guards=(*position.guards, types), is_guarded=True))
                    for at, each in enumerate((*(handler.body for handler in node.handlers), node.orelse)):
                        self._block(each, position.under(types, str(at)))
                    self._block(node.finalbody, position)
                case ast.Import() | ast.ImportFrom():
                    self._import(node, position)
                case ast.Expr(value=ast.Constant(value=str(text))) if number == 0:
                    self._unit(UnitKind.NOTE, {"__doc__"}, position, text)
                case _:
                    self._statement(node, position)

    def _unit(
        self, kind: UnitKind, binds: Iterable[str], position: "_Position", *contents: object, names: Iterable[str] = ()
    ) -> None:
        reading = Reading(*contents)
        spelt = digest([kind, *position.guards, reading.digest])
        calls = kind is UnitKind.DEFINITION or (kind is UnitKind.VALUE and reading.calls)
        self._units.append(Unit(kind, spelt, frozenset(binds), frozenset(names), position.owner, calls=calls))
        self._lines.append(self._at)

    def _if(self, node: ast.If, position: "_Position") -> None:
        if ast.unparse(node.test) in {"__name__ == '__main__'", "'__main__' == __name__"}:
            # What it guards runs in no import; who starts the module as a program starts a process.
            self._block(node.orelse, position)
            return
        test = Reading(node.test)
        is_typing = last_name(node.test) == "TYPE_CHECKING"
        bound = {name for each in (*node.body, *node.orelse) for name in _bound(each)}
        if not is_typing:
            # What the condition uses decides about all that is bound under it.
            self._unit(UnitKind.FIXED, bound, position, "if", node.test, names=test.names)
        self._block(node.body, replace(position.under(test.digest, "if"), is_typing=is_typing))
        self._block(node.orelse, position.under(test.digest, "else"))

    def _import(self, node: ast.Import | ast.ImportFrom, position: "_Position") -> None:
        module = f"{'.' * node.level}{node.module or ''}" if isinstance(node, ast.ImportFrom) else ""
        for each in node.names:
            bound = each.asname or each.name.split(".")[0]
            dotted = ".".join(part for part in (module.strip("."), each.name) if part)
            same = isinstance(node, ast.ImportFrom) and each.name == bound
            parts = [] if same else each.name.split(".")
            names = frozenset([*parts, *(VALUE + part for part in parts)])
            if position.is_guarded:
                self._guarded.add(dotted)
            kind = UnitKind.CONSTANT if position.is_typing else UnitKind.IMPORT
            spelt = digest([kind, *position.guards, module, each.name, bound])
            self._units.append(Unit(kind, spelt, frozenset({bound}), names, position.owner, dotted))
            self._lines.append(self._at)

    def _class(self, node: ast.ClassDef, position: "_Position") -> None:
        head = [*node.bases, *node.keywords, *node.decorator_list]
        looking = frozenset(last_name(each.value if isinstance(each, ast.keyword) else each) for each in head) - _INERT
        self._classes[node.name] = self._classes.get(node.name, frozenset()) | looking
        kind = UnitKind.DEFINITION if looking else UnitKind.CONSTANT
        parts = [node.name, *head, *getattr(node, "type_params", ())]
        self._unit(kind, {node.name, *self._changed_by(node)}, position, parts, names=Reading(head).names)
        self._block(node.body, replace(position, owner=node.name, scope=f"{position.scope}{node.name}."))

    def _definition(self, node: _Definition, position: "_Position") -> None:
        """A function that is defined at import: what runs there is a unit, as is what only readers of it see."""
        if node.decorator_list and last_name(node.decorator_list[-1]) == "overload":
            return
        spelt, taken = node.args, _arguments(node.args)
        defaults = [each for each in (*spelt.defaults, *spelt.kw_defaults) if each is not None]
        is_fixed = not node.decorator_list and all(map(_is_literal, defaults))
        kind = UnitKind.CONSTANT if is_fixed else UnitKind.DEFINITION
        shape = [len(spelt.posonlyargs), len(spelt.args), bool(spelt.vararg), bool(spelt.kwarg), spelt.kw_defaults]
        contents = [type(node).__name__, node.name, node.decorator_list, [each.arg for each in taken], *shape, defaults]
        names = Reading(node.decorator_list, defaults).names
        self._unit(kind, {node.name, *self._changed_by(node)}, position, contents, names=names)
        doc = ast.get_docstring(node, clean=False)
        notes = [doc, *(each.annotation for each in taken), node.returns, *getattr(node, "type_params", ())]
        # A decorator can read them, and keep what it makes of them.
        binds = node.name if node.decorator_list else f"{VALUE}{node.name}"
        if any(each is not None for each in notes):
            self._unit(UnitKind.NOTE, {binds}, position, node.name, notes)
        self._function(node, position.scope, node.body[1:] if doc is not None else node.body)

    def _changed_by(self, node: _Definition | ast.ClassDef) -> Iterator[str]:
        """What a decorator that is a method may change: the object that it belongs to."""
        for each in node.decorator_list:
            called = each.func if isinstance(each, ast.Call) else each
            if isinstance(called, ast.Attribute) and (root := root_name(called)) not in self._modules:
                yield root

    def _function(self, node: _Definition, scope: str, body: list[ast.stmt]) -> None:
        name = f"{scope}{node.name}"
        self._spans.append((min([node.lineno, *(d.lineno for d in node.decorator_list)]), node.end_lineno or 0, name))
        for inner, below in list(_inner(body, f"{name}.")):
            # It has a digest of its own.
            self._function(inner, below, inner.body)
            inner.body = []
        reading = Reading(body)
        names = reading.names_of_function(node.name, _arguments(node.args))
        function = Function(
            reading.digest,
            names,
            starts=any(map(self._is_start, reading.names)) and self._starts(body),
            wide=bool(_WIDE.fullmatch(node.name)) or any(map(_is_wide, node.decorator_list)),
        )
        self._functions.setdefault(name, []).append(function)

    def _starts(self, body: Iterable[ast.stmt]) -> bool:
        """Whether one of these names is more than a word in a string."""
        nodes = (each for node in body for each in ast.walk(node) if isinstance(each, ast.Name | ast.Attribute))
        return any(map(self._is_start, map(last_name, nodes)))

    def _is_start(self, name: str) -> bool:
        name = name.removeprefix(ATTRIBUTE)
        return name in self._starting or bool(_STARTING.fullmatch(name))

    def _statement(self, node: ast.stmt, position: "_Position") -> None:
        for inner, scope in list(_inner([node], position.scope)):
            self._function(inner, scope, inner.body)
            inner.body = []
        done = {root_name(each) for each in _done(node)}
        kind = UnitKind.VALUE
        match node:
            case ast.Expr(value=ast.Constant()) | ast.Pass():
                return
            case _ if done:
                # What is done to a thing of this module is seen by who uses that.
                kind = UnitKind.VALUE if done <= self._own() else UnitKind.EFFECT
            case ast.AnnAssign(value=None):
                kind = UnitKind.NOTE
            case ast.Assign(targets=[ast.Name(id="__all__")]):
                kind = UnitKind.CONSTANT
            case ast.Assign(value=value) | ast.AnnAssign(value=ast.expr() as value):
                kind = _kind(value)
            case _:
                pass
        self._unit(kind, _bound(node) | done, position, node, names=Reading(node).names)

    def _own(self) -> set[str]:
        """What this module has made by now, and not imported."""
        imported = {name for unit in self._units if unit.module for name in unit.binds}
        return {name for unit in self._units for name in unit.binds} - imported - {""}


@dataclass(frozen=True, slots=True)
class _Position:
    """Where a statement stands: in the body of which class, under which conditions."""

    owner: str = ""
    scope: str = ""
    guards: tuple[str, ...] = ()
    is_guarded: bool = False
    is_typing: bool = False

    def under(self, *guards: str) -> "_Position":
        return replace(self, guards=(*self.guards, *guards))


def _in_order(units: Sequence[Unit]) -> Iterator[Unit]:
    """The units, each with its place among those that bind what it uses, where that matters."""
    total = Counter(name for unit in units for name in unit.binds)
    bound = Counter[str]()
    for unit in units:
        used = sorted(name for name in unit.names | unit.binds if name in total)
        before = [
            f"{name} {bound[name]}" for name in used if total[name] > 1 or (bound[name] == 0 and name in unit.names)
        ]
        yield unit._replace(digest=digest([unit.digest, *before])) if before else unit
        bound.update(unit.binds)


def _head_lines(node: ast.stmt) -> tuple[int, int]:
    """First and last line of a statement, without the blocks of what has names or conditions of its own."""
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.If | ast.Try | ast.TryStar):
        return node.lineno, node.end_lineno or node.lineno
    first = min([node.lineno, *(each.lineno for each in getattr(node, "decorator_list", ()))])
    return first, max(node.lineno, node.body[0].lineno - 1)


def _arguments(spelt: ast.arguments) -> list[ast.arg]:
    kinds = (spelt.posonlyargs, spelt.args, [spelt.vararg], spelt.kwonlyargs, [spelt.kwarg])
    return [each for kind in kinds for each in kind if each is not None]


def _bound(node: ast.stmt) -> set[str]:
    """Names that a statement binds or deletes, in blocks of its own as well."""
    bound: set[str] = set()
    for each in ast.walk(node):
        match each:
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()) | ast.Attribute(attr=name, ctx=ast.Store() | ast.Del()):
                bound.add(name)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                bound.add(name)
            case ast.alias(name=name, asname=other):
                bound.add(other or name.split(".")[0])
            case _:
                pass
    return bound


def _done(node: ast.stmt) -> Iterator[ast.expr]:
    """What a statement changes that is more than a name."""
    for each in ast.walk(node):
        match each:
            case ast.Attribute(ctx=ast.Store() | ast.Del()) | ast.Subscript(ctx=ast.Store() | ast.Del()):
                yield each
            case ast.Expr(value=ast.Call(func=ast.Attribute() as function)):
                yield function
            case ast.Expr(value=value) if not isinstance(value, ast.Constant):
                # A call of a function, by whose name nobody knows what it does.
                yield ast.Constant(None)
            case _:
                pass


def _kind(value: ast.expr) -> UnitKind:
    match value:
        case ast.Call():
            is_fixed = last_name(value) in _FIXED
        case ast.Subscript():
            is_fixed = last_name(value) in _TYPES
        case ast.BinOp(left=left, right=right):
            is_fixed = any(isinstance(each, ast.Constant | ast.JoinedStr) for each in (left, right))
        case _ if _is_literal(value):
            return UnitKind.CONSTANT
        case _:
            is_fixed = isinstance(value, ast.JoinedStr | ast.Lambda | ast.Compare)
    return UnitKind.FIXED if is_fixed else UnitKind.VALUE


def _is_literal(value: ast.expr) -> bool:
    match value:
        case ast.Constant():
            return True
        case ast.Tuple(elts=elements):
            return all(map(_is_literal, elements))
        case ast.UnaryOp(operand=operand):
            return _is_literal(operand)
        case _:
            return False


def _inner(body: Iterable[ast.AST], scope: str) -> Iterator[tuple[_Definition, str]]:
    """The functions that stand in a function, but for those in these, with the scope in which each is."""
    for node in body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                yield node, scope
            case ast.ClassDef():
                yield from _inner(node.body, f"{scope}{node.name}.")
            case _:
                yield from _inner(ast.iter_child_nodes(node), scope)


def _imported(tree: ast.Module) -> tuple[frozenset[str], frozenset[str]]:
    """Dotted names that are imported, and the names that stand for something which starts processes."""
    imports: set[str] = set()
    bound: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                for each in names:
                    imports.add(each.name)
                    root = each.name.split(".")[0]
                    if root in _STARTING_MODULES:
                        bound.add(each.asname or root)
            case ast.ImportFrom(module=module, names=names):
                for each in names:
                    imports.add(f"{module}.{each.name}" if module else each.name)
                    if (module or "").split(".")[0] in _STARTING_MODULES or _STARTING.fullmatch(each.name):
                        bound.add(each.asname or each.name)
            case _:
                pass
    return frozenset(imports), frozenset(bound)


def _is_wide(decorator: ast.expr) -> bool:
    """Whether it makes a fixture that lives longer than one test, or may."""
    match decorator:
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=args, keywords=keywords):
            scopes = [each.value for each in keywords if each.arg in {"scope", None}] + args[:1]
            of_one = all(isinstance(scope, ast.Constant) and scope.value == "function" for scope in scopes)
            return "fixture" in name and not of_one
        case _:
            return False
