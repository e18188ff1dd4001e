"""Tells a test that sorts what has no order from one that expects something else."""

import ast


def only_sorts(before: str, after: str) -> bool:
    """Whether all that a module differs in are calls of `sorted` around what was there."""
    try:
        old, new = (ast.parse(text) for text in (before, after))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    sorting = sum(map(_is_sorting, ast.walk(new))) - sum(map(_is_sorting, ast.walk(old)))
    return sorting > 0 and ast.dump(_Unsorted().visit(old)) == ast.dump(_Unsorted().visit(new))


class _Unsorted(ast.NodeTransformer):
    def visit_Call(self, node: ast.Call) -> ast.AST:
        visited = self.generic_visit(node)
        return node.args[0] if _is_sorting(visited) else visited


def _is_sorting(node: ast.AST) -> bool:
    match node:
        case ast.Call(func=ast.Name(id="sorted"), args=[argument], keywords=[]):
            return not isinstance(argument, ast.Starred)
        case _:
            return False
