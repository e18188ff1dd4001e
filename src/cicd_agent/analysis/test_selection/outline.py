"""What a Python file consists of, as far as it matters which tests a change of it can reach: by parts, not by lines."""

import ast
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

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
REFLECTIVE: Final = frozenset(
    {"signature", "getfullargspec", "getmembers", "get_type_hints", "vars", "dir", "globals", "__dict__", "__code__",
     "__defaults__", "__kwdefaults__", "__annotations__", "__wrapped__"}
)  # fmt: skip
"""Names by which code looks at functions that it does not name."""
_WORD: Final = re.compile(r"[^\W\d]\w*")
_WORDS: Final = 200
"""Characters of a string above which it is text, and names nothing."""
_IGNORED: Final = frozenset({"ctx", "type_comment", "type_ignores", "kind"})

_Definition = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Function:
    """One function (all of its qualified name: a property has several). `head` and `body` are digests.

    The head is what runs where it is defined: decorators and signature. The body goes without those of functions in
    it, which are told for themselves.
    """

    head: str
    body: str
    decorated: bool = False
    starts: bool = False
    """Whether it names something that starts a process."""
    lines: tuple[tuple[int, int], ...] = ()
    """First and last line of each body."""
    wide: bool = False
    """Whether it runs once for several tests, as a fixture of a module does."""
    names: frozenset[str] = frozenset()
    """What it names: variables, attributes, and words in strings, by which `getattr` may find something."""


@dataclass(frozen=True, slots=True)
class Outline:
    """A file: functions by qualified name, and `at_import`, the digest of what stands outside of all functions.

    `imports` are dotted names that the file imports anywhere. `classes` has the names of the bases of each class; those
    of `plain` inherit nothing and are not decorated.
    """

    at_import: str
    functions: Mapping[str, Function] = field(default_factory=dict)
    imports: frozenset[str] = frozenset()
    classes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    plain: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    """What is named outside of functions, but for what is imported under its own name."""


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


class _Reader(ast.NodeTransformer):
    """Takes the functions out of a module, so that what is left is what runs at import."""

    def __init__(self, tree: ast.Module) -> None:
        self._functions: dict[str, list[Function]] = {}
        self._classes: dict[str, tuple[str, ...]] = {}
        self._plain: set[str] = set()
        self._imports, self._bound = _imported(tree)
        self._scope = ""
        self._direct = True
        """Whether a statement always runs, so that a function is there whatever happens."""
        self._rest = self._block(tree.body)

    def outline(self) -> Outline:
        functions = {
            name: Function(
                head=_digest([part.head for part in parts]),
                body=_digest([part.body for part in parts]),
                decorated=any(part.decorated for part in parts),
                starts=any(part.starts for part in parts),
                lines=tuple(line for part in parts for line in part.lines),
                wide=any(part.wide for part in parts),
                names=frozenset().union(*(part.names for part in parts)),
            )
            for name, parts in sorted(self._functions.items())
        }
        return Outline(
            _digest(self._rest),
            functions,
            self._imports,
            self._classes,
            frozenset(self._plain),
            _names_in(self._rest),
        )

    def _block(self, body: Iterable[ast.stmt], *, scope: str | None = None, direct: bool = True) -> list[ast.stmt]:
        outer = self._scope, self._direct
        self._scope, self._direct = self._scope if scope is None else scope, direct
        rest: list[ast.stmt] = []
        for statement in body:
            left = self.visit(statement)
            rest += left if isinstance(left, list) else [left]
        self._scope, self._direct = outer
        return rest

    def visit_FunctionDef(self, node: _Definition) -> list[ast.stmt]:
        self._function(node, self._scope)
        return [] if self._direct else [ast.Expr(ast.Constant(f"def {self._scope}{node.name}"))]

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> list[ast.stmt]:
        return self.visit_FunctionDef(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.ClassDef:
        name = f"{self._scope}{node.name}"
        bases = sorted(_names(node.bases))
        self._classes[name] = tuple(bases)
        if not (set(bases) - {"object"} or node.keywords or node.decorator_list):
            self._plain.add(name)
        node.body = self._block(node.body, scope=f"{name}.")
        return node

    def visit_If(self, node: ast.If) -> ast.AST | list[ast.stmt]:
        if ast.unparse(node.test) in {"__name__ == '__main__'", "'__main__' == __name__"}:
            # What it guards runs in no import; who starts the module as a program starts a process.
            return self._block(node.orelse, direct=False)
        return self.generic_visit(node)

    def generic_visit(self, node: ast.AST) -> ast.AST:
        """Any other statement, or a part of one: what may have a block of its own."""
        for name, value in ast.iter_fields(node):
            match value:
                case [ast.stmt(), *_]:
                    setattr(node, name, self._block(value, direct=False))
                case [ast.ExceptHandler() | ast.match_case(), *_]:
                    for each in value:
                        self.generic_visit(each)
                case _:
                    pass
        return node

    def _function(self, node: _Definition, scope: str) -> None:
        name, names = f"{scope}{node.name}", _names(node.body)
        lines = ((node.body[0].lineno, node.end_lineno or node.body[-1].lineno),)
        for inner, below in list(_inner(node.body, f"{name}.")):
            # It has a digest of its own.
            self._function(inner, below)
            inner.body = []
        parts = (*node.decorator_list, node.args, node.returns, *getattr(node, "type_params", ()))
        function = Function(
            head=_digest((type(node).__name__, *parts)),
            body=_digest(node.body),
            decorated=bool(node.decorator_list),
            starts=any(each in self._bound or _STARTING.fullmatch(each) for each in names),
            lines=lines,
            wide=bool(_WIDE.fullmatch(node.name)) or any(map(_is_wide, node.decorator_list)),
            names=_names_in([*(each for each in parts if each is not None), *node.body]),
        )
        self._functions.setdefault(name, []).append(function)


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


def _names(nodes: Iterable[ast.AST]) -> frozenset[str]:
    every = (node for top in nodes for node in ast.walk(top))
    return frozenset(
        node.id if isinstance(node, ast.Name) else node.attr
        for node in every
        if isinstance(node, ast.Name | ast.Attribute)
    )


def _names_in(nodes: Iterable[ast.AST]) -> frozenset[str]:
    """The names in these nodes, words in strings among them; of imports those that get another name."""
    said: set[str] = set()
    waiting = list(nodes)
    while waiting:
        node = waiting.pop()
        match node:
            case ast.Expr(value=ast.Constant()) | ast.Assign(targets=[ast.Name(id="__all__")]):
                continue
            case ast.Name(id=name) | ast.Attribute(attr=name):
                said.add(name)
            case ast.Constant(value=str(text)) if len(text) <= _WORDS:
                said |= set(_WORD.findall(text))
            case ast.alias(name=name, asname=str(other)) if name != other:
                said |= set(name.split("."))
            case _:
                pass
        waiting += ast.iter_child_nodes(node)
    return frozenset(said)


def _is_wide(decorator: ast.expr) -> bool:
    """Whether it makes a fixture that lives longer than one test, or may."""
    match decorator:
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=args, keywords=keywords):
            scopes = [each.value for each in keywords if each.arg in {"scope", None}] + args[:1]
            of_one = all(isinstance(scope, ast.Constant) and scope.value == "function" for scope in scopes)
            return "fixture" in name and not of_one
        case _:
            return False


def _spelt(value: object) -> Iterator[str]:
    """What a node says, the same in every version of Python that reads it."""
    match value:
        case ast.AST():
            yield f"{type(value).__name__}("
            for name, inner in ast.iter_fields(value):
                # What is empty is left out: which fields there are differs from version to version.
                if name not in _IGNORED and inner is not None and inner != []:
                    yield name
                    yield from _spelt(inner)
            yield ")"
        case list() | tuple():
            yield "["
            for each in value:
                yield from _spelt(each)
            yield "]"
        case _:
            yield f"{type(value).__name__} {value!r}"


def _digest(value: object) -> str:
    return hashlib.sha256("\0".join(_spelt(value)).encode("utf-8", "surrogatepass")).hexdigest()[:16]
