"""What the names in a proposed test stand for, as far as its text and that of the tests around it say."""

import ast
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NoReturn

from cicd_agent.analysis.python_tests.syntax import parsed
from cicd_agent.domain.trials.candidate import Candidate

Function = ast.FunctionDef | ast.AsyncFunctionDef
MAX_MODULE_CHARACTERS = 400_000
"""From which on an existing test module is not read."""


def listed(names: str) -> frozenset[str]:
    return frozenset(names.split())


# Built-in fixtures that let a test see what the code does. Those that reach pytest itself (`request`) are not here.
FIXTURES = listed("capfd capfdbinary caplog capsys capsysbinary monkeypatch recwarn tmp_path tmp_path_factory tmpdir")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a proposed test is judged beside.

    `source` is the text of the file under test, `module` the dotted name by which tests import it ("" unknown).
    `modules` are the texts of existing test modules and conftests near it, `paths` all paths of the tree, `fixtures`
    the names of the project's fixtures in its reach.
    """

    source: str
    modules: Mapping[str, str] = field(default_factory=dict)
    paths: Collection[str] = ()
    module: str = ""
    fixtures: Collection[str] = ()


class Refused(Exception):
    """What is wrong with a test, as the end of a sentence that begins with the line."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line, self.reason = line, reason


def refuse(node: ast.stmt | ast.expr | ast.arg | ast.keyword | ast.alias, reason: str) -> NoReturn:
    raise Refused(node.lineno, reason)


@dataclass(frozen=True, slots=True)
class Habits:
    """What the existing tests do: the modules they import, the dotted names they use, parameters of their functions.

    `bindings` is what their imports bind, `helpers` what they define at the top; a new test among them can use both.
    """

    imports: frozenset[str]
    uses: frozenset[str]
    parameters: frozenset[str]
    strings: frozenset[str]
    bindings: Mapping[str, str]
    helpers: frozenset[str]
    asynchronous: bool


class Scope:
    """A proposed test that has the right shape, and what is around it.

    `names` is what each import of the test binds, `exports` what the source under test defines at its top, `defined`
    every function and class that it defines anywhere. `borrowed` are top modules that it imports. `annotations` are
    the ids of all nodes in annotations.
    """

    def __init__(
        self,
        candidate: Candidate,
        around: Surroundings,
        tree: ast.Module,
        imports: Iterable[ast.Import | ast.ImportFrom],
        test: Function,
    ) -> None:
        self.tree = tree
        self.test = test
        self.text = candidate.code
        self.nodes = list(ast.walk(tree))
        self.imports = [*imports, *(node for node in self.nodes if isinstance(node, ast.Import | ast.ImportFrom))]
        self.helpers = {node.name: node for node in tree.body if isinstance(node, Function) and node is not test}
        self.names = bindings(self.imports)
        self.module = around.module
        self.paths = frozenset(around.paths) | {candidate.path}
        source = parsed(around.source) or ast.Module([], [])
        self.source_names = bindings(ast.walk(source))
        self.exports = frozenset(name for node in source.body for name in _defined(node))
        self.defined = self.exports | {
            node.name for node in ast.walk(source) if isinstance(node, Function | ast.ClassDef)
        }
        self.borrowed = frozenset(name.partition(".")[0] for name in self.source_names.values())
        self.fixtures = frozenset(around.fixtures)
        self.habits = habits(around.modules)
        annotations = (getattr(node, name, None) for node in self.nodes for name in ("annotation", "returns"))
        self.annotations = {id(part) for annotation in annotations if annotation for part in ast.walk(annotation)}
        self._own: dict[str, bool] = {}

    def dotted(self, node: ast.expr) -> str:
        """The full name of what an expression of names and dots stands for, "" for any other expression."""
        root, dot, rest = dotted_name(node).partition(".")
        return f"{self.stands_for(root)}{dot}{rest}" if root else ""

    def stands_for(self, name: str) -> str:
        return self.names.get(name) or self.habits.bindings.get(name) or name

    def is_code(self, name: str) -> bool:
        """Whether a name stands for code of the project: imported from it, or there without an import."""
        if name in self.names:
            return self.is_own(self.names[name])
        if name in self.helpers:
            return False
        around = self.habits.bindings.get(name)
        return self.is_own(around) if around else name in self.exports or name in self.habits.helpers

    def is_own(self, dotted: str) -> bool:
        """Whether a dotted name begins with a module that the project's own paths make importable."""
        root = dotted.partition(".")[0]
        if root not in self._own:
            self._own[root] = root == self.module.partition(".")[0] or (
                bool(root) and root not in sys.stdlib_module_names and self._is_in_tree(root)
            )
        return self._own[root]

    def _is_in_tree(self, root: str) -> bool:
        for path in self.paths:
            at = f"/{path}"
            result = max(at.find(f"/{root}.py"), at.find(f"/{root}/"))
            before = at[:result].strip("/")
            # What lies inside of a package is imported by the package's name.
            if path.endswith(".py") and result >= 0 and (not before or f"{before}/__init__.py" not in self.paths):
                return True
        return False

    def shown(self, node: ast.AST) -> str:
        """The first line of a piece of the test, short."""
        segment = ast.get_source_segment(self.text, node) or type(node).__name__
        first, *rest = segment.split("\n")
        return f"`{first[:60]}…`" if rest or len(first) > 60 else f"`{first}`"  # noqa: PLR2004  fits a line

    def supplied(self, decorators: Iterable[ast.expr] | None = None) -> set[str]:
        """The parameters that decorators (of the test) supply. With positional `given` these are all that are left."""
        names: set[str] = set()
        for call in self.test.decorator_list if decorators is None else decorators:
            if not isinstance(call, ast.Call):
                continue
            match self.dotted(call.func):
                case "pytest.mark.parametrize":
                    named = [*call.args[:1], *(word.value for word in call.keywords if word.arg == "argnames")]
                    for node in (part for value in named for part in ast.walk(value)):
                        if isinstance(node, ast.Constant) and isinstance(node.value, str):
                            names |= {part.strip() for part in node.value.split(",")}
                case "hypothesis.given":
                    names |= {word.arg for word in call.keywords if word.arg}
                    # From the right, as Hypothesis fills them.
                    arguments = [argument.arg for argument in self.test.args.args]
                    names |= set(arguments[len(arguments) - len(call.args) :] if call.args else [])
                case _:
                    pass
        return names


def dotted_name(node: ast.expr) -> str:
    """A chain of names and dots as it is written, "" for any other expression."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else ""


def within(dotted: str, modules: Iterable[str]) -> bool:
    return any(dotted == module or dotted.startswith(f"{module}.") for module in modules)


def bindings(statements: Iterable[ast.AST]) -> dict[str, str]:
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
    bound: dict[str, str] = {}
    helpers: set[str] = set()
    asynchronous = False
    for text in modules.values():
        tree = parsed(text) if len(text) <= MAX_MODULE_CHARACTERS else None
        if tree is None:
            continue
        nodes = list(ast.walk(tree))
        local = bindings(nodes)
        bound |= local
        helpers |= {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
        for node in nodes:
            match node:
                case ast.Import(names=aliases):
                    imports |= {alias.name for alias in aliases}
                case ast.ImportFrom(module=str(module), names=aliases):
                    members = {f"{module}.{alias.name}" for alias in aliases}
                    imports |= {module, *members}
                    uses |= members
                case ast.FunctionDef() | ast.AsyncFunctionDef():
                    parameters |= {argument.arg for argument in node.args.args}
                    asynchronous |= isinstance(node, ast.AsyncFunctionDef) and node.name.startswith("test")
                case ast.Attribute():
                    root, dot, rest = dotted_name(node).partition(".")
                    uses.add(f"{local.get(root, root)}{dot}{rest}")
                case ast.Constant(value=str(value)):
                    strings.add(value[:200])
                case _:
                    pass
    return Habits(
        frozenset(imports),
        frozenset(uses - {""}),
        frozenset(parameters),
        frozenset(strings),
        bound,
        frozenset(name for name in helpers if not name.startswith(("test", "Test", "pytest"))),
        asynchronous,
    )


def _defined(node: ast.stmt) -> Iterator[str]:
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.Assign(targets=targets):
            yield from (target.id for target in targets if isinstance(target, ast.Name))
        case ast.AnnAssign(target=ast.Name(id=name)):
            yield name
        case _:
            pass
