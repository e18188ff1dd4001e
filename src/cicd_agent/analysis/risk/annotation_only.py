"""Proves that a change of Python alters comments and the annotations of functions and variables alone.

Such a change is not nothing, for frameworks read annotations: it is not low for that, and only its lines do not count.
What an annotation may do when it is evaluated is bounded: it names, subscripts and joins, and calls nothing. What
stands in the body of a class counts in full, for there an annotation makes a field.
"""

import ast
from dataclasses import dataclass

from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.repository.diff import ChangeKind, FileDiff

_LONGEST = 500_000
"""Characters; a tree takes a hundred times as much memory."""
_INERT = (ast.Name, ast.Attribute, ast.Subscript, ast.Constant, ast.Tuple, ast.List, ast.BinOp, ast.BitOr, ast.Load)
_TYPING = frozenset({"__future__", "typing", "typing_extensions", "collections.abc"})


def is_annotation_only(file: FileDiff, change: Change) -> bool:
    trees = _trees(file, change)
    return trees is not None and trees[0].bare == trees[1].bare


def is_cosmetic(file: FileDiff, change: Change) -> bool:
    """The same, and what parameters were annotated with is still there: a framework may know by it whom to ask.

    `user: Administrator` lets other people in than `user: User` does.
    """
    trees = _trees(file, change)
    if trees is None or trees[0].bare != trees[1].bare:
        return False
    return all(old in {"", new} for old, new in zip(trees[0].parameters, trees[1].parameters, strict=True))


@dataclass(frozen=True, slots=True)
class _Tree:
    """`bare` is without comments, inert annotations and what is imported for them; "" is a parameter without one."""

    bare: str
    parameters: tuple[str, ...]


def _trees(file: FileDiff, change: Change) -> tuple[_Tree, _Tree] | None:
    if file.kind is not ChangeKind.MODIFIED or not file.path.endswith((".py", ".pyi")):
        return None
    before, after = change.old_texts.get(file.old_path), change.texts.get(file.path)
    if file.old_mode != file.new_mode or before is None or after is None or max(len(before), len(after)) > _LONGEST:
        return None
    try:
        return _parsed(before), _parsed(after)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _parsed(source: str) -> _Tree:
    """Raises what `ast.parse` does."""
    tree = ast.parse(source)
    parameters: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.arg):
            parameters.append(ast.dump(node.annotation) if node.annotation else "")
            node.annotation = _unless_inert(node.annotation)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            node.returns = _unless_inert(node.returns)
        if isinstance(node, ast.Module | ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = [_unannotated(each) for each in node.body if not _is_of_typing(each)]
    return _Tree(ast.dump(tree), tuple(parameters))


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
