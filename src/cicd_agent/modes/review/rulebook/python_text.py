"""A Python file as the rules see it: calls by their full names, functions by theirs, all from one walk of the tree."""

import ast
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

LIMIT = 500_000
"""Characters above which a file is not parsed."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


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
        """The last part of the name: `execute` of `self.db.execute`."""
        return self.name.rpartition(".")[2]

    @property
    def lines(self) -> tuple[int, ...]:
        """The lines that make it this call: its first, its name's, its keywords'."""
        return (
            self.node.func.end_lineno or self.node.lineno,
            self.node.lineno,
            *(keyword.value.lineno for keyword in self.node.keywords),
        )

    def keyword(self, name: str) -> ast.expr | None:
        """The value of a keyword argument."""
        return next((keyword.value for keyword in self.node.keywords if keyword.arg == name), None)

    def argument(self, position: int, name: str) -> ast.expr | None:
        """The value of an argument given by position or by name."""
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
    """A function with the names it is nested in: `Client.send`; `owner` is its class, if it is a method."""

    node: Function
    name: str
    owner: ast.ClassDef | None
    is_nested: bool


class PythonText:
    """A parsed file."""

    def __init__(self, text: str, tree: ast.Module) -> None:
        self.lines = text.split("\n")
        self.tree = tree
        self.imports: dict[str, str] = {}
        self.defined: dict[str, Defined] = {}
        self.nodes: list[tuple[ast.AST, Function | ast.Lambda | None]] = []
        self._walk()
        self.calls = [
            Called(node, self.name_of(node.func), inside) for node, inside in self.nodes if isinstance(node, ast.Call)
        ]

    @classmethod
    def parse(cls, text: str | None) -> "PythonText | None":
        """None for what does not parse, is too long, or nests too deeply."""
        if text is None or len(text) > LIMIT:
            return None
        if "\r" in text:
            # Python ends a line at a lone carriage return, git does not: the numbers must be git's.
            text = text.replace("\r\n", "\n").replace("\r", " ")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return cls(text, ast.parse(text))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None

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

    def imported(self, module: str) -> bool:
        """Whether the file imports this top-level module or anything from it."""
        return any(name.partition(".")[0] == module for name in self.imports.values())

    def _walk(self) -> None:
        # A stack, not recursion: a tree may be deeper than Python's.
        stack: list[tuple[ast.AST, Function | ast.Lambda | None, ast.ClassDef | None, str]]
        stack = [(self.tree, None, None, "")]
        while stack:
            node, inside, owner, prefix = stack.pop()
            self.nodes.append((node, inside))
            match node:
                case ast.Import():
                    for alias in node.names:
                        self.imports[alias.asname or alias.name.partition(".")[0]] = (
                            alias.name if alias.asname else alias.name.partition(".")[0]
                        )
                case ast.ImportFrom(module=str(module), level=0):
                    self.imports.update({alias.asname or alias.name: f"{module}.{alias.name}" for alias in node.names})
                case ast.FunctionDef() | ast.AsyncFunctionDef():
                    self.defined[prefix + node.name] = Defined(node, prefix + node.name, owner, inside is not None)
                    inside, owner, prefix = node, None, f"{prefix}{node.name}."
                case ast.ClassDef():
                    owner, prefix = node, f"{prefix}{node.name}."
                case ast.Lambda():
                    inside = node
                case _:
                    pass
            stack.extend((child, inside, owner, prefix) for child in reversed(list(ast.iter_child_nodes(node))))


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
    """Every identifier used in an expression."""
    for part in ast.walk(node):
        if isinstance(part, ast.Name):
            yield part.id
        elif isinstance(part, ast.Attribute):
            yield part.attr
