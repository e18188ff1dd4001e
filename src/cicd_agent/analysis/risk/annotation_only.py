"""Proves that a change of Python alters comments and the annotations of functions and variables alone.

Such a change is not nothing, for frameworks read annotations: it is not low for that, and only its lines do not count.
What an annotation may do when it is evaluated is bounded: it names, subscripts and joins, and calls nothing. What
stands in the body of a class counts in full, for there an annotation makes a field.
"""

import ast
from collections.abc import Iterator, Sequence

from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.repository.diff import ChangeKind, FileDiff

_LONGEST = 500_000
"""Characters; a tree takes a hundred times as much memory."""
_INERT = (ast.Name, ast.Attribute, ast.Subscript, ast.Constant, ast.Tuple, ast.List, ast.BinOp, ast.BitOr, ast.Load)
_TYPING = frozenset({"__future__", "typing", "typing_extensions", "collections.abc"})


def is_annotation_only(file: FileDiff, change: Change) -> bool:
    texts = _texts(file, change)
    return texts is not None and None not in _parameters(*texts)


def is_cosmetic(file: FileDiff, change: Change) -> bool:
    """The same, and what parameters were annotated with is still there: a framework may know by it whom to ask.

    `user: Administrator` lets other people in than `user: User` does.
    """
    texts = _texts(file, change)
    return texts is not None and all(each is not None and _is_unchanged(*each) for each in _parameters(*texts))


_Annotations = tuple[ast.expr | None, ast.expr | None]
"""What a parameter is annotated with, before and after."""


class _Text:
    """A text and its tree. Raises what `ast.parse` does."""

    def __init__(self, source: str) -> None:
        text = source.replace("\r\n", "\n").replace("\r", "\n")  # as the parser reads it
        self.tree = ast.parse(text)
        self._lines = text.split("\n")

    def segment(self, statement: ast.stmt) -> tuple[int, int | None, list[str]]:
        """The lines that a statement stands on, its decorators' too, and where on the first and the last of them."""
        nodes = [statement, *getattr(statement, "decorator_list", ())]
        first = min(nodes, key=lambda node: node.lineno)
        return first.col_offset, statement.end_col_offset, self._lines[first.lineno - 1 : statement.end_lineno]


def _texts(file: FileDiff, change: Change) -> tuple[_Text, _Text] | None:
    if file.kind is not ChangeKind.MODIFIED or not file.path.endswith((".py", ".pyi")):
        return None
    before, after = change.old_texts.get(file.old_path), change.texts.get(file.path)
    if file.old_mode != file.new_mode or before is None or after is None or max(len(before), len(after)) > _LONGEST:
        return None
    try:
        return _Text(before), _Text(after)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _parameters(before: _Text, after: _Text) -> Iterator[_Annotations | None]:
    """The parameters of statements that differ, and None where these do so in more than inert annotations.

    Statements of the same words have the same tree: only the others are walked, and no further than to the first
    difference. What is imported for annotations is not compared.
    """
    stack: list[tuple[object, object]] = [(before.tree, after.tree)]
    while stack:
        old, new = stack.pop()
        if isinstance(old, ast.stmt) and isinstance(new, ast.stmt) and before.segment(old) == after.segment(new):
            continue
        if isinstance(old, ast.arg) and isinstance(new, ast.arg):
            yield old.annotation, new.annotation
        parts = _parts(old, new)
        if parts is None:
            yield None
            return
        stack += parts


def _is_unchanged(old: ast.expr | None, new: ast.expr | None) -> bool:
    stack: list[tuple[object, object]] = [(old, new)] if old else []
    while stack:
        parts = _parts(*stack.pop())
        if parts is None:
            return False
        stack += parts
    return True


def _parts(old: object, new: object) -> Sequence[tuple[object, object]] | None:
    """The pairs that two things are equal by, None if they differ. No recursion: a tree may be deeper than Python's."""
    if type(old) is not type(new):
        return None
    if isinstance(old, list) and isinstance(new, list):
        return tuple(zip(old, new, strict=True)) if len(old) == len(new) else None
    if isinstance(old, ast.AST) and isinstance(new, ast.AST):
        return tuple(zip(_bare_fields(old), _bare_fields(new), strict=True))
    return () if old == new else None


def _bare_fields(node: ast.AST) -> list[object]:
    """The fields of a node, without inert annotations."""
    fields = {name: getattr(node, name, None) for name in node._fields}
    match node:
        case ast.arg(annotation=annotation):
            fields["annotation"] = _unless_inert(annotation)
        case ast.FunctionDef(returns=returns) | ast.AsyncFunctionDef(returns=returns):
            fields["returns"] = _unless_inert(returns)
        case _:
            pass
    if isinstance(node, ast.Module | ast.FunctionDef | ast.AsyncFunctionDef):
        fields["body"] = [_unannotated(each) for each in node.body if not _is_of_typing(each)]
    return [*fields.values()]


def _unless_inert(annotation: ast.expr | None) -> ast.expr | None:
    if annotation is None or all(isinstance(node, _INERT) for node in ast.walk(annotation)):
        return None
    return annotation


def _is_of_typing(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.ImportFrom) and statement.module in _TYPING and not statement.level


def _unannotated(statement: ast.stmt) -> ast.stmt:
    """An assignment without its annotation. One that assigns nothing stays: it makes a name local."""
    if isinstance(statement, ast.AnnAssign) and statement.value is not None and not _unless_inert(statement.annotation):
        return ast.copy_location(ast.Assign([statement.target], statement.value), statement)
    return statement
