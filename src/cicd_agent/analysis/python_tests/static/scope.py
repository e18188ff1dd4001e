"""What the names in a proposed test stand for, as far as its text and that of the tests around it say."""

import ast
import sys
import tomllib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any, NoReturn

from cicd_agent.analysis.python_tests.syntax import FunctionNode, defined_by, dotted_name, parsed, walk
from cicd_agent.domain.trials.candidate import Candidate

MAX_MODULE_CHARACTERS = 400_000
"""From which on an existing test module is not read."""
_MAX_EXCERPT = 60

TABLES: Mapping[str, Any] = tomllib.loads(files(__package__).joinpath("names.toml").read_text("utf-8"))
NAMES: Mapping[str, frozenset[str]] = {
    name: frozenset(names.split()) for name, names in (TABLES["modules"] | TABLES["names"]).items()
}


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


class Habits:
    """What the existing tests do: the modules they import, the dotted names they use, parameters of their functions.

    `bindings` is what their imports bind, `helpers` what they define at the top; a new test among them can use both.
    A module that does not parse has no habits.
    """

    def __init__(self, modules: Iterable[str]) -> None:
        self.imports: set[str] = set()
        self.uses: set[str] = set()
        self.parameters: set[str] = set()
        self.strings: set[str] = set()
        self.bindings: dict[str, str] = {}
        self.helpers: set[str] = set()
        self.asynchronous = False
        for text in modules:
            if len(text) <= MAX_MODULE_CHARACTERS and (tree := parsed(text)):
                nodes = list(ast.walk(tree))
                local = bindings(nodes)
                self.bindings |= local
                defined = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
                self.helpers |= {name for name in defined if not name.startswith(("test", "Test", "pytest"))}
                for node in nodes:
                    self._read(node, local)

    def _read(self, node: ast.AST, local: Mapping[str, str]) -> None:
        match node:
            case ast.Import(names=aliases):
                self.imports |= {alias.name for alias in aliases}
            case ast.ImportFrom(module=str(module), names=aliases):
                members = {f"{module}.{alias.name}" for alias in aliases}
                self.imports |= {module, *members}
                self.uses |= members
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self.parameters |= {argument.arg for argument in node.args.args}
                self.asynchronous |= isinstance(node, ast.AsyncFunctionDef) and node.name.startswith("test")
            case ast.Attribute() if name := dotted_name(node):
                root, dot, rest = name.partition(".")
                self.uses.add(f"{local.get(root, root)}{dot}{rest}")
            case ast.Constant(value=str(value)):
                self.strings.add(value[:200])
            case _:
                pass


class Scope:
    """A proposed test that has the right shape, and what is around it.

    `nodes` are all of it in the order of the text, `own` the ids of those that run in the test itself and not in a
    function or a class in it. `names` is what each import of the test binds, `exports` what the source under test
    defines at its top, `defined` every function and class that it defines anywhere. `borrowed` are top modules that it
    imports, `subject` the names of the function under test and of its class.
    """

    def __init__(
        self,
        candidate: Candidate,
        around: Surroundings,
        tree: ast.Module,
        imports: Iterable[ast.Import | ast.ImportFrom],
        test: FunctionNode,
    ) -> None:
        self.tree = tree
        self.test = test
        self.text = candidate.code
        self.subject = frozenset(candidate.function.split("."))
        self.nodes = list(walk(tree))
        self.own = _own(test)
        self.imports = [*imports, *(node for node in self.nodes if isinstance(node, ast.Import | ast.ImportFrom))]
        self.helpers = {node.name: node for node in tree.body if isinstance(node, FunctionNode) and node is not test}
        self.names = bindings(self.imports)
        self.module = around.module
        self.paths = frozenset(around.paths) | {candidate.path}
        source = parsed(around.source) or ast.Module([], [])
        self.source_names = bindings(ast.walk(source))
        self.exports = frozenset(name for node in source.body for name in defined_by(node))
        self.defined = self.exports | {
            node.name for node in ast.walk(source) if isinstance(node, FunctionNode | ast.ClassDef)
        }
        self.borrowed = frozenset(name.partition(".")[0] for name in self.source_names.values())
        self.fixtures = frozenset(around.fixtures)
        self.habits = Habits(around.modules.values())
        self._own_modules: dict[str, bool] = {}

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
        if root not in self._own_modules:
            self._own_modules[root] = root == self.module.partition(".")[0] or (
                bool(root) and root not in sys.stdlib_module_names and self._is_in_tree(root)
            )
        return self._own_modules[root]

    def _is_in_tree(self, root: str) -> bool:
        for path in self.paths:
            at = f"/{path}"
            result = max(at.find(f"/{root}.py"), at.find(f"/{root}/"))
            before = at[:result].strip("/")
            # What lies inside of a package is imported by the package's name.
            if path.endswith(".py") and result >= 0 and (not before or f"{before}/__init__.py" not in self.paths):
                return True
        return False

    def excerpt(self, node: ast.AST) -> str:
        """The first line of a piece of the test, short."""
        segment = ast.get_source_segment(self.text, node) or type(node).__name__
        first, *rest = segment.split("\n")
        return f"`{first[:_MAX_EXCERPT]}…`" if rest or len(first) > _MAX_EXCERPT else f"`{first}`"

    def supplied(self, decorators: Iterable[ast.expr] | None = None) -> set[str]:
        """The parameters that decorators (of the test) supply. With positional `given` these are all that are left."""
        names: set[str] = set()
        mocks = 0
        for call in self.test.decorator_list if decorators is None else decorators:
            if not isinstance(call, ast.Call):
                continue
            match self.dotted(call.func):
                case "pytest.mark.parametrize":
                    named = [*call.args[:1], *(keyword.value for keyword in call.keywords if keyword.arg == "argnames")]
                    for node in (part for value in named for part in ast.walk(value)):
                        if isinstance(node, ast.Constant) and isinstance(node.value, str):
                            names |= {part.strip() for part in node.value.split(",")}
                case "hypothesis.given":
                    names |= {keyword.arg for keyword in call.keywords if keyword.arg}
                    # From the right, as Hypothesis fills them.
                    arguments = [argument.arg for argument in self.test.args.args]
                    names |= set(arguments[len(arguments) - len(call.args) :] if call.args else [])
                case "unittest.mock.patch" | "unittest.mock.patch.object" as patch:
                    # Without something to put there, the test is handed a mock, before all that comes by name.
                    mocks += len(call.args) == 1 + patch.endswith("object") and all(
                        each.arg != "new" for each in call.keywords
                    )
                case _:
                    pass
        return names | {argument.arg for argument in self.test.args.args[:mocks]}


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


def _own(test: FunctionNode) -> set[int]:
    pending: list[ast.AST] = [*test.body]
    own: set[int] = set()
    for node in pending:
        if not isinstance(node, FunctionNode | ast.ClassDef | ast.Lambda):
            own.add(id(node))
            pending.extend(ast.iter_child_nodes(node))
    return own
