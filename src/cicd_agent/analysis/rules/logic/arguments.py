"""Arguments in the wrong order: two that are exchanged, and those that a new order of parameters leaves behind."""

import ast
import re
from collections.abc import Iterator, Sequence

from cicd_agent.analysis.rules.context import FileContext
from cicd_agent.analysis.rules.logic.scope import Callees, calls_in_functions, own, parameters
from cicd_agent.analysis.rules.python.source import Called, PythonText
from cicd_agent.analysis.rules.rule import Hit

_MEANT = re.compile(
    r"swap|revers|flip|inver|transpose|mirror|opposite|backward|rotat|landscape|portrait|__r\w+__", re.IGNORECASE
)
_SYMMETRICAL = frozenset({"left", "right", "lhs", "rhs", "first", "second", "this", "that", "other", "one", "two"})
_LABEL = re.compile(r"([A-Za-z_]\w+)[\"']?\s*[:=]\s*[\"']?%[sdrf]")
_MOST = 8
"""Exchanged arguments of one file that are looked into: for each, the whole function around it is read."""
_PLACEHOLDER = re.compile(r"%(?!%)")


def swapped_arguments(context: FileContext) -> Iterator[Hit]:
    text = context.python
    if text is None:
        return
    callees = Callees(text)
    yield from _exchanged_in(context, text, callees)
    for _, node, _ in context.nodes if "%" in (context.head or "") else ():
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
            yield from _mislabelled(context, node)
    yield from _left_behind(context, text, callees)


def _exchanged_in(context: FileContext, text: PythonText, callees: Callees) -> Iterator[Hit]:
    asked = 0
    for _, called, line in context.calls:
        name = callees.of(called.node, callees.name(called.inside)) if len(called.node.args) > 1 else ""
        if not name or called.has_rest:
            continue
        given = [_name(each) for each in called.node.args]
        exchanges = [*_exchanges(parameters(text.defined[name].node, called.node), given)]
        asked += len(exchanges)
        if exchanges and asked <= _MOST:
            yield from _exchanged(text, callees, called, name, line)


def _exchanged(text: PythonText, callees: Callees, called: Called, name: str, line: int) -> Iterator[Hit]:
    function, caller = text.defined[name].node, callees.name(called.inside)
    names, given = parameters(function, called.node), [_name(each) for each in called.node.args]
    for first, second in _exchanges(names, given):
        one, two = names[first], names[second]
        is_meant = (
            _MEANT.search(caller) or _MEANT.search(name) or name == caller or not {one, two}.isdisjoint(_SYMMETRICAL)
        )
        if min(len(one), len(two)) > 1 and not is_meant and not _uses_both_orders(called, {one, two}):
            shown = name.removesuffix(".__init__").rpartition(".")[2]
            message = f"`{shown}` takes `{one}` before `{two}`, and is given `{two}` before `{one}`."
            yield Hit(line, message, suggestion=_exchange(text, called.node, first, second, line), call=called.node)


def _exchanges(names: Sequence[str], given: Sequence[str]) -> Iterator[tuple[int, int]]:
    places = {name: at for at, name in enumerate(names)}
    for first, name in enumerate(given[: len(names)]):
        second = places.get(name, -1)
        if first < second < len(given) and given[second] == names[first]:
            yield first, second


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _uses_both_orders(called: Called, pair: set[str]) -> bool:
    """Whether the caller compares the two, or calls the function another time: then it means to exchange them."""
    if not isinstance(called.inside, ast.FunctionDef | ast.AsyncFunctionDef):
        return False
    function = _name(called.node.func)
    for node in own(called.inside.body):
        if isinstance(node, ast.Compare) and pair <= {_name(each) for each in (node.left, *node.comparators)}:
            return True
        if isinstance(node, ast.Call) and node is not called.node and _name(node.func) == function:
            return True
    return False


def _exchange(text: PythonText, call: ast.Call, first: int, second: int, line: int) -> str:
    """The line with two arguments exchanged, "" unless the call stands on it."""
    one, two = call.args[first], call.args[second]
    row = text.lines[line - 1]
    with_second = text.line_with(two, row[one.col_offset : one.end_col_offset], line)
    if not with_second or not one.lineno == one.end_lineno == line:
        return ""
    return f"{row[: one.col_offset]}{row[two.col_offset : two.end_col_offset]}{with_second[one.end_col_offset :]}"


def _mislabelled(context: FileContext, node: ast.BinOp) -> Iterator[Hit]:
    """`"height: %s; width: %s" % (width, height)`: the text itself says what belongs where."""
    match node:
        case ast.BinOp(left=ast.Constant(value=str(pattern)), right=ast.Tuple(elts=values)):
            labels = _LABEL.findall(pattern)
            line = context.first_added(node.right.lineno, node.left.lineno)
            # Only where each placeholder has a label do the labels say which value is whose.
            if line is None or not len(labels) == len(values) == len(_PLACEHOLDER.findall(pattern.replace("%%", ""))):
                return
            for first, second in _exchanges(labels, [_name(each) for each in values]):
                one, two = labels[first], labels[second]
                yield Hit(line, f"The text shows `{one}` before `{two}`, but receives `{two}` before `{one}`.")
        case _:
            pass


def _left_behind(context: FileContext, text: PythonText, callees: Callees) -> Iterator[Hit]:
    """Calls that the change leaves as they were, although it moves a parameter that they pass by position."""
    is_changed = any(node.node.lineno in context.added_numbers for node in text.defined.values())
    old = context.old_python if context.deleted and is_changed else None
    moved: dict[str, tuple[list[str], list[str]]] = {}
    for name, defined in text.defined.items() if old else ():
        if old and name in old.defined:
            before, after = parameters(old.defined[name].node), parameters(defined.node)
            if before != after and _first_moved(before, after, len(before)) is not None:
                moved[name] = (before, after)
    for node, inside, caller in calls_in_functions(context) if moved else ():
        if not isinstance(node, ast.Call) or any(isinstance(each, ast.Starred) for each in node.args):
            continue
        name = callees.of(node, caller)
        if name not in moved or not context.added_numbers.isdisjoint(range(node.lineno, (node.end_lineno or 0) + 1)):
            continue
        before, after = moved[name]
        at = _first_moved(before, after, len(node.args))
        place = context.first_added(*range(text.defined[name].node.lineno, text.defined[name].node.body[0].lineno))
        if at is not None and place is not None and [_name(node.args[at])] != after[at : at + 1]:
            becomes = f"`{after[at]}`" if at < len(after) else "one too many"
            where = f"line {node.lineno}, in `{inside.name}`, still passes `{before[at]}` as argument {at + 1}"
            yield Hit(place, f"`{name}` now has its parameters in another order, and {where}, which is {becomes} now.")


def _first_moved(before: Sequence[str], after: Sequence[str], passed: int) -> int | None:
    """The first of so many positions whose parameter the function still has, at another position."""
    at_place = zip(before, [*after, *[""] * len(before)], strict=False)
    return next((at for at, (old, new) in enumerate(at_place) if at < passed and old != new and old in after), None)
