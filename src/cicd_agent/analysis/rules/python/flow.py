"""Python that hangs, blocks, swallows or stops: what goes wrong at run time rather than in an attack."""

import ast
from collections.abc import Iterator

from cicd_agent.analysis.rules.context import TABLES, FileContext
from cicd_agent.analysis.rules.python.calls import is_a_tool
from cicd_agent.analysis.rules.rule import Hit
from cicd_agent.domain.finding import Severity

_CALLS = TABLES["python"]
_BLOCKING = (*_CALLS["without-timeout"], *_CALLS["blocking"])


def http_timeout(context: FileContext) -> Iterator[Hit]:
    for _, called, line in context.calls:
        if called.name not in _CALLS["without-timeout"] or called.has_rest or called.keyword("timeout") is not None:
            continue
        if called.tail == "urlopen" and len(called.node.args) > 2:  # noqa: PLR2004  urlopen(url, data, timeout)
            continue
        message = f"`{called.name}` has no timeout: if the peer hangs, the call and its worker hang forever."
        yield Hit(line, message, suggestion=_with_timeout(context, called.node, line), call=called.node)


def _with_timeout(context: FileContext, node: ast.Call, line: int) -> str:
    """The line with a timeout, when the call begins and ends on it and is the last thing there."""
    end = node.end_col_offset
    if context.python is None or end is None or not node.lineno == node.end_lineno == line or not node.args:
        return ""
    text = context.python.lines[line - 1]
    # The tree counts bytes, and a suggestion must not be a guess.
    if not text.isascii() or text[end - 1 :] != ")" or text[end - 2] == ",":
        return ""
    return f"{text[: end - 1]}, timeout=10)"


def blocking_in_async(context: FileContext) -> Iterator[Hit]:
    for _, called, line in context.calls:
        if called.name in _BLOCKING and isinstance(called.inside, ast.AsyncFunctionDef):
            message = f"stops the event loop: while it waits in `{called.inside.name}`, no other task runs."
            yield Hit(line, f"`{called.name}` {message}", call=called.node)


def swallowed_exception(context: FileContext) -> Iterator[Hit]:
    for text, node, inside in context.nodes:
        if not isinstance(node, ast.ExceptHandler) or len(node.body) != 1:
            continue
        body = node.body[0]
        line = context.first_added(node.lineno, body.lineno)
        is_constant = isinstance(body, ast.Expr) and isinstance(body.value, ast.Constant)
        if line is None or not (is_constant or isinstance(body, ast.Pass | ast.Continue)):
            continue
        broad = node.type is None or text.name_of(node.type) in {"Exception", "BaseException"}
        explained = any("#" in row for row in text.lines[node.lineno - 1 : body.end_lineno or body.lineno])
        if broad and not explained:
            everything = node.type is None or text.name_of(node.type) == "BaseException"
            errors = "KeyboardInterrupt and SystemExit" if everything else "typing mistakes and broken invariants"
            severity = Severity.LOW if getattr(inside, "name", "") in _CALLS["clean-up"] else None
            yield Hit(line, f"This handler swallows every exception, {errors} too.", severity=severity)


def debugger_call(context: FileContext) -> Iterator[Hit]:
    for text, called, line in context.calls:
        if called.name in _CALLS["debuggers"] and called.name not in text.defined and not is_a_tool(context.path):
            yield Hit(line, call=called.node)
