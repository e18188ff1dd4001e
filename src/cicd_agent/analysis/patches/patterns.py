"""The patterns by which a patch is judged, as patterns.toml holds them."""

import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

_TABLES = tomllib.loads(files(__package__).joinpath("patterns.toml").read_text("utf-8"))
KINDS = {kind: frozenset(names) for kind, names in _TABLES["kinds"].items()}
_FLAGS = {"i": re.IGNORECASE, "m": re.MULTILINE}


@dataclass(frozen=True, slots=True)
class Sign:
    """What shows that a patch does something it may not: `clause` begins with a verb.

    It is looked for in code alone, or in comments as well, and only in files whose name or suffix is among `kinds`, if
    there are any.
    """

    clause: str
    pattern: re.Pattern[str]
    in_comments: bool
    kinds: frozenset[str]


def _compiled(table: dict[str, Any]) -> re.Pattern[str]:
    flags = re.NOFLAG
    for letter in table.get("flags", ""):
        flags |= _FLAGS[letter]
    return re.compile("|".join(table["any"]), flags)


def _signs(name: str) -> Iterator[Sign]:
    for table in _TABLES[name]:
        kinds = KINDS[table["kind"]] if "kind" in table else frozenset[str]()
        yield Sign(table["clause"], _compiled(table), table.get("in-comments", False), kinds)


SILENCING = tuple(_signs("silencing"))
WEAKENING = tuple(_signs("weakening"))
PATTERNS = {name: _compiled(table) for name, table in _TABLES["patterns"].items()}


def grown(pattern: re.Pattern[str], old: str, new: str) -> bool:
    """Whether something that a pattern finds occurs more often than before, or in other words."""
    found = Counter(" ".join(match[0].split()) for match in pattern.finditer(new))
    if not found:
        return False
    found.subtract(" ".join(match[0].split()) for match in pattern.finditer(old))
    return any(count > 0 for count in found.values())
