"""What the stores have in common: which entries can be recorded, and how a fact is written down and read back."""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from cicd_agent.domain.audit_entry import MAX_KEY, ZERO_HASH, Entry, Link, digest, key_text
from cicd_agent.domain.facts import Fact, FactKind
from cicd_agent.errors import StoreRefused

MAX_NUMBER: Final = 2**53
"""Whole numbers below are stored."""

_HASH: Final = re.compile(r"[0-9a-f]{64}")
_FACT_TEXTS = ("repository", "subject", "mode", "sha", "ref", "event_id")


def check_entry(entry: Entry) -> Entry:
    """The entry, if every store can hold it. Raises StoreRefused."""
    numbers = entry.columns.at, entry.columns.pull
    name = entry.repository
    if not name or name != key_text(name):
        reason = f"the name of its repository is empty, no text, or longer than {MAX_KEY} characters"
    elif entry.text.encode("utf-8", "replace") != entry.text.encode("utf-8", "surrogatepass") or "\0" in entry.text:
        reason = "it is no text"
    elif not all(0 <= number < MAX_NUMBER for number in numbers):
        reason = "its time or its pull request is no number of this world"
    else:
        return entry
    raise StoreRefused("an entry cannot be kept", why=reason)


def next_number(end: Link) -> int:
    """The number of the entry after the end of a chain. Raises StoreRefused where there is none."""
    if end.seq >= MAX_NUMBER - 1:
        raise StoreRefused(
            f"the chain of {end.repository} cannot go on",
            why=f"it has come to number {end.seq}, which it cannot have reached by itself",
            remedy="See what `cicd-agent audit verify` says, and give another place",
        )
    return end.seq + 1


def valid_hash(value: object) -> str:
    return value if isinstance(value, str) and _HASH.fullmatch(value) else ZERO_HASH


def fact_key(fact: Fact) -> str:
    names = (fact.repository, fact.kind, fact.subject, fact.sha, fact.mode)
    return digest(json.dumps([key_text(name) for name in names]))


def fact_columns(fact: Fact) -> dict[str, str | int]:
    """A fact by column; of a time that is no number nothing is left."""
    values = {str(name): str(value) for name, value in fact.values.items()}
    return {
        "key": fact_key(fact),
        "repository": key_text(fact.repository),
        "kind": fact.kind.value,
        "subject": key_text(fact.subject),
        "at": fact.at if 0 <= fact.at < MAX_NUMBER else 0,
        "mode": key_text(fact.mode),
        "sha": key_text(fact.sha),
        "ref": key_text(fact.ref),
        "event_id": key_text(fact.event_id),
        "values": json.dumps(values, sort_keys=True),
    }


def parse_fact(columns: Mapping[str, Any]) -> Fact | None:
    """The fact of a stored row; None when anything in it is not what a fact has."""
    at, kind = columns["at"], columns["kind"]
    if not isinstance(kind, str) or kind not in set(FactKind):
        return None
    if not isinstance(at, int) or not 0 <= at < MAX_NUMBER:
        return None
    texts = {name: columns[name] for name in _FACT_TEXTS}
    if not all(isinstance(text, str) for text in texts.values()):
        return None
    try:
        values = json.loads(columns["values"])
    except (ValueError, TypeError, RecursionError):
        return None
    if not isinstance(values, Mapping):
        return None
    return Fact(kind=FactKind(kind), at=at, values={str(name): str(each) for name, each in values.items()}, **texts)
