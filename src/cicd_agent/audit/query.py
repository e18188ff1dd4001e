"""Finds entries of the audit log: by chain, by what a person calls one, and with the outcome of each run."""

import json
import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from cicd_agent.domain.audit_entry import LOCAL_CHAIN, Kind, Row, chain_name
from cicd_agent.domain.ports.storage import EntryQuery, Store
from cicd_agent.domain.text.json_view import Node
from cicd_agent.errors import ConfigError
from cicd_agent.rendering.style import one_line
from cicd_agent.settings.environment import Environment

MIN_SHA: Final = 7
_SEQ: Final = re.compile(r"(?:([^#]*)#)?([1-9][0-9]{0,15})(?::[0-9A-Fa-f]{64})?")
_HASH: Final = re.compile(r"[0-9a-f]{6,64}")
_MAX_CANDIDATES: Final = 20
_RECEIPTS: Final = 4
"""So many entries of outcomes are read for each run that is listed."""
_SKEW: Final = 3_600
_MAX_RUN: Final = 40 * 24 * 3_600
"""Seconds within which the outcome of a run is recorded: a workflow of GitHub ends after 35 days."""
_STEP: Final = 2_000

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class RunFilter:
    """Which runs are picked by what their entries say; the default picks every one."""

    escalated: bool = False
    max_confidence: float | None = None

    def __bool__(self) -> bool:
        return self.escalated or self.max_confidence is not None

    def picks(self, row: Row) -> bool:
        """Whether the run of an entry is meant: one that states no confidence is not below any."""
        if not self:
            return True
        data = Node.read(row.text)
        if row.columns.kind is not Kind.RUN or (self.escalated and not data["escalated"].flag):
            return False
        return self.max_confidence is None or _number(data["confidence"]) <= self.max_confidence


def _number(node: Node) -> float:
    try:
        value = float(node.scalar)
    except ValueError:
        return math.inf
    return math.inf if math.isnan(value) else value


def chain_for(repository: str, environment: Environment, store: Store | None) -> str:
    """The chain whose decisions are read: of what is named, else the only one in the log. Raises ConfigError."""
    if named := repository or environment.run.repository:
        return chain_name(named, environment.server_url)
    known = [each for each in store.repositories() if each != LOCAL_CHAIN] if store else []
    if len(known) > 1:
        shown = ", ".join(known[:5])
        raise ConfigError("the audit log holds several repositories", why=shown, remedy="Give --repository OWNER/NAME")
    return known[0] if known else ""


def select_chains(store: Store, repository: str) -> tuple[str, ...]:
    """The chains of a repository, all without a name. Raises ConfigError when there is none of that name."""
    known = store.repositories()
    if repository and repository not in known:
        few = ", ".join(known[:5])
        remedy = f"Give one that is there: {few}" if few else "Nothing has been entered yet"
        raise ConfigError(f"there is no chain of {repository}", remedy=remedy)
    return (repository,) if repository else known


def find_entry(store: Store, name: str, repository: str, progress: Progress) -> Row:
    """The one entry that a name means. Raises ConfigError when there is none, or several."""
    rows = _candidates(store, name.strip(), repository, progress)
    shown = one_line(name, 80)
    if not rows:
        raise ConfigError(
            f"nothing recorded is called `{shown}`",
            remedy="`cicd-agent audit list` shows them; those of a commit with --sha",
        )
    if len(rows) > 1:
        few = ", ".join(
            f"{one_line(row.repository, 140)}#{row.seq} ({one_line(row.columns.mode, 40)} {row.hash[:12]})"
            for row in rows[:_MAX_CANDIDATES]
        )
        raise ConfigError(
            f"`{shown}` is the name of {len(rows)} entries", why=few, remedy="Give one of these as OWNER/NAME#NUMBER"
        )
    return rows[0]


def _candidates(store: Store, name: str, repository: str, progress: Progress) -> list[Row]:
    """The entries that a name may mean: its number, an event's id, a commit, or a hash."""
    if repository:
        select_chains(store, repository)
    if match := _SEQ.fullmatch(name):
        chains = [each for each in store.repositories() if (match[1] or repository) in ("", each)]
        if rows := [row for each in chains if (row := store.row(each, int(match[2]))) is not None]:
            return rows
    runs = list(store.find(EntryQuery(repository, Kind.RUN, name, limit=_MAX_CANDIDATES))) if name else []
    prefix = name.lower()
    if runs or not _HASH.fullmatch(prefix):
        return runs
    # A commit is looked up at once, a hash only by reading every entry.
    if len(prefix) >= MIN_SHA and (
        runs := list(store.find(EntryQuery(repository, Kind.RUN, sha=prefix, limit=_MAX_CANDIDATES)))
    ):
        return runs
    rows = []
    for each in (repository,) if repository else store.repositories():
        for row in counted(store.rows(each), progress, f"looking for {name} in {each}"):
            if row.hash.startswith(prefix) and row.seq:
                rows.append(row)
            if len(rows) >= _MAX_CANDIDATES:
                return rows
    return rows


def unfinished(store: Store, query: EntryQuery, rows: Sequence[Row]) -> frozenset[tuple[str, int]]:
    """The repository and number of each of these runs whose outcome is not recorded."""
    if not rows:
        return frozenset()
    times = [row.columns.at for row in rows]
    # As many as the runs of that time are likely to have, so that a long list is not a question for each.
    limit = _RECEIPTS * len(rows) + 100
    since, until = max(min(times) - _SKEW, 0), max(times) + _MAX_RUN
    near = EntryQuery(repository=query.repository, kind=Kind.RECEIPTS, since=since, until=until, limit=limit)
    receipts = list(store.find(near))
    known = {(row.repository, Node.read(row.text)["of"].count) for row in receipts}
    is_whole = len(receipts) < limit
    missing = [row for row in rows if (row.repository, row.seq) not in known]
    return frozenset((row.repository, row.seq) for row in missing if is_whole or not receipts_of(store, row))


def receipts_of(store: Store, row: Row) -> tuple[Row, ...]:
    """The entries of the outcome of a run, as a rule one."""
    run = row.columns
    near = EntryQuery(row.repository, Kind.RECEIPTS, run.event_id, run.sha, run.mode, limit=100)
    return tuple(each for each in store.find(near) if Node.read(each.text)["of"].count == row.seq)


def counted(rows: Iterator[Row], progress: Progress, task: str) -> Iterator[Row]:
    for number, row in enumerate(rows, 1):
        if number % _STEP == 0:
            progress(f"{task}: {number:,} entries")
        yield row


def entry_document(row: Row) -> dict[str, Any]:
    position = {"repository": row.repository, "seq": row.seq, "prev": row.prev, "hash": row.hash}
    return {**position, "told": readable(row.text)}


def readable(text: str) -> Any:
    """What an entry says, for JSON: the object, or the text itself where it is none or nests too deep."""
    try:
        data = json.loads(text)
        json.dumps(data, indent=1)
    except (ValueError, RecursionError):
        return text
    return data
