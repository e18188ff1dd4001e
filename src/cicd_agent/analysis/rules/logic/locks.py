"""Locks that a path of a function leaves locked: the next one who wants them waits forever."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from cicd_agent.analysis.rules.context import FileContext
from cicd_agent.analysis.rules.logic.scope import SCOPES, blocks
from cicd_agent.analysis.rules.python.source import expression_text
from cicd_agent.analysis.rules.rule import Hit

_GO_LOCK = re.compile(r"([\w.\[\]]{1,200})\.(R?)Lock\(\)\s*(?://.*)?")
_GO_LABEL = re.compile(r"(?:case\b.*|default\s*):")
_MOST_HELD = 4
"""Locks of one function that are followed at the same time."""
_LOOPS = (ast.For, ast.AsyncFor, ast.While)


def lock_not_released(context: FileContext) -> Iterator[Hit]:
    if context.path.lower().endswith(".go") and context.head and context.added:
        for lock in _go_locks(context.head):
            for line in lock.exits:
                place = context.first_added(line, lock.line, lock.unlocked)
                if place is not None:
                    yield Hit(place, _message(lock.name, lock.line, line, f"{lock.unlock}` in line {lock.unlocked}"))
    for _, node, _ in context.nodes if ".acquire(" in (context.head or "") else ():
        for block in blocks(node):
            yield from _in_block(context, block)


def _message(name: str, locked: int, left: int, unlock: str) -> str:
    return f"Line {left} leaves with `{name}` locked since line {locked}: `{unlock} is never reached."


@dataclass(slots=True)
class _Held:
    """A lock that Go code takes at some indentation, and the lines that leave before it is unlocked there."""

    name: str
    unlock: str
    indent: int
    line: int
    exits: list[int] = field(default_factory=list)
    loops: list[int] = field(default_factory=list)
    """The indentations of the loops around the line that is read, inside of what is locked."""
    clean: int | None = None
    """The indentation at which it was unlocked on the way to the line that is read."""
    unlocked: int = 0


def _go_locks(text: str) -> Iterator[_Held]:
    """The locks of a file that gofmt has formatted: a block ends where its indentation by tabs does."""
    held: list[_Held] = []
    for number, row in enumerate(text.split("\n"), 1):
        body = row.strip()
        if not body or body.startswith("//"):
            continue
        if not held and "Lock()" not in body:
            continue
        indent = len(row) - len(row.lstrip("\t"))
        left: list[_Held] = []
        for lock in held:
            if indent == lock.indent and body.startswith(lock.unlock):
                lock.unlocked = number
                yield lock
            elif _follow(lock, indent, body, number):
                left.append(lock)
        held = left
        if indent and (found := _GO_LOCK.fullmatch(body)):
            held = [*held, _Held(found[1], f"{found[1]}.{found[2]}Unlock()", indent, number)][-_MOST_HELD:]


def _follow(lock: _Held, indent: int, body: str, number: int) -> bool:
    """Whether a lock is still followed after a line that does not unlock it where it was locked."""
    if indent < lock.indent or (indent == lock.indent and _GO_LABEL.match(body)) or "func(" in body:
        return False
    if "nlock" in body:
        # Deferred, passed on as a function, or in the hands of a helper: released on this path, or on every one.
        lock.clean = indent if lock.clean is None else min(lock.clean, indent)
        return indent > lock.indent and "defer" not in body and not body.startswith(("t.Cleanup", "go "))
    if lock.clean is not None and indent < lock.clean:
        lock.clean = None
    while lock.loops and indent <= lock.loops[-1]:
        lock.loops.pop()
    if body.startswith("for ") and body.endswith("{"):
        lock.loops.append(indent)
    is_exit = body == "return" or body.startswith("return ") or (body == "continue" and not lock.loops)
    if is_exit and indent > lock.indent and lock.clean is None:
        lock.exits.append(number)
    return True


def _in_block(context: FileContext, block: list[ast.stmt]) -> Iterator[Hit]:
    held: dict[str, tuple[int, list[ast.stmt]]] = {}
    for statement in block:
        name, what = _lock_call(statement)
        if what == "acquire" and len(held) < _MOST_HELD:
            held[name] = (statement.lineno, [])
        elif what == "release" and name in held:
            locked, exits = held.pop(name)
            for leaving in exits:
                place = context.first_added(leaving.lineno, locked, statement.lineno)
                if place is not None:
                    unlock = f"{name}.release()` in line {statement.lineno}"
                    yield Hit(place, _message(name, locked, leaving.lineno, unlock))
        else:
            for lock, (_, exits) in held.items():
                exits.extend(_exits(statement, lock))


def _lock_call(statement: ast.stmt) -> tuple[str, str]:
    """What a statement takes or releases, and which of both it does."""
    value = statement.value if isinstance(statement, ast.Expr) else None
    match value.value if isinstance(value, ast.Await) else value:
        case ast.Call(func=ast.Attribute(value=lock, attr="acquire" | "release" as what)):
            return expression_text(lock), what
        case _:
            return "", ""


def _exits(statement: ast.stmt, lock: str) -> Iterator[ast.stmt]:
    """The statements in one that leave the function, or the turn of a loop around it, with the lock still held.

    A `try` may release it in its `finally`, and a `with` as well: what is in them is not looked at.
    """
    stack = [(statement, False)]
    while stack:
        node, is_in_loop = stack.pop()
        if isinstance(node, ast.Return | ast.Raise) or (isinstance(node, ast.Continue) and not is_in_loop):
            yield node
        if not isinstance(node, ast.If | ast.For | ast.AsyncFor | ast.While) or isinstance(node, SCOPES):
            continue
        for block in blocks(node):
            if not any(_mentions(each, lock) for each in block):
                stack += [(each, is_in_loop or isinstance(node, _LOOPS)) for each in block]


def _mentions(statement: ast.stmt, lock: str) -> bool:
    """Whether a statement that stands for itself has the lock in it, to release it or to have it released."""
    value = getattr(statement, "value", None)
    return isinstance(value, ast.expr) and lock in expression_text(value)
