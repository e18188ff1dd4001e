"""Proves that a change of Python alters comments and the annotations of functions and variables alone.

Such a change is not nothing, for frameworks read annotations: it is not low for that, and only its lines do not count.
What an annotation may do when it is evaluated is bounded: it names, subscripts and joins, and calls nothing. What
stands in the body of a class counts in full, for there an annotation makes a field.
"""

import ast

from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.repository.diff import ChangeKind, FileDiff

_LONGEST = 500_000
"""Characters; a tree takes a hundred times as much memory."""
_INERT = (ast.Name, ast.Attribute, ast.Subscript, ast.Constant, ast.Tuple, ast.List, ast.BinOp, ast.BitOr, ast.Load)
_TYPING = frozenset({"__future__", "typing", "typing_extensions", "collections.abc"})


def is_annotation_only(file: FileDiff, change: Change) -> bool:
    if file.kind is not ChangeKind.MODIFIED or not file.path.endswith((".py", ".pyi")):
        return False
    before, after = change.old_texts.get(file.old_path), change.texts.get(file.path)
    if file.old_mode != file.new_mode or before is None or after is None or max(len(before), len(after)) > _LONGEST:
        return False
    try:
        return _bare(before) == _bare(after)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False


def _bare(source: str) -> str:
    """The tree without comments, inert annotations and what is imported for them. Raises what `ast.parse` does."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.arg):
            node.annotation = _unless_inert(node.annotation)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            node.returns = _unless_inert(node.returns)
        if isinstance(node, ast.Module | ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = [_unannotated(each) for each in node.body if not _is_of_typing(each)]
    return ast.dump(tree)


def _unless_inert(annotation: ast.expr | None) -> ast.expr | None:
    if annotation is None or all(isinstance(node, _INERT) for node in ast.walk(annotation)):
        return None
    return annotation


def _is_of_typing(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.ImportFrom) and statement.module in _TYPING and not statement.level


def _unannotated(statement: ast.stmt) -> ast.stmt:
    """An assignment without its annotation. One that assigns nothing stays: it makes a name local."""
    if isinstance(statement, ast.AnnAssign) and statement.value is not None and not _unless_inert(statement.annotation):
        return ast.Assign([statement.target], statement.value)
    return statement
