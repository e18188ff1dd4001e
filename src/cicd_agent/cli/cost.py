"""`cicd-agent cost`: what the models cost, and what tiers and caches saved."""

from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import click

from cicd_agent.adapters.files import read_file
from cicd_agent.agent.prices import PRICES, READ_ON, Price, price_of
from cicd_agent.app.context import first_settings, inputs
from cicd_agent.app.options import RunOptions
from cicd_agent.app.session import Session
from cicd_agent.app.storage import OpenLog, existing_store
from cicd_agent.audit.query import select_chains
from cicd_agent.cli.options import audit_options, command, format_option, period_options
from cicd_agent.cli.step_summary import summarized
from cicd_agent.domain.audit_entry import Kind, Row
from cicd_agent.domain.period import moment
from cicd_agent.domain.ports.storage import EntryQuery
from cicd_agent.errors import ConfigError, Exit
from cicd_agent.insights.cost.page import Page, render_cost
from cicd_agent.insights.cost.savings import Rates, Saved
from cicd_agent.insights.cost.totals import GROUPINGS, CostReport, Spending, cost_report
from cicd_agent.rendering.money import NANO
from cicd_agent.settings.environment import Environment
from cicd_agent.settings.loader import load

SINCE: Final = "30d"
MAX_ENTRIES: Final = 10_000_000
"""Entries that one report adds up."""
_MAX_CONFIG_BYTES: Final = 1_000_000
_EVERY: Final = 5_000


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
    open_log: OpenLog = existing_store,
) -> int:
    options, environment, console = session.options, session.environment, session.console
    until = int(session.now())
    try:
        begin = moment(since or SINCE, until)
    except ValueError:
        raise ConfigError(
            f"`--since {since}` is no time", remedy="Give `30d`, `12h`, or a date such as 2026-11-01"
        ) from None
    own, limits = _own_prices(options, environment)
    table = {**PRICES, **own}
    source = f"the table of {READ_ON}" + (f", of the config file for {', '.join(own)}" if own else "")
    opened = open_log(inputs(options, environment), environment, Path.cwd())
    if opened is None:
        raise ConfigError(
            "no audit log is kept here", remedy="Give --state-dir, or set DATABASE_URL to a PostgreSQL database"
        )
    with closing(opened) as store:
        select_chains(store, repository)
        query = EntryQuery(repository=repository, kind=Kind.RUN, since=begin, limit=MAX_ENTRIES)
        entries = 0

        def rows() -> Iterator[Row]:
            nonlocal entries
            for row in store.find(query):
                entries += 1
                if entries % _EVERY == 0:
                    console.progress(f"adding up {entries:,} runs")
                yield row

        report = cost_report(rows(), lambda model: _rates(price_of(model, table)))
        location = store.location
    console.progress("")
    if entries == MAX_ENTRIES:
        limits.append(f"only the newest {MAX_ENTRIES:,} entries were added up")
    default = ("mode", "model", "repository") if len(report.by["repository"]) > 1 else ("mode", "model")
    page = Page(begin, location, source, by or default, tuple(limits))
    console.print_result(
        document(report, page, until),
        lambda: render_cost(report, page, colour=console.coloured, width=console.width),
    )
    return Exit.OK


def _own_prices(options: RunOptions, environment: Environment) -> tuple[dict[str, Price], list[str]]:
    """The prices of the config file that lies here, and what could not be read of it."""
    early = first_settings(options, environment)
    path = Path(environment.workspace or Path.cwd()) / early.config_file
    if not path.is_file():
        return {}, []
    text = read_file(path, "the config file", _MAX_CONFIG_BYTES)
    loaded = load(inputs(options, environment), text, early.config_file, fallbacks=environment.fallbacks)
    own = {
        name: Price(price.input, price.input if price.cached_input is None else price.cached_input, price.output)
        for name, price in loaded.settings.prices.items()
    }
    return own, [str(problem) for problem in loaded.problems]


def _rates(price: Price | None) -> Rates | None:
    """A price as exact numbers."""
    return Rates(*(Decimal(str(each)) for each in (price.input, price.cached, price.output))) if price else None


def document(report: CostReport, page: Page, until: int) -> dict[str, object]:
    """The report as JSON; money is text, in US dollars, exact."""
    return {
        "version": 1,
        "since": page.since,
        "until": until,
        "prices": page.prices,
        "total": _spending(report.total),
        "by": {each: [_spending(one) for one in report.by[each]] for each in GROUPINGS if each in page.by},
        "saved": [_saved(each) for each in report.saved],
        "unknown": [{"why": reason, "runs": runs} for reason, runs in report.unknown],
        "unreadable": {"entries": report.unreadable, "first": report.first_unreadable},
        "again": report.duplicates,
        "limits": list(page.limits),
    }


def _spending(report: Spending) -> dict[str, Any]:
    run = report.dearest
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
        "dearest": {"repository": run.repository, "seq": run.seq, "cost_usd": _usd(run.cost)} if run else None,
    }


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
