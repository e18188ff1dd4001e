"""A Python file as the rules see it: calls by their full names, functions by theirs, all from one walk of the tree."""

import ast
import sys
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from cicd_agent.domain.text.python_syntax import OverBudget, parse_python

Function = ast.FunctionDef | ast.AsyncFunctionDef
_LEAVES = (ast.Name, ast.Constant)
_NO_NODES = frozenset({"ctx", "op", "ops", "id", "attr", "arg", "asname", "module", "level", "type_comment", "kind"})


class Unparsed(StrEnum):
    """Why a text has no tree."""

    BUDGET = "over the parse budget"
    SYNTAX = f"does not parse as Python {sys.version_info.major}.{sys.version_info.minor}"


@dataclass(frozen=True, slots=True)
class Called:
    """A call; `name` has its imports resolved (`sp.run` is `subprocess.run`), a part that is no name is `?`.

    `inside` is the nearest enclosing function or lambda.
    """

    node: ast.Call
    name: str
    inside: Function | ast.Lambda | None

    @property
    def tail(self) -> str:
        return self.name.rpartition(".")[2]

    @property
    def lines(self) -> tuple[int, ...]:
        """The lines that make it this call: its first, its name's, its keywords'."""
        return (
            self.node.func.end_lineno or self.node.lineno,
            self.node.lineno,
            *(keyword.value.lineno for keyword in self.node.keywords),
        )

    @property
    def last_line(self) -> int:
        return self.node.end_lineno or self.node.lineno

    def keyword(self, name: str) -> ast.expr | None:
        return next((keyword.value for keyword in self.node.keywords if keyword.arg == name), None)

    def argument(self, position: int, name: str) -> ast.expr | None:
        if len(self.node.args) > position:
            return self.node.args[position]
        return self.keyword(name)

    @property
    def has_rest(self) -> bool:
        """Whether arguments are unpacked into it (`*args`, `**options`), so that nobody knows them all."""
        unpacked = any(isinstance(argument, ast.Starred) for argument in self.node.args)
        return unpacked or any(keyword.arg is None for keyword in self.node.keywords)


@dataclass(frozen=True, slots=True)
class Defined:
    """A function; `is_nested` in another one."""

    node: Function
    is_nested: bool


class PythonText:
    """A parsed file. `nodes` are those of statements that hold one of the lines looked at, outermost first."""

    def __init__(self, text: str, tree: ast.Module, numbers: Collection[int]) -> None:
        self.lines = text.split("\n")
        self.imports: dict[str, str] = {}
        self.defined: dict[str, Defined] = {}
        """By the names that a function is nested in: `Client.send`."""
        self.owners: dict[int, ast.ClassDef] = {}
        """The class of each method, by the id of its node."""
        self.classes: dict[str, ast.ClassDef] = {}
        self.nodes: list[tuple[ast.AST, Function | ast.Lambda | None]] = []
        self._numbers = sorted(numbers)
        self._assigned: dict[int, dict[str, list[ast.expr]]] = {}
        self._walk(tree)
        self.calls = [
            Called(node, self.name_of(node.func), inside) for node, inside in self.nodes if isinstance(node, ast.Call)
        ]

    @classmethod
    def parse(cls, text: str, numbers: Collection[int] = ()) -> "PythonText | Unparsed":
        """The file, read closely at the lines `numbers`, or why it has no tree."""
        # As the interpreter does, before anybody counts columns.
        text = text.removeprefix("\ufeff").replace("\0", "").replace("\r\n", "\n")
        try:
            return cls(text, _parsed(text), numbers)
        except OverBudget:
            return Unparsed.BUDGET
        except (SyntaxError, ValueError):
            return Unparsed.SYNTAX

    def name_of(self, node: ast.expr | None) -> str:
        """The dotted name of an expression with imports resolved; "" for what has none at all."""
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if isinstance(node, ast.Name):
            parts.append(self.imports.get(node.id, node.id))
        elif parts:
            parts.append("?")
        return ".".join(reversed(parts))

    def line_with(self, node: ast.expr, replacement: str, line: int) -> str:
        """The line with other words for an expression, "" unless all of that stands on it."""
        text = self.lines[line - 1]
        # The tree counts bytes, and a suggestion must not be a guess.
        if (
            "\r" in text
            or not text.isascii()
            or not node.lineno == node.end_lineno == line
            or node.end_col_offset is None
        ):
            return ""
        return f"{text[: node.col_offset]}{replacement}{text[node.end_col_offset :]}"

    def values_of(self, function: Function, name: str) -> Sequence[ast.expr]:
        """What a function assigns to a name, and those in it."""
        if id(function) not in self._assigned:
            assigned = self._assigned[id(function)] = defaultdict[str, list[ast.expr]](list)
            for node in ast.walk(function):
                if isinstance(node, ast.Assign):
                    for target in {to.id for to in node.targets if isinstance(to, ast.Name)}:
                        assigned[target].append(node.value)
        return self._assigned[id(function)].get(name, ())

    @property
    def functions(self) -> Iterator[Function]:
        """The functions that hold a line looked at."""
        return (node for node, _ in self.nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))

    def imported(self, *modules: str) -> bool:
        return any(name.partition(".")[0] in modules for name in self.imports.values())

    def _walk(self, tree: ast.Module) -> None:
        # A stack, not recursion: a tree may be deeper than Python's. Of statements that hold no wanted line only the
        # statements inside are visited, for their definitions and imports.
        stack: list[tuple[ast.AST, Function | ast.Lambda | None, str, ast.ClassDef | None]]
        stack = [(node, None, "", None) for node in reversed(tree.body)]
        while stack:
            node, inside, prefix, owner = stack.pop()
            near = not isinstance(node, ast.stmt) or self._holds_read_line(node)
            if near:
                self.nodes.append((node, inside))
            if isinstance(node, _LEAVES):
                continue
            match node:
                case ast.Import() | ast.ImportFrom():
                    self._import(node)
                    continue
                case ast.FunctionDef() | ast.AsyncFunctionDef():
                    self.defined[prefix + node.name] = Defined(node, inside is not None)
                    if owner is not None:
                        self.owners[id(node)] = owner
                    inside, prefix, owner = node, f"{prefix}{node.name}.", None
                case ast.ClassDef():
                    self.classes[prefix + node.name] = owner = node
                    prefix = f"{prefix}{node.name}."
                case ast.Lambda():
                    inside = node
                case _:
                    pass
            children = children_of(node) if near else list(statements_in(node))
            stack += [(child, inside, prefix, owner) for child in reversed(children)]

    def _holds_read_line(self, node: ast.stmt) -> bool:
        # Decorators stand above the line that a definition is said to begin on.
        decorators = getattr(node, "decorator_list", ())
        first = min([node.lineno, *(decorator.lineno for decorator in decorators)])
        at = bisect_left(self._numbers, first)
        return at < len(self._numbers) and self._numbers[at] <= (node.end_lineno or node.lineno)

    def _import(self, node: ast.Import | ast.ImportFrom) -> None:
        for alias in node.names:
            top = alias.name.partition(".")[0]
            if isinstance(node, ast.Import):
                self.imports[alias.asname or top] = alias.name if alias.asname else top
            elif node.module and not node.level:
                self.imports[alias.asname or alias.name] = f"{node.module}.{alias.name}"


def _parsed(text: str) -> ast.Module:
    """The tree of a text, with the numbers of its lines as git counts them: Python ends one at a lone CR, too."""
    tree = parse_python(text.replace("\r", "\n"))
    if "\r" in text:
        numbers = [number for number, line in enumerate(text.split("\n"), 1) for _ in line.split("\r")]
        for node in ast.walk(tree):
            for name in ("lineno", "end_lineno"):
                if number := getattr(node, name, None):
                    setattr(node, name, numbers[min(number, len(numbers)) - 1])
    return tree


def children_of(node: ast.AST) -> list[ast.AST]:
    """As ast.iter_child_nodes, without operators and whether a name is read: half of a file's nodes say only that."""
    children: list[ast.AST] = []
    for name in _inner(node._fields):
        value = getattr(node, name, None)
        if isinstance(value, list):
            children += [item for item in value if isinstance(item, ast.AST)]
        elif isinstance(value, ast.AST):
            children.append(value)
    return children


@cache
def _inner(fields: tuple[str, ...]) -> Sequence[str]:
    """Those that may hold nodes to visit: names, numbers and texts hold none."""
    return [name for name in fields if name not in _NO_NODES]


def statements_in(node: ast.AST) -> Iterator[ast.AST]:
    for name in _blocks(node._fields):
        children = getattr(node, name, ())
        if isinstance(children, list):  # the body of a lambda is an expression
            yield from children


@cache
def _blocks(fields: tuple[str, ...]) -> Sequence[str]:
    return [name for name in ("body", "handlers", "orelse", "finalbody", "cases") if name in fields]


def expression_text(node: ast.expr) -> str:
    """An expression without its layout; "" for one that is too deep to be written down."""
    try:
        return ast.unparse(node)
    except RecursionError:
        return ""


def is_constant(node: ast.expr | None) -> bool:
    """Whether an expression is made of literals alone, so that no input can reach it."""
    match node:
        case ast.Constant():
            return True
        case ast.JoinedStr(values=values):
            return all(isinstance(value, ast.Constant) for value in values)
        case ast.BinOp(left=left, right=right):
            return is_constant(left) and is_constant(right)
        case ast.List(elts=items) | ast.Tuple(elts=items) | ast.Set(elts=items):
            return all(is_constant(item) for item in items)
        case _:
            return False


def names_in(node: ast.AST) -> Iterator[str]:
    for part in ast.walk(node):
        if isinstance(part, ast.Name):
            yield part.id
        elif isinstance(part, ast.Attribute):
            yield part.attr
