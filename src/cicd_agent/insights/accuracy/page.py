"""The record of accuracy as text: a table of the modes, what the labels rest on, and what is not known."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from cicd_agent.domain.text.words import count
from cicd_agent.insights.accuracy.gate_record import OUTCOME_DAYS, GateRecord, Share
from cicd_agent.insights.accuracy.labels import Accuracy, Standing, Tally
from cicd_agent.rendering.style import Style, one_line

_MOST = 12
_FEW = 30
"""Below so many labels an interval is so wide that the share says little."""
_HEAD = ("", "cases", "right", "wrong", "unknown", "share of right", "95 % interval", "threshold")


def render_accuracy(told: Accuracy, limits: Sequence[str], *, colour: bool = False, width: int = 100) -> str:
    """The whole record; without `colour` for a file or a log."""
    style = Style(colour, width)
    parts = (
        _modes(told, style),
        _tallies("findings by rule", told.rules, style),
        _tallies("findings by who says so", told.origins, style),
        _tallies("findings by severity", told.severities, style),
        _limits(limits, style),
    )
    return "\n".join(line for part in parts for line in part) + "\n"


def told_share(tally: Tally) -> str:
    """The share of right decisions with its interval, in a sentence."""
    share = tally.share
    if share.low is None or share.high is None:
        return "no decision of which it is known"
    interval = f"95 % interval {share.low:.0%}–{share.high:.0%}"
    return f"{share.times:,} of {share.n:,} ({share.times / share.n:.0%}, {interval})"


def _modes(told: Accuracy, style: Style) -> Iterator[str]:
    if not told.modes:
        yield "there is nothing to judge: no finding, no decision of a gate, no failure that was excused"
        return
    rows = [_row(mode, standing.tally, standing) for mode, standing in told.modes.items()]
    lines = list(_table(_HEAD, rows))
    yield style.ink(lines[0], "bold")
    for line, (mode, standing) in zip(lines[1:], told.modes.items(), strict=True):
        yield style.ink(line, "high") if standing.below else line
        for ground, times in standing.grounds[:_MOST]:
            yield style.ink(f"    {times:>5,}  {ground.replace('_', ' ')}", "faint")
        if 0 < standing.tally.share.n < _FEW:
            yield f"    so few labels say little of {mode}"


def _tallies(heading: str, tallies: Mapping[str, Tally], style: Style) -> Iterator[str]:
    if not tallies:
        return
    rows = [_row(one_line(name, 50), tally) for name, tally in list(tallies.items())[:_MOST]]
    lines = list(_table((heading, *_HEAD[1:-1]), rows))
    yield ""
    yield style.ink(lines[0], "bold")
    yield from lines[1:]
    if len(tallies) > _MOST:
        yield f"  and {len(tallies) - _MOST:,} more"


def _row(name: str, tally: Tally, standing: Standing | None = None) -> tuple[str, ...]:
    share = tally.share
    known = share.low is not None and share.high is not None
    row = (
        name,
        f"{tally.n:,}",
        f"{tally.right:,}",
        f"{tally.wrong:,}",
        f"{tally.unknown:,} ({tally.unknown_share or 0:.0%})",
        f"{share.times / share.n:.0%}" if known else "not known",
        f"{share.low:.0%}–{share.high:.0%}" if known else "",
    )
    if standing is None:
        return row
    asked = "" if standing.threshold is None else f"{standing.threshold:.0%}"
    return (*row, f"{asked} BELOW" if standing.below else asked)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Columns that are as wide as they have to be, numbers to the right."""
    widths = [max(len(row[at]) for row in (head, *rows)) for at in range(len(head))]
    for row in (head, *rows):
        cells = [
            f"{row[0]:<{widths[0]}}",
            *(f"{cell:>{width}}" for cell, width in zip(row[1:], widths[1:], strict=True)),
        ]
        yield "  ".join(cells).rstrip()


def _limits(limits: Sequence[str], style: Style) -> Iterator[str]:
    if limits:
        yield ""
    for limit in limits[:_MOST]:
        yield from style.wrapped(limit, "", "  ")
    if len(limits) > _MOST:
        yield f"and {count(len(limits) - _MOST, 'more limit')}; `--format json` lists all"


_MOST = 12
_FEW = 30
"""Below so many cases an interval is so wide that the share says little."""


def render_gate_record(told: GateRecord, limits: Sequence[str], *, colour: bool = False, width: int = 100) -> str:
    """The whole record; without `colour` for a file or a log."""
    style = Style(colour, width)
    parts = (_state(told, style), _weight(told), _errors(told, style), _limits(told, limits, style))
    return "\n".join(line for part in parts for line in part) + "\n"


def _state(told: GateRecord, style: Style) -> Iterator[str]:
    by_word = ", ".join(f"{word} {number:,}" for word, number in told.decisions.items())
    yield style.ink(f"{count(told.n, 'decision')}: {by_word}", "bold")
    yield f"  in shadow, stopping nothing: {told.shadowed:,}"
    yield f"  holds that people lifted: {told.lifted:,}"
    if told.repeated:
        yield f"  told again, and counted once: {told.repeated:,}"


def _weight(told: GateRecord) -> Iterator[str]:
    yield from _table("stops", told.stops)
    yield from _table("signals that were red, missing or at fault", told.signals)


def _table(heading: str, rows: Sequence[tuple[str, int]]) -> Iterator[str]:
    if not rows:
        return
    yield heading
    longest = max(len(str(number)) for _, number in rows)
    for name, number in rows[:_MOST]:
        yield f"  {number:>{longest}}  {one_line(name, 80)}"
    if len(rows) > _MOST:
        yield f"  and {len(rows) - _MOST:,} more"


def _errors(told: GateRecord, style: Style) -> Iterator[str]:
    holds = f"held in shadow, deployed all the same, and fine for {OUTCOME_DAYS} days"
    yield from _share("false holds", told.false_holds, holds, style)
    yield from _share("misses", told.misses, f"proceeded, and went wrong within {OUTCOME_DAYS} days", style)
    if told.missed_by:
        yield f"  by {_listed(told.missed_by)}"


def _share(name: str, share: Share, means: str, style: Style) -> Iterator[str]:
    if share.low is None or share.high is None:
        yield f"{style.ink(name, 'bold')}  not known: no decision whose outcome is known could be one ({means})"
        return
    words = (
        f"{share.times:,} of {share.n:,} ({share.times / share.n:.0%}, 95 % interval {share.low:.0%}–{share.high:.0%})"
    )
    yield f"{style.ink(name, 'bold')}  {words}: {means}"
    if share.n < _FEW:
        yield "  so few cases say little"


def _listed(rows: Iterable[tuple[str, int]]) -> str:
    return ", ".join(f"{one_line(name, 80).replace('_', ' ')} {number:,}" for name, number in rows)


def _limits(told: GateRecord, limits: Sequence[str], style: Style) -> Iterator[str]:
    if told.undecided:
        yield f"not known what became of {told.undecided:,} of {count(told.n, 'decision')}"
    for limit in limits:
        yield from style.wrapped(limit, "", "  ")
