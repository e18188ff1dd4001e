"""Where decisions and facts are stored between runs, as ports: SQLite, or PostgreSQL for a fleet."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from cicd_agent.domain.audit_entry import Entry, Kind, Link, Row
from cicd_agent.domain.facts import Fact, FactKind, FactSet


@dataclass(frozen=True, slots=True)
class EntryQuery:
    """Which entries match; what is empty or 0 excludes nothing. `since` ≤ at < `until`, in seconds since the epoch.

    `sha` may be the beginning of one, of 7 characters or more. At limit `limit` come, the newest first.
    """

    repository: str = ""
    kind: Kind | None = None
    event_id: str = ""
    sha: str = ""
    mode: str = ""
    decision: str = ""
    risk_level: str = ""
    pull: int = 0
    since: int = 0
    until: int = 0
    limit: int = 100


@dataclass(frozen=True, slots=True)
class FactQuery:
    """Which facts match; what is empty excludes nothing. The newest `limit` come, the newest first."""

    repository: str
    kind: FactKind | None = None
    subject: str = ""
    sha: str = ""
    limit: int = 100


@dataclass(frozen=True, slots=True)
class Removal:
    """What a prune removes: entries `first` to `last` of a chain, all from before `before`; `hash` is the last's."""

    repository: str
    first: int
    last: int
    hash: str
    before: int


class Store(Protocol):
    """The audit log. Every method may raise StoreRefused; several processes may use the same one at once.

    What `append` or `prune` returned from is there after a crash of the process.
    """

    @property
    def location(self) -> str:
        """Where it is, for people; no secret is in it."""

    @property
    def is_authenticated(self) -> bool:
        """Whether only who holds a secret can write to it."""

    def append(self, entry: Entry, facts: Sequence[Fact] = ()) -> Link:
        """Record an entry at the end of its chain, and with it, or not at all, the facts that its text names.

        Each fact replaces the one of the same repository, kind, subject, sha and mode.
        """

    def head(self, repository: str) -> Link | None:
        """The end of the chain as it is stored beside its entries, None when it has none."""

    def repositories(self) -> tuple[str, ...]: ...

    def rows(self, repository: str, first: int = 0) -> Iterator[Row]:
        """The entries of a chain from number `first` on, as they stand there, in the order in which they stand.

        Memory does not grow with their number. What is no entry at all comes as a row with seq 0.
        """

    def row(self, repository: str, seq: int) -> Row | None: ...
    def find(self, query: EntryQuery) -> Iterator[Row]: ...

    def prune(self, repository: str, before: int, entry: Callable[[Removal], Entry]) -> Removal | None:
        """Remove the entries from the beginning of a chain up to the first that is not older than `before`.

        Facts of the repository that are as old go with them.

        What was removed is recorded itself, by `entry`, in the same transaction. None when there is nothing to remove.
        """

    def facts(self, query: FactQuery) -> tuple[Fact, ...]: ...
    def close(self) -> None: ...


class State(Protocol):
    """What earlier runs have left about the repository of this event. Never raises: what fails is a limit."""

    def find(self, kind: FactKind, subject: str = "", sha: str = "", limit: int = 20) -> FactSet: ...
