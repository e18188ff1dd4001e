"""`cicd-agent audit show`: one run, whole: what was decided, on what grounds, and what became of it."""

import json
import re
from collections.abc import Sequence
from typing import Any, Final

from cicd_agent.app.reporter import Outlet
from cicd_agent.audit.entry_page import render_entry
from cicd_agent.audit.query import chains
from cicd_agent.cli.account_parser import Options
from cicd_agent.cli.audit.list import SHORTEST_SHA, counted, receipts_of
from cicd_agent.domain.audit_entry import Kind, Row, chained
from cicd_agent.domain.ports.storage import Store, Wanted
from cicd_agent.domain.text.json_view import Loose
from cicd_agent.errors import ConfigError, Exit
from cicd_agent.rendering.style import one_line

_NAMED: Final = re.compile(r"(?:([^#]*)#)?([1-9][0-9]{0,15})(?::[0-9A-Fa-f]{64})?")
_HASH: Final = re.compile(r"[0-9a-f]{6,64}")
_MOST: Final = 20
_REMEDY: Final = "`cicd-agent audit list` shows them; those of a commit with --sha"


def show(store: Store, options: Options, outlet: Outlet) -> int:
    """Print the entry that the options name, with what is entered of what became of it."""
    row = _one(_candidates(store, options.id.strip(), options.repository, outlet), options.id)
    outlet.progress("")
    told = Loose.read(row.text)
    if row.columns.kind is Kind.RECEIPTS and (of := told.number("of")) and (run := store.row(row.repository, of)):
        row, told = run, Loose.read(run.text)
    receipts = receipts_of(store, row) if row.columns.kind is Kind.RUN else ()
    holds = chained(row.repository, row.seq, row.prev, row.text) == row.hash
    if options.format == "json":
        outlet.print_json(_json(row, receipts, holds=holds))
    else:
        texts = [Loose.read(each.text) for each in receipts]
        outlet.print(render_entry(row, told, texts, holds=holds, colour=outlet.coloured, width=outlet.width))
    return Exit.OK


def readable(text: str) -> Any:
    """What an entry says, for JSON: the object, or the text itself where it is none or nests too deep."""
    try:
        told = json.loads(text)
        json.dumps(told, indent=1)
    except (ValueError, RecursionError):
        return text
    return told


def _json(row: Row, receipts: Sequence[Row], *, holds: bool) -> str:
    def one(each: Row) -> dict[str, Any]:
        place = {"repository": each.repository, "seq": each.seq, "prev": each.prev, "hash": each.hash}
        return {**place, "told": readable(each.text)}

    finished = bool(receipts) if row.columns.kind is Kind.RUN else None
    document = {
        "version": 1,
        "anchor": row.link.words,
        "holds": holds,
        "finished": finished,
        "entry": one(row),
        "receipts": [one(each) for each in receipts],
    }
    return json.dumps(document, indent=1)


def _candidates(store: Store, name: str, repository: str, outlet: Outlet) -> list[Row]:
    """The entries that a name may mean: its number, an event's id, a commit, or a hash."""
    if repository:
        chains(store, repository)
    if found := _NAMED.fullmatch(name):
        known = store.repositories()
        asked = found[1] or repository
        places = [each for each in known if asked in ("", each)]
        rows = [row for each in places if (row := store.row(each, int(found[2]))) is not None]
        if rows:
            return rows
    runs = list(store.find(Wanted(repository, Kind.RUN, name, most=_MOST))) if name else []
    if runs or not _HASH.fullmatch(name.lower()):
        return runs
    # A commit is looked up at once, a hash only by reading every entry.
    sha = name.lower()
    if len(sha) >= SHORTEST_SHA and (runs := list(store.find(Wanted(repository, Kind.RUN, sha=sha, most=_MOST)))):
        return runs
    rows = []
    for each in (repository,) if repository else store.repositories():
        for row in counted(store.rows(each), outlet, f"looking for {name} in {each}"):
            if row.hash.startswith(name.lower()) and row.seq:
                rows.append(row)
            if len(rows) >= _MOST:
                return rows
    return rows


def _one(rows: Sequence[Row], name: str) -> Row:
    if not rows:
        raise ConfigError(f"nothing recorded is called `{one_line(name, 80)}`", remedy=_REMEDY)
    if len(rows) > 1:
        few = ", ".join(
            f"{one_line(row.repository, 140)}#{row.seq} ({one_line(row.columns.mode, 40)} {row.hash[:12]})"
            for row in rows[:_MOST]
        )
        raise ConfigError(
            f"`{one_line(name, 80)}` is the name of {len(rows)} entries",
            why=few,
            remedy="Give one of these as OWNER/NAME#NUMBER",
        )
    return rows[0]
