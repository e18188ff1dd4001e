"""Attributes that a change no longer sets and still reads: the half of a renaming that was forgotten."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeGuard

from cicd_agent.analysis.rules.context import FileContext
from cicd_agent.analysis.rules.logic.scope import own
from cicd_agent.analysis.rules.python.source import PythonText, expression_text
from cicd_agent.analysis.rules.rule import Hit
from cicd_agent.domain.repository.diff import Side

_DYNAMIC = re.compile(r"\bdef __getattr|\bsetattr\(|__dict__\b")
_PLAIN_BASES = frozenset({"object", "abc.ABC", "typing.Generic", "typing.Protocol"})
_MOST = 20
"""Attributes of one file that are looked for elsewhere in the change."""


def removed_attribute(context: FileContext) -> Iterator[Hit]:
    if not any("self." in line or "def " in line for _, line in context.deleted):
        return
    text, old = context.python_head, context.old_python
    if text is None or old is None or _DYNAMIC.search(context.head or ""):
        return
    left = _MOST
    for name, cls in text.classes.items():
        before = old.classes.get(name)
        if before is None or not _is_same_kind(before, cls):
            continue
        inherits = _inherits(text, cls)
        gone = _gone(before, cls, inherits=inherits)
        reads = {node.attr: node for node in _reads(cls, inherits=inherits) if node.attr in gone} if gone else {}
        for attribute, read in [*reads.items()][:left]:
            left -= 1
            if not _is_elsewhere(context, attribute, inherits=inherits):
                yield from _hit(context, attribute, gone[attribute], read, inherits=inherits)


def _is_same_kind(before: ast.ClassDef, after: ast.ClassDef) -> bool:
    bases, old_bases = ([expression_text(base) for base in cls.bases] for cls in (after, before))
    return bases == old_bases and not after.keywords


def _inherits(text: PythonText, cls: ast.ClassDef) -> bool:
    """Whether a class may have attributes from elsewhere."""
    bases = [base.value if isinstance(base, ast.Subscript) else base for base in cls.bases]
    return "mixin" in cls.name.lower() or any(text.name_of(base) not in _PLAIN_BASES for base in bases)


def _gone(before: ast.ClassDef, after: ast.ClassDef, *, inherits: bool) -> Mapping[str, list[int]]:
    """The attributes that a class no longer sets or defines, with the lines where it did.

    What a class has at its own level, it may only have put in the place of what it inherits.
    """
    # Also another object of the class may be given it: `copy.limit = 3`.
    new = {node.attr for node in ast.walk(after) if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)}
    new |= {*_named(after)}
    old = _set_on_self(before) if inherits else _named(before) | _set_on_self(before)
    return {name: lines for name, lines in old.items() if name not in new}


def _is_of_self(node: ast.AST) -> TypeGuard[ast.Attribute]:
    return isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self"


def _set_on_self(cls: ast.ClassDef) -> dict[str, list[int]]:
    found = defaultdict[str, list[int]](list)
    for node in ast.walk(cls):
        if _is_of_self(node) and isinstance(node.ctx, ast.Store):
            found[node.attr].append(node.lineno)
    return found


def _named(cls: ast.ClassDef) -> dict[str, list[int]]:
    """What stands in the body of a class: methods, and names that are assigned or annotated."""
    found = defaultdict[str, list[int]](list)
    for node in own(cls.body):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found[node.name].append(node.lineno)
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            found[node.id].append(node.lineno)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            for alias in node.names:
                found[alias.asname or alias.name].append(node.lineno)
    return found


def _reads(cls: ast.ClassDef, *, inherits: bool) -> Iterator[ast.Attribute]:
    """Where the methods of a class read an attribute of `self`, but none that is called of a class that inherits.

    `self.layout = …` hides the inherited `layout()`, which is there again afterwards.
    """
    stack: list[ast.AST] = [*cls.body]
    called: set[int] = set()
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Call) and inherits:
            called.add(id(node.func))
        elif _is_of_self(node) and isinstance(node.ctx, ast.Load) and id(node) not in called:
            yield node
        if not isinstance(node, ast.ClassDef):
            stack += ast.iter_child_nodes(node)


def _is_elsewhere(context: FileContext, attribute: str, *, inherits: bool) -> bool:
    """Whether the file gives something that name, or another file of the change speaks of it in an added line.

    A class that inherits may set what it has in a list of names: `fields = ["limit"]`.
    """
    given = rf"(?m)\b{attribute}[ \t]*(?::[^\n=]{{0,80}})?=(?!=)|\b(?:def|class)\s+{attribute}\b"
    given += rf"|[\"']{attribute}[\"']" if inherits else ""
    if re.search(given, context.head or ""):
        return True
    others: Iterable[FileContext] = (file for file in context.change.files if file.path != context.path)
    word = re.compile(rf"\b{attribute}\b")
    return any(attribute in line and word.search(line) for file in others for _, line in file.added)


def _hit(
    context: FileContext, attribute: str, lines: list[int], read: ast.Attribute, *, inherits: bool
) -> Iterator[Hit]:
    deleted = next((line for line in lines if line in context.deleted_numbers), None)
    if deleted is None:
        return
    message = f"Nothing sets `self.{attribute}` any more, and line {read.lineno} still reads it."
    confidence = 0.85 if inherits else None
    if read.lineno in context.added_numbers:
        yield Hit(read.lineno, message, confidence=confidence, near=f"self.{attribute}")
    else:
        yield Hit(deleted, message, side=Side.LEFT, confidence=confidence, near=attribute)
