"""Functions that answer requests from the web, and which of their parameters a client fills with text of its own."""

import ast
import re
from collections.abc import Iterator, Mapping

from cicd_agent.analysis.rules.context import TABLES
from cicd_agent.analysis.rules.python.source import Function, PythonText, names_in

_WEB = TABLES["web"]
_ROUTES = frozenset(_WEB["routes"])
_METHODS = frozenset(_WEB["methods"])
_VIEW_BASES = re.compile(_WEB["view-bases"])
_ADMIN = re.compile(r"(?i)admin|superuser|staff")
_FLASK = re.compile(r"<(?:(\w+)(?:\([^<>]*\))?:)?(\w+)>")
_FLASK_KINDS = {"": "segment", "string": "segment", "path": "text"}
_STARLETTE = re.compile(r"\{(\w+)(?::(\w+))?\}")
_NO_TEXT = frozenset({"int", "float", "bool", "UUID", "date", "datetime", "time", "Decimal", "Literal", "bytes"})
_TEXT = frozenset({"str", "Optional", "Annotated", "list", "List", "HttpUrl", "AnyUrl", "AnyHttpUrl", "Union", "Path"})
_INJECTED = frozenset({"Depends", "Security"})


def is_web(text: PythonText) -> bool:
    return text.imported(*_WEB["frameworks"])


def route_of(text: PythonText, function: Function) -> str | None:
    """The path that a decorator of the function registers it for, None when no decorator does."""
    for decorator in function.decorator_list:
        if not isinstance(decorator, ast.Call) or not isinstance(decorator.func, ast.Attribute):
            continue
        if decorator.func.attr in _ROUTES and decorator.args and isinstance(decorator.args[0], ast.Constant):
            path = decorator.args[0].value
            if isinstance(path, str) and (path.startswith("/") or (not path and is_web(text))):
                return path
    return None


def is_endpoint(text: PythonText, function: Function) -> bool:
    """Whether what the function returns is the answer to a request."""
    if route_of(text, function) is not None:
        return True
    owner = text.owners.get(id(function))
    if owner is not None:
        bases = (text.name_of(base).rpartition(".")[2] for base in owner.bases)
        return function.name in _METHODS and is_web(text) and any(map(_VIEW_BASES.match, bases))
    names = [text.name_of(each.func if isinstance(each, ast.Call) else each) for each in function.decorator_list]
    if any(name.rpartition(".")[2] in _WEB["view-decorators"] for name in names):
        return True
    first = [*function.args.posonlyargs, *function.args.args][:1]
    return [each.arg for each in first] == ["request"] and text.imported("django", "rest_framework")


def is_for_admins(function: Function) -> bool:
    """Whether its decorators or what is injected into it name people who administer the service."""
    values = [*function.decorator_list, *function.args.defaults, *filter(None, function.args.kw_defaults)]
    values += [each.annotation for each in function.args.args if each.annotation]
    return any(_ADMIN.search(name) for value in values for name in names_in(value))


def filled_parameters(text: PythonText, function: Function) -> Iterator[tuple[ast.arg, str]]:
    """The parameters that hold what a client wrote, each with what that is.

    "segment" is a part of the path, which holds no slash; "text" any text; "model" an object with texts; "upload" a
    file with a name of the client's.
    """
    route = route_of(text, function)
    if route is None:
        return
    arguments = function.args
    parameters = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    if text.imported("fastapi"):
        in_path = dict(_STARLETTE.findall(route))
        injected = _injected(text, function)
        kinds = ((each, _fastapi_kind(text, each, in_path)) for each in parameters if each.arg not in injected)
    else:
        converters = {name: kind for kind, name in _FLASK.findall(route)}
        kinds = ((each, _FLASK_KINDS.get(converters.get(each.arg, "int"), "")) for each in parameters)
    yield from ((each, kind) for each, kind in kinds if kind)


def _fastapi_kind(text: PythonText, parameter: ast.arg, in_path: Mapping[str, str]) -> str:
    name = text.name_of(parameter.annotation).rpartition(".")[2]
    if name == "UploadFile":
        return "upload"
    if name in text.classes:
        is_model = any("Model" in text.name_of(base) for base in text.classes[name].bases)
        return "model" if is_model else ""
    if parameter.arg == "self" or not _is_text(parameter.annotation):
        return ""
    return "segment" if in_path.get(parameter.arg) == "" else "text"


def _injected(text: PythonText, function: Function) -> frozenset[str]:
    """The parameters that the framework fills from what the program defines."""
    arguments = function.args
    positional = [*arguments.posonlyargs, *arguments.args]
    defaults = [*zip(reversed(positional), reversed(arguments.defaults), strict=False)]
    defaults += [
        (each, value) for each, value in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if value
    ]
    by_default = {
        each.arg
        for each, value in defaults
        if isinstance(value, ast.Call) and text.name_of(value.func).rpartition(".")[2] in _INJECTED
    }
    parameters = (*positional, *arguments.kwonlyargs)
    annotated = {
        each.arg for each in parameters if each.annotation and not _INJECTED.isdisjoint(_names(each.annotation))
    }
    return frozenset(by_default | annotated)


def _is_text(annotation: ast.expr | None) -> bool:
    """Whether a value of this type can be any text; what has no type can."""
    if annotation is None:
        return True
    names = set(_names(annotation))
    return names.isdisjoint(_NO_TEXT) and not names.isdisjoint(_TEXT)


def is_text_field(model: ast.ClassDef, name: str) -> bool:
    """Whether a field of a model can be any text; one that it does not declare itself is not known to."""
    for each in model.body:
        if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name) and each.target.id == name:
            return _is_text(each.annotation)
    return False


def _names(annotation: ast.expr) -> Iterator[str]:
    for part in ast.walk(annotation):
        if isinstance(part, ast.Name):
            yield part.id
        elif isinstance(part, ast.Attribute):
            yield part.attr
        elif isinstance(part, ast.Constant) and isinstance(part.value, str):
            yield from re.findall(r"\w+", part.value)
