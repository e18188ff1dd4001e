"""What is known of a function for which tests are written by rules: its text, how it is called, who calls it."""

import ast
import builtins
from collections.abc import Mapping
from dataclasses import dataclass

from cicd_agent.analysis.python_tests.syntax import (
    Definition,
    FunctionNode,
    definitions,
    parsed,
    path_to,
)
from cicd_agent.domain.evidence import Evidence


@dataclass(frozen=True, slots=True)
class FunctionTarget:
    """A function with goals: its file, its qualified name, and the dotted name under which tests import the module."""

    path: str
    function: str
    module: str


@dataclass(frozen=True, slots=True)
class Subject:
    """A function as its file has it, inside the class `around` (None: of the module). `texts` may hold calls of it."""

    wanted: FunctionTarget
    source: str
    tree: ast.Module
    node: FunctionNode
    around: ast.ClassDef | None
    texts: Mapping[str, ast.Module]

    @property
    def last(self) -> str:
        return self.node.name

    @property
    def words(self) -> str:
        """Its name as a part of a test's name: `Bag.size_of` is "bag_size_of"."""
        parts = [_snake(part).strip("_") for part in self.wanted.function.split(".") if part != "__init__"]
        return "_".join(part for part in parts if part)

    @property
    def is_static(self) -> bool:
        return any(ast.unparse(each) in {"staticmethod", "classmethod"} for each in self.node.decorator_list)

    @property
    def is_property(self) -> bool:
        return any(
            ast.unparse(each).split(".")[-1] in {"property", "cached_property"} for each in self.node.decorator_list
        )

    @property
    def yields(self) -> bool:
        """Whether it is a generator."""
        waiting: list[ast.AST] = list(self.node.body)
        while waiting:
            each = waiting.pop()
            if isinstance(each, ast.Yield | ast.YieldFrom):
                return True
            if not isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
                waiting.extend(ast.iter_child_nodes(each))
        return False

    def imports(self, name: str) -> tuple[str, ...] | None:
        """The import statement that makes a name of the module known, () for a built-in one, None when it has none."""
        if name in top_names(self.tree):
            return (f"from {self.wanted.module} import {name}",)
        return () if hasattr(builtins, name) else None


def subject(requested: FunctionTarget, evidence: Evidence, trees: Mapping[str, ast.Module]) -> Subject | None:
    """The subject of a function; None for what no test can import, and for what is no function of a module or class."""
    source = evidence.change.texts.get(requested.path, "") if evidence.change is not None else ""
    tree = parsed(source)
    parts = requested.function.split(".")
    if tree is None or not all(part.isidentifier() for part in (*requested.module.split("."), *parts)):
        return None
    around = path_to(tree, requested.function)
    match around:
        case (ast.FunctionDef() | ast.AsyncFunctionDef() as node,):
            holder = None
        case (ast.ClassDef() as holder, ast.FunctionDef() | ast.AsyncFunctionDef() as node):
            pass
        case _:
            return None
    # pytest would collect what is imported under such a name.
    if parts[0].lower().startswith("test"):
        return None
    return Subject(requested, source, tree, node, holder, trees)


def top_names(tree: ast.Module) -> frozenset[str]:
    """What a module binds at its top level, as far as its text tells."""
    names = {each.name for each in definitions(tree.body)}
    for node in tree.body:
        match node:
            case ast.Assign(targets=targets):
                names |= {each.id for target in targets for each in ast.walk(target) if isinstance(each, ast.Name)}
            case ast.AnnAssign(target=ast.Name(id=name)):
                names.add(name)
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                names |= {(alias.asname or alias.name).split(".")[0] for alias in aliases}
            case _:
                pass
    return frozenset(names - {"*"})


def method(holder: ast.ClassDef, name: str) -> FunctionNode | None:
    """The method of a class by its name."""
    results: list[Definition] = [each for each in definitions(holder.body) if each.name == name]
    last = results[-1] if results else None
    return last if isinstance(last, ast.FunctionDef | ast.AsyncFunctionDef) else None


def _snake(name: str) -> str:
    if name.islower() or name.isupper():
        return name.lower()
    return "".join(f"_{each.lower()}" if each.isupper() else each for each in name).strip("_")
