"""The rules of the architecture page that a program can check: who may import whom, size, and where effects live."""

import ast
import re
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src/cicd_agent"
LIMIT = 600

# "" stands for the whole package.
LAYERS = {
    "errors": (),
    "domain": ("errors",),
    "settings": ("domain", "errors"),
    "agent": ("domain", "errors", "settings"),
    # How pytest's arguments are read is known once: under the project's Python, and before.
    "analysis": ("domain", "errors", "pytest_worker.command_line", "settings"),
    "rendering": ("domain", "errors", "settings"),
    "modes": ("agent", "analysis", "domain", "errors", "rendering", "settings"),
    # Runs under another Python, which has nothing of ours; the other side speaks the same protocol.
    "pytest_worker": (),
    "adapters": ("agent", "analysis", "domain", "errors", "pytest_worker.protocol", "settings"),
    "audit": ("domain", "errors", "rendering", "settings"),
    "insights": ("analysis", "audit", "domain", "errors", "modes", "rendering", "settings"),
    "app": (
        "adapters",
        "agent",
        "analysis",
        "audit",
        "domain",
        "errors",
        "insights",
        "modes",
        "rendering",
        "settings",
    ),
    "cli": ("",),
    "": ("",),
}
"""Each package, and what it may import besides itself."""

UNLAYERED: set[tuple[str, str]] = set()
"""Imports against the layers that are still to go: the list may only get shorter."""

# Third-party packages, and the modules that may know of them. pydantic checks foreign data wherever it enters.
THIRD_PARTY = {
    "pydantic": r"(?!pytest_worker).*",
    "pydantic_core": r"(?!pytest_worker).*",
    "pytest": r"pytest_worker\..*",
    "click": r"__main__|cli\..*|modes\.\w+\.command",
    "coverage": r"pytest_worker\.line_coverage",
    "hypothesis": r"pytest_worker\.ghostwriter",
    "yaml": r"settings\..*|adapters\.fake_model|analysis\.rules\.yaml_source|modes\.analyse_failure\.runs\..*",
    "pathspec": r"domain\.repository\.paths",
    "openai": r"adapters\.models\..*",
    "httpx2": r"adapters\.models\..*",
    "httpcore2": r"adapters\.models\..*",
    "github": r"adapters\.github\..*",
    "requests": r"adapters\.github\..*",
    "urllib3": r"adapters\.github\..*",
    "git": r"adapters\.git\..*",
    "slack_sdk": r"adapters\.slack",
    "psycopg": r"adapters\.storage\..*",
    "redis": r"adapters\.cache\..*",
    "opentelemetry": r"adapters\.telemetry\.signals",
}

# Where the process meets its surroundings: the only place that ends it, and that catches what nobody expected.
EDGE = {"__main__", "app.main"}

# Meets what code of the project raises, of whatever kind.
MEETS = {"pytest_worker.outcome"}

# Hands whatever a thread raises to the thread that waits for it, where it is raised again.
CARRIES = {"domain.parallel"}

MAX_MODULES = 20
CROWDED: dict[str, int] = {}
"""Folders with more modules, and with how many: a number may only fall."""

FAMILY = 3
FAMILIES: set[tuple[str, str]] = set()
"""Folders in which so many modules begin with the same word that they should be a folder, and the word."""

CYCLIC: set[str] = set()
"""Where there still are import cycles: no other package may have one."""

MAX_FUNCTION_LINES = 60
LONG_FUNCTIONS: dict[str, int] = {}
"""Functions with more lines, and with how many: a number may only fall."""

# Files over the limit, each with the reason for which it is one file all the same.
LONG: dict[str, str] = {}


@cache
def modules() -> tuple[tuple[str, Path, ast.Module], ...]:
    """Name below cicd_agent ("" for the package itself), path, tree."""
    return tuple(
        (".".join(part for part in parts if part != "__init__"), path, ast.parse(path.read_text("utf-8")))
        for path in sorted(SOURCE.rglob("*.py"))
        for parts in [path.relative_to(SOURCE).with_suffix("").parts]
    )


def imports(tree: ast.AST) -> Iterator[str]:
    """Absolute dotted names; a name imported from a package stands for the module that it may be."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.module
            place = f"cicd_agent.pytest_worker.{node.module}" if node.level else node.module
            yield from (f"{place}.{alias.name}" for alias in node.names)


def within(name: str, layer: str) -> bool:
    return not layer or name == layer or name.startswith(f"{layer}.")


def layer_of(module: str) -> str:
    return next(layer for layer in LAYERS if within(module, layer))


def calls(tree: ast.AST, *names: str) -> list[int]:
    """Lines on which one of these dotted names is used."""
    last = {name.rpartition(".")[2] for name in names}
    return [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Name | ast.Attribute) and _last(node) in last and ast.unparse(node) in names
    ]


def _last(node: ast.Name | ast.Attribute) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr


def test_imports_are_absolute() -> None:
    """Those of pytest_worker are not: there it has a name that no project can have taken (start.py)."""
    wrong = [
        f"{module}:{node.lineno}"
        for module, _, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.level != 0
        if not (within(module, "pytest_worker") and node.level == 1)
    ]
    assert wrong == []


def test_the_worker_runs_under_an_older_python() -> None:
    for module, path, _ in modules():
        if within(module, "pytest_worker"):
            ast.parse(path.read_text("utf-8"), feature_version=(3, 9))


def test_imports_follow_the_layers() -> None:
    wrong = {
        (module, name.removeprefix("cicd_agent.").rpartition(".")[0])
        for module, _, tree in modules()
        if module
        for name in imports(tree)
        if name.startswith("cicd_agent.") and name != "cicd_agent.__version__"
        for layer in [layer_of(module)]
        if not any(within(name.removeprefix("cicd_agent."), to) for to in (layer, *LAYERS[layer]))
    }
    assert wrong - UNLAYERED == set()
    assert UNLAYERED - wrong == set(), "gone: take it off the list"


def test_no_mode_knows_another() -> None:
    slices = {path.parent.name for path in (SOURCE / "modes").glob("*/gather.py")}
    assert len(slices) > 1
    wrong = [
        f"{module} imports {name}"
        for module, _, tree in modules()
        for name in imports(tree)
        for own in [match[1] for match in [re.match(r"modes\.(\w+)", module)] if match]
        for other in slices - {own}
        if within(name, f"cicd_agent.modes.{other}")
    ]
    assert wrong == []


def test_third_party_packages_are_known_to_the_modules_named_for_them_alone() -> None:
    wrong = [
        f"{module} imports {name}"
        for module, _, tree in modules()
        for name in imports(tree)
        for top in [name.split(".")[0]]
        if top != "cicd_agent" and top not in sys.stdlib_module_names
        if not re.fullmatch(THIRD_PARTY.get(top, "(?!)"), module)
    ]
    assert wrong == []


def test_whatever_is_imported_is_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = [
        *project["dependencies"],
        *(each for extra in project["optional-dependencies"].values() for each in extra),
    ]
    declared = {re.split(r"[<>=\[]", requirement)[0] for requirement in wanted}
    # What the worker imports is the project's.
    ours = [tree for module, _, tree in modules() if not within(module, "pytest_worker")]
    imported = {name.split(".")[0] for tree in ours for name in imports(tree)} & {*THIRD_PARTY}
    providers = packages_distributions()
    assert {top for top in imported if not declared & {name.lower().replace("_", "-") for name in providers[top]}} == {
        "pydantic_core"
    } & imported


def test_the_lock_of_development_pins_what_the_action_installs() -> None:
    def pins(name: str) -> set[str]:
        return set(re.findall(r"^[\w.-]+==\S+", (ROOT / name).read_text("utf-8"), re.MULTILINE))

    assert pins("requirements.lock") <= pins("requirements-fleet.lock") <= pins("requirements-dev.lock")
    for name in ("requirements.lock", "requirements-fleet.lock", "requirements-dev.lock"):
        assert "://" not in (ROOT / name).read_text("utf-8"), "a lock file names no host"


def test_starting_the_program_imports_no_client() -> None:
    done = subprocess.run(
        [sys.executable, "-I", "-c", "import sys, cicd_agent.__main__; print(*sys.modules, sep='\\n')"],
        capture_output=True,
        text=True,
        check=True,
    )
    clients = {"openai", "github", "git", "requests", "slack_sdk", "psycopg", "redis", "opentelemetry"}
    assert clients & set(done.stdout.split()) == set()


def test_only_the_process_edge_reads_the_environment() -> None:
    wrong = [
        f"{module}:{line}"
        for module, _, tree in modules()
        if not re.fullmatch(r"__main__|pytest_worker\..*", module)
        for line in calls(tree, "os.environ", "os.getenv", "environ", "getenv")
    ]
    assert wrong == []


def test_only_the_process_edge_ends_the_process() -> None:
    wrong = [
        f"{module}:{line}"
        for module, _, tree in modules()
        # Its processes are its own to end.
        if module not in EDGE and not within(module, "pytest_worker")
        for line in calls(tree, "sys.exit", "os._exit", "SystemExit")
    ]
    assert wrong == []


def test_only_the_process_edge_catches_everything() -> None:
    broad = {"Exception", "BaseException"}
    wrong = []
    for module, _, tree in modules():
        for node in ast.walk(tree):
            if not isinstance(node, ast.ExceptHandler):
                continue
            caught = {"BaseException"} if node.type is None else {ast.unparse(part) for part in ast.walk(node.type)}
            if module not in EDGE | CARRIES | MEETS and broad & caught:
                wrong.append(f"{module}:{node.lineno}")
    assert wrong == []


def test_only_the_edge_and_the_adapters_print() -> None:
    wrong = [
        f"{module}:{line}"
        for module, _, tree in modules()
        if not re.fullmatch(r"__main__|app\.main|cli\..*|adapters\..*", module)
        for line in calls(tree, "print", "sys.stdout", "sys.stderr")
    ]
    assert wrong == []


def test_every_module_says_why_it_exists() -> None:
    assert [module for module, _, tree in modules() if not ast.get_docstring(tree)] == []


def test_no_file_is_a_drawer_for_leftovers() -> None:
    drawers = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "handlers"}
    assert [path for _, path, _ in modules() if drawers & {path.stem, path.parent.name}] == []


def test_a_file_is_no_longer_than_the_limit() -> None:
    lengths = {
        path.relative_to(ROOT).as_posix(): len(path.read_text("utf-8").splitlines())
        for top in ("src", "tests", "launch", "scripts", "benchmarks", "demo")
        for path in (ROOT / top).rglob("*.py")
    }
    assert {path: lines for path, lines in lengths.items() if lines > LIMIT and path not in LONG} == {}
    assert [path for path in LONG if lengths.get(path, 0) <= LIMIT] == [], "not long any more: take it off the list"


def test_nothing_is_loose_in_the_package() -> None:
    assert {path.stem for path in SOURCE.glob("*.py")} == {"__init__", "__main__", "errors"}


def folders() -> dict[str, list[str]]:
    """Each folder of the package, and the names of its modules."""
    result: dict[str, list[str]] = {}
    for _, path, _ in modules():
        names = result.setdefault(path.parent.relative_to(SOURCE).as_posix(), [])
        if path.stem != "__init__":
            names.append(path.stem)
    return result


def test_a_folder_has_twenty_modules_at_most() -> None:
    sizes = {folder: len(names) for folder, names in folders().items()}
    assert {folder: count for folder, count in sizes.items() if count > CROWDED.get(folder, MAX_MODULES)} == {}
    assert [folder for folder in CROWDED if sizes.get(folder, 0) <= MAX_MODULES] == [], "gone: take it off the list"


def test_a_folder_is_made_of_modules_that_would_share_a_prefix() -> None:
    families = {
        (folder, word)
        for folder, names in folders().items()
        for word, count in Counter(name.split("_")[0] for name in names).items()
        if count >= FAMILY
    }
    assert families - FAMILIES == set()
    assert FAMILIES - families == set(), "gone: take it off the list"


def test_no_modules_import_each_other_in_a_circle() -> None:
    circles = [sorted(circle) for circle in cycles(module_imports())]
    cyclic = {module for circle in circles for module in circle}
    assert [
        circle for circle in circles if not all(any(within(module, to) for to in CYCLIC) for module in circle)
    ] == []
    assert {to for to in CYCLIC if not any(within(module, to) for module in cyclic)} == set(), "gone: take it off"


def module_imports() -> dict[str, set[str]]:
    """Each module, and the modules of this package that it imports. That a package is there goes without saying."""
    known = {module: tree for module, _, tree in modules()}

    def module_of(name: str) -> str:
        while name and name not in known:
            name = name.rpartition(".")[0]
        return name

    ours = {
        module: {module_of(name.removeprefix("cicd_agent.")) for name in imports(tree) if within(name, "cicd_agent")}
        for module, tree in known.items()
    }
    return {module: {to for to in used if not within(module, to)} for module, used in ours.items()}


def cycles(graph: Mapping[str, AbstractSet[str]]) -> Iterator[set[str]]:
    """Modules each of which reaches all the others of its circle."""
    reach = {start: reachable(graph, start) for start in graph}
    done: set[str] = set()
    for start in graph:
        if start in reach[start] and start not in done:
            circle = {other for other in reach[start] if start in reach[other]}
            done |= circle
            yield circle


def reachable(graph: Mapping[str, AbstractSet[str]], start: str) -> set[str]:
    result: set[str] = set()
    stack = [*graph[start]]
    while stack:
        if (module := stack.pop()) not in result:
            result.add(module)
            stack += graph[module]
    return result


def test_a_circle_is_seen_wherever_one_enters_it() -> None:
    graph = {"a": {"b"}, "b": {"c"}, "c": {"b", "d"}, "d": set[str]()}
    assert [*cycles(graph)] == [{"b", "c"}]


def test_a_function_fits_on_a_screen() -> None:
    """How many branches it may have is ruff's business: C901, PLR0912 and PLR0915."""
    long = {
        f"{module}.{node.name}": lines
        for module, _, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for lines in [(node.end_lineno or 0) - node.lineno + 1]
        if lines > MAX_FUNCTION_LINES
    }
    assert {name: lines for name, lines in long.items() if lines > LONG_FUNCTIONS.get(name, 0)} == {}
    assert LONG_FUNCTIONS.keys() - long.keys() == set(), "gone: take it off the list"


def test_whoever_opens_a_repository_loads_no_rules() -> None:
    program = "import sys, cicd_agent.adapters.git.repository; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout.split()
    assert "cicd_agent.domain.repository.paths" in loaded
    assert not [name for name in loaded if name.startswith("cicd_agent.analysis.rules")]
