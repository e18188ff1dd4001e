"""Audit entries: what is recorded of each run, and how an entry is tied to all that came before it.

An entry is a text, canonical JSON; what can be asked for is read from that text, so that nothing is said twice. Entries
of one repository form a chain: the hash of each covers its text, its number and the hash before it.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, Final
from urllib.parse import urlsplit

from cicd_agent.domain.facts import Fact

VERSION: Final = 1
ZERO_HASH: Final = "0" * 64
MAX_TEXT: Final = 4_000_000
"""Characters of one entry; of a longer output only its digest is recorded."""
MAX_KEY: Final = 512
"""Characters of a text that entries are found by: no index holds more of it."""
LOCAL_CHAIN: Final = "local"
_EXACT: Final = 2**53
"""Whole numbers up to here are the same for every reader of JSON."""


class Kind(StrEnum):
    """What an entry is about."""

    RUN = "run"
    """What was decided, or why nothing was: recorded before anything is done about it."""
    RECEIPTS = "receipts"
    """What became of it: `of` in its text is the number of the run's entry."""
    PRUNE = "prune"
    """So many entries before this one were removed, and the hash of the last of them."""


@dataclass(frozen=True, slots=True)
class Columns:
    """What entries are found by. `at` is in seconds since the epoch, `pull` 0 without one."""

    kind: Kind = Kind.RUN
    event_id: str = ""
    at: int = 0
    mode: str = ""
    sha: str = ""
    pull: int = 0
    decision: str = ""
    risk_level: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """What is to be recorded in the chain of a repository; `text` is canonical JSON of an object, redacted."""

    repository: str
    text: str
    columns: Columns

    @classmethod
    def of(cls, repository: str, data: Mapping[str, Any]) -> "Entry":
        """The entry of a JSON object. Raises ValueError when its fields are not of their types."""
        text = canonical_json({**data, "version": VERSION, "repository": repository})
        return cls(repository, text, parse_columns(text))


@dataclass(frozen=True, slots=True)
class Link:
    """One place of a chain, which anchors all that lies before it."""

    repository: str
    seq: int
    hash: str

    @property
    def anchor(self) -> str:
        return f"{self.repository}#{self.seq}:{self.hash}"


@dataclass(frozen=True, slots=True)
class Row:
    """An entry as it stands in a store, which anybody may have changed: nothing of it is believed by itself.

    `seq` counts from 1 in each repository.
    """

    repository: str
    seq: int
    prev: str
    hash: str
    text: str
    columns: Columns

    @property
    def link(self) -> Link:
        return Link(self.repository, self.seq, self.hash)


def chain_name(repository: str, server_url: str) -> str:
    host = urlsplit(server_url).netloc.lower()
    is_elsewhere = host not in {"", "github.com"} and repository.count("/") == 1
    return f"{host}/{repository}" if is_elsewhere else repository


def parse_columns(text: str) -> Columns:
    return columns_from(json.loads(text))


def columns_from(data: object) -> Columns:
    """What the text of an entry says of itself, once read. Raises ValueError when that is nothing of the kind."""
    if not isinstance(data, dict):
        raise ValueError("not an object")  # noqa: TRY004  to a reader of a file it is a matter of its value
    values: dict[str, Any] = {}
    for each in fields(Columns):
        value = data.get(each.name) or ("" if each.type is not int else 0)
        if each.type is int and (type(value) is not int or not 0 <= value < _EXACT):
            raise ValueError(f"`{each.name}` is no count")
        if each.type is not int and not isinstance(value, str):
            raise ValueError(f"`{each.name}` is no text")
        values[each.name] = key_text(value) if isinstance(value, str) else value
    return Columns(**{**values, "kind": Kind(values["kind"])})


def key_text(text: str) -> str:
    """A text that entries or facts are found by, as every store can hold it: its beginning, without NUL."""
    return text[:MAX_KEY].encode("utf-8", "replace").decode().replace("\0", "\ufffd")


def canonical_json(data: Mapping[str, Any]) -> str:
    """JSON as RFC 8785 has it, so that any reader comes to the same bytes.

    A number that is not whole, or too large to be exact everywhere, stands as text. What UTF-8 lacks becomes `?`.
    """
    text = json.dumps(_plain(data), ensure_ascii=False, separators=(",", ":"), sort_keys=True, allow_nan=False)
    return text.encode("utf-8", "replace").decode()


def entry_hash(repository: str, seq: int, prev: str, text: str) -> str:
    return hash_of_digest(repository, seq, prev, digest(text))


def hash_of_digest(repository: str, seq: int, prev: str, text_digest: str) -> str:
    """As `chained`, for a text of which only the digest is at hand."""
    position = {"digest": text_digest, "prev": prev, "repository": repository, "seq": seq}
    return digest(json.dumps(position, ensure_ascii=False, separators=(",", ":"), sort_keys=True))


def fact_key(fact: Fact) -> str:
    """What a fact replaces another one by, and is found by in the entry that recorded it."""
    identity = (fact.repository, fact.kind, fact.subject, fact.sha, fact.mode)
    return digest(json.dumps([key_text(name) for name in identity]))


def fact_digest(fact: Fact) -> str:
    """The digest of all that a fact says, as every store can hold it."""
    texts = {
        name: key_text(getattr(fact, name)) for name in ("repository", "subject", "mode", "sha", "ref", "event_id")
    }
    return digest(canonical_json({**texts, "kind": fact.kind, "at": fact.at, "values": fact.values}))


def digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _plain(value: Any) -> Any:
    match value:
        case bool() | None:
            return value
        case int():
            return int(value) if -_EXACT < value < _EXACT else str(int(value))
        case float():
            whole = math.isfinite(value) and value.is_integer() and abs(value) < _EXACT
            return int(value) if whole else repr(value)
        case Mapping():
            return {str(name): _plain(inner) for name, inner in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_plain(inner) for inner in value]
        case _:
            return str(value)
