"""What a Python file consists of, as far as it matters which tests a change of it can reach: by parts, not by lines."""

import ast
import hashlib
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

_STARTING_MODULES: Final = frozenset(
    {"subprocess", "multiprocessing", "runpy", "pty", "pexpect", "sh", "plumbum", "invoke", "sarge", "nox", "docker"}
)
_STARTING: Final = re.compile(
    r"ProcessPoolExecutor|create_subprocess_(?:exec|shell)|pytester|testdir|script_runner"
    r"|(?:posix_)?spawn[lvpe]*|exec[lv][pe]*|fork|forkpty|popen|system"
)
"""What starts another process, in which nothing is traced."""
_WIDE_NAMES: Final = frozenset(
    {"setup_module", "teardown_module", "setUpModule", "tearDownModule"}
    | {"setup_class", "teardown_class", "setUpClass", "tearDownClass"}
)
"""Functions that pytest and unittest call once for several tests."""
_UNTOLD: Final = frozenset({"ctx", "type_comment", "type_ignores", "kind"})

_Definition = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Function:
    """One function (all of its qualified name: a property has several). `head` and `body` are digests.

    The head is what runs where it is defined: decorators and signature. The body goes without those of functions in
    it, which are told for themselves. `names` are those that the body uses.
    """

    head: str
    body: str
    names: frozenset[str] = frozenset()
    decorated: bool = False
    starts: bool = False
    """Whether it names something that starts a process."""
    lines: tuple[tuple[int, int], ...] = ()
    """First and last line of each body."""
    wide: bool = False
    """Whether it runs once for several tests, as a fixture of a module does."""


@dataclass(frozen=True, slots=True)
class Outline:
    """A file: functions by qualified name, and `at_import`, the digest of what stands outside of all functions.

    `names` are used by what runs at import, `imports` are dotted names that the file imports anywhere. `classes` has
    for each class the names of its bases; those of `plain` inherit nothing and are not decorated.
    """

    at_import: str
    functions: Mapping[str, Function] = field(default_factory=dict)
    names: frozenset[str] = frozenset()
    imports: frozenset[str] = frozenset()
    classes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    plain: frozenset[str] = frozenset()


def outline(text: str) -> Outline | None:
    """The outline of a module, None for what is no Python that this interpreter reads."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text.removeprefix("\ufeff"))
        reader = _Reader(tree)
        reader.block(tree.body, "", direct=True)
        return reader.outline()
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def plain_name(qualified: str) -> str:
    """A function's qualified name as outlines have it: a lambda or comprehension is part of what is around it."""
    parts = [part for part in qualified.split(".") if part != "<locals>"]
    end = next((at for at, part in enumerate(parts) if part.startswith("<")), len(parts))
    return ".".join(parts[:end])


class _Reader:
    def __init__(self, tree: ast.Module) -> None:
        self._parts_read: list[str] = []
        self._names: set[str] = set()
        self._parts: dict[str, list[Function]] = {}
        self._classes: dict[str, tuple[str, ...]] = {}
        self._plain: set[str] = set()
        self._imports, self._bound = _imported(tree)

    def outline(self) -> Outline:
        functions = {
            name: Function(
                head=_joined(part.head for part in parts),
                body=_joined(part.body for part in parts),
                names=frozenset().union(*(part.names for part in parts)),
                decorated=any(part.decorated for part in parts),
                starts=any(part.starts for part in parts),
                lines=tuple(line for part in parts for line in part.lines),
                wide=any(part.wide for part in parts),
            )
            for name, parts in sorted(self._parts.items())
        }
        names = frozenset(self._names)
        return Outline(
            _digest(self._parts_read), functions, names, self._imports, self._classes, frozenset(self._plain)
        )

    def block(self, body: Iterable[ast.stmt], scope: str, *, direct: bool) -> None:
        """Statements that run at import; `direct` when they always do, so that a function is there whatever happens."""
        for statement in body:
            match statement:
                case ast.FunctionDef() | ast.AsyncFunctionDef():
                    if not direct:
                        self._parts_read.append(f"def {scope}{statement.name}")
                    self._function(statement, scope)
                    self._names |= _names([*statement.decorator_list, *_defaults(statement.args)])
                case ast.ClassDef():
                    self._class(statement, scope)
                case ast.If(test=test, orelse=orelse) if _is_main(test):
                    # What it guards runs in no import; who starts the module as a program starts a process.
                    self.block(orelse, scope, direct=False)
                case ast.Import() | ast.ImportFrom():
                    _spell(statement, self._parts_read)
                case ast.AnnAssign():
                    _spell(statement, self._parts_read)
                    self._names |= _names([statement.target, *([statement.value] if statement.value else [])])
                case _:
                    self._other(statement, scope)

    def _class(self, statement: ast.ClassDef, scope: str) -> None:
        name = f"{scope}{statement.name}"
        self._parts_read.append(f"class {name}")
        for part in (*statement.bases, *statement.keywords, *statement.decorator_list):
            _spell(part, self._parts_read)
        self._names |= _names([*statement.keywords, *statement.decorator_list])
        bases = sorted(_names(statement.bases))
        self._classes[name] = tuple(bases)
        if not (set(bases) - {"object"} or statement.keywords or statement.decorator_list):
            self._plain.add(name)
        self.block(statement.body, f"{name}.", direct=True)
        self._parts_read.append("end")

    def _other(self, statement: ast.stmt, scope: str) -> None:
        self._parts_read.append(type(statement).__name__)
        for name, value in ast.iter_fields(statement):
            self._parts_read.append(name)
            self._part(value, scope)

    def _part(self, value: Any, scope: str) -> None:
        match value:
            case [ast.stmt(), *_]:
                self.block(value, scope, direct=False)
            case list():
                for each in value:
                    self._part(each, scope)
            case ast.ExceptHandler() | ast.match_case():
                for name, inner in ast.iter_fields(value):
                    self._parts_read.append(name)
                    self._part(inner, scope)
            case ast.AST():
                _spell(value, self._parts_read)
                self._names |= _names([value])
            case _:
                _spell(value, self._parts_read)

    def _function(self, node: _Definition, scope: str) -> None:
        name = f"{scope}{node.name}"
        head: list[str] = [type(node).__name__]
        for part in (*node.decorator_list, node.args, node.returns, *getattr(node, "type_params", ())):
            _spell(part, head)
        body: list[str] = []
        _spell(node.body, body)
        names = _names(node.body)
        starts = any(each in self._bound or _STARTING.fullmatch(each) for each in names)
        wide = node.name in _WIDE_NAMES or any(map(_is_wide, node.decorator_list))
        lines = ((node.body[0].lineno, node.end_lineno or node.body[-1].lineno),)
        results = Function(_digest(head), _digest(body), names, bool(node.decorator_list), starts, lines, wide)
        self._parts.setdefault(name, []).append(results)
        for inner, below in _inner(node.body, f"{name}."):
            self._function(inner, below)


def _inner(body: Sequence[ast.AST], scope: str) -> Iterator[tuple[_Definition, str]]:
    """The functions that stand in a function, but for those in these, with the scope in which each is."""
    for node in body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                yield node, scope
            case ast.ClassDef():
                yield from _inner(node.body, f"{scope}{node.name}.")
            case _:
                yield from _inner(list(ast.iter_child_nodes(node)), scope)


def _imported(tree: ast.Module) -> tuple[frozenset[str], frozenset[str]]:
    """Dotted names that are imported, and the names that stand for something which starts processes."""
    imports: set[str] = set()
    bound: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                imports |= {each.name for each in names}
                bound |= {
                    each.asname or each.name.split(".")[0]
                    for each in names
                    if each.name.split(".")[0] in _STARTING_MODULES
                }
            case ast.ImportFrom(module=module, names=names):
                imports |= {f"{module}.{each.name}" if module else each.name for each in names}
                starting = (module or "").split(".")[0] in _STARTING_MODULES
                bound |= {each.asname or each.name for each in names if starting or _STARTING.fullmatch(each.name)}
            case _:
                pass
    return frozenset(imports), frozenset(bound)


def _names(nodes: Iterable[ast.AST]) -> frozenset[str]:
    results = set()
    for top in nodes:
        for node in ast.walk(top):
            match node:
                case ast.Name(id=name) | ast.Attribute(attr=name):
                    results.add(name)
                case _:
                    pass
    return frozenset(results)


def _defaults(arguments: ast.arguments) -> list[ast.expr]:
    return [*arguments.defaults, *(each for each in arguments.kw_defaults if each is not None)]


def _is_main(test: ast.expr) -> bool:
    return ast.unparse(test) in {"__name__ == '__main__'", "'__main__' == __name__"}


def _is_wide(decorator: ast.expr) -> bool:
    """Whether it makes a fixture that lives longer than one test, or may."""
    match decorator:
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=args, keywords=keywords):
            scopes = [each.value for each in keywords if each.arg in {"scope", None}] + args[:1]
            of_one = all(isinstance(scope, ast.Constant) and scope.value == "function" for scope in scopes)
            return "fixture" in name and not of_one
        case _:
            return False


def _spell(value: object, out: list[str]) -> None:
    """Append what a node says, the same in every version of Python that reads it."""
    match value:
        case ast.AST():
            out.append(f"{type(value).__name__}(")
            for name, inner in ast.iter_fields(value):
                # What is empty is left out: which fields there are differs from version to version.
                # The body of a function is told for itself, wherever it stands.
                is_body = name == "body" and isinstance(value, ast.FunctionDef | ast.AsyncFunctionDef)
                if name not in _UNTOLD and inner is not None and inner != [] and not is_body:
                    out.append(name)
                    _spell(inner, out)
            out.append(")")
        case list():
            out.append("[")
            for each in value:
                _spell(each, out)
            out.append("]")
        case _:
            out.append(f"{type(value).__name__} {value!r}")


def _digest(parts: Iterable[str]) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _joined(digests: Iterable[str]) -> str:
    results = list(digests)
    return results[0] if len(results) == 1 else _digest(results)
