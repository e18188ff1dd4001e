"""`cicd-agent audit prune`: what is old goes, and what went, and in what state it was, is itself entered."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from cicd_agent import __version__
from cicd_agent.app.reporter import Outlet
from cicd_agent.audit.page import PrunedChain, render_pruned
from cicd_agent.audit.query import chains
from cicd_agent.audit.verification import Break, verify
from cicd_agent.cli.account_parser import Options
from cicd_agent.cli.audit.list import counted, when
from cicd_agent.domain.audit_entry import Entry, Kind
from cicd_agent.domain.ports.storage import Pruned, Store
from cicd_agent.errors import ConfigError, Exit


def prune(store: Store, options: Options, outlet: Outlet, now: int) -> int:
    """Remove what is older than the options say, and enter that."""
    before = when(options.older_than, now, "--older-than")
    if before > now:
        raise ConfigError("--older-than lies in the future", remedy="Give `400d`, or a date that has passed")
    if not before:
        raise ConfigError("--older-than is no time", remedy="Give `400d`, or a date such as 2025-11-01")
    pruning = _Pruning(store, outlet, before, now, is_dry=options.dry_run)
    done = [pruning.pruned(each) for each in chains(store, options.repository)]
    outlet.progress("")
    if options.format == "json":
        document = {
            "version": 1,
            "dry_run": options.dry_run,
            "before": before,
            "chains": [
                {
                    "repository": each.repository,
                    "removed": each.removed.last - each.removed.first + 1 if each.removed else 0,
                    "first": each.removed.first if each.removed else None,
                    "last": each.removed.last if each.removed else None,
                    "hash": each.removed.hash if each.removed else None,
                    "broken": [asdict(one) for one in each.broken],
                    "anchor": each.head.words if each.head else None,
                }
                for each in done
            ],
        }
        outlet.print_json(json.dumps(document, indent=1))
    else:
        outlet.print(render_pruned(done, before, dry_run=options.dry_run, colour=outlet.coloured, width=outlet.width))
    return Exit.OK


@dataclass(frozen=True, slots=True)
class _Pruning:
    """What is removed of each chain, or with `is_dry` would be."""

    store: Store
    outlet: Outlet
    before: int
    now: int
    is_dry: bool

    def pruned(self, repository: str) -> PrunedChain:
        """Remove what is old of one chain. What of it does not hold is entered as well: no removal hides tampering."""
        would = self._would(repository)
        if would is None:
            return PrunedChain(repository, None, self.store.head(repository))
        rows = counted(self.store.rows(repository), self.outlet, f"checking {repository}")
        broken = verify(rows).breaks
        removed: Pruned | None = would
        if not self.is_dry:
            removed = self.store.prune(repository, self.before, lambda pruned: self._entry(pruned, broken))
        return PrunedChain(repository, removed, self.store.head(repository), _within(removed, broken))

    def _entry(self, pruned: Pruned, broken: Sequence[Break]) -> Entry:
        told: dict[str, object] = {
            "kind": Kind.PRUNE,
            "at": self.now,
            "tool": f"cicd-agent {__version__}",
            "first": pruned.first,
            "last": pruned.last,
            "hash": pruned.hash,
            "before": pruned.before,
        }
        if within := _within(pruned, broken):
            told["broken"] = [asdict(each) for each in within]
        return Entry.of(pruned.repository, told)

    def _would(self, repository: str) -> Pruned | None:
        first = last = None
        what = f"looking for what is old in {repository}"
        self.outlet.progress(what)
        for row in counted(self.store.rows(repository), self.outlet, what):
            if row.seq and row.columns.at >= self.before:
                break
            if row.seq:
                first, last = first or row, row
        return Pruned(repository, first.seq, last.seq, last.hash, self.before) if first and last else None


def _within(removed: Pruned | None, broken: Sequence[Break]) -> tuple[Break, ...]:
    return tuple(each for each in broken if removed is not None and each.seq <= removed.last)
