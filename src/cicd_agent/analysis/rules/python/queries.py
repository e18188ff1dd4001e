"""Queries that a program makes once for each row, and answers that hold all rows of a table."""

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from cicd_agent.analysis.rules.context import TABLES, FileContext
from cicd_agent.analysis.rules.python.endpoints import is_endpoint
from cicd_agent.analysis.rules.python.source import (
    Function,
    PythonText,
    children_of,
    expression_text,
    names_in,
    statements_in,
)
from cicd_agent.analysis.rules.rule import Hit
from cicd_agent.domain.finding import Severity
from cicd_agent.domain.repository.paths import PathKind

_QUERIES = TABLES["queries"]
_WRITES, _RUNS = frozenset(_QUERIES["writes"]), frozenset(_QUERIES["runs"])
_EXECUTES = frozenset(_QUERIES["executes"])
_SESSION, _BATCH = re.compile(_QUERIES["session"]), re.compile(_QUERIES["batch"])
_NOT_ROWS, _SMALL = re.compile(_QUERIES["not-rows"]), re.compile(_QUERIES["small"])
_HINT = re.compile(r"objects|_manager|query|\.get\(|\.exec|\.scalar|\.fetch")
_GROWS = re.compile(_QUERIES["growing"])
_NARROWS, _PAGES = frozenset(_QUERIES["narrows"]), re.compile(_QUERIES["pages"])
_TOOLS = re.compile(_QUERIES["tools"])
_MANAGERS = frozenset({"objects", "_default_manager", "_base_manager"})
_MANY = re.compile(r"(?i)\bin\s*\(|\bany\s*\(|\bunnest\b|\bvalues\s*\(|\blimit\b|\bfrom\s+[\"`\[]?\s*\Z")
"""What asks for many rows at once, for the best of them, or in each round for those of another table."""
_CHANGE = re.compile(r"(?i)\s*(?:insert|update|delete|merge|replace)\b")
_SELECT = re.compile(r"(?i)\s*(?:select|with)\b")
_WHOLE_TABLE = re.compile(
    r"(?is)\s*select\b(?!.*\b(?:where|limit|fetch\s+first|top|having|group\s+by|count|sum|max|min|distinct)\b)"
    r".*\bfrom\s+[\w.\"`\[\]]+"
)
_EVALUATES = frozenset({"list", "len", "set", "sorted", "bool", "next", "tuple", "sum", "any", "all", "dict"})
_COUNTS = frozenset({"len", "sum", "any", "all", "max", "min", "bool"})
_SMALL_NUMBER = 10
_MAX_NAMES = 50


class Link(NamedTuple):
    """One name of a chain such as `User.query.filter(…).first()`, with its call where it is called."""

    name: str
    call: ast.Call | None


def chain_of(node: ast.expr) -> list[Link]:
    """The names of a chain from its root, which is "?" where it is no name."""
    links: list[Link] = []
    call: ast.Call | None = None
    while True:
        match node:
            case ast.Call(func=func):
                call, node = node, func
            case ast.Attribute(value=value, attr=attr):
                links.append(Link(attr, call))
                call, node = None, value
            case ast.Await(value=value) | ast.Subscript(value=value):
                node = value
            case _:
                links.append(Link(node.id if isinstance(node, ast.Name) else "?", call))
                return links[::-1]


@dataclass(slots=True)
class _Loop:
    """`names` are those that differ from round to round; `is_bounded` where the rounds are few or each a batch."""

    label: str
    names: set[str]
    is_bounded: bool
    body: Sequence[ast.stmt] = ()
    _is_search: bool | None = None

    @property
    def is_search(self) -> bool:
        """Whether a round may end the loop, or writes anyway: then what it reads costs little, or has to be fresh."""
        if self._is_search is None:
            self._is_search = any(map(_leaves_or_writes, _statements(self.body)))
        return self._is_search


def query_in_loop(context: FileContext) -> Iterator[Hit]:
    text = context.python
    if (
        text is None
        or not _HINT.search(context.head or "")
        or PathKind.MIGRATION in context.kinds
        or _TOOLS.search(context.path)
    ):
        return
    for function in text.functions:
        for call, loop, is_evaluated in _calls_in_loops(text, function):
            line = context.first_added(*_lines_of(call))
            query = _query(text, function, call, loop, is_evaluated=is_evaluated) if line is not None else ""
            if query and line is not None:
                message = f"`{query}` queries the database for each `{loop.label}`: 1,000 of them are 1,000 queries."
                severity, confidence = (Severity.MEDIUM, 0.6) if loop.is_search else (None, None)
                yield Hit(line, message, severity=severity, confidence=confidence, call=call)


def _lines_of(call: ast.Call) -> Iterator[int]:
    yield call.func.end_lineno or call.lineno
    yield from (link.call.lineno for link in chain_of(call) if link.call is not None)


def _calls_in_loops(text: PythonText, function: Function) -> Iterator[tuple[ast.Call, _Loop, bool]]:
    """The outermost call of each chain in a loop of a function, its loop, and whether its result is read at once."""
    stack: list[tuple[ast.AST, _Loop | None, bool]] = [(node, None, False) for node in reversed(function.body)]
    while stack:
        node, loop, is_read = stack.pop()
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef() | ast.Lambda():
                continue
            case ast.For(target=target, iter=rows) | ast.AsyncFor(target=target, iter=rows):
                inner = _loop(text, function, [(target, rows)], loop)
                inner.body = node.body
                following: list[tuple[ast.AST, _Loop | None, bool]] = [(rows, loop, True)]
                following += [(each, inner, False) for each in node.body]
                following += [(each, loop, False) for each in node.orelse]
            case ast.ListComp(generators=loops) | ast.SetComp(generators=loops) | ast.GeneratorExp(generators=loops):
                inner = _loop(text, function, [(each.target, each.iter) for each in loops], loop)
                following = [(loops[0].iter, loop, True), (node.elt, inner, False)]
                following += [(each.iter, inner, True) for each in loops[1:]]
                following += [(test, inner, True) for each in loops for test in each.ifs]
            case ast.DictComp(key=key, value=value, generators=loops):
                inner = _loop(text, function, [(each.target, each.iter) for each in loops], loop)
                following = [(loops[0].iter, loop, True), (key, inner, False), (value, inner, False)]
                following += [(each.iter, inner, True) for each in loops[1:]]
            case ast.Call():
                if loop is not None:
                    yield node, loop, is_read
                links = [link for link in chain_of(node) if link.call is not None]
                reads = len(links) == 1 and links[0].name in _EVALUATES
                following = [(each, loop, reads) for link in links if link.call for each in _arguments(link.call)]
                following += [(root, loop, False) for root in _root(node)]
            case _:
                if loop is not None:
                    _follow(node, loop)
                following = [
                    (each, loop, isinstance(node, ast.If | ast.Await) and is_read) for each in children_of(node)
                ]
        stack += reversed(following)


def _root(node: ast.expr) -> Iterator[ast.expr]:
    """What a chain starts from, where it is no name."""
    while isinstance(node, ast.Call | ast.Attribute | ast.Await | ast.Subscript):
        node = node.func if isinstance(node, ast.Call) else node.value
    if not isinstance(node, ast.Name):
        yield node


def _arguments(call: ast.Call) -> list[ast.expr]:
    return [*call.args, *(keyword.value for keyword in call.keywords)]


def _loop(
    text: PythonText, function: Function, pairs: Sequence[tuple[ast.expr, ast.expr]], outer: _Loop | None
) -> _Loop:
    names = {name for target, _ in pairs for name in names_in(target)}
    is_bounded = any(_is_bounded(text, function, rows) for _, rows in pairs) or any(map(_NOT_ROWS.fullmatch, names))
    label = expression_text(pairs[0][0]) if isinstance(pairs[0][0], ast.Name | ast.Tuple) else "row"
    if outer is not None:
        names |= outer.names
    return _Loop(label, names, is_bounded)


def _is_bounded(text: PythonText, function: Function, rows: ast.expr) -> bool:
    """Whether a loop goes over a few values that stand in the code, or over batches."""
    if not isinstance(rows, ast.Call):
        values = text.values_of(function, rows.id) if isinstance(rows, ast.Name) else ()
        return _is_literal(rows) or (bool(values) and all(map(_is_literal, values)))
    name = text.name_of(rows.func)
    if name == "range":
        return len(rows.args) > 2 or "len" not in set(names_in(rows))  # noqa: PLR2004  range(0, n, step)
    is_wrapped = name in {"enumerate", "sorted", "reversed", "list", "zip"} and bool(rows.args)
    inner = rows.args[0] if is_wrapped else getattr(rows.func, "value", None)
    is_view = is_wrapped or name.endswith((".items", ".values"))
    return bool(_BATCH.search(name)) or (is_view and inner is not None and _is_bounded(text, function, inner))


def _is_literal(node: ast.expr) -> bool:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name.isupper()
        case ast.List(elts=items) | ast.Tuple(elts=items) | ast.Set(elts=items):
            return 0 < len(items) <= _SMALL_NUMBER
        case ast.Dict(keys=keys):
            return 0 < len(keys) <= _SMALL_NUMBER
        case _:
            return False


def _statements(body: Sequence[ast.stmt]) -> Iterator[ast.AST]:
    stack: list[ast.AST] = [*body]
    while stack:
        node = stack.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            stack += statements_in(node)


def _leaves_or_writes(statement: ast.AST) -> bool:
    if isinstance(statement, ast.Return | ast.Break):
        return True
    own = (each for each in children_of(statement) if isinstance(each, ast.expr))
    return any(_writes(node) for each in own for node in ast.walk(each) if isinstance(node, ast.Call))


def _writes(call: ast.Call) -> bool:
    if not isinstance(call.func, ast.Attribute):
        return False
    before = call.func.value
    receiver = before.id if isinstance(before, ast.Name) else before.attr if isinstance(before, ast.Attribute) else ""
    match call.func.attr:
        case "save" | "asave" | "commit" | "flush" | "create" | "acreate" | "get_or_create" | "update_or_create":
            return True
        case "add" | "delete" | "merge":
            return _SESSION.fullmatch(receiver) is not None
        case "execute":
            return any(_CHANGE.match(sql) for each in call.args[:1] for sql in [*_literals(each)][:1])
        case _:
            return False


def _follow(node: ast.AST, loop: _Loop) -> None:
    """Names that a round of a loop assigns from what differs from round to round differ, too."""
    match node:
        case ast.Assign(targets=targets, value=value) if not loop.names.isdisjoint(names_in(value)):
            loop.names.update(each.id for each in targets if isinstance(each, ast.Name))
        case ast.NamedExpr(target=ast.Name(id=name), value=value) if not loop.names.isdisjoint(names_in(value)):
            loop.names.add(name)
        case ast.With(items=items) | ast.AsyncWith(items=items):
            # A session for each round is a transaction of its own, which somebody wants.
            loop.names.update(each.optional_vars.id for each in items if isinstance(each.optional_vars, ast.Name))
        case _:
            pass


def _query(text: PythonText, function: Function, call: ast.Call, loop: _Loop, *, is_evaluated: bool) -> str:
    """The query that a chain makes with what differs from round to round, as code; "" where it makes none."""
    links = chain_of(call)
    names = [link.name for link in links]
    if loop.is_bounded or not _WRITES.isdisjoint(names):
        return ""
    start = _start(text, function, links)
    if start < 0:
        return ""
    runs = not _RUNS.isdisjoint(names[start:]) or names[start] in _EXECUTES or (names[start] == "get" and start > 0)
    arguments = [each for link in links[start:] if link.call for each in _arguments(link.call)]
    keywords = [keyword.arg or "" for link in links if link.call for keyword in link.call.keywords]
    behind = [value for each in arguments if isinstance(each, ast.Name) for value in text.values_of(function, each.id)]
    used = {name for each in (*arguments, *behind) for name in names_in(each)}
    is_list = any(key.endswith("__in") for key in keywords) or bool(used & {"in_", "any_", "tuple_"})
    is_list = is_list or any(_MANY.search(sql) for each in (*arguments, *behind) for sql in _literals(each))
    is_own = not loop.names.isdisjoint(names[:start])
    if is_list or is_own or loop.names.isdisjoint(used) or not (runs or is_evaluated):
        return ""
    return ".".join(
        names[:start]
        + [names[start] + ("(…)" if links[start].call else "")]
        + [f"{link.name}(…)" if link.call else link.name for link in links[start + 1 :]]
    )


def _start(text: PythonText, function: Function, links: Sequence[Link]) -> int:
    """Where in a chain the query begins, -1 where there is none."""
    for at, (name, call) in enumerate(links):
        before = links[at - 1].name if at else ""
        if name in _MANAGERS and at + 1 < len(links) and links[at + 1].call is not None and before[:1].isupper():
            return at + 1
        if name == "query" and at + 1 < len(links):
            if call is None and before[:1].isupper() and links[at + 1].call is not None:
                return at + 1
            if call is not None and _SESSION.fullmatch(before):
                return at
        if call is None or not call.args:
            continue
        first = call.args[0]
        if name == "get" and _SESSION.fullmatch(before) and len(call.args) > 1 and _is_class(first):
            return at
        if name in _EXECUTES and at and _is_select(text, function, first):
            return at
    return -1


def _is_class(node: ast.expr) -> bool:
    name = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
    return name[:1].isupper() and not name.isupper()


def _is_select(text: PythonText, function: Function, node: ast.expr) -> bool:
    values = [node, *(text.values_of(function, node.id) if isinstance(node, ast.Name) else ())]
    return any(_selects(text, each) for each in values)


def _selects(text: PythonText, node: ast.expr) -> bool:
    match node:
        case ast.Constant() | ast.JoinedStr():
            return any(_SELECT.match(sql) for sql in [*_literals(node)][:1])
        case ast.Call():
            names = [link.name for link in chain_of(node)]
            if "select" in names[:2]:
                return True
            return names[-1] == "text" and bool(node.args) and _selects(text, node.args[0])
        case _:
            return False


def _literals(node: ast.expr) -> Iterator[str]:
    for part in ast.walk(node):
        if isinstance(part, ast.Constant) and isinstance(part.value, str):
            yield part.value


def unbounded_query(context: FileContext) -> Iterator[Hit]:
    text = context.python
    for function in text.functions if text is not None else ():
        if text is None or not is_endpoint(text, function) or any(map(_PAGES.search, names_in(function))):
            continue
        for call, statement in _returned_calls(text, function):
            table = _whole_table(function, call)
            line = context.first_added(*_lines_of(call), statement.lineno) if table else None
            if line is not None:
                message = f"`{function.name}` answers with every row of {table}: the answer grows with the table."
                yield Hit(line, message, severity=None if _GROWS.search(table) else Severity.LOW, call=call)


def _returned_calls(text: PythonText, function: Function) -> Iterator[tuple[ast.Call, ast.stmt]]:
    """The calls whose results a function answers with, those behind local names included."""
    stack: list[ast.AST] = [*function.body]
    while stack:
        statement = stack.pop()
        if isinstance(statement, ast.Return) and statement.value is not None:
            yield from ((call, statement) for call in _calls_behind(text, function, statement.value))
        if not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            stack += statements_in(statement)


def _calls_behind(text: PythonText, function: Function, value: ast.expr) -> Iterator[ast.Call]:
    stack: list[ast.AST] = [value]
    met: set[str] = set()
    while stack:
        node = stack.pop()
        match node:
            case ast.Subscript(slice=ast.Slice()) | ast.Lambda():
                continue
            case ast.Call(func=ast.Name(id=name)) if name in _COUNTS:
                continue
            case ast.Call():
                yield node
            case ast.Name(id=name) if name not in met and len(met) < _MAX_NAMES:
                met.add(name)
                values = text.values_of(function, name)
                stack += values if len(values) == 1 else ()
            case _:
                pass
        stack += children_of(node)


def _whole_table(function: Function, call: ast.Call) -> str:
    """The table of which a chain reads every row, as code; "" where it does not."""
    links = chain_of(call)
    names = [link.name for link in links]
    if not _NARROWS.isdisjoint(names) or names[-1] not in {"all", "fetchall", "values", "order_by", "select_related"}:
        return ""
    if names[-1] == "fetchall":
        return _only_select(function)
    model = ""
    for at, (name, linked) in enumerate(links):
        is_manager = name in _MANAGERS and "all" in names[at:]
        if at and (is_manager or (name == "query" and linked is None and names[-1] == "all")):
            model = names[at - 1]
        elif name == "query" and linked is not None and len(linked.args) == 1 and names[-1] == "all":
            model = _class_name(linked.args[0])
        elif name in {"execute", "scalars", "exec"} and linked is not None and linked.args and names[-1] == "all":
            model = _selected(linked.args[0])
    is_table = model[:1].isupper() and not model.isupper() and not _SMALL.search(model)
    return f"`{model}`" if is_table else ""


def _selected(node: ast.expr) -> str:
    """The model of a bare `select(Model)`."""
    links = chain_of(node)
    select = next((link.call for link in links if link.name == "select" and link.call is not None), None)
    if select is None or len(select.args) != 1 or not _NARROWS.isdisjoint(link.name for link in links):
        return ""
    return _class_name(select.args[0])


def _class_name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _only_select(function: Function) -> str:
    statements = [
        node.args[0]
        for node in ast.walk(function)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "execute"
        and node.args
    ]
    if len(statements) == 1 and isinstance(statements[0], ast.Constant) and isinstance(statements[0].value, str):
        found = _WHOLE_TABLE.match(statements[0].value)
        table = found[0].split()[-1].strip('"`[]') if found else ""
        return f"`{table}`" if table and not _SMALL.search(table) else ""
    return ""
