"""JSON of which nothing is certain: what is missing, or not of the type that is asked for, is empty."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

LONGEST_TEXT: Final = 65_536
"""Characters of the longest body that GitHub takes; the rest is not from there."""
_MAX_ITEMS: Final = 10_000
_EXACT: Final = 2**53
_TOO_BIG: Final = 2**63
_SHA = re.compile(r"(?:[0-9a-f]{40}|[0-9a-f]{64})", re.IGNORECASE)
_FULL_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*/[A-Za-z0-9_.-]*[A-Za-z0-9_-]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Node:
    """A place in JSON that may not be there; every reading of it has an empty value."""

    value: object = None

    @classmethod
    def read(cls, text: str) -> "Node":
        try:
            return cls(json.loads(text))
        except (ValueError, RecursionError):
            return cls()

    def __bool__(self) -> bool:
        return bool(self.value)

    def __getitem__(self, key: str) -> "Node":
        return Node(as_mapping(self.value).get(key))

    def __iter__(self) -> Iterator["Node"]:
        return map(Node, as_items(self.value))

    @property
    def objects(self) -> Iterator["Node"]:
        """The objects in a list."""
        return (Node(each) for each in as_items(self.value)[:_MAX_ITEMS] if isinstance(each, dict))

    @property
    def texts(self) -> tuple[str, ...]:
        return tuple(each for each in as_items(self.value)[:_MAX_ITEMS] if isinstance(each, str))

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        return tuple((str(name), self[name].scalar) for name in list(as_mapping(self.value))[:_MAX_ITEMS])

    @property
    def text(self) -> str:
        """The string as far as GitHub lets one go; a lone surrogate, which no encoding can hold, becomes `?`."""
        return self.value[:LONGEST_TEXT].encode("utf-8", "replace").decode() if isinstance(self.value, str) else ""

    def __str__(self) -> str:
        return self.scalar

    @property
    def scalar(self) -> str:
        """The whole string, or a number as text."""
        if isinstance(self.value, str):
            return self.value
        is_number = (
            isinstance(self.value, int | float) and not isinstance(self.value, bool) and abs(self.value) < _EXACT
        )
        return str(self.value) if is_number else ""

    @property
    def number(self) -> int:
        return self.value if type(self.value) is int and 0 < self.value < _TOO_BIG else 0

    @property
    def count(self) -> int | None:
        """A number from 0 on, None for anything else."""
        return self.value if type(self.value) is int and 0 <= self.value < _EXACT else None

    @property
    def flag(self) -> bool:
        return self.value is True

    @property
    def sha(self) -> str:
        return as_sha(self.text)

    @property
    def ref(self) -> str:
        return as_ref(self.text)

    @property
    def repo(self) -> str:
        return as_repo(self["full_name"].text)


def as_sha(text: str) -> str:
    """A full object id in lower case; the zeros that stand for "no commit" are none."""
    return text.lower() if _SHA.fullmatch(text) and text.strip("0") else ""


def as_repo(text: str) -> str:
    return text if _FULL_NAME.fullmatch(text) else ""


def as_ref(ref: str) -> str:
    """A branch or tag without its refs/ prefix; git allows no control character in one."""
    return "" if _CONTROL.search(ref) else ref.removeprefix("refs/heads/").removeprefix("refs/tags/")


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
