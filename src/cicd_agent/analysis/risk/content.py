"""What a file is by what is in it: manifests, schemas and access rules under names that say nothing of the kind."""

import re
import tomllib
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from importlib.resources import files

from cicd_agent.domain.repository.paths import PathKind, words

MAX_TEXT = 65_536
"""Characters of a file that are looked at: what a file is stands at its beginning."""
_MAX_LINE = 2_000

_NOT_THE_PRODUCT = frozenset(
    {PathKind.DOCS, PathKind.TEST, PathKind.EXAMPLE, PathKind.VENDORED, PathKind.GENERATED, PathKind.LOCK_FILE}
)
_NAMED = frozenset({PathKind.WORKFLOW, PathKind.CI_CONFIG, PathKind.OWN_CONFIG, PathKind.DEPENDENCY_MANIFEST})
"""What the name says is enough: the keys of a pipeline are like those of a stack."""
_NO_PRODUCT = frozenset(
    {"doc", "docs", "documentation", "fixture", "fixtures", "mock", "mocks", "stubs", "snapshots", "golden", "schemas"}
    | {"locale", "locales", "i18n", "l10n", "lang", "translations", "messages"}
)
"""Folders for data that looks like something else: what is in them is shown, translated or compared with."""
_SOURCE = "source"


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table; `words` are empty where any name will do."""

    kind: PathKind
    suffixes: frozenset[str]
    words: frozenset[str]
    patterns: tuple[re.Pattern[str], ...]
    least: int
    exceptions: tuple[re.Pattern[str], ...]

    def holds(self, text: str) -> bool:
        if any(pattern.search(text) for pattern in self.exceptions):
            return False
        return sum(1 for pattern in self.patterns if pattern.search(text)) >= self.least


def _compiled(patterns: Iterable[str]) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(pattern, re.IGNORECASE | re.MULTILINE) for pattern in patterns)


_TABLE = tomllib.loads(files(__package__).joinpath("content.toml").read_text("utf-8"))
_ROWS = tuple(
    Row(
        PathKind(row["kind"]),
        frozenset(row["suffixes"]),
        frozenset(row.get("words", ())),
        _compiled(row["patterns"]),
        row.get("least", len(row["patterns"])),
        _compiled(row.get("except", ())),
    )
    for row in _TABLE["row"]
)
_LINES = {PathKind(kind): _compiled(patterns) for kind, patterns in _TABLE["lines"].items()}


def _is_looked_into(path: str, path_kinds: AbstractSet[PathKind]) -> bool:
    folders = path.lower().split("/")[:-1]
    return not path_kinds & _NOT_THE_PRODUCT and _NO_PRODUCT.isdisjoint(folders) and "{{" not in path


def rows_of(path: str, path_kinds: AbstractSet[PathKind]) -> Sequence[Row]:
    """What the text of a file is held against, by its path; nothing where no text says more than that."""
    if path_kinds & _NAMED or not _is_looked_into(path, path_kinds):
        return ()
    name = path.rpartition("/")[2].lower()
    suffix = name.rpartition(".")[2] if "." in name else ""
    is_source, named = PathKind.SOURCE in path_kinds, words(path)
    return [
        row
        for row in _ROWS
        if (suffix in row.suffixes or (is_source and _SOURCE in row.suffixes))
        and (not row.words or row.words & named)
        and row.kind not in path_kinds
    ]


def content_kinds(
    path: str, path_kinds: AbstractSet[PathKind], texts: Sequence[str], changed: Iterable[str]
) -> frozenset[PathKind]:
    """The kinds that `kinds` cannot know, for a file of the product.

    `texts` are those of the file, after and before, as far as they are known; `changed` the lines that differ.
    """
    if not _is_looked_into(path, path_kinds):
        return frozenset()
    is_source = PathKind.SOURCE in path_kinds
    rows = rows_of(path, path_kinds)
    heads = [text[:MAX_TEXT] for text in texts] if rows else []
    found = {row.kind for row in rows if any(map(row.holds, heads))}
    if PathKind.MIGRATION in path_kinds | found:
        found.discard(PathKind.DATABASE_SCHEMA)  # it is told already
    if is_source:
        lines = [line[:_MAX_LINE] for line in changed]
        for kind, patterns in _LINES.items():
            if kind not in path_kinds | found and any(each.search(line) for line in lines for each in patterns):
                found.add(kind)
    return frozenset(found)
