"""What models cost as a page for a person: the whole, a table for each grouping, what was saved, what is not known."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from cicd_agent.domain.text.words import count
from cicd_agent.insights.cost.savings import Means, Saved
from cicd_agent.insights.cost.totals import CostReport, Spending
from cicd_agent.rendering.cell_width import cells, clip
from cicd_agent.rendering.money import money
from cicd_agent.rendering.style import Style, one_line

_MAX_ROWS: Final = 20
_NAME: Final = 34
_BAR: Final = 12
_EIGHTHS: Final = " ▏▎▍▌▋▊▉"
_HEADINGS: Final = ("runs", "tokens in", "cached", "out", "cost", "median", "p95", "unknown")
_TITLES: Final = {
    Means.PROMPT_CACHE: "prompt cache",
    Means.ANSWERS: "answers kept",
    Means.TIERS: "fast model",
    Means.NOBODY: "nobody asked",
}


@dataclass(frozen=True, slots=True)
class Page:
    """What the page is about: since when (seconds since the epoch), of which book, by which prices and groupings.

    `limits` are sentences on what could not be read.
    """

    since: int
    location: str
    prices: str
    by: Sequence[str]
    limits: tuple[str, ...] = ()


def render_cost(report: CostReport, page: Page, *, colour: bool = False, width: int = 120) -> str:
    style = Style(colour, max(width, 40))
    parts = [_total(report, page, style)]
    if report.total.asked or report.total.unknown:
        parts += [_table(grouping, report.by[grouping], style) for grouping in dict.fromkeys(page.by)]
        parts.append(_saved(report.saved, page, style))
    parts.append(_limits(report, page, style))
    return "\n".join(line for part in parts for line in part) + "\n"


def _total(report: CostReport, page: Page, style: Style) -> Iterator[str]:
    total, day = report.total, datetime.fromtimestamp(page.since, UTC).date()
    if not total.runs:
        yield f"no runs since {day} in {one_line(page.location, 200)}"
        return
    if not (total.asked or total.unknown):
        modes = ", ".join(f"{one_line(each.name, 40)} {each.runs:,}" for each in report.by["mode"][:_MAX_ROWS])
        yield style.ink(f"{money(0)}: no model was asked in {count(total.runs, 'run')} since {day}", "bold")
        yield from style.wrapped(modes, "  ", "  ")
        return
    sure = "at least " if total.unknown else ""
    amount = f"{sure}{money(total.cost)}" if total.cost or not total.unknown else "cost not known"
    yield style.ink(f"{amount} for {count(total.runs, 'run')} since {day}", "bold")
    used = total.used
    prefixes = {name: "≥" if total.unreported.get(name) else "" for name in used}
    yield (
        f"  {total.asked:,} asked a model: {prefixes['requests']}{count(used['requests'], 'request')}, "
        f"{prefixes['input']}{used['input']:,} tokens in ({prefixes['cached']}{used['cached']:,} cached), "
        f"{prefixes['output']}{used['output']:,} out ({prefixes['reasoning']}{used['reasoning']:,} reasoning)"
    )
    if total.median is not None and total.p95 is not None:
        yield f"  a run that asked: median {money(total.median)}, 95 % at most {money(total.p95)}"
    if total.dearest:
        where = f"audit show --repository {one_line(total.dearest.repository, 100)} {total.dearest.seq}"
        yield f"  the dearest: {money(total.dearest.cost)}, see `{where}`"


def _table(grouping: str, rows: Sequence[Spending], style: Style) -> Iterator[str]:
    shown = rows[-_MAX_ROWS:] if grouping == "day" else rows[:_MAX_ROWS]
    lines = [_HEADINGS, *(_cells(each) for each in shown)]
    is_sure = not any(each.unknown for each in shown)
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEADINGS))]
    names = [clip(one_line(each.name, 200), _NAME) for each in shown]
    longest = max(map(cells, [f"by {grouping}", *names]))
    whole = sum(each.cost for each in rows)
    yield ""
    for name, line, each in zip([f"by {grouping}", *names], lines, [None, *shown], strict=True):
        numbers = [f"{cell:>{size}}" for cell, size in zip(line, widths, strict=True)]
        text = f"{name}{' ' * (longest - cells(name))}  {'  '.join(numbers[:-1] if is_sure else numbers)}"
        if each is None:
            yield style.ink(text, "bold")
        else:
            bar = _bar(each.cost / whole) if whole and cells(text) + _BAR + 2 <= style.width else ""
            yield f"{text}  {style.ink(bar, 'low')}" if bar else text.rstrip()
    if len(rows) > len(shown):
        rest = sum(each.cost for each in rows) - sum(each.cost for each in shown)
        yield f"  and {len(rows) - len(shown):,} more, {money(rest)} together (`--format json` has them all)"


def _cells(each: Spending) -> tuple[str, ...]:
    def tokens(name: str) -> str:
        return ("≥" if each.unreported.get(name) else "") + f"{each.used[name]:,}"

    return (
        f"{each.runs:,}",
        tokens("input"),
        tokens("cached"),
        tokens("output"),
        money(each.cost) if each.unknown < each.runs else "?",
        "–" if each.median is None else money(each.median),
        "–" if each.p95 is None else money(each.p95),
        f"{each.unknown:,}" if each.unknown else "",
    )


def _bar(share: float) -> str:
    eighths = round(share * _BAR * 8)
    return "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()


def _saved(saved: Sequence[Saved], page: Page, style: Style) -> Iterator[str]:
    saved = [each for each in saved if each.times or each.unreported]
    if not saved:
        return
    yield ""
    yield style.ink("saved, as estimates that do not add up", "bold") + f" (prices: {one_line(page.prices, 300)})"
    amounts = ["unknown" if each.amount is None else f"~{money(each.amount)}" for each in saved]
    longest = max(map(len, amounts))
    for each, amount in zip(saved, amounts, strict=True):
        title = _TITLES[each.means]
        notes = [count(each.times, each.unit)] if each.times else []
        more = f"{each.unreported:,} more" if notes else count(each.unreported, each.unit)
        notes += [f"{more} without an estimate"] if each.unreported else []
        text = f"{title}, {'; '.join(notes)}: {each.how}"
        first, *rest = style.wrapped(text, " " * (longest + 4))
        yield f"  {amount:>{longest}}  {first.lstrip()}"
        yield from rest


def _limits(report: CostReport, page: Page, style: Style) -> Iterator[str]:
    for reason, runs in report.unknown:
        yield from style.wrapped(f"the cost of {count(runs, 'run')} is not known: {reason}", "", "  ")
    if report.unreadable:
        example = f"{report.first_unreadable} is one: `audit verify` says more"
        text = f"{report.unreadable:,} of the entries could not be read and are not counted, {example}"
        yield from style.wrapped(text, "", "  ")
    if report.duplicates:
        yield f"{report.duplicates:,} told again by a later job of the same run, and counted once"
    for limit in page.limits:
        yield from style.wrapped(limit, "", "  ")
