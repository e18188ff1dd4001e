"""`cicd-agent audit`: the record of decisions, for a person or a program."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from cicd_agent.app.context import inputs
from cicd_agent.app.reporter import Outlet
from cicd_agent.app.storage import existing_store
from cicd_agent.audit.page import WIDE, render_runs
from cicd_agent.audit.query import chains
from cicd_agent.audit.summary import AccountRun
from cicd_agent.cli.account_parser import Options
from cicd_agent.domain.audit_entry import Kind, Row
from cicd_agent.domain.period import moment
from cicd_agent.domain.ports.storage import Store, Wanted
from cicd_agent.domain.text.json_view import Loose
from cicd_agent.errors import ConfigError, Exit
from cicd_agent.settings.environment import Environment

SHORTEST_SHA: Final = 7
_SHA: Final = re.compile(r"[0-9a-f]+")
_RECEIPTS: Final = 4
"""So many entries of what became of runs are read at first, for each run that is listed."""
_SKEW: Final = 3_600
_LONGEST_RUN: Final = 40 * 24 * 3_600
"""Seconds within which it is entered what became of a run: a workflow of GitHub ends after 35 days."""
_STEP: Final = 2_000


def audit(
    options: Options,
    environment: Environment,
    outlet: Outlet,
    now: Callable[[], float],
    opened: Callable[[Options, Environment], AbstractContextManager[Store]] | None = None,
) -> int:
    """The exit code: 1 when a chain does not hold."""
    with (opened or book)(options, environment) as store:
        match options.verb or "verify":
            case "list":
                return _list(store, options, outlet, now())
            case "show":
                from cicd_agent.cli.audit.show import show  # noqa: PLC0415  each pays for itself

                return show(store, options, outlet)
            case "verify":
                from cicd_agent.cli.audit.verify import prove  # noqa: PLC0415

                return prove(store, options, outlet)
            case "export":
                from cicd_agent.cli.audit.export import export  # noqa: PLC0415

                return export(store, options, outlet, wanted(options, now()))
            case "prune":
                from cicd_agent.cli.audit.prune import prune  # noqa: PLC0415

                return prune(store, options, outlet, int(now()))
            case verb:
                raise AssertionError(verb)


@contextmanager
def book(options: Options, environment: Environment) -> Iterator[Store]:
    """The account book that is there to be read. Raises ConfigError when there is none, and makes none."""
    found = existing_store(inputs(options, environment), environment, Path.cwd())
    if found is None:
        raise ConfigError(
            "there is no account book to look into",
            remedy="Give --state-dir DIR, or set DATABASE_URL",
        )
    try:
        yield found
    finally:
        found.close()


def wanted(options: Options, now: float) -> Wanted:
    """Which runs the options ask for. Raises ConfigError."""
    sha = options.sha.strip().lower()
    if sha and (len(sha) < SHORTEST_SHA or not _SHA.fullmatch(sha)):
        raise ConfigError("--sha is no commit", why=f"`{sha}`", remedy=f"Give {SHORTEST_SHA} of its hex digits or more")
    if options.pull < 0:
        raise ConfigError("--pull is no number of a pull request", remedy="Give the number that GitHub shows")
    return Wanted(
        repository=options.repository,
        kind=Kind.RUN,
        sha=sha,
        mode=options.of,
        decision=options.decision,
        pull=options.pull,
        since=when(options.since, now, "--since"),
        until=when(options.until, now, "--until"),
    )


def when(text: str, now: float, option: str) -> int:
    """Seconds since the epoch, 0 for an option that was not given. Raises ConfigError."""
    if not text.strip():
        return 0
    try:
        return moment(text, now)
    except ValueError:
        remedy = "Give `30d`, `12h`, or a date such as 2026-11-01"
        raise ConfigError(f"{option} is no time", why=f"`{text}`", remedy=remedy) from None


def _list(store: Store, options: Options, outlet: Outlet, now: float) -> int:
    if options.most < 1:
        raise ConfigError("--most is no count", remedy="Give a whole number from 1 on")
    asked = wanted(options, now)
    chains(store, asked.repository)
    rows = list(store.find(replace(asked, most=options.most + 1)))
    shown, is_more = rows[: options.most], len(rows) > options.most
    runs = [AccountRun.of(row, finished=finished) for row, finished in _finished(store, asked, shown)]
    outlet.progress("")
    if options.format == "json":
        document = {"version": 1, "place": store.place, "more": is_more, "runs": [each.document() for each in runs]}
        outlet.print_json(json.dumps(document, indent=1))
    else:
        width = outlet.width if outlet.coloured else WIDE
        outlet.print(render_runs(runs, store.place, is_more=is_more, colour=outlet.coloured, width=width))
    return Exit.OK


def _finished(store: Store, asked: Wanted, rows: list[Row]) -> Iterator[tuple[Row, bool]]:
    """The runs, and whether it is entered what became of each."""
    if not rows:
        return
    times = [row.columns.at for row in rows]
    most = _RECEIPTS * len(rows) + 100
    since, until = max(min(times) - _SKEW, 0), max(times) + _LONGEST_RUN
    near = Wanted(repository=asked.repository, kind=Kind.RECEIPTS, since=since, until=until, most=most)
    found = list(store.find(near))
    known = {(row.repository, Loose.read(row.text).number("of")) for row in found}
    # Each by itself only where there were too many: a book of lines is read from end to end for every question.
    is_whole = len(found) < most
    for row in rows:
        yield row, (row.repository, row.seq) in known or (not is_whole and bool(receipts_of(store, row)))


def receipts_of(store: Store, row: Row) -> tuple[Row, ...]:
    """The entries of what became of a run, as a rule one."""
    found = row.columns
    near = Wanted(row.repository, Kind.RECEIPTS, found.event_id, found.sha, found.mode, most=100)
    return tuple(each for each in store.find(near) if Loose.read(each.text).number("of") == row.seq)


def counted(rows: Iterator[Row], outlet: Outlet, what: str) -> Iterator[Row]:
    """The rows, with a word on how far it is."""
    for number, row in enumerate(rows, 1):
        if number % _STEP == 0:
            outlet.progress(f"{what}: {number:,} entries")
        yield row
