"""What a proposed test may not do.

Reach the machine, the clock, the network, Python's insides or the source itself, or replace what it is there to judge.
"""

import ast
import re
import sys
from collections.abc import Iterator

from cicd_agent.analysis.python_tests.static.imports import forbidden_member
from cicd_agent.analysis.python_tests.static.scope import FIXTURES, Scope, listed, refuse, within

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
_STREAMS = frozenset({"sys.argv", "sys.stdin", "sys.stdout", "sys.stderr"})
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
# What they do depends on an argument, which has to stand there.
_WATCHED = frozenset({"getattr", "open", "id", "hash"})
_TEMPORARY = frozenset({"tmp_path", "tmp_path_factory", "tmpdir"})
_LOOKED_AT = frozenset({"os.path.exists", "os.path.isfile", "os.path.isdir", "os.path.getsize"})

_PATCH = frozenset(
    f"{module}.patch{what}"
    for module in ("unittest.mock", "mock", "mocker")
    for what in ("", ".object", ".dict", ".multiple")
) | {"mocker.spy", "mocker.stub"}
_MOCKS = frozenset({"Mock", "MagicMock", "AsyncMock", "NonCallableMock", "create_autospec", "PropertyMock", "seal"})
_SET = frozenset({"setattr", "delattr"})
_ITEMS = frozenset({"setitem", "delitem"})
_JUDGES = frozenset({"pytest", "_pytest", "builtins", "hypothesis", "unittest", "coverage", "sys", "gc", "importlib"})
_REPLACEABLE = frozenset({"sys.argv", "sys.stdin"})
_GUARDED = ("PYTHON", "PYTEST", "COVERAGE", "COV_", "HYPOTHESIS", "LD_", "PATH", "GITHUB_", "CI")


def expressions(scope: Scope) -> Iterator[tuple[ast.expr, "_Context"]]:
    """In the order of the text."""
    context = _Context(scope)
    nodes = [node for node in scope.nodes if isinstance(node, ast.expr)]
    for node in sorted(nodes, key=lambda one: (one.lineno, one.col_offset)):
        yield node, context


class _Context:
    """`bases` are the ids of what attributes are taken of, `called` of what is called, `hashes` of hashes compared.

    `files` are names that stand for a file: True below `tmp_path` (or handed in by a fixture), False anywhere else.
    """

    def __init__(self, scope: Scope) -> None:
        self.bases = {id(node.value) for node in scope.nodes if isinstance(node, ast.Attribute)}
        self.called = {id(node.func) for node in scope.nodes if isinstance(node, ast.Call)}
        self.hashes: set[int] = set()
        for node in scope.nodes:
            if isinstance(node, ast.Compare):
                sides = [node.left, *node.comparators]
                if all(isinstance(side, ast.Call) and scope.dotted(side.func) == "hash" for side in sides):
                    self.hashes |= {id(side) for side in sides}
        parameters = {each.arg for function in (scope.test, *scope.helpers.values()) for each in function.args.args}
        self.files = dict.fromkeys((parameters - scope.supplied()) | _TEMPORARY, True)
        for target, value in (pair for node in scope.nodes for pair in _assignments(node)):
            if isinstance(target, ast.Name) and value is not None:
                if self.is_temporary(value):
                    self.files[target.id] = True
                elif self.is_from_pathlib(value, scope):
                    self.files[target.id] = False

    def is_temporary(self, node: ast.expr) -> bool:
        return any(isinstance(part, ast.Name) and self.files.get(part.id, False) for part in ast.walk(node))

    def is_from_pathlib(self, node: ast.expr, scope: Scope) -> bool:
        return any(
            (isinstance(part, ast.Call) and scope.dotted(part.func).startswith("pathlib."))
            or (isinstance(part, ast.Name) and self.files.get(part.id) is False)
            for part in ast.walk(node)
        )


def _assignments(node: ast.AST) -> list[tuple[ast.expr | None, ast.expr | None]]:
    match node:
        case ast.With(items=items):
            return [(item.optional_vars, item.context_expr) for item in items]
        case ast.Assign(targets=[target, *_]):
            return [(target, node.value)]
        case ast.AnnAssign():
            return [(node.target, node.value)]
        case ast.comprehension() | ast.For():
            return [(node.target, node.iter)]
        case _:
            return []


def check_expression(result: tuple[ast.expr, _Context], scope: Scope) -> None:
    node, context = result
    match node:
        case ast.Name(id=name, ctx=ast.Load()):
            _check_name(name, node, scope, is_base=id(node) in context.bases)
            if name in _WATCHED and id(node) not in context.called:
                refuse(node, f"`{name}` may not be handed on: call it")
        case ast.Attribute():
            _check_attribute(node, scope)
        case ast.Constant(value=str(value)):
            _check_text(value, node, scope)
        case ast.Call():
            _check_call(node, scope, context)
        case _:
            pass


def _check_name(name: str, node: ast.Name, scope: Scope, *, is_base: bool) -> None:
    if name in _BUILTINS:
        refuse(node, f"`{name}` is not allowed in a test")
    if name == "__file__" and not any("__file__" in use for use in scope.habits.uses):
        refuse(node, "`__file__` leads to the source: write what is needed to `tmp_path`")
    if name in scope.names and not is_base and (reason := _forbidden(scope.names[name], scope)):
        refuse(node, reason)


def _check_attribute(node: ast.Attribute, scope: Scope) -> None:
    name, dotted, shown = node.attr, scope.dotted(node), scope.shown(node)
    if name in _FRAMES or (name.startswith("__") and name.endswith("__") and name not in _DUNDERS):
        refuse(node, f"{shown} reaches into Python: test what the code returns")
    if not dotted:
        return
    root, *rest = dotted.split(".")
    if ".request.config" in dotted or (root in FIXTURES and (".request" in dotted or "._" in dotted)):
        refuse(node, f"{shown} reaches pytest itself: do without it")
    if reason := _forbidden(dotted, scope):
        refuse(node, reason)
    imported = {dotted.partition(".")[0] for dotted in scope.names.values()}
    if root in imported and not scope.is_own(root) and name.startswith("_") and name not in _DUNDERS:
        refuse(node, f"{shown} is private to a package that is not the project's")
    if scope.is_own(root) or root in scope.exports:
        # By a module of the project to one of Python: `client.os.environ`.
        for part in rest:
            if part in sys.stdlib_module_names and part not in scope.defined and _is_module(dotted, part, scope):
                refuse(node, f"{shown} reaches `{part}` through the project's code")


def _is_module(dotted: str, part: str, scope: Scope) -> bool:
    before = dotted.partition(f".{part}")[0]
    path = f"{before}.{part}".replace(".", "/")
    own = any(f"/{each}".endswith((f"/{path}.py", f"/{path}/__init__.py")) for each in scope.paths)
    return not own and not before.rpartition(".")[2][:1].isupper()


def _forbidden(dotted: str, scope: Scope) -> str:
    if within(dotted, _NOW):
        return f"`{dotted}` depends on the day: pass a fixed date"
    if dotted in _ELSEWHERE:
        return f"`{dotted}` depends on the machine: use `tmp_path`"
    if dotted in _CALLED_NETWORK:
        return f"`{dotted}` reaches the network: give the code a stand-in"
    if within(dotted, _STREAMS):
        return ""
    return forbidden_member(dotted, scope)


def _check_text(value: str, node: ast.expr, scope: Scope) -> None:
    if (_DUNDER.fullmatch(value) and value.strip() not in _DUNDERS) or _FIELD.search(value):
        refuse(node, f"the text {scope.shown(node)} names something inside of Python")
    if match := _ROOTS.match(value):
        root = match.group().rstrip("/")
        used = any(text.startswith(root) for text in scope.habits.strings)
        if value.startswith(_NEVER_PATHS) or (len(value) > len(match.group()) and not used):
            refuse(node, f"the path {scope.shown(node)} is absolute: use `tmp_path`")


def _check_call(node: ast.Call, scope: Scope, context: _Context) -> None:  # noqa: C901, PLR0912  one case each
    dotted, shown = scope.dotted(node.func), scope.shown(node)
    first = node.args[0] if node.args else None
    constant = first.value if isinstance(first, ast.Constant) else None
    temporary = first is not None and context.is_temporary(first)
    match dotted:
        case "getattr" | "hasattr" | "operator.attrgetter" | "operator.methodcaller":
            names = node.args[1:2] if dotted in {"getattr", "hasattr"} else node.args[:1]
            if not all(isinstance(name, ast.Constant) and isinstance(name.value, str) for name in names):
                refuse(node, f"{shown} has a name that is computed: write the attribute out")
        case _ if any(word.arg == "eval_str" for word in node.keywords):
            refuse(node, "`eval_str` runs text as code")
        case "pytest.param" if any(word.arg != "id" for word in node.keywords):
            refuse(node, "`pytest.param` may only have an `id`: a mark could skip the case")
        case "id":
            refuse(node, "`id` is another number in each process: compare with `is`")
        case "hash" if id(node) not in context.hashes:
            refuse(node, "`hash` is another number in each process: compare it only with another hash")
        case "type" if len(node.args) != 1:
            refuse(node, "`type` may not make classes in a test")
        case "random.Random" if first is None or (isinstance(first, ast.Constant) and constant is None):
            refuse(node, "`random.Random` needs a fixed seed")
        case "asyncio.sleep" if not isinstance(first, ast.Constant) or constant:
            refuse(node, "`asyncio.sleep` waits: only `asyncio.sleep(0)` is allowed")
        case "open" | "io.open" | "codecs.open":
            if not temporary:
                refuse(node, f"{shown} opens a file that is not below `tmp_path`")
        case "pytest.MonkeyPatch":
            refuse(node, "take the `monkeypatch` fixture: what this one changes stays changed")
        case "datetime.datetime.fromtimestamp" if len(node.args) == 1:
            refuse(node, "`fromtimestamp` depends on the time zone: pass one")
        case _ if isinstance(node.func, ast.Attribute) and node.func.attr in _FILE_METHODS:
            file = node.func.value
            if not context.is_temporary(file) and context.is_from_pathlib(file, scope):
                refuse(node, f"{shown} works on a file that is not below `tmp_path`")
        case _ if isinstance(node.func, ast.Attribute) and node.func.attr == "sleep":
            refuse(node, f"{shown} waits: a test may not sleep")
        case _ if dotted in _LOOKED_AT and not temporary:
            refuse(node, f"{shown} looks at a file that is not below `tmp_path`")
        case _:
            pass


def check_patch(node: ast.AST, scope: Scope) -> None:
    """Patches and assignments to what is not the test's own."""
    match node:
        case ast.Call():
            _check_patch_call(node, scope)
        case ast.Assign(targets=targets, value=value):
            for target in targets:
                _check_target(target, value, scope)
        case ast.AugAssign(target=target, value=value) | ast.NamedExpr(target=target, value=value):
            _check_target(target, value, scope)
        case ast.AnnAssign(target=target, value=value):
            _check_target(target, value, scope)
        case ast.For(target=target) | ast.AsyncFor(target=target) | ast.comprehension(target=target):
            _check_target(target, None, scope)
        case ast.withitem(optional_vars=ast.expr() as target):
            _check_target(target, None, scope)
        case ast.Delete(targets=targets):
            for target in targets:
                _check_target(target, None, scope)
        case _:
            pass


def _check_patch_call(node: ast.Call, scope: Scope) -> None:
    dotted = scope.dotted(node.func)
    method = node.func.attr if isinstance(node.func, ast.Attribute) else ""
    if dotted in _PATCH or (method in _SET | _ITEMS | {"syspath_prepend"} and node.args):
        _check_patched(node, dotted.rpartition(".")[2], scope)
    elif method in {"setenv", "delenv"} and node.args:
        name = node.args[0]
        if not isinstance(name, ast.Constant) or not isinstance(name.value, str) or name.value.startswith(_GUARDED):
            refuse(node, f"{scope.shown(node)} changes a variable that the run itself may need")
    elif method == "chdir" and not any(isinstance(part, ast.Name) and "tmp" in part.id for part in ast.walk(node)):
        refuse(node, f"{scope.shown(node)} leaves `tmp_path`")
    elif dotted.rpartition(".")[2] in _MOCKS and dotted.startswith(("unittest.", "mock.", "mocker.")):
        behind = [*node.args, *(word.value for word in node.keywords if word.arg in {"wraps", "side_effect"})]
        names = (part.id for value in behind for part in ast.walk(value) if isinstance(part, ast.Name))
        if any(map(scope.is_code, names)):
            refuse(node, f"{scope.shown(node)} stands in for the code under test: call that itself")


def _check_patched(node: ast.Call, method: str, scope: Scope) -> None:
    """A patch is for input and output that the existing tests patch too, never for what the project defines."""
    shown, target = scope.shown(node), _target(node, scope)
    if method == "syspath_prepend" or not target:
        refuse(node, f"{shown} changes something that cannot be told from the text")
    if target in _REPLACEABLE or (method in _ITEMS and within(target, ["os.environ"])):
        return
    if target.partition(".")[0] in _JUDGES:
        refuse(node, f"{shown} changes Python or pytest")
    names = {name.rpartition(".")[2] for name in scope.habits.uses} | scope.habits.imports
    is_usual = bool(names & {"setattr", "patch", "unittest.mock.patch", "object"})
    if _is_constant(target, node) and is_usual:
        # A limit made small so that it is met.
        return
    if replaced := _defined_by_project(target, scope):
        refuse(node, f"{shown} replaces {replaced}: the test would judge its own stand-in")
    if not is_usual:
        refuse(node, f"{shown} patches, which the existing tests do not do: pass a stand-in as an argument")


def _target(node: ast.Call, scope: Scope) -> str:
    """The full name of what is replaced, "" when it is computed or an object of the test."""
    if not node.args:
        return ""
    first = node.args[0]
    if isinstance(first, ast.Constant) and isinstance(first.value, str):
        return first.value if "." in first.value else ""
    name = node.args[1] if len(node.args) > 1 else None
    base = scope.dotted(first)
    if not base:
        return ""
    return f"{base}.{name.value}" if isinstance(name, ast.Constant) and isinstance(name.value, str) else base


def _defined_by_project(target: str, scope: Scope) -> str:
    if not scope.is_own(target):
        return "a method of the code under test" if target.rpartition(".")[2] in scope.defined else ""
    if scope.module and within(target, [scope.module]) and target != scope.module:
        member = target[len(scope.module) + 1 :].partition(".")[0]
        behind = scope.source_names.get(member, "")
        if behind and not scope.is_own(behind) and member not in scope.exports:
            return ""
    return f"`{target}` of the project"


def _is_constant(target: str, node: ast.Call) -> bool:
    value = node.args[-1] if node.args else None
    return target.rpartition(".")[2].isupper() and isinstance(value, ast.Constant) and not isinstance(value.value, str)


def _check_target(target: ast.expr, value: ast.expr | None, scope: Scope) -> None:
    match target:
        case ast.Tuple(elts=elements) | ast.List(elts=elements):
            for element in elements:
                _check_target(element, None, scope)
        case ast.Starred(value=inner):
            _check_target(inner, value, scope)
        case ast.Attribute() | ast.Subscript():
            root: ast.expr = target
            while isinstance(root, ast.Attribute | ast.Subscript):
                root = root.value
            shown = scope.shown(target)
            if not isinstance(root, ast.Name) or root.id in scope.names or scope.is_code(root.id):
                refuse(target, f"{shown} may not be assigned to: it is not the test's own")
            if isinstance(target, ast.Attribute) and target.attr in scope.defined:
                refuse(target, f"{shown} is defined by the code under test and may not be replaced")
            if isinstance(target, ast.Attribute) and isinstance(value, ast.Lambda):
                refuse(target, f"{shown} may not be replaced by a function")
        case _:
            pass
