"""`cicd-agent cost`: what the models cost, and what tiers and caches saved."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import click

from cicd_agent.adapters.files import read_file
from cicd_agent.agent.prices import PRICES, READ_ON, Price, price_of
from cicd_agent.app.context import first_settings, inputs
from cicd_agent.app.options import RunOptions
from cicd_agent.app.session import Session
from cicd_agent.app.storage import existing_store
from cicd_agent.audit.query import select_chains
from cicd_agent.cli.options import audit_options, command, format_option, period_options
from cicd_agent.cli.step_summary import summarized
from cicd_agent.domain.audit_entry import Kind, Row
from cicd_agent.domain.period import moment
from cicd_agent.domain.ports.storage import EntryQuery, Store
from cicd_agent.errors import ConfigError, Exit
from cicd_agent.insights.cost.page import Page, render_cost
from cicd_agent.insights.cost.savings import Rates, Saved
from cicd_agent.insights.cost.totals import GROUPINGS, CostliestRun, CostReport, Spending, cost_report
from cicd_agent.rendering.money import NANO
from cicd_agent.settings.environment import Environment
from cicd_agent.settings.loader import load

SINCE: Final = "30d"
MAX_ENTRIES: Final = 10_000_000
"""Entries that one report adds up."""
_MAX_CONFIG_BYTES: Final = 1_000_000
_EVERY: Final = 5_000


@dataclass(frozen=True, slots=True)
class _Prices:
    """What models cost today; `own` are those of the config file, `limits` is what could not be read of it."""

    table: Mapping[str, Price]
    own: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()

    @property
    def source(self) -> str:
        from_file = f", of the config file for {', '.join(self.own)}" if self.own else ""
        return f"the table of {READ_ON}{from_file}"

    def rates(self, model: str) -> Rates | None:
        """The price of a model as exact numbers, None when nobody says it."""
        price = price_of(model, self.table)
        if price is None:
            return None
        return Rates(Decimal(str(price.input)), Decimal(str(price.cached)), Decimal(str(price.output)))


@command
@summarized
@audit_options
@format_option()
@period_options
@click.option("--by", type=click.Choice(("mode", "repository", "model", "day")), multiple=True, help="may be repeated")
def cost(
    session: Session,
    *,
    by: tuple[str, ...],
    since: str = SINCE,
    repository: str = "",
    book: Callable[[Mapping[str, str], Environment, Path], Store | None] = existing_store,
) -> int:
    options, environment, console = session.options, session.environment, session.console
    until = int(session.clocks.now())
    try:
        begin = moment(since or SINCE, until)
    except ValueError:
        raise ConfigError(
            f"`--since {since}` is no time", remedy="Give `30d`, `12h`, or a date such as 2026-11-01"
        ) from None
    prices = _prices(options, environment)
    opened = book(inputs(options, environment), environment, Path.cwd())
    if opened is None:
        raise ConfigError(
            "no account book is kept here", remedy="Give --state-dir, or set DATABASE_URL to a PostgreSQL database"
        )
    with closing(opened) as store:
        select_chains(store, repository)
        query = EntryQuery(repository=repository, kind=Kind.RUN, since=begin, limit=MAX_ENTRIES)
        counted = _Counted(store.find(query), console.progress)
        report = cost_report(iter(counted), prices.rates)
        location = store.location
    console.progress("")
    limits = [*prices.limits]
    if counted.entries == MAX_ENTRIES:
        limits.append(f"only the newest {MAX_ENTRIES:,} entries were added up")
    page = Page(begin, location, prices.source, by or _by(report), tuple(limits))
    if options.format == "json":
        console.print_json(json.dumps(document(report, page, until), indent=1))
    else:
        console.print(render_cost(report, page, colour=console.coloured, width=console.width))
    return Exit.OK


class _Counted:
    """Rows as they come, and how many there were."""

    def __init__(self, rows: Iterator[Row], progress: Callable[[str], None]) -> None:
        self._rows = rows
        self._progress = progress
        self.entries = 0

    def __iter__(self) -> Iterator[Row]:
        for row in self._rows:
            self.entries += 1
            if self.entries % _EVERY == 0:
                self._progress(f"adding up {self.entries:,} runs")
            yield row


def _by(report: CostReport) -> tuple[str, ...]:
    return ("mode", "model", "repository") if len(report.by["repository"]) > 1 else ("mode", "model")


def _prices(options: RunOptions, environment: Environment) -> _Prices:
    """The table that comes with the program, under the prices of the config file that lies here."""
    early = first_settings(options, environment)
    path = Path(environment.workspace or Path.cwd()) / early.config_file
    if not path.is_file():
        return _Prices(PRICES)
    text = read_file(path, "the config file", _MAX_CONFIG_BYTES)
    loaded = load(inputs(options, environment), text, early.config_file, fallbacks=environment.fallbacks)
    own = {
        name: Price(report.input, report.input if report.cached_input is None else report.cached_input, report.output)
        for name, report in loaded.settings.prices.items()
    }
    return _Prices({**PRICES, **own}, tuple(own), tuple(map(str, loaded.problems)))


def document(report: CostReport, page: Page, until: int) -> dict[str, object]:
    """The report as JSON; money is text, in US dollars, exact."""
    return {
        "version": 1,
        "since": page.since,
        "until": until,
        "prices": page.prices,
        "total": _spending(report.total),
        "by": {grouping: [_spending(each) for each in report.by[grouping]] for grouping in _ordered(page.by)},
        "saved": [_saved(each) for each in report.saved],
        "unknown": [{"why": reason, "runs": runs} for reason, runs in report.unknown],
        "unreadable": {"entries": report.unreadable, "first": report.first_unreadable},
        "again": report.duplicates,
        "limits": list(page.limits),
    }


def _ordered(by: Sequence[str]) -> list[str]:
    return [grouping for grouping in GROUPINGS if grouping in by]


def _spending(report: Spending) -> dict[str, Any]:
    return {
        "name": report.name,
        "runs": report.runs,
        "asked": report.asked,
        **report.used,
        "untold": dict(report.unreported),
        "cost_usd": _usd(report.cost),
        "cost_unknown": report.unknown,
        "median_usd": _usd(report.median),
        "p95_usd": _usd(report.p95),
        "dearest": _costliest(report.dearest),
    }


def _costliest(location: CostliestRun | None) -> dict[str, Any] | None:
    if location is None:
        return None
    return {"repository": location.repository, "seq": location.seq, "cost_usd": _usd(location.cost)}


def _saved(saved: Saved) -> dict[str, Any]:
    return {
        "means": saved.means.value,
        "estimate_usd": _usd(saved.amount),
        "times": saved.times,
        "untold": saved.unreported,
        "unit": saved.unit,
        "how": saved.how,
    }


def _usd(nano: int | None) -> str | None:
    return None if nano is None else f"{Decimal(nano) / NANO:f}"
