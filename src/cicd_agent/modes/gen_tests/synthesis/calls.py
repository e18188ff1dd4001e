"""Spells calls of a function: by itself, on its class, or on an instance that plain values can make."""

import ast
from collections.abc import Mapping
from dataclasses import dataclass

from cicd_agent.analysis.python_tests.syntax import FunctionNode, parsed
from cicd_agent.modes.gen_tests.synthesis.arguments import Parameter, Row, parameters, rows
from cicd_agent.modes.gen_tests.synthesis.subject import Subject, method


@dataclass(frozen=True, slots=True)
class Callee:
    """A function that can be called: `before` and `after` stand around the arguments of what `wanted` gives values."""

    imports: tuple[str, ...]
    before: str
    after: str
    wanted: tuple[Parameter, ...]
    rows: tuple[Row, ...]

    def call(self, given: Mapping[str, str]) -> str:
        """The call with these texts for the parameters; what is as it is by default is left out."""
        parts = []
        for each in self.wanted:
            text = given[each.name]
            if each.by_name and text == each.default:
                continue
            parts.append(f"{each.name}={text}" if each.by_name else text)
        return f"{self.before}{', '.join(parts)}{self.after}"


def callee(subject: Subject) -> Callee | None:
    """How a function is called with plain values, None when it cannot be."""
    node, holder = subject.node, subject.around
    if node.name.startswith("__"):
        return None
    receiver, bound = "", False
    if holder is not None:
        static = any(ast.unparse(each) == "staticmethod" for each in node.decorator_list)
        receiver, bound = holder.name, not static
        if not subject.is_static:
            made = _instance(subject, holder)
            if made is None:
                return None
            receiver = made
    requested = parameters(node, subject.tree, bound=bound)
    top = subject.imports(holder.name if holder is not None else node.name)
    if requested is None or not top:
        return None
    reached = f"{receiver}.{node.name}" if receiver else node.name
    if subject.is_property:
        return Callee(top, reached, "", (), (Row((), 0),))
    imports, before, after = top, f"{reached}(", ")"
    if isinstance(node, ast.AsyncFunctionDef):
        if subject.yields:
            return None
        imports, before, after = ("import asyncio", *top), f"asyncio.run({before}", "))"
    elif subject.yields:
        before, after = f"list({before}", "))"
    return Callee(imports, before, after, requested, rows(subject, requested, bound=bound))


def _instance(subject: Subject, holder: ast.ClassDef) -> str | None:
    """An instance of a class, made with the plainest values."""
    made = method(holder, "__init__") or _fields(holder)
    requested = parameters(made, subject.tree, bound=True) if made is not None else ()
    if made is None or requested is None:
        return f"{holder.name}()" if made is None else None
    needed = [each for each in requested if not each.default]
    constructor = Subject(subject.wanted, subject.source, subject.tree, made, holder, {})
    chosen = rows(constructor, requested, bound=True)[0].values if requested else ()
    given = dict(zip((each.name for each in requested), chosen, strict=True))
    parts = [f"{each.name}={given[each.name]}" if each.by_name else given[each.name] for each in needed]
    return f"{holder.name}({', '.join(parts)})"


def _fields(holder: ast.ClassDef) -> FunctionNode | None:
    """The constructor that `dataclass` would write, None when the class is none."""
    marks = [ast.unparse(each.func if isinstance(each, ast.Call) else each) for each in holder.decorator_list]
    if not {"dataclass", "dataclasses.dataclass"} & {*marks}:
        return None
    parts = []
    for each in holder.body:
        match each:
            case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation, value=value):
                default = f" = {ast.unparse(value)}" if value is not None else ""
                parts.append(f"{name}: {ast.unparse(annotation)}{default}")
            case _:
                pass
    tree = parsed(f"def __init__(self, *, {', '.join(parts)}): ..." if parts else "def __init__(self): ...")
    first = tree.body[0] if tree is not None else None
    return first if isinstance(first, ast.FunctionDef) else None
