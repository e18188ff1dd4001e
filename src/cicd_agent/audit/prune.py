"""Removes what is old from the beginning of chains; what went, and in what state it was, is itself recorded."""

from collections.abc import Sequence
from dataclasses import asdict

from cicd_agent import __version__
from cicd_agent.audit.page import PruneResult
from cicd_agent.audit.query import Progress, counted
from cicd_agent.audit.recorded_facts import check_chain
from cicd_agent.audit.tampering import Break
from cicd_agent.domain.audit_entry import Entry, Kind
from cicd_agent.domain.ports.storage import Removal, Store


def prune_chain(
    store: Store, repository: str, before: int, now: int, progress: Progress, *, is_dry: bool
) -> PruneResult:
    """Remove what is old of one chain; with `is_dry` only say what would be.

    What of it does not hold is recorded as well: no removal hides tampering.
    """
    old = _old_part(store, repository, before, progress)
    if old is None:
        return PruneResult(repository, None, store.head(repository))
    broken = check_chain(store, repository, progress).breaks
    removed: Removal | None = old
    if not is_dry:
        removed = store.prune(repository, before, lambda pruned: _entry(pruned, broken, now))
    return PruneResult(repository, removed, store.head(repository), _within(removed, broken))


def _entry(pruned: Removal, broken: Sequence[Break], now: int) -> Entry:
    fields: dict[str, object] = {
        "kind": Kind.PRUNE,
        "at": now,
        "tool": f"cicd-agent {__version__}",
        "first": pruned.first,
        "last": pruned.last,
        "hash": pruned.hash,
        "before": pruned.before,
    }
    if within := _within(pruned, broken):
        fields["broken"] = [asdict(each) for each in within]
    return Entry.of(pruned.repository, fields)


def _old_part(store: Store, repository: str, before: int, progress: Progress) -> Removal | None:
    first = last = None
    task = f"looking for what is old in {repository}"
    progress(task)
    for row in counted(store.rows(repository), progress, task):
        if row.seq and row.columns.at >= before:
            break
        if row.seq:
            first, last = first or row, row
    return Removal(repository, first.seq, last.seq, last.hash, before) if first and last else None


def _within(removed: Removal | None, broken: Sequence[Break]) -> tuple[Break, ...]:
    return tuple(each for each in broken if removed is not None and each.seq <= removed.last)
