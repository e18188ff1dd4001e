"""How much a repository may ask of models in a day: counted in the audit log, and nothing where that cannot be.

Whoever sets a limit on money wants it to hold. So what is not known does not count as nothing: a run whose cost nobody
knows counts with the most that it may spend, and without a log that lasts no model is asked at all.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from cicd_agent.agent.prices import price_of
from cicd_agent.app.model_router import price_table
from cicd_agent.domain.audit_entry import Kind, Row
from cicd_agent.domain.ports.storage import EntryQuery, Store
from cicd_agent.domain.text.words import count
from cicd_agent.errors import BudgetExhausted, StoreRefused
from cicd_agent.insights.cost.spending import spent
from cicd_agent.rendering.money import NANO
from cicd_agent.settings.schema import Settings, usd

DAY: Final = 86_400
MAX_ENTRIES: Final = 50_000
"""Entries that are counted; a repository with more in a day has reached any limit."""


@dataclass(frozen=True, slots=True)
class Used:
    """What the runs of a day took: how many asked a model, billionths of a dollar, and how many costs are estimates."""

    runs: int = 0
    nano: int = 0
    estimated: int = 0


def used_up(
    models: Sequence[str], settings: Settings, store: Callable[[], Store], chain: str, now: Callable[[], float]
) -> str:
    """Why none of the models is asked today, "" when nothing is against it. Without a limit `store` is not opened."""
    limits = {"daily-cost-usd": settings.daily_cost_usd, "daily-runs": settings.daily_runs}
    named = [name for name, limit in limits.items() if limit is not None]
    if not named:
        return ""
    prices = price_table(settings)
    unpriced = next((name for name in models if price_of(name, prices) is None), "")
    if settings.daily_cost_usd is not None and unpriced:
        return _refusal(f"nobody knows what `{unpriced}` costs", "which `daily-cost-usd` counts", "Give `prices`")
    try:
        query = EntryQuery(repository=chain, kind=Kind.RUN, since=int(now()) - DAY, limit=MAX_ENTRIES)
        return _over(used(store().find(query), settings), settings)
    except StoreRefused as error:
        remedy = "Set `state-dir` to a directory that is kept, or DATABASE_URL; or take the limit out"
        return _refusal(f"`{named[0]}` cannot be counted", str(error), remedy)


def used(rows: Iterable[Row], settings: Settings) -> Used:
    """Adds up the entries of a day. What cannot be read counts as a run whose cost nobody knows."""
    entries = runs = nano = estimated = 0
    counted: set[str] = set()
    for row in rows:
        entries += 1
        run = spent(row)
        if run is not None and run.duplicate_key:
            key = f"{run.mode}\n{run.duplicate_key}"
            if key in counted:
                continue  # a later job of the same run, which tells of the same money
            counted.add(key)
        runs += run is None or (run.asked and any(part.used.requests != 0 for part in run.parts))
        cost = run.cost if run else None
        if cost is None:
            estimated += 1
            cost = round(usd(settings, run.mode if run else row.columns.mode) * NANO)
        nano += cost
    if entries >= MAX_ENTRIES:
        return Used(MAX_ENTRIES, MAX_ENTRIES * NANO, estimated)
    return Used(runs, nano, estimated)


def _over(day: Used, settings: Settings) -> str:
    """Which limit is reached, "" when none is."""
    money, runs = settings.daily_cost_usd, settings.daily_runs
    if money is not None and day.nano >= round(money * NANO):
        guessed = f", {count(day.estimated, 'unknown cost')} at `max-cost-usd`" if day.estimated else ""
        why = f"${day.nano / NANO:.2f} of `daily-cost-usd` {money:g} in 24 hours{guessed}"
    elif runs is not None and day.runs >= runs:
        why = f"{day.runs:,} of `daily-runs` {runs:,} in 24 hours"
    else:
        return ""
    return _refusal("the day's limit of this repository is reached", why, "Wait for older runs to pass, or raise it")


def _refusal(what: str, why: str, remedy: str) -> str:
    return str(BudgetExhausted(f"No model was asked: {what}", why=why, remedy=remedy))
