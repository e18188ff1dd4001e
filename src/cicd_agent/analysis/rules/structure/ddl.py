"""Tables, their foreign keys and their indexes, as SQL defines them: enough of the grammar for both, in linear time."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_SKIPPED = re.compile(r"--[^\n]*|/\*(?:[^*]|\*(?!/)){0,5000}(?:\*/)?|'(?:[^'\n]|'')*'")
_NAME = r'["`\[]?\w+["`\]]?(?:\.["`\[]?\w+["`\]]?){0,2}'
_STATEMENT = re.compile(
    rf"""(?ix)\b(?:
    create\s+(?:(?:global|local|temp|temporary|unlogged)\s+){{0,2}}table\s+(?:if\s+not\s+exists\s+)?(?P<table>{_NAME})\s*\(
    | alter\s+table\s+(?:if\s+exists\s+)?(?:only\s+)?(?P<altered>{_NAME})\s
    | create\s+(?:unique\s+)?index\b[^;()]{{0,300}}?\bon\s+(?:only\s+)?(?P<indexed>{_NAME})\s*
      (?:using\s+\w+\s*)?\(\s*(?P<first>{_NAME})
    )"""
)
_KEY = re.compile(
    r"(?i)\s*(?:add\s+)?(?:constraint\s+\S+\s+)?(foreign\s+key|primary\s+key|unique|key|index)\b[^(]{0,200}\(([^)]*)"
)
_COLUMN = re.compile(rf"(?i)\s*(?:add\s+(?:column\s+)?(?:if\s+not\s+exists\s+)?)?({_NAME})\s")
_NO_COLUMN = frozenset(
    {"constraint", "foreign", "primary", "unique", "check", "exclude", "like", "drop", "alter", "add"}
)
_REFERENCES = re.compile(r"(?i)\breferences\b")
_IS_INDEXED = re.compile(r"(?i)\bprimary\s+key\b|\bunique\b")
_OTHER_DIALECT = re.compile(r"(?i)`|\bengine\s*=|\bauto_increment\b|\bunsigned\b|\bmysql\b|\bmariadb\b")
POSTGRES = re.compile(
    r"(?i)\b(?:big|small)?serial\b|\btimestamptz\b|\bjsonb\b|::|\buuid\b|\bplpgsql\b|\bas\s+identity\b|\bbytea\b"
)


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """The first column of a foreign key, and where in the text it is; `is_new` where the column comes with it."""

    table: str
    column: str
    offset: int
    is_new: bool


@dataclass(frozen=True, slots=True)
class Schema:
    """What a text defines: foreign keys, and the first column of each index with its table."""

    keys: tuple[ForeignKey, ...]
    indexes: frozenset[tuple[str, str]]


def is_mysql(text: str) -> bool:
    """Whether a text is in the dialect of databases that index foreign keys themselves."""
    return _OTHER_DIALECT.search(text) is not None


def schema_of(text: str) -> Schema:
    text = _SKIPPED.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)
    keys: list[ForeignKey] = []
    indexes: set[tuple[str, str]] = set()
    at = 0
    while match := _STATEMENT.search(text, at):
        at = match.end()
        if match["indexed"]:
            indexes.add((_plain(match["indexed"]), _plain(match["first"])))
            continue
        table = _plain(match["table"] or match["altered"])
        for start, item in _items(text, at, is_body=match["table"] is not None):
            at = max(at, start + len(item))
            _read(table, item, start, keys, indexes)
    return Schema(tuple(keys), frozenset(indexes))


def _read(table: str, item: str, start: int, keys: list[ForeignKey], indexes: set[tuple[str, str]]) -> None:
    key = _KEY.match(item)
    if key:
        column = _plain(key[2].partition(",")[0])
        if key[1].lower().startswith("foreign"):
            keys.append(ForeignKey(table, column, start + key.start(1), is_new=False))
        else:
            indexes.add((table, column))
        return
    column_match = _COLUMN.match(item)
    column = _plain(column_match[1]) if column_match else ""
    if not column or column in _NO_COLUMN:
        return
    if _IS_INDEXED.search(item):
        indexes.add((table, column))
    elif reference := _REFERENCES.search(item):
        keys.append(ForeignKey(table, column, start + reference.start(), is_new=True))


def _items(text: str, start: int, *, is_body: bool) -> Iterator[tuple[int, str]]:
    """The definitions of a table's body, or the actions on a table, each with its offset."""
    depth, first = 0, start
    for match in re.compile(r"[(),;]").finditer(text, start):
        sign, at = match[0], match.start()
        if sign == "(":
            depth += 1
        elif sign == ")" and depth:
            depth -= 1
        elif (sign == "," and not depth) or sign == ";" or (sign == ")" and is_body):
            yield first, text[first:at]
            first = at + 1
            if sign != ",":
                return
    yield first, text[first:]


def _plain(name: str) -> str:
    return name.strip().rpartition(".")[2].strip('"`[] \n').lower()
