"""JSON of which nothing is certain, asked for what it should hold: what is not there, or not of its type, is empty."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

_MOST: Final = 10_000
"""So many parts of one list are looked at."""
_EXACT: Final = 2**53


@dataclass(frozen=True, slots=True)
class Loose:
    """An object of JSON."""

    told: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, text: str) -> "Loose":
        """The object that a text tells, an empty one when it tells none."""
        try:
            return cls.of(json.loads(text))
        except (ValueError, RecursionError):
            return cls()

    @classmethod
    def of(cls, value: object) -> "Loose":
        """The value, if it is an object."""
        return cls(value) if isinstance(value, dict) else cls()

    def __bool__(self) -> bool:
        return bool(self.told)

    def inner(self, name: str) -> "Loose":
        return Loose.of(self.told.get(name))

    def each(self, name: str) -> Iterator["Loose"]:
        return (Loose(each) for each in self._list(name) if isinstance(each, dict))

    def words(self, name: str) -> tuple[str, ...]:
        return tuple(each for each in self._list(name) if isinstance(each, str))

    def pairs(self, name: str) -> tuple[tuple[str, str], ...]:
        inner = self.inner(name)
        return tuple((str(key), inner.word(key)) for key in list(inner.told)[:_MOST])

    def word(self, name: str) -> str:
        """A text in it, or a number as text."""
        value = self.told.get(name)
        if isinstance(value, str):
            return value
        if isinstance(value, bool) or not isinstance(value, int | float):
            return ""
        return str(value) if abs(value) < _EXACT else ""

    def number(self, name: str) -> int | None:
        """A count in it."""
        value = self.told.get(name)
        is_count = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _EXACT
        return value if is_count else None

    def flag(self, name: str) -> bool:
        return self.told.get(name) is True

    def _list(self, name: str) -> list[Any]:
        value = self.told.get(name)
        return value[:_MOST] if isinstance(value, list) else []


def as_mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def as_items(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def as_text(value: object, limit: int = 1_000) -> str:
    """The first `limit` characters of a text."""
    return value[:limit] if isinstance(value, str) else ""


def as_line_number(value: object) -> int:
    """A line number, 0 for what is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**31 else 0
