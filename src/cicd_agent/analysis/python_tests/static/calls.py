"""What a proposed test may not do: reach the machine, the clock, the network, Python's insides or the source itself."""

import ast
import re
import sys
from collections.abc import Iterator

from cicd_agent.analysis.python_tests.static.imports import forbidden_member, within
from cicd_agent.analysis.python_tests.static.scope import Complaint, Scene, listed
from cicd_agent.analysis.python_tests.static.shape import FIXTURES, supplied

_BUILTINS = listed(
    "exec eval compile __import__ globals locals vars breakpoint input exit quit setattr delattr memoryview"
    " __builtins__ __loader__ __spec__ __build_class__ help dir"
)
_NOW = frozenset(
    f"datetime.{name}"
    for name in ("datetime.now", "datetime.today", "datetime.utcnow", "date.today", "datetime.fromtimestamp")
)
_ELSEWHERE = frozenset({"pathlib.Path.home", "pathlib.Path.cwd", "os.getcwd", "os.path.abspath", "os.path.expanduser"})
_CALLED_NETWORK = frozenset(
    f"{client}.{verb}"
    for client in ("requests", "httpx", "urllib3")
    for verb in ("get", "post", "put", "patch", "delete", "head", "request", "Session", "Client", "PoolManager")
)
_DUNDERS = listed("__name__ __doc__ __version__ __all__ __cause__ __context__ __notes__ __main__ __init__")
_FRAMES = listed(
    "tb_frame tb_next f_globals f_locals f_builtins f_back f_code gi_frame cr_frame ag_frame gi_code cr_code"
    " co_code func_globals mro subclasses pluginmanager"
)
_FILE_METHODS = listed(
    "write_text write_bytes touch mkdir unlink rmdir symlink_to hardlink_to chmod rename replace open read_text"
    " read_bytes iterdir glob rglob exists is_file is_dir stat resolve absolute samefile"
)
_ROOTS = re.compile(
    r"(?:/(?:etc|proc|sys|dev|home|root|usr|var|tmp|opt|bin|sbin|run|mnt|boot)(?:/|$)|[A-Za-z]:[\\/]|~(?:\w*/|$))"
)
_DUNDER = re.compile(r"(?:.*\.)?__[a-z]+__(?:\..*)?")
_FIELD = re.compile(r"\{[^{}]*(?:\.|\[)_")
# Of them no test has a need, whatever the existing ones say.
_NEVER_PATHS = ("/proc", "/sys", "/dev", "/etc", "/root")
# What they do depends on an argument, which has to be seen.
_WATCHED = frozenset({"getattr", "open", "id", "hash"})
_TEMPORARY = frozenset({"tmp_path", "tmp_path_factory", "tmpdir"})


def call_complaints(scene: Scene) -> Iterator[Complaint]:
    """Names, attributes, strings and calls in the order of the text."""
    bases = {id(node.value) for node in ast.walk(scene.tree) if isinstance(node, ast.Attribute)}
    called = {id(node.func) for node in ast.walk(scene.tree) if isinstance(node, ast.Call)}
    places = _places(scene)
    nodes = [node for node in ast.walk(scene.tree) if isinstance(node, ast.expr)]
    for node in sorted(nodes, key=lambda one: (one.lineno, one.col_offset)):
        match node:
            case ast.Name(id=name, ctx=ast.Load()):
                yield from _name(name, node, scene, is_base=id(node) in bases)
                if name in _WATCHED and id(node) not in called:
                    yield Complaint(node.lineno, f"`{name}` may not be handed on: call it")
            case ast.Attribute():
                yield from _attribute(node, scene)
            case ast.Constant(value=str(value)):
                yield from _string(value, node, scene)
            case ast.Call():
                yield from _call(node, scene, places)
            case _:
                pass


def _name(name: str, node: ast.Name, scene: Scene, *, is_base: bool) -> Iterator[Complaint]:
    if name in _BUILTINS:
        yield Complaint(node.lineno, f"`{name}` is not allowed in a test")
    elif name == "__file__" and not any("__file__" in each for each in scene.habits.uses):
        yield Complaint(node.lineno, "`__file__` leads to the source: write what is needed to `tmp_path`")
    elif name in scene.names and not is_base:
        dotted = scene.names[name]
        if words := _reason(dotted, scene):
            yield Complaint(node.lineno, words)


def _attribute(node: ast.Attribute, scene: Scene) -> Iterator[Complaint]:
    name = node.attr
    dotted = scene.dotted(node)
    if name in _FRAMES or (name.startswith("__") and name.endswith("__") and name not in _DUNDERS):
        outer = scene.shown(node)
        yield Complaint(node.lineno, f"{outer} reaches into Python: test what the code returns")
        return
    if not dotted:
        return
    root, _, rest = dotted.partition(".")
    if ".request.config" in dotted or (root in FIXTURES and (".request" in dotted or "._" in dotted)):
        yield Complaint(node.lineno, f"{scene.shown(node)} reaches pytest itself: do without it")
        return
    if words := _reason(dotted, scene):
        yield Complaint(node.lineno, words)
    elif root in _imported_roots(scene) and name.startswith("_") and name not in _DUNDERS:
        yield Complaint(node.lineno, f"{scene.shown(node)} is private to a package that is not the project's")
    elif scene.roots.own(root) or root in scene.exports:
        # By a module of the project to one of Python: `client.os.environ`.
        parts = rest.split(".")
        for part in parts:
            if part in sys.stdlib_module_names and part not in scene.defined and _is_module(dotted, part, scene):
                yield Complaint(node.lineno, f"{scene.shown(node)} reaches `{part}` through the project's code")
                return


def _imported_roots(scene: Scene) -> set[str]:
    """Top modules of what is imported and is not the project's."""
    roots = {dotted.partition(".")[0] for dotted in scene.names.values()}
    return {root for root in roots if not scene.roots.own(root)}


def _is_module(dotted: str, part: str, scene: Scene) -> bool:
    before = dotted.partition(f".{part}")[0]
    path = f"{before}.{part}".replace(".", "/")
    own = any(f"/{each}".endswith((f"/{path}.py", f"/{path}/__init__.py")) for each in scene.roots.paths)
    return not own and not before.rpartition(".")[2][:1].isupper()


def _reason(dotted: str, scene: Scene) -> str:
    if dotted in _NOW or any(within(dotted, each) for each in _NOW):
        return f"`{dotted}` depends on the day: pass a fixed date"
    if dotted in _ELSEWHERE:
        return f"`{dotted}` depends on the machine: use `tmp_path`"
    if dotted in _CALLED_NETWORK:
        return f"`{dotted}` reaches the network: give the code a stand-in"
    if dotted.startswith("sys.") and dotted.split(".", 2)[1] in {"argv", "stdin", "stdout", "stderr"}:
        return ""
    return forbidden_member(dotted, scene)


def _string(value: str, node: ast.expr, scene: Scene) -> Iterator[Complaint]:
    if (_DUNDER.fullmatch(value) and value.strip() not in _DUNDERS) or _FIELD.search(value):
        yield Complaint(node.lineno, f"the text {scene.shown(node)} names something inside of Python")
    elif found := _ROOTS.match(value):
        root = found.group().rstrip("/")
        used = any(each.startswith(root) for each in scene.habits.strings)
        if value.startswith(_NEVER_PATHS) or (len(value) > len(found.group()) and not used):
            words = f"the path {scene.shown(node)} is absolute: use `tmp_path`"
            yield Complaint(node.lineno, words)


def _call(  # noqa: C901, PLR0912  one case for each kind of call
    node: ast.Call, scene: Scene, places: dict[str, bool]
) -> Iterator[Complaint]:
    dotted = scene.dotted(node.func)
    line = node.lineno
    match dotted:
        case "getattr" | "hasattr" | "operator.attrgetter" | "operator.methodcaller":
            names = node.args[1:2] if dotted in {"getattr", "hasattr"} else node.args[:1]
            if not all(isinstance(each, ast.Constant) and isinstance(each.value, str) for each in names):
                yield Complaint(line, f"{scene.shown(node)} has a name that is computed: write the attribute out")
        case _ if any(word.arg == "eval_str" for word in node.keywords):
            yield Complaint(line, "`eval_str` runs text as code")
        case "pytest.param" if any(word.arg != "id" for word in node.keywords):
            yield Complaint(line, "`pytest.param` may only have an `id`: a mark could skip the case")
        case "id":
            yield Complaint(line, "`id` is another number in each process: compare with `is`")
        case "hash" if id(node) not in _compared_hashes(scene):
            yield Complaint(line, "`hash` is another number in each process: compare it only with another hash")
        case "type" if len(node.args) != 1:
            yield Complaint(line, "`type` may not make classes in a test")
        case "random.Random" if not (node.args and not _is_none(node.args[0])):
            yield Complaint(line, "`random.Random` needs a fixed seed")
        case "asyncio.sleep" if not (node.args and isinstance(node.args[0], ast.Constant) and not node.args[0].value):
            yield Complaint(line, "`asyncio.sleep` waits: only `asyncio.sleep(0)` is allowed")
        case "open" | "io.open" | "codecs.open":
            if not (node.args and _temporary(node.args[0], places)):
                words = f"{scene.shown(node)} opens a file that is not below `tmp_path`"
                yield Complaint(line, words)
        case "pytest.MonkeyPatch":
            yield Complaint(line, "take the `monkeypatch` fixture: what this one changes stays changed")
        case "datetime.datetime.fromtimestamp" if len(node.args) == 1:
            yield Complaint(line, "`fromtimestamp` depends on the time zone: pass one")
        case _ if isinstance(node.func, ast.Attribute) and node.func.attr in _FILE_METHODS:
            if _elsewhere(node.func.value, scene, places):
                words = f"{scene.shown(node)} works on a file that is not below `tmp_path`"
                yield Complaint(line, words)
        case _ if isinstance(node.func, ast.Attribute) and node.func.attr == "sleep":
            yield Complaint(line, f"{scene.shown(node)} waits: a test may not sleep")
        case "os.path.exists" | "os.path.isfile" | "os.path.isdir" | "os.path.getsize" if not (
            node.args and _temporary(node.args[0], places)
        ):
            yield Complaint(line, f"{scene.shown(node)} looks at a file that is not below `tmp_path`")
        case _:
            pass


def _compared_hashes(scene: Scene) -> set[int]:
    """Those in `hash(a) == hash(b)`."""
    found: set[int] = set()
    for node in ast.walk(scene.tree):
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            if all(isinstance(side, ast.Call) and scene.dotted(side.func) == "hash" for side in sides):
                found |= {id(side) for side in sides}
    return found


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _places(scene: Scene) -> dict[str, bool]:
    """Names that stand for a file: True below `tmp_path` (or handed in by a fixture), False anywhere else."""
    parameters = {each.arg for function in (scene.test, *scene.helpers.values()) for each in function.args.args}
    parameters -= supplied(scene.test, scene)
    places = dict.fromkeys(parameters | _TEMPORARY, True)
    for node in ast.walk(scene.tree):
        if isinstance(node, ast.With):
            pairs: list[tuple[ast.expr | None, ast.expr | None]] = [
                (item.optional_vars, item.context_expr) for item in node.items
            ]
        elif isinstance(node, ast.Assign):
            pairs = [(node.targets[0], node.value)]
        elif isinstance(node, ast.comprehension):
            pairs = [(node.target, node.iter)]
        elif isinstance(node, ast.AnnAssign | ast.For):
            pairs = [(node.target, node.value if isinstance(node, ast.AnnAssign) else node.iter)]
        else:
            continue
        for target, value in pairs:
            if isinstance(target, ast.Name) and value is not None:
                if _temporary(value, places):
                    places[target.id] = True
                elif _from_pathlib(value, scene, places):
                    places[target.id] = False
    return places


def _temporary(node: ast.expr, places: dict[str, bool]) -> bool:
    return any(isinstance(each, ast.Name) and places.get(each.id, False) for each in ast.walk(node))


def _from_pathlib(node: ast.expr, scene: Scene, places: dict[str, bool]) -> bool:
    return any(
        (isinstance(each, ast.Call) and scene.dotted(each.func).startswith("pathlib."))
        or (isinstance(each, ast.Name) and places.get(each.id) is False)
        for each in ast.walk(node)
    )


def _elsewhere(node: ast.expr, scene: Scene, places: dict[str, bool]) -> bool:
    return not _temporary(node, places) and _from_pathlib(node, scene, places)
