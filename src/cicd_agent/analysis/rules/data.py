"""What callers and stored data rely on: migrations that lose data, interfaces that lose parts."""

import ast
import re
from collections.abc import Iterator

from cicd_agent.analysis.rules.context import TABLES, FileContext
from cicd_agent.analysis.rules.rule import Hit
from cicd_agent.analysis.rules.yaml_source import Node, at, items, parse_yaml
from cicd_agent.domain.finding import Severity
from cicd_agent.domain.repository.diff import ChangeKind, Side
from cicd_agent.domain.repository.paths import PathKind

_LOSSES = {effect: re.compile(pattern) for effect, pattern in TABLES["migrations"]["statements"].items()}
_COLUMN = re.compile(
    r"(?i)(?P<end>[,;])|(?P<added>\badd\s++(?:column\s++)?(?!not\s+null\b)[\w\"`.]++\s++)|\bnot\s+null\b"
)
_MAX_TYPE = 200
"""Characters between the name of a column and its `not null`."""
_DEFAULT = re.compile(r"(?i)\bdefault\b|\bgenerated\b|\bserial\b|\bauto_increment\b|\bidentity\b")
_DJANGO, _ALEMBIC = TABLES["migrations"]["django"], TABLES["migrations"]["alembic"]
_RAILS = re.compile(r"^\s*(drop_table|remove_column|remove_columns|rename_column|rename_table|t\.remove)\b")
_METHODS = frozenset({"get", "put", "post", "delete", "options", "head", "patch", "trace"})
_PROTO = re.compile(
    r"^(?:repeated\s+|optional\s+|required\s+)?[\w.<>, ]{1,100}\s(\w+)\s*=\s*\d+\s*[;\[]"
    r"|^(?:rpc|message|service|enum)\s+(\w+)"
)
_GRAPHQL = re.compile(r"^(\w+)\s*(?:\([^)]*\))?\s*:\s*[\[\w]|^(?:type|input|enum|interface|union)\s+(\w+)")


def destructive_migration(context: FileContext) -> Iterator[Hit]:
    if PathKind.MIGRATION not in context.kinds or context.path.lower().endswith(".down.sql"):
        return
    if context.path.endswith(".py"):
        yield from _python_migration(context)
    elif context.path.lower().endswith(".rb"):
        for number, text in context.added:
            match = _RAILS.match(text)
            if match:
                yield Hit(number, f"`{match[1]}` changes what the running code still uses.")
    else:
        yield from _sql(context.added)


def _sql(lines: tuple[tuple[int, str], ...]) -> Iterator[Hit]:
    down = False
    for number, text in lines:
        # goose, dbmate and their kin keep the way back in the same file.
        down = (down or bool(re.search(r"(?i)^--.*\b(?:down|rollback|undo)\b", text))) and not re.search(
            r"(?i)^--.*\bup\b", text
        )
        code = text.partition("--")[0]
        if down or not code.strip():
            continue
        effect = next((effect for effect, pattern in _LOSSES.items() if pattern.search(code)), "")
        if effect:
            yield Hit(number, f"This statement {effect}.", confidence=0.9)
        elif _adds_required(code) and not _DEFAULT.search(code):
            message = "A NOT NULL column without a default fails on a table that has rows."
            yield Hit(number, message, severity=Severity.MEDIUM, confidence=0.8)


def _adds_required(code: str) -> bool:
    """Whether a column is added that must not be null. One pass: a line may add thousands."""
    added = None
    for match in _COLUMN.finditer(code):
        if match["end"]:
            added = None
        elif match["added"]:
            added = match.end()
        elif added is not None and match.start() - added <= _MAX_TYPE:
            return True
    return False


def _python_migration(context: FileContext) -> Iterator[Hit]:
    for text, called, number in context.calls:
        if isinstance(called.inside, ast.FunctionDef) and called.inside.name in {"downgrade", "backwards", "reverse"}:
            continue
        if called.tail in _DJANGO and text.imported("django"):
            yield Hit(number, f"`{called.tail}` {_DJANGO[called.tail]}.")
        elif called.tail in _ALEMBIC and called.name.rpartition(".")[0].endswith(("op", "batch_op")):
            yield Hit(number, f"`{called.tail}` {_ALEMBIC[called.tail]}.")
        elif called.tail in {"RunSQL", "execute"} and called.node.args:
            first = called.node.args[0]
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                rows = tuple((first.lineno + index, row[:2_000]) for index, row in enumerate(first.value.split("\n")))
                yield from (hit for hit in _sql(rows) if hit.line in context.added_numbers)


def api_removed(context: FileContext) -> Iterator[Hit]:
    if PathKind.API_CONTRACT not in context.kinds or context.diff.kind is ChangeKind.ADDED:
        return
    suffix = context.path.rpartition(".")[2].lower()
    if suffix in {"yaml", "yml", "json"}:
        yield from _openapi(context)
    elif suffix in {"proto", "graphql", "graphqls"}:
        pattern = _PROTO if suffix == "proto" else _GRAPHQL
        remaining = {name for text in (context.head or "").split("\n") for name in _names(pattern, text)}
        for number, text in context.deleted:
            for name in _names(pattern, text):
                if name not in remaining:
                    yield Hit(number, f"`{name}` is removed: clients break.", side=Side.LEFT, confidence=0.8)


def _names(pattern: re.Pattern[str], text: str) -> Iterator[str]:
    match = pattern.match(text[:2_000].lstrip())
    if match:
        yield match[1] or match[2]


def _openapi(context: FileContext) -> Iterator[Hit]:
    before, after = (parse_yaml(text) for text in (context.base, context.head))
    if before is None or (after is None and context.head is not None):
        return
    remaining = set(_operations(after))
    for name, node in _operations(before).items():
        if name not in remaining:
            number = node.line if node.line in context.deleted_numbers else 0
            yield Hit(number, f"`{name}` is removed: clients that call it break.", side=Side.LEFT)


def _operations(root: Node | None) -> dict[str, Node]:
    return {
        f"{method.upper()} {path}": key
        for path, _, operations in items(at(root, "paths"))
        for method, key, _ in items(operations)
        if method in _METHODS
    }
