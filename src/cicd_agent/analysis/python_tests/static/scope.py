"""What the names in a proposed test stand for, as far as its text and that of the tests around it say."""

import ast
import sys
import warnings
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

Function = ast.FunctionDef | ast.AsyncFunctionDef
LONGEST_MODULE = 400_000
"""Characters of an existing test module from which on it is not read."""


@dataclass(frozen=True, slots=True)
class Complaint:
    """What is wrong, as the end of a sentence that begins with the line."""

    line: int
    words: str


@dataclass(frozen=True, slots=True)
class Habits:
    """What the existing tests do: the modules they import, the dotted names they use, parameters of their functions.

    `bindings` is what their imports bind, `helpers` what they define at the top; a new test among them can use both.
    """

    imports: frozenset[str] = frozenset()
    uses: frozenset[str] = frozenset()
    parameters: frozenset[str] = frozenset()
    strings: frozenset[str] = frozenset()
    bindings: Mapping[str, str] | None = None
    helpers: frozenset[str] = frozenset()
    asynchronous: bool = False


@dataclass(frozen=True, slots=True)
class Scene:
    """A proposed test that has the right shape, and what is around it.

    `names` is what each import of the test binds, `roots` the top modules that belong to the project, `exports` what
    the source under test defines at its top, `defined` every function, class and attribute that it defines anywhere.
    `borrowed` are top modules that the source under test imports and that are neither the project's nor Python's.
    """

    imports: tuple[ast.Import | ast.ImportFrom, ...]
    tree: ast.Module
    text: str
    test: Function
    helpers: Mapping[str, Function]
    names: Mapping[str, str]
    module: str
    roots: "Roots"
    source_names: Mapping[str, str]
    exports: frozenset[str]
    defined: frozenset[str]
    borrowed: frozenset[str]
    fixtures: frozenset[str]
    habits: Habits

    def dotted(self, node: ast.expr) -> str:
        """The full name of what an expression of names and dots stands for, "" for any other expression."""
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return ""
        return ".".join([self.stands_for(node.id), *reversed(parts)])

    def stands_for(self, name: str) -> str:
        """What one name stands for: an import of the test, else of the tests around it, else just itself."""
        return self.names.get(name) or (self.habits.bindings or {}).get(name) or name

    def is_code(self, name: str) -> bool:
        """Whether a name stands for code of the project: imported from it, or there without an import."""
        if name in self.names:
            return self.roots.own(self.names[name])
        if name in self.helpers:
            return False
        around = (self.habits.bindings or {}).get(name)
        return self.roots.own(around) if around else name in self.exports or name in self.habits.helpers

    def shown(self, node: ast.AST) -> str:
        """The first line of a piece of the test, short."""
        segment = ast.get_source_segment(self.text, node) or type(node).__name__
        first, *rest = segment.split("\n")
        return f"`{first[:60]}…`" if rest or len(first) > 60 else f"`{first}`"  # noqa: PLR2004  fits a line


@dataclass(frozen=True, slots=True)
class Roots:
    """The modules that the project's own paths make importable."""

    paths: Collection[str]
    module: str
    known: dict[str, bool]

    def own(self, dotted: str) -> bool:
        """Whether a dotted name begins with a module of the project."""
        root = dotted.partition(".")[0]
        if root not in self.known:
            self.known[root] = root == self.module.partition(".")[0] or (
                root not in sys.stdlib_module_names and bool(root) and self._there(root)
            )
        return self.known[root]

    def _there(self, root: str) -> bool:
        for path in self.paths:
            if not path.endswith(".py"):
                continue
            at = f"/{path}"
            file, folder = at.find(f"/{root}.py"), at.find(f"/{root}/")
            before = at[: max(file, folder)].strip("/")
            # What lies inside of a package is imported by the package's name.
            if max(file, folder) >= 0 and (not before or f"{before}/__init__.py" not in self.paths):
                return True
        return False


def listed(names: str) -> frozenset[str]:
    """Names that are written with blanks between them."""
    return frozenset(names.split())


def parsed(text: str) -> ast.Module | None:
    """The tree, None where there is none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None


def bound(statements: Collection[ast.AST]) -> dict[str, str]:
    """What imports bind, by name: `import a.b` binds `a`, `from a import b as c` binds `c` to `a.b`."""
    names: dict[str, str] = {}
    for node in statements:
        match node:
            case ast.Import(names=aliases):
                for alias in aliases:
                    root = alias.name.partition(".")[0]
                    names[alias.asname or root] = alias.name if alias.asname else root
            case ast.ImportFrom(module=module, names=aliases, level=level):
                for alias in aliases:
                    names[alias.asname or alias.name] = "." * level + f"{module or ''}.{alias.name}".lstrip(".")
            case _:
                pass
    return names


def habits(modules: Mapping[str, str]) -> Habits:
    """Of existing test modules and conftests, by path. One that does not parse has none."""
    imports: set[str] = set()
    uses: set[str] = set()
    parameters: set[str] = set()
    strings: set[str] = set()
    bindings: dict[str, str] = {}
    helpers: set[str] = set()
    asynchronous = False
    for text in modules.values():
        tree = parsed(text) if len(text) <= LONGEST_MODULE else None
        if tree is None:
            continue
        nodes = list(ast.walk(tree))
        local = bound(nodes)
        bindings |= local
        helpers |= {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
        for node in nodes:
            match node:
                case ast.Import(names=aliases):
                    imports |= {alias.name for alias in aliases}
                case ast.ImportFrom(module=str(module), names=aliases):
                    imports |= {module, *(f"{module}.{alias.name}" for alias in aliases)}
                    uses |= {f"{module}.{alias.name}" for alias in aliases}
                case ast.FunctionDef() | ast.AsyncFunctionDef():
                    parameters |= {each.arg for each in node.args.args}
                    asynchronous |= isinstance(node, ast.AsyncFunctionDef) and node.name.startswith("test")
                case ast.Attribute():
                    uses |= _chain(node, local)
                case ast.Constant(value=str(value)):
                    strings.add(value[:200])
                case _:
                    pass
    return Habits(
        frozenset(imports),
        frozenset(uses),
        frozenset(parameters),
        frozenset(strings),
        bindings,
        frozenset(name for name in helpers if not name.startswith(("test", "Test", "pytest"))),
        asynchronous,
    )


def _chain(node: ast.expr, names: Mapping[str, str]) -> set[str]:
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return {".".join([names.get(node.id, node.id), *reversed(parts)])} if isinstance(node, ast.Name) else set()


def definitions(tree: ast.Module) -> tuple[frozenset[str], frozenset[str]]:
    """What a module defines at its top, and every name of a function, class or class attribute in it."""
    top: set[str] = set()
    for node in tree.body:
        top |= set(_defined(node))
    inside = {name for node in ast.walk(tree) if isinstance(node, ast.ClassDef) for name in _members(node)}
    functions = {
        node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    }
    return frozenset(top), frozenset(top | inside | functions)


def _members(node: ast.ClassDef) -> Iterator[str]:
    # A plain attribute may be set by whoever uses the class; what is computed may not be replaced.
    yield from (
        each.name for each in node.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    )


def _defined(node: ast.stmt) -> Iterator[str]:
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.Assign(targets=targets):
            yield from (each.id for each in targets if isinstance(each, ast.Name))
        case ast.AnnAssign(target=ast.Name(id=name)):
            yield name
        case _:
            pass
