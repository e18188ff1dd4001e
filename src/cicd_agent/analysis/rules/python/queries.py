"""Python that makes queries and files of what it is given."""

import ast
from collections.abc import Iterator

from cicd_agent.analysis.rules.context import Look
from cicd_agent.analysis.rules.python.source import Called, is_constant, names_in, values_of
from cicd_agent.analysis.rules.rule import Example, Hit, Rule
from cicd_agent.domain.finding import Category, Severity

_EXECUTORS = frozenset({"execute", "executemany", "executescript", "raw", "exec_driver_sql", "mogrify"})
_SQL_WORDS = ("select ", "insert into ", "update ", "delete from ", "replace into ")


def _sql(look: Look) -> Iterator[Hit]:
    for text, called, line in look.calls:
        if called.tail not in _EXECUTORS or not called.node.args:
            continue
        query = called.node.args[0]
        if isinstance(query, ast.Call) and text.name_of(query.func).rpartition(".")[2] == "text" and query.args:
            query = query.args[0]
        if isinstance(query, ast.Name):
            query = _only_value(called, query.id) or query
        if _is_built_sql(query):
            names = _only_names_tables(query)
            yield Hit(
                look.first_added(line, query.lineno) or line,
                "This statement is put together from text: a quote in any part of it ends the string and starts SQL.",
                severity=Severity.MEDIUM if names else None,
                confidence=0.6 if names else 0.9,
                call=None if query is not called.node.args[0] else called.node,
            )


def _only_value(called: Called, name: str) -> ast.expr | None:
    """The value of a local variable that is assigned exactly once in the enclosing function."""
    if called.inside is None or isinstance(called.inside, ast.Lambda):
        return None
    values = values_of(called.inside, name)
    return values[0] if len(values) == 1 else None


def _is_built_sql(query: ast.expr) -> bool:
    match query:
        case ast.JoinedStr(values=[ast.Constant(value=str(head)), *rest]):
            return _is_sql(head) and not all(isinstance(part, ast.Constant) or _is_upper(part) for part in rest)
        case ast.BinOp(left=left, op=ast.Mod(), right=right):
            return _is_sql(_head(left)) and not is_constant(right)
        case ast.BinOp(op=ast.Add()):
            return _is_sql(_head(query)) and not is_constant(query)
        case ast.Call(func=ast.Attribute(value=value, attr="format")):
            return _is_sql(_head(value))
        case _:
            return False


def _head(node: ast.expr) -> str:
    """The literal text that an expression begins with."""
    while isinstance(node, ast.BinOp):
        node = node.left
    if isinstance(node, ast.JoinedStr) and node.values:
        node = node.values[0]
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _is_sql(text: str) -> bool:
    return text.lstrip().lower().startswith(_SQL_WORDS)


def _is_upper(part: ast.expr) -> bool:
    """Whether an inserted value is a constant by convention: `{TABLE}`."""
    return isinstance(part, ast.FormattedValue) and all(name.isupper() for name in names_in(part.value))


def _only_names_tables(query: ast.expr) -> bool:
    """Whether everything inserted is called a table, a column or the like: names cannot be bound as parameters."""
    inserted = {name.lower() for name in names_in(query) if name != "format"}
    return bool(inserted) and all(
        any(word in name for word in ("table", "column", "field", "schema", "placeholder", "quote", "order", "meta"))
        for name in inserted
    )


def _extraction(look: Look) -> Iterator[Hit]:
    for text, called, line in look.calls:
        if called.tail != "extractall" or called.has_rest or called.keyword("filter") is not None:
            continue
        if called.keyword("members") is not None or not text.imported("tarfile"):
            continue
        # A ZipFile in the same file is told by its variable's name at best; zipfile strips `..` by itself.
        confidence = 0.6 if text.imported("zipfile") else 0.8
        if "zip" not in called.name.lower():
            yield Hit(line, confidence=confidence, call=called.node)


def _temp_file(look: Look) -> Iterator[Hit]:
    for _, called, line in look.calls:
        if called.name == "tempfile.mktemp":
            yield Hit(line, call=called.node)


PYTHON_QUERIES = (
    Rule(
        id="sql-injection",
        since="0.1",
        title="SQL is put together from text",
        severity=Severity.HIGH,
        category=Category.SECURITY,
        looks_at="f-strings, `%`, `+` and `.format` given to `execute` and its kin",
        why="A quote in any part of the text ends the string and starts SQL.",
        remedy="Pass the values as parameters: `execute(statement, values)`.",
        bad=Example(
            "db.py", "def user(cursor, name):\n    cursor.execute(f\"SELECT * FROM users WHERE name = '{name}'\")\n"
        ),
        good=Example(
            "db.py", 'def user(cursor, name):\n    cursor.execute("SELECT * FROM users WHERE name = ?", (name,))\n'
        ),
        check=_sql,
        confidence=0.9,
    ),
    Rule(
        id="archive-extraction",
        since="0.1",
        title="A tar archive may write anywhere",
        severity=Severity.MEDIUM,
        category=Category.SECURITY,
        looks_at="`extractall` of a tar archive without `filter=` or `members=`",
        why="Members named `../x`, or that pass through a link, are written outside the target (before Python 3.14).",
        remedy='Pass `filter="data"`.',
        bad=Example(
            "unpack.py",
            "import tarfile\n\n\ndef unpack(path):\n    with tarfile.open(path) as tar:\n        tar.extractall()\n",
        ),
        good=Example(
            "unpack.py",
            "import tarfile\n\n\ndef unpack(path):\n    with tarfile.open(path) as tar:\n"
            '        tar.extractall(filter="data")\n',
        ),
        check=_extraction,
        confidence=0.8,
    ),
    Rule(
        id="temp-file-race",
        since="0.1",
        title="A temporary name that somebody else may take",
        severity=Severity.MEDIUM,
        category=Category.SECURITY,
        looks_at="`tempfile.mktemp`",
        why="Between the name and the file, another process can put a link there.",
        remedy="Use `tempfile.mkstemp` or `NamedTemporaryFile`, which create the file.",
        bad=Example("scratch.py", "import tempfile\n\n\ndef scratch():\n    return tempfile.mktemp()\n"),
        good=Example("scratch.py", "import tempfile\n\n\ndef scratch():\n    return tempfile.mkstemp()\n"),
        check=_temp_file,
    ),
)
