"""The record of a deployment gate as text: what it decided, what stood in the way, and how often it was wrong."""

from collections.abc import Iterable, Iterator, Sequence

from cicd_agent.domain.text.words import count
from cicd_agent.insights.accuracy.gate_record import OUTCOME_DAYS, GateRecord, Share
from cicd_agent.rendering.style import Style, one_line

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
