"""Who may do what: guards that disappear, permissions that open, debug modes that reach production."""

import ast
import re
from collections.abc import Iterator

from cicd_agent.analysis.rules.context import TABLES, FileContext
from cicd_agent.analysis.rules.python.source import PythonText
from cicd_agent.analysis.rules.rule import Hit
from cicd_agent.domain.finding import Severity
from cicd_agent.domain.repository.diff import Side

_GUARD = re.compile(f"(?i)^(?:{'|'.join(TABLES['access']['guards'])})$")
_GUARD_HINT = re.compile(r"(?i)requir|authenticated|accepted|user_passes|csrf_protect|sensitive_post|mixin")


def _guards_gone(context: FileContext) -> Iterator[Hit]:
    if not any(_GUARD_HINT.search(text) for _, text in context.deleted):
        return
    base, head = context.old_python, context.python_head
    if base is None or head is None:
        return
    before, after = _guarded(base), _guarded(head)
    for name, guards in before.items():
        # A class that is guarded now guards its methods.
        if name not in after or after[name] or not guards or after.get(name.rpartition(".")[0]):
            continue
        guard, number = guards[0]
        if number in context.deleted_numbers:
            yield Hit(number, f"`{name}` loses `{guard}`, and no other guard replaces it.", side=Side.LEFT)


def _guarded(text: PythonText) -> dict[str, list[tuple[str, int]]]:
    guards_of: dict[str, list[tuple[str, int]]] = {}
    for node, _ in text.nodes:
        if isinstance(node, ast.ClassDef):
            guards_of[node.name] = list(_guards(text, [*node.decorator_list, *node.bases]))
    return guards_of | {name: list(_guards(text, each.node.decorator_list)) for name, each in text.defined.items()}


def _guards(text: PythonText, expressions: list[ast.expr]) -> Iterator[tuple[str, int]]:
    for expression in expressions:
        # @method_decorator(login_required) and @permission_required("x") alike
        named = [*expression.args, expression.func] if isinstance(expression, ast.Call) else [expression]
        names = (text.name_of(each).rpartition(".")[2] for each in named)
        guard = next(filter(_GUARD.match, names), None)
        if guard is not None:
            yield guard, expression.lineno


def _opened(context: FileContext) -> Iterator[Hit]:
    for text, node, _ in context.nodes:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                for decorator in node.decorator_list:
                    exempt = decorator.args[0] if isinstance(decorator, ast.Call) and decorator.args else decorator
                    if text.name_of(exempt).endswith("csrf_exempt") and decorator.lineno in context.added_numbers:
                        message = f"`{node.name}` accepts requests that other sites make in a user's name."
                        yield Hit(decorator.lineno, message, severity=Severity.MEDIUM, confidence=0.8)
            case ast.Assign(targets=[ast.Name(id="permission_classes" | "authentication_classes" as name)]):
                line = context.first_added(node.lineno, node.value.lineno)
                values = node.value.elts if isinstance(node.value, ast.List | ast.Tuple) else []
                opened = not values or any(text.name_of(value).rpartition(".")[2] == "AllowAny" for value in values)
                if line is not None and opened and isinstance(node.value, ast.List | ast.Tuple):
                    yield Hit(line, f"`{name}` lets everyone in.", severity=Severity.MEDIUM, confidence=0.75)
            case _:
                pass


def access_weakened(context: FileContext) -> Iterator[Hit]:
    yield from _guards_gone(context)
    yield from _opened(context)


_OPEN_SETTINGS = re.compile(r"^\s*DEBUG\s*=\s*True\s*(?:#.*)?$|^\s*ALLOWED_HOSTS\s*=\s*\[\s*['\"]\*['\"]\s*,?\s*\]")
_CORS = re.compile(
    r"^\s*CORS_(?:ORIGIN_ALLOW_ALL|ALLOW_ALL_ORIGINS)\s*=\s*True\b|\ballow_origins\s*=\s*\[\s*['\"]\*['\"]"
    r"|(?i:['\"]?access-control-allow-origin['\"]?\s*[,:\]]+\s*=?\s*['\"]\*['\"])"
)
_COOKIES = re.compile(r"^\s*(?:SESSION_COOKIE_SECURE|CSRF_COOKIE_SECURE|SESSION_COOKIE_HTTPONLY)\s*=\s*False\b")
_LOCAL = re.compile(r"(?i)(?:^|[/_.-])(?:dev|local|test|debug|development|testing)(?:[/_.-]|$)")


def unsafe_settings(context: FileContext) -> Iterator[Hit]:
    if _LOCAL.search(context.path):
        return
    is_settings = "settings" in context.path.lower() or "config" in context.path.lower()
    for number, text in context.added:
        if is_settings and context.path.endswith(".py") and _OPEN_SETTINGS.match(text):
            yield Hit(number, "In production this shows error internals to every visitor, or trusts any host name.")
        elif is_settings and _COOKIES.match(text):
            yield Hit(number, "Session cookies are sent unencrypted, or scripts can read them.")
        elif context.path.endswith((".py", ".js", ".ts", ".conf")) and "origin" in text.lower() and _CORS.search(text):
            yield Hit(number, "Any website can read the responses through a visitor's browser.", confidence=0.75)
