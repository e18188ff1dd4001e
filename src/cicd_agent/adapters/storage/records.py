"""What every store of the account book has in common: what can be entered, and how a fact is written down."""

import errno
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from cicd_agent.domain.audit_entry import LONGEST_WORD, ZERO, Columns, Entry, Link, columns, digest, word
from cicd_agent.domain.facts import Fact, FactKind
from cicd_agent.errors import StoreRefused

PATIENCE: Final = 20.0
"""Seconds to wait for other processes that write to the same book."""
MOST_NUMBER: Final = 2**53
"""Whole numbers below are kept."""

_HASH: Final = re.compile(r"[0-9a-f]{64}")
_LOCKED = ("another process holds it", "Try again, or end that process")
_FULL = ("the disk is full", "Make room, or give another `state-dir`")
_CLOSED = ("no permission", "Let this user write there, or give another `state-dir`")
_WHY: Final[Mapping[int, tuple[str, str]]] = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EFBIG: _FULL,
    errno.EACCES: _CLOSED,
    errno.EPERM: _CLOSED,
    errno.EROFS: ("it is read-only", "Give another `state-dir`"),
    errno.ELOOP: ("it is a link", "Remove the link, or give another `state-dir`"),
    errno.EWOULDBLOCK: _LOCKED,
    errno.ENOLCK: ("this file system has no locks", "Give another `state-dir`"),
}
_WORDS = ("repository", "subject", "mode", "sha", "ref", "event_id")


def refusal(place: str, error: OSError) -> StoreRefused:
    """What an error of the file system means for who keeps a book there."""
    why, remedy = _WHY.get(error.errno or 0, (error.strerror or "it is no file", "Give another `state-dir`"))
    return StoreRefused(f"{place} cannot be used", why=why, remedy=remedy)


@contextmanager
def guarded(place: str) -> Iterator[None]:
    """Whatever the file system refuses within becomes a StoreRefused."""
    try:
        yield
    except OSError as error:
        raise refusal(place, error) from None


def checked(entry: Entry) -> Entry:
    """The entry, if every store can hold it. Raises StoreRefused."""
    numbers = entry.columns.at, entry.columns.pull
    name = entry.repository
    if not name or name != word(name):
        why = f"the name of its repository is empty, no text, or longer than {LONGEST_WORD} characters"
    elif entry.text.encode("utf-8", "replace") != entry.text.encode("utf-8", "surrogatepass") or "\0" in entry.text:
        why = "it is no text"
    elif not all(0 <= number < MOST_NUMBER for number in numbers):
        why = "its time or its pull request is no number of this world"
    else:
        return entry
    raise StoreRefused("an entry cannot be kept", why=why)


def number_after(end: Link) -> int:
    """The number of the entry after the end of a chain. Raises StoreRefused where there is none."""
    if end.seq >= MOST_NUMBER - 1:
        raise StoreRefused(
            f"the chain of {end.repository} cannot go on",
            why=f"it has come to number {end.seq}, which it cannot have reached by itself",
            remedy="See what `cicd-agent audit verify` says, and give another place",
        )
    return end.seq + 1


def columns_of(text: str) -> Columns:
    """What a text says of itself; empty where it says nothing."""
    try:
        return columns(text)
    except (ValueError, RecursionError):
        return Columns()


def hash_of(told: object) -> str:
    """The hash that somebody has noted; ZERO for what is none, which shows, and is not carried on."""
    return told if isinstance(told, str) and _HASH.fullmatch(told) else ZERO


def fact_key(fact: Fact) -> str:
    """What a later fact replaces an earlier one by."""
    names = (fact.repository, fact.kind, fact.subject, fact.sha, fact.mode)
    return digest(json.dumps([word(name) for name in names]))


def fact_told(fact: Fact) -> dict[str, Any]:
    """A fact as JSON has it, with `values` as an object; of a time that is no number nothing is left."""
    return {
        "repository": word(fact.repository),
        "kind": fact.kind.value,
        "subject": word(fact.subject),
        "at": fact.at if 0 <= fact.at < MOST_NUMBER else 0,
        "mode": word(fact.mode),
        "sha": word(fact.sha),
        "ref": word(fact.ref),
        "event_id": word(fact.event_id),
        "values": {str(name): str(value) for name, value in fact.values.items()},
    }


def fact_of(told: Any) -> Fact | None:
    """The fact that JSON tells; None when it tells none."""
    if not isinstance(told, Mapping) or not isinstance(values := told.get("values"), Mapping):
        return None
    at, kind = told.get("at"), told.get("kind")
    if not isinstance(kind, str) or kind not in set(FactKind):
        return None
    if not isinstance(at, int) or isinstance(at, bool) or not 0 <= at < MOST_NUMBER:
        return None
    words = {name: found for name in _WORDS if isinstance(found := told.get(name), str)}
    if len(words) < len(_WORDS):
        return None
    return Fact(kind=FactKind(kind), at=at, values={str(name): str(each) for name, each in values.items()}, **words)
