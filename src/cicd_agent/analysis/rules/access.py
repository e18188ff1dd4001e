"""Who may do what: guards that disappear, permissions that open, debug modes that reach production."""

import ast
import re
from collections.abc import Iterator

from cicd_agent.analysis.rules.context import Look
from cicd_agent.analysis.rules.python.source import PythonText
from cicd_agent.analysis.rules.rule import Example, Hit, Rule
from cicd_agent.domain.diff import Side
from cicd_agent.domain.finding import Category, Severity

_GUARD = re.compile(
    r"(?i)^(?:login_required|permission_required|user_passes_test|staff_member_required|jwt_required|require_login|"
    r"login_required_view|roles?_(?:required|accepted)|requires_(?:auth|login|roles?|permissions?|scopes?)|auth_required|"
    r"authenticated|admin_required|token_required|csrf_protect|sensitive_post_parameters|verified_email_required|"
    r"(?:Login|Permission)RequiredMixin|UserPassesTestMixin|AccessMixin|otp_required)$"
)
_GUARD_WORD = re.compile(r"(?i)requir|authenticated|accepted|user_passes|csrf_protect|sensitive_post|mixin")
_OPEN = frozenset({"AllowAny"})


def _guards_gone(look: Look) -> Iterator[Hit]:
    """Functions and classes that are still there and have lost every guard."""
    if not any(_GUARD_WORD.search(text) for _, text in look.deleted):
        return
    base, head = look.old_python, look.python if look.added else PythonText.parse(look.head)
    if base is None or head is None:
        return
    before, after = _guarded(base), _guarded(head)
    for name, guards in before.items():
        if name not in after or after[name] or not guards:
            continue
        owner = name.rpartition(".")[0]
        if after.get(owner):
            continue  # the class is guarded now
        guard, number = guards[0]
        if number in look.deleted_numbers:
            yield Hit(number, f"`{name}` loses `{guard}`, and no other guard stands in its place.", side=Side.LEFT)


def _guarded(text: PythonText) -> dict[str, list[tuple[str, int]]]:
    """The guards of each function and class, by its qualified name (a class: its own name)."""
    found: dict[str, list[tuple[str, int]]] = {}
    for node, _ in text.nodes:
        if isinstance(node, ast.ClassDef):
            found[node.name] = list(_among(text, [*node.decorator_list, *node.bases]))
    for name, defined in text.defined.items():
        found[name] = list(_among(text, defined.node.decorator_list))
    return found


def _among(text: PythonText, expressions: list[ast.expr]) -> Iterator[tuple[str, int]]:
    for expression in expressions:
        target = expression
        # @method_decorator(login_required) and @permission_required("x") alike
        if isinstance(target, ast.Call):
            inner = [text.name_of(argument).rpartition(".")[2] for argument in target.args]
            name = next((name for name in inner if _GUARD.match(name)), "")
            if name:
                yield name, expression.lineno
                continue
            target = target.func
        name = text.name_of(target).rpartition(".")[2]
        if _GUARD.match(name):
            yield name, expression.lineno


def _opened(look: Look) -> Iterator[Hit]:
    text = look.python
    for node, _ in text.nodes if text else ():
        if text is None:
            return
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                for decorator in node.decorator_list:
                    exempt = decorator.args[0] if isinstance(decorator, ast.Call) and decorator.args else decorator
                    if text.name_of(exempt).endswith("csrf_exempt") and decorator.lineno in look.added_numbers:
                        yield Hit(
                            decorator.lineno,
                            f"`{node.name}` accepts requests that other sites make in a user's name.",
                            severity=Severity.MEDIUM,
                            confidence=0.8,
                        )
            case ast.Assign(targets=[ast.Name(id="permission_classes" | "authentication_classes" as name)]):
                line = look.first_added(node.lineno, node.value.lineno)
                values = node.value.elts if isinstance(node.value, ast.List | ast.Tuple) else []
                opened = not values or any(text.name_of(value).rpartition(".")[2] in _OPEN for value in values)
                if line is not None and opened and isinstance(node.value, ast.List | ast.Tuple):
                    yield Hit(line, f"`{name}` lets everybody in.", severity=Severity.MEDIUM, confidence=0.75)
            case _:
                pass


def _weakened(look: Look) -> Iterator[Hit]:
    yield from _guards_gone(look)
    yield from _opened(look)


_DEBUG = re.compile(r"^\s*DEBUG\s*=\s*True\s*(?:#.*)?$")
_HOSTS = re.compile(r"^\s*ALLOWED_HOSTS\s*=\s*\[\s*['\"]\*['\"]\s*,?\s*\]")
_CORS = re.compile(
    r"^\s*CORS_(?:ORIGIN_ALLOW_ALL|ALLOW_ALL_ORIGINS)\s*=\s*True\b|\ballow_origins\s*=\s*\[\s*['\"]\*['\"]"
    r"|(?i:['\"]?access-control-allow-origin['\"]?\s*[,:\]]+\s*=?\s*['\"]\*['\"])"
)
_COOKIES = re.compile(r"^\s*(?:SESSION_COOKIE_SECURE|CSRF_COOKIE_SECURE|SESSION_COOKIE_HTTPONLY)\s*=\s*False\b")
_LOCAL = re.compile(r"(?i)(?:^|[/_.-])(?:dev|local|test|debug|development|testing)(?:[/_.-]|$)")


def _settings(look: Look) -> Iterator[Hit]:
    if _LOCAL.search(look.path):
        return
    is_settings = "settings" in look.path.lower() or "config" in look.path.lower()
    for number, text in look.added:
        if is_settings and look.path.endswith(".py") and (_DEBUG.match(text) or _HOSTS.match(text)):
            yield Hit(number, "In production this shows every visitor the inside of an error, or trusts any host name.")
        elif is_settings and _COOKIES.match(text):
            yield Hit(number, "Session cookies travel in the clear, or can be read by scripts.")
        elif look.path.endswith((".py", ".js", ".ts", ".conf")) and _CORS.search(text):
            yield Hit(number, "Every site may read the answers with a visitor's browser.", confidence=0.75)


ACCESS = (
    Rule(
        id="access-weakened",
        since="0.1",
        title="Access is opened",
        severity=Severity.HIGH,
        category=Category.SECURITY,
        looks_at="guards such as `@login_required` that are gone from what they guarded; `AllowAny`, `csrf_exempt`",
        why="Somebody may now do what was refused before.",
        remedy="Say in the description who may call this now, and test that others may not.",
        bad=Example(
            "views.py",
            "def report(request):\n    return request\n",
            "@login_required\ndef report(request):\n    return request\n",
        ),
        good=Example(
            "views.py",
            '@permission_required("reports")\ndef report(request):\n    return request\n',
            "@login_required\ndef report(request):\n    return request\n",
        ),
        check=_weakened,
        confidence=0.9,
    ),
    Rule(
        id="unsafe-settings",
        since="0.1",
        title="A setting for development reaches production",
        severity=Severity.MEDIUM,
        category=Category.SECURITY,
        looks_at='`DEBUG = True`, `ALLOWED_HOSTS = ["*"]`, CORS `*`, insecure cookies, outside files for development',
        why="What helps at a desk opens the door on the internet.",
        remedy="Read the value from the environment, with the safe one as the default.",
        bad=Example("shop/settings.py", "DEBUG = True\n", "DEBUG = False\n"),
        good=Example("shop/settings.py", "DEBUG = False\n", "DEBUG = True\n"),
        check=_settings,
        confidence=0.8,
    ),
)
