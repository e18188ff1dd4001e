"""What an endpoint exposes: servers that a client makes it call, files that a client names, and its own errors."""

import ast
import re
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import replace

from cicd_agent.analysis.rules.context import TABLES, FileContext
from cicd_agent.analysis.rules.python.endpoints import is_endpoint, is_web, route_of
from cicd_agent.analysis.rules.python.request_data import Origin, RequestData
from cicd_agent.analysis.rules.python.source import Function, PythonText, children_of, names_in, statements_in
from cicd_agent.analysis.rules.rule import Hit, around
from cicd_agent.domain.finding import Severity

_WEB = TABLES["web"]
_FETCHERS, _OPENERS = frozenset(_WEB["fetchers"]), frozenset(_WEB["openers"])
_VERBS = frozenset({"get", "post", "put", "patch", "delete", "head", "options", "request", "stream", "ws_connect"})
_CLIENTS = frozenset({"client", "http", "http_client", "async_client", "http_session", "session"})
_PATH_METHODS = frozenset(
    {"read_text", "read_bytes", "write_text", "write_bytes", "open", "unlink", "iterdir", "rmdir", "mkdir", "touch"}
)
_FETCHER_TAILS = frozenset(name.rpartition(".")[2] for name in _FETCHERS)
_OPENER_TAILS = frozenset(name.rpartition(".")[2] for name in _OPENERS) | {"save"}
_SCRIPT = {name: re.compile(pattern) for name, pattern in _WEB["script"].items()}
_BOTH_ARE_PATHS = frozenset(
    {"os.rename", "os.replace", "shutil.copy", "shutil.copyfile", "shutil.copy2", "shutil.move"}
)


def ssrf_from_request(context: FileContext) -> Iterator[Hit]:
    for text, data, call in _calls(context, _VERBS | _FETCHER_TAILS):
        address = _address(text, call)
        origin = data.host_in(address) if address is not None else None
        line = _line(context, call, origin) if origin is not None else None
        if origin is not None and line is not None:
            called = text.name_of(call.func)
            message = (
                f"`{called}` fetches what `{origin.label}` names: a client reaches hosts that only the server can."
            )
            yield Hit(line, message, severity=Severity.MEDIUM if data.is_for_admins else None, call=call)
    yield from _script(context, "fetch", "The server fetches a URL that the request names.")


def path_from_request(context: FileContext) -> Iterator[Hit]:
    for text, data, call in _calls(context, _PATH_METHODS | _OPENER_TAILS):
        for path in _paths(text, data, call):
            origin = next((each for each in data.texts_in(path) if not each.is_segment), None)
            line = _line(context, call, origin) if origin is not None else None
            if origin is not None and line is not None:
                called = text.name_of(call.func)
                message = f"The path that `{called}` gets holds `{origin.label}`: `../` in it leads anywhere."
                yield Hit(line, message, severity=Severity.MEDIUM if data.is_for_admins else None, call=call)
                break
    yield from _script(context, "open", "The request names the file: `../` lets a client leave the folder.")


def _calls(context: FileContext, tails: AbstractSet[str]) -> Iterator[tuple[PythonText, RequestData, ast.Call]]:
    text, head = context.python, context.head or ""
    # Where nothing answers a request, or nothing is opened, there is nothing to follow.
    if text is None or not any(f"{tail}(" in head for tail in tails):
        return
    if is_web(text) or any(word in head for word in ("GET", "POST", "route(")):
        for function in text.functions:
            data = RequestData(text, function)
            yield from ((text, data, call) for call in data.calls())


def _line(context: FileContext, call: ast.Call, origin: Origin) -> int | None:
    """An added line of the call, else that on which the client's text comes in."""
    return context.first_added(call.func.end_lineno, call.lineno, *(each.lineno for each in call.args), origin.line)


def _address(text: PythonText, call: ast.Call) -> ast.expr | None:
    name = text.name_of(call.func)
    receiver, _, tail = name.rpartition(".")
    is_client = tail in _VERBS and receiver.rpartition(".")[2].lstrip("_") in _CLIENTS and _has_http_client(text)
    if name not in _FETCHERS and not is_client:
        return None
    position = int(tail in {"request", "stream"})
    named = next((keyword.value for keyword in call.keywords if keyword.arg == "url"), None)
    return call.args[position] if len(call.args) > position else named


def _has_http_client(text: PythonText) -> bool:
    return text.imported("requests", "httpx", "aiohttp") and "session" not in text.imports


def _paths(text: PythonText, data: RequestData, call: ast.Call) -> list[ast.expr]:
    name = text.name_of(call.func)
    tail = name.rpartition(".")[2]
    if name in _OPENERS and name not in text.defined:
        named = [each.value for each in call.keywords if each.arg in {"file", "path", "filename", "path_or_file"}]
        return [*call.args[: 2 if name in _BOTH_ARE_PATHS else 1], *named]
    if isinstance(call.func, ast.Attribute):
        if tail in _PATH_METHODS:
            return [call.func.value]
        if tail == "save" and call.args and data.is_upload(call.func.value):
            return call.args[:1]
    return []


def _script(context: FileContext, kind: str, message: str) -> Iterator[Hit]:
    for number, line in context.script:
        found = _SCRIPT[kind].search(line) if "req" in line or "ctx" in line else None
        if found:
            yield Hit(number, message, near=around(line, *found.span()))


_BROAD = frozenset({"Exception", "BaseException"})
_TRACES = frozenset({"traceback.format_exc", "traceback.format_exception", "traceback.format_tb"})
_ANSWER = re.compile(r"(?:Response\w*|\brender|jsonify|make_response|\babort|HTTPException)\Z")
_FILTER = re.compile(r"(?i)(?:sanit|redact|mask|scrub|clean|safe|censor)[^.]*\Z")
_SERVER_ERROR = 500
_BAD_REQUEST = frozenset({400, 422})


def error_leaked(context: FileContext) -> Iterator[Hit]:
    text = context.python
    for function in text.functions if text is not None else ():
        if text is None:
            break
        if is_endpoint(text, function):
            for attempt in _nodes(function.body, ast.Try, ast.TryStar):
                if isinstance(attempt, ast.Try | ast.TryStar):
                    yield from _broad_leaks(context, text, attempt, function)
        elif error := _error_parameter(text, function):
            yield from _leaks(context, text, function.body, error, function)
    for number, line in context.script:
        found = _SCRIPT["stack"].search(line) if ".stack" in line else None
        if found:
            message = "The stack of the error is sent to the client, with the paths and names of this program."
            yield Hit(number, message, near=around(line, *found.span()))


def _broad_leaks(
    context: FileContext, text: PythonText, attempt: ast.Try | ast.TryStar, function: Function
) -> Iterator[Hit]:
    for handler in attempt.handlers:
        if handler.type is None or _is_broad(text, handler.type):
            hits = _leaks(context, text, handler.body, handler.name or "", function)
            # One statement that is answered with "bad request" checks what the client sent.
            numbers = {part.value for part in ast.walk(handler) if isinstance(part, ast.Constant)}
            is_check = len(attempt.body) == 1 and not numbers.isdisjoint(_BAD_REQUEST)
            yield from (replace(hit, confidence=0.6) if is_check else hit for hit in hits)


def _nodes(body: list[ast.stmt], *kinds: type[ast.AST]) -> Iterator[ast.AST]:
    """The statements and handlers of these kinds, in the order of the text, but for those of functions in it."""
    stack: list[ast.AST] = [*reversed(body)]
    while stack:
        node = stack.pop()
        if isinstance(node, kinds):
            yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            stack += reversed(list(statements_in(node)))


def _is_broad(text: PythonText, kind: ast.expr) -> bool:
    kinds = kind.elts if isinstance(kind, ast.Tuple) else [kind]
    return any(text.name_of(each).removeprefix("builtins.") in _BROAD for each in kinds)


def _error_parameter(text: PythonText, function: Function) -> str:
    """The parameter of a function that answers for every error: `@app.errorhandler(Exception)`."""
    for decorator in function.decorator_list:
        if not isinstance(decorator, ast.Call) or not decorator.args:
            continue
        handles = text.name_of(decorator.func).rpartition(".")[2] in _WEB["error-decorators"]
        first = decorator.args[0]
        is_all = _is_broad(text, first) or (isinstance(first, ast.Constant) and first.value == _SERVER_ERROR)
        parameters = [each.arg for each in function.args.args if each.arg not in {"self", "request", "_"}]
        if handles and is_all and parameters:
            return parameters[-1]
    return ""


def _leaks(
    context: FileContext, text: PythonText, body: list[ast.stmt], error: str, function: Function
) -> Iterator[Hit]:
    """The answers among statements that hold the text of an error, or of where it was raised."""
    is_plain = route_of(text, function) is not None or id(function) in text.owners or _error_parameter(text, function)
    texts: dict[str, str] = {}
    for node in _answers(body):
        leak = next(filter(None, (_leak(text, part, error, texts) for part in _unfiltered(text, node))), "")
        if not leak:
            continue
        if isinstance(node, ast.Assign):
            texts.update({target.id: leak for target in node.targets if isinstance(target, ast.Name)})
            continue
        calls = [text.name_of(part.func) for part in ast.walk(node) if isinstance(part, ast.Call)]
        is_answer = any(_ANSWER.search(name) for name in calls) or (isinstance(node, ast.Return) and is_plain)
        line = context.first_added(*range(node.lineno, (node.end_lineno or node.lineno) + 1))
        if is_answer and line is not None:
            yield Hit(line, f"`{function.name}` returns `{leak}` to the client: it can hold SQL, paths, hosts or keys.")


def _answers(body: list[ast.stmt]) -> Iterator[ast.Assign | ast.Return | ast.Raise]:
    """What may answer, but for what only some errors or a debug mode come to."""
    stack: list[ast.AST] = [*reversed(body)]
    while stack:
        node = stack.pop()
        match node:
            case ast.Assign() | ast.Return() | ast.Raise():
                yield node
            case ast.If(test=test) if any("debug" in name.lower() or name == "isinstance" for name in names_in(test)):
                stack += reversed(node.orelse)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef() | ast.ExceptHandler():
                pass
            case _:
                stack += reversed(list(statements_in(node)))


def _unfiltered(text: PythonText, node: ast.AST) -> Iterator[ast.AST]:
    """What a statement is made of, but for what is given to a function that takes secrets out of a text."""
    stack = [node]
    while stack:
        part = stack.pop()
        if not (isinstance(part, ast.Call) and _FILTER.search(text.name_of(part.func))):
            yield part
            stack += children_of(part)


def _leak(text: PythonText, part: ast.AST, error: str, texts: dict[str, str]) -> str:
    """The text of an error that an expression is, "" for any other."""
    match part:
        case ast.Call(func=func, args=args):
            name = text.name_of(func)
            if name in _TRACES:
                return f"{name}()"
            of_error = error and [getattr(each, "id", None) for each in args] == [error]
            return f"{name}({error})" if of_error and name in {"str", "repr"} else ""
        case ast.FormattedValue(value=ast.Name(id=name)) | ast.BinOp(op=ast.Mod(), right=ast.Name(id=name)):
            return error if name == error else ""
        case ast.Name(id=name):
            return texts.get(name, "")
        case _:
            return ""
