"""What a proposed test may not reach, and what it may not replace.

The machine, the clock, the network, Python's insides and the source itself; modules are imported from a list.
"""

import ast
import re
import sys

from cicd_agent.analysis.python_tests.static.scope import NAMES, TABLES, Scope, refuse, within
from cicd_agent.analysis.python_tests.syntax import names_in

_MEMBERS = {module: frozenset(names.split()) for module, names in TABLES["members"].items()}
_HARMLESS = NAMES["harmless"] | {name for name in _MEMBERS if name.partition(".")[0] in sys.stdlib_module_names}
_UNSTABLE = tuple(NAMES["unstable"])
_FORBIDDEN = tuple((frozenset(each["names"].split()), each) for each in TABLES["forbidden"])
_ROOTS = re.compile(
    r"(?:/(?:etc|proc|sys|dev|home|root|usr|var|tmp|opt|bin|sbin|run|mnt|boot)(?:/|$)|[A-Za-z]:[\\/]|~(?:\w*/|$))"
)
# Of these no test has a need, whatever the existing ones say.
_NEVER_PATHS = ("/proc", "/sys", "/dev", "/etc", "/root")
_DUNDER = re.compile(r"(?:.*\.)?__[a-z]+__(?:\..*)?")
_FIELD = re.compile(r"\{[^{}]*(?:\.|\[)_")
_ATTRIBUTE_GETTERS = {"getattr": 1, "hasattr": 1, "operator.attrgetter": 0, "operator.methodcaller": 0}
"""The position of the attribute's name."""
_PATCHES = {"setattr", "delattr", "syspath_prepend", "setitem", "delitem"}
_GUARDED = ("PYTHON", "PYTEST", "COVERAGE", "COV_", "HYPOTHESIS", "LD_", "PATH", "GITHUB_", "CI")


def forbidden(dotted: str, scope: Scope) -> str:
    """Why a dotted name is not allowed, "" when it is."""
    usual = dotted in scope.habits.uses and not dotted.startswith(_UNSTABLE)
    for names, entry in _FORBIDDEN:
        if within(dotted, names) and not (usual and entry.get("unless_usual")):
            return f"`{dotted}` {entry['reason']}"
    if usual or within(dotted, NAMES["streams"] | {"unittest.mock"}):
        return ""
    for module in sorted(_MEMBERS, key=len, reverse=True):
        if dotted.startswith(f"{module}."):
            member = f"{module}.{dotted[len(module) + 1 :].partition('.')[0]}"
            allowed = member.rpartition(".")[2] in _MEMBERS[module] or member in _MEMBERS
            reason = TABLES["refusals"].get(module, "is not allowed in a test")
            return "" if allowed else f"`{member}` {reason}"
    if dotted.partition(".")[0] in NAMES["risky"]:
        return f"`{dotted}` is not used by the existing tests, so it is not allowed here"
    return ""


def check_imports(_module: ast.Module, scope: Scope) -> None:
    for node in scope.imports:
        match node:
            case ast.Import(names=aliases):
                for alias in aliases:
                    _check_import(alias.name, node, scope)
            case ast.ImportFrom(level=level) if level:
                if not any(name.startswith(".") for name in scope.habits.imports):
                    refuse(node, "a relative import is not allowed: import by the full name")
            case ast.ImportFrom(module=str(module), names=aliases):
                for alias in aliases:
                    bound = alias.asname or alias.name
                    if alias.name == "*":
                        refuse(node, f"`from {module} import *` is not allowed: name what is needed")
                    if bound.startswith(("test", "pytest_", "setup", "teardown", "__")):
                        refuse(node, f"the name `{bound}` would be taken for a test: import its module")
                    _check_member(module, alias.name, node, scope)
            case _:
                pass


def _check_import(module: str, node: ast.stmt, scope: Scope) -> None:
    parts = module.split(".")
    if "conftest" in parts:
        refuse(node, "conftest is not to be imported: take its fixtures as parameters")
    if within(module, NAMES["never"]):
        refuse(node, f"`{module}` is not allowed in a test")
    if scope.is_own(module):
        if any(part.startswith("test_") or part.endswith("_test") for part in parts):
            refuse(node, f"`{module}` is a test module: a test does not import other tests")
    elif module not in scope.habits.imports:
        if within(module, NAMES["network"]) and module not in _MEMBERS:
            refuse(node, f"`{module}` reaches the network: give the code a stand-in")
        borrowed = parts[0] in scope.borrowed and parts[0] not in sys.stdlib_module_names
        if not borrowed and not within(module, _HARMLESS):
            refuse(node, f"`{module}` is not among the modules that a test may import here")


def _check_member(module: str, name: str, node: ast.stmt, scope: Scope) -> None:
    dotted = f"{module}.{name}"
    if "conftest" in dotted.split(".") or within(dotted, NAMES["never"] | NAMES["network"]):
        _check_import(dotted, node, scope)
        return
    own = scope.is_own(module)
    if not own and (reason := forbidden(dotted, scope)):
        refuse(node, reason)
    if not within(dotted, {"unittest.mock"}):
        _check_import(module, node, scope)
    origin = scope.source_names.get(name, "") if module == scope.module else name
    if own and origin.partition(".")[0] in sys.stdlib_module_names and name not in scope.exports:
        refuse(node, f"`{name}` is not the project's own: import it from where it is defined")


def check_name(node: ast.Name, scope: Scope) -> None:
    name = node.id
    if not isinstance(node.ctx, ast.Load):
        return
    if name in NAMES["builtins"]:
        refuse(node, f"`{name}` is not allowed in a test")
    if name == "__file__" and not any("__file__" in use for use in scope.habits.uses):
        refuse(node, "`__file__` leads to the source: write what is needed to `tmp_path`")
    reason = forbidden(scope.names.get(name, ""), scope)
    if reason and not any(isinstance(each, ast.Attribute) and each.value is node for each in scope.nodes):
        refuse(node, reason)
    bases = (each.value for each in scope.nodes if isinstance(each, ast.Attribute))
    if scope.names.get(name) in NAMES["edges"] & _MEMBERS.keys() and node not in bases and not _is_patched(node, scope):
        refuse(node, f"`{name}` may not be handed on: name what of it is used")
    called = (each.func for each in scope.nodes if isinstance(each, ast.Call))
    if name in NAMES["called_only"] and node not in called:
        refuse(node, f"`{name}` may not be handed on: call it")


def check_attribute(node: ast.Attribute, scope: Scope) -> None:
    name, dotted, excerpt = node.attr, scope.dotted(node), scope.excerpt(node)
    if name in NAMES["frames"] or (name.startswith("__") and name.endswith("__") and name not in NAMES["dunders"]):
        refuse(node, f"{excerpt} reaches into Python: test what the code returns")
    if not dotted:
        return
    root, *rest = dotted.split(".")
    if ".request.config" in dotted or (root in NAMES["fixtures"] and (".request" in dotted or "._" in dotted)):
        refuse(node, f"{excerpt} reaches pytest itself: do without it")
    if reason := forbidden(dotted, scope):
        refuse(node, reason)
    imported = {name.partition(".")[0] for name in scope.names.values()}
    if root in imported and not scope.is_own(root) and name.startswith("_") and name not in NAMES["dunders"]:
        refuse(node, f"{excerpt} is private to a package that is not the project's")
    if scope.is_own(root) or root in scope.exports:
        # By a module of the project to one of Python: `client.os.environ`.
        for part in rest:
            is_foreign = part in sys.stdlib_module_names and part not in scope.defined
            if is_foreign and _is_module(dotted, part, scope) and not _is_patched(node, scope):
                refuse(node, f"{excerpt} reaches `{part}` through the project's code")


def _is_module(dotted: str, part: str, scope: Scope) -> bool:
    before = dotted.partition(f".{part}")[0]
    path = f"{before}.{part}".replace(".", "/")
    own = any(f"/{each}".endswith((f"/{path}.py", f"/{path}/__init__.py")) for each in scope.paths)
    return not own and not before.rpartition(".")[2][:1].isupper()


def _is_patched(node: ast.expr, scope: Scope) -> bool:
    """Whether an expression is only there to say where a stand-in is put."""
    return any(
        node in ast.walk(call.args[0])
        for call in scope.nodes
        if isinstance(call, ast.Call) and call.args
        if scope.dotted(call.func) in NAMES["patches"]
        or (isinstance(call.func, ast.Attribute) and call.func.attr in _PATCHES)
    )


def check_text(node: ast.Constant, scope: Scope) -> None:
    value = node.value
    if not isinstance(value, str):
        return
    if (_DUNDER.fullmatch(value) and value.strip() not in NAMES["dunders"]) or _FIELD.search(value):
        refuse(node, f"the text {scope.excerpt(node)} names something inside of Python")
    if match := _ROOTS.match(value):
        root = match.group().rstrip("/")
        used = any(text.startswith(root) for text in scope.habits.strings)
        if value.startswith(_NEVER_PATHS) or (len(value) > len(match.group()) and not used):
            refuse(node, f"the path {scope.excerpt(node)} is absolute: use `tmp_path`")


def check_call(node: ast.Call, scope: Scope) -> None:  # noqa: C901  one case each
    """Calls that are allowed with certain arguments alone."""
    dotted, excerpt = scope.dotted(node.func), scope.excerpt(node)
    keywords = {keyword.arg for keyword in node.keywords}
    argument = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else None
    computed = bool(node.args) and not isinstance(node.args[0], ast.Constant)
    if dotted in _ATTRIBUTE_GETTERS:
        _check_getter(node, _ATTRIBUTE_GETTERS[dotted], scope)
    if "eval_str" in keywords:
        refuse(node, "`eval_str` runs text as code")
    if dotted == "pytest.param" and keywords - {"id"}:
        refuse(node, "`pytest.param` may only have an `id`: a mark could skip the case")
    if dotted == "id":
        refuse(node, "`id` is another number in each process: compare with `is`")
    if dotted == "hash" and not _is_hash_comparison(node, scope):
        refuse(node, "`hash` is another number in each process: compare it only with another hash")
    if dotted == "type" and len(node.args) != 1:
        refuse(node, "`type` may not make classes in a test")
    if dotted == "random.Random" and argument is None and not computed:
        refuse(node, "`random.Random` needs a fixed seed")
    if dotted == "asyncio.sleep" and (argument is None or argument):
        refuse(node, "`asyncio.sleep` waits: only `asyncio.sleep(0)` is allowed")
    if dotted == "pytest.MonkeyPatch":
        refuse(node, "take the `monkeypatch` fixture: what this one changes stays changed")
    if isinstance(node.func, ast.Attribute) and node.func.attr == "sleep" and dotted != "asyncio.sleep":
        refuse(node, f"{excerpt} waits: a test may not sleep")


def _check_getter(node: ast.Call, at: int, scope: Scope) -> None:
    names = [name.value if isinstance(name, ast.Constant) else None for name in node.args[at : at + 1]]
    if not all(isinstance(name, str) for name in names):
        refuse(node, f"{scope.excerpt(node)} has a name that is computed: write the attribute out")
    owner = scope.dotted(node.args[0]) if at and names else ""
    if owner and (reason := forbidden(f"{owner}.{names[0]!s}", scope)):
        refuse(node, reason)


def _is_hash_comparison(node: ast.Call, scope: Scope) -> bool:
    for each in scope.nodes:
        if isinstance(each, ast.Compare) and node in (sides := [each.left, *each.comparators]):
            return all(isinstance(side, ast.Call) and scope.dotted(side.func) == "hash" for side in sides)
    return False


def check_files(_module: ast.Module, scope: Scope) -> None:
    """Files are those below `tmp_path`, or what a fixture has handed in."""
    temporary, elsewhere = _file_names(scope)
    for node in (each for each in scope.nodes if isinstance(each, ast.Call)):
        dotted = scope.dotted(node.func)
        is_temporary = bool(node.args) and bool(names_in(node.args[0]) & temporary)
        if dotted in {"open", "io.open", "codecs.open"} and not is_temporary:
            refuse(node, f"{scope.excerpt(node)} opens a file that is not below `tmp_path`")
        if dotted in NAMES["file_queries"] and not is_temporary:
            refuse(node, f"{scope.excerpt(node)} looks at a file that is not below `tmp_path`")
        if isinstance(node.func, ast.Attribute) and node.func.attr in NAMES["file_methods"]:
            file = node.func.value
            if not names_in(file) & temporary and _is_path(file, scope, elsewhere):
                refuse(node, f"{scope.excerpt(node)} works on a file that is not below `tmp_path`")


def _file_names(scope: Scope) -> tuple[set[str], set[str]]:
    """The names that stand for files below `tmp_path`, and for files anywhere else."""
    parameters = {each.arg for function in (scope.test, *scope.helpers.values()) for each in function.args.args}
    temporary = {*(parameters - scope.supplied()), *NAMES["temporary"]}
    elsewhere: set[str] = set()
    for target, value in (pair for node in scope.nodes for pair in _assignments(node)):
        if isinstance(target, ast.Name) and value is not None:
            if names_in(value) & temporary:
                temporary.add(target.id)
                elsewhere.discard(target.id)
            elif _is_path(value, scope, elsewhere):
                elsewhere.add(target.id)
                temporary.discard(target.id)
    return temporary, elsewhere


def _is_path(node: ast.expr, scope: Scope, paths: set[str]) -> bool:
    calls = (each for each in ast.walk(node) if isinstance(each, ast.Call))
    return bool(names_in(node) & paths) or any(scope.dotted(each.func).startswith("pathlib.") for each in calls)


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


def check_patch(node: ast.Call, scope: Scope) -> None:
    dotted, excerpt = scope.dotted(node.func), scope.excerpt(node)
    method = node.func.attr if isinstance(node.func, ast.Attribute) else ""
    if dotted in NAMES["patches"] or (method in _PATCHES and node.args):
        _check_patched(node, dotted.rpartition(".")[2], scope)
    elif method in {"setenv", "delenv"} and node.args:
        name = node.args[0]
        if not isinstance(name, ast.Constant) or not isinstance(name.value, str) or name.value.startswith(_GUARDED):
            refuse(node, f"{excerpt} changes a variable that the run itself may need")
    elif method == "chdir" and not any("tmp" in name for name in names_in(node)):
        refuse(node, f"{excerpt} leaves `tmp_path`")
    elif dotted.rpartition(".")[2] in NAMES["mocks"] and dotted.startswith(("unittest.", "mock.", "mocker.")):
        replaced = [*node.args, *(each.value for each in node.keywords if each.arg in {"wraps", "side_effect"})]
        parts = (part for value in replaced for part in ast.walk(value) if isinstance(part, ast.Name | ast.Attribute))
        if any(scope.dotted(part).rpartition(".")[2] in scope.subject for part in parts):
            refuse(node, f"{excerpt} stands in for the code under test: call that itself")


def _check_patched(node: ast.Call, method: str, scope: Scope) -> None:
    """A patch is for input and output, and for what the code under test calls elsewhere; never for that code."""
    excerpt, target = scope.excerpt(node), _target(node, scope)
    if method == "syspath_prepend" or not target:
        refuse(node, f"{excerpt} changes something that cannot be told from the text")
    if within(target, NAMES["edges"]):
        return
    if target.partition(".")[0] in NAMES["judges"]:
        refuse(node, f"{excerpt} changes Python or pytest")
    names = {name.rpartition(".")[2] for name in scope.habits.uses} | scope.habits.imports
    is_usual = bool(names & {"setattr", "patch", "unittest.mock.patch", "object"})
    value = node.args[-1] if node.args else None
    is_number = isinstance(value, ast.Constant) and not isinstance(value.value, str)
    if target.rpartition(".")[2].isupper() and is_number:
        # A limit made small so that it is met.
        return
    if replaced := _defined_by_project(target, scope):
        refuse(node, f"{excerpt} replaces {replaced}: the test would judge its own stand-in")
    if not is_usual and not scope.is_own(target):
        refuse(node, f"{excerpt} patches, which the existing tests do not do: pass a stand-in as an argument")


def _target(node: ast.Call, scope: Scope) -> str:
    """The full name of what is replaced, "" when it is computed or an object of the test."""
    match node.args:
        case [ast.Constant(value=str() as name), *_]:
            return name if "." in name else ""
        case [first, ast.Constant(value=str() as name), *_] if base := scope.dotted(first):
            return f"{base}.{name}"
        case [first, *_]:
            return scope.dotted(first)
        case _:
            return ""


def _defined_by_project(target: str, scope: Scope) -> str:
    if not scope.is_own(target):
        return "a method of the code under test" if target.rpartition(".")[2] in scope.defined else ""
    if scope.module and target.startswith(f"{scope.module}."):
        # What the module imports is a collaborator, of the project's or not.
        member = target[len(scope.module) + 1 :].partition(".")[0]
        if scope.source_names.get(member) and member not in scope.exports:
            return ""
    elif scope.module and not {*target.split(".")} & scope.defined:
        return ""
    return f"`{target}` of the project"


def check_assignment(node: ast.Attribute | ast.Subscript, scope: Scope) -> None:
    """Nothing is assigned to, or deleted from, what is not the test's own."""
    if isinstance(node.ctx, ast.Load):
        return
    root: ast.expr = node
    while isinstance(root, ast.Attribute | ast.Subscript):
        root = root.value
    excerpt = scope.excerpt(node)
    if not isinstance(root, ast.Name) or root.id in scope.names or scope.is_code(root.id):
        refuse(node, f"{excerpt} may not be assigned to: it is not the test's own")
    if isinstance(node, ast.Attribute):
        if node.attr in scope.defined:
            refuse(node, f"{excerpt} is defined by the code under test and may not be replaced")
        for each in scope.nodes:
            targets = each.targets if isinstance(each, ast.Assign) else [getattr(each, "target", None)]
            if node in targets and isinstance(getattr(each, "value", None), ast.Lambda):
                refuse(node, f"{excerpt} may not be replaced by a function")
