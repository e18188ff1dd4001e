"""Foreign keys whose columns no index covers: PostgreSQL and SQLite make none of their own accord."""

import ast
import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import accumulate

from cicd_agent.analysis.rules.context import FileContext
from cicd_agent.analysis.rules.python.source import PythonText, expression_text
from cicd_agent.analysis.rules.rule import Hit
from cicd_agent.analysis.rules.structure.ddl import POSTGRES, ForeignKey, is_mysql, schema_of
from cicd_agent.domain.repository.paths import PathKind

_ORM = ("sqlalchemy", "flask_sqlalchemy", "alembic", "sqlmodel")
_INDEX = re.compile(
    r"\b(?:Index|create_index|UniqueConstraint|PrimaryKeyConstraint|create_unique_constraint)"
    r"\(((?:[^()]|\([^()]{0,200}\)){0,600})"
)
_STRING = re.compile(r"[\"'](\w+)[\"']|\b(\w+)\b")
_AUDIT = re.compile(r"(?i)(?:creat|chang|updat|modif|edit|delet|insert|add|approv|upload)\w*_by\w*\Z|owner_fk\Z")
"""Who did it last: hardly anybody asks the other way round."""
_LISTED = 4


def foreign_key_without_index(context: FileContext) -> Iterator[Hit]:
    if context.head is None or "mysql" in context.path.lower() or is_mysql(context.head):
        return
    if context.path.lower().endswith(".sql"):
        yield from _sql(context, context.head)
    elif context.python is not None and context.python.imported(*_ORM):
        yield from _orm(context, context.python, context.head)


def _sql(context: FileContext, text: str) -> Iterator[Hit]:
    if "references" not in text.lower():
        return
    ends = list(accumulate(len(line) + 1 for line in text.split("\n")))
    tables: dict[str, list[tuple[int, ForeignKey]]] = defaultdict(list)
    for key in schema_of(text).keys:
        line = bisect_right(ends, key.offset) + 1
        is_indexed = (key.table, key.column) in context.change.indexes or _AUDIT.match(key.column)
        if line in context.added_numbers and not is_indexed:
            tables[key.table].append((line, key))
    is_postgres = POSTGRES.search(text) is not None
    for table, keys in tables.items():
        # A column that was there before may have its index from an earlier migration.
        is_new = any(key.is_new for _, key in keys)
        confidence = 0.6 if not is_new else 0.85 if is_postgres else None
        yield Hit(keys[0][0], _message(table, [key.column for _, key in keys]), confidence=confidence)


def _message(table: str, columns: Sequence[str]) -> str:
    names = ", ".join(f"`{name}`" for name in columns[:_LISTED])
    more = f" and {len(columns) - _LISTED} more" if len(columns) > _LISTED else ""
    of_table = f" of `{table}`" if table else ""
    return (
        f"No index covers {names}{more}{of_table}: joins, and deletes in the other table, read every row of this one."
    )


def _orm(context: FileContext, text: PythonText, head: str) -> Iterator[Hit]:
    indexed = {name for call in _INDEX.findall(head) for pair in _STRING.findall(call) for name in pair if name}
    indexed |= {column for _, column in schema_of(head).indexes} if "index" in head.lower() else set()
    for _, node, inside in context.nodes:
        if isinstance(inside, ast.FunctionDef) and inside.name == "downgrade":
            continue
        # What a migration declares as a class or a table is there already: it only moves data.
        is_copy = isinstance(node, ast.ClassDef) or text.name_of(getattr(node, "func", None)).endswith("Table")
        if is_copy and PathKind.MIGRATION in context.kinds:
            continue
        table, columns = _columns(text, node)
        lines = [
            (line, name)
            for name, call in columns
            if name not in indexed
            and not _AUDIT.match(name)
            and (line := context.first_added(*_lines(call))) is not None
        ]
        if lines:
            yield Hit(lines[0][0], _message(table, [name for _, name in lines]))


def _lines(call: ast.Call) -> range:
    return range(call.lineno, (call.end_lineno or call.lineno) + 1)


def _columns(text: PythonText, node: ast.AST) -> tuple[str, list[tuple[str, ast.Call]]]:
    """The columns with a foreign key and no index that a class or a call defines, and the name of their table."""
    match node:
        case ast.ClassDef(name=name, body=body):
            columns = [pair for statement in body for pair in _declared(text, statement)]
        case ast.Call(args=[ast.Constant(value=str(name)), *rest]):
            if text.name_of(node.func).rpartition(".")[2] not in {"Table", "create_table", "add_column"}:
                return "", []
            calls = [each for each in rest if isinstance(each, ast.Call)]
            columns = [(_first_text(each), each) for each in calls if _is_bare_key(text, each)]
            plain = {_first_text(each) for each in calls if _is_plain_column(text, each)}
            columns += [
                (column, each)
                for each in calls
                if text.name_of(each.func).endswith("ForeignKeyConstraint") and (column := _first_listed(each)) in plain
            ]
        case _:
            return "", []
    return name, columns


def _declared(text: PythonText, statement: ast.stmt) -> Iterator[tuple[str, ast.Call]]:
    match statement:
        case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call() as value):
            pass
        case ast.AnnAssign(target=ast.Name(id=name), value=ast.Call() as value):
            pass
        case _:
            return
    if _is_bare_key(text, value):
        yield _first_text(value) or name, value


def _is_bare_key(text: PythonText, call: ast.Call) -> bool:
    """Whether a call defines a column with a foreign key of its own, and nothing that is an index."""
    tail = text.name_of(call.func).rpartition(".")[2]
    if tail in {"Column", "mapped_column"}:
        keys = [each for each in call.args if isinstance(each, ast.Call) and _is_key(text, each)]
        return bool(keys) and not _has_index(call)
    return tail == "Field" and any(each.arg == "foreign_key" for each in call.keywords) and not _has_index(call)


def _is_key(text: PythonText, call: ast.Call) -> bool:
    name = text.name_of(call.func)
    return name.rpartition(".")[2] == "ForeignKey" and not name.startswith(("models.", "django."))


def _is_plain_column(text: PythonText, call: ast.Call) -> bool:
    return text.name_of(call.func).rpartition(".")[2] == "Column" and not _has_index(call)


def _has_index(call: ast.Call) -> bool:
    """Whether a column has an index, or nobody knows; who writes `index=False` has thought of it."""
    return any(
        each.arg in {"index", None}
        or (
            each.arg in {"unique", "primary_key"}
            and not (isinstance(each.value, ast.Constant) and not each.value.value)
        )
        for each in call.keywords
    )


def _first_text(call: ast.Call) -> str:
    first = call.args[0] if call.args else None
    return first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else ""


def _first_listed(call: ast.Call) -> str:
    """The first column of a constraint: `ForeignKeyConstraint(["user_id"], …)`."""
    first = call.args[0] if call.args else None
    return expression_text(first.elts[0]).strip("'\"") if isinstance(first, ast.List | ast.Tuple) and first.elts else ""
