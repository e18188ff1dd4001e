"""The record of accuracy as text: a table of the modes, what the labels rest on, and what is not known."""

from collections.abc import Iterator, Mapping, Sequence

from cicd_agent.domain.text.words import count
from cicd_agent.insights.accuracy.gate import GateRecord
from cicd_agent.insights.accuracy.labels import OUTCOME_DAYS, Accuracy, ModeAccuracy, Share, Tally
from cicd_agent.rendering.style import Style, one_line

_MAX_ROWS = 12
_FEW = 30
"""Below so many labels an interval is so wide that the share says little."""
_HEAD = ("", "cases", "right", "wrong", "unknown", "share of right", "95 % interval", "threshold")


def render_accuracy(
    record: Accuracy, gate: GateRecord | None, limits: Sequence[str], *, colour: bool = False, width: int = 100
) -> str:
    style = Style(colour, width)
    parts = (
        _modes(record, style),
        _tallies("findings by rule", record.rules, style),
        _tallies("findings by who says so", record.origins, style),
        _tallies("findings by severity", record.severities, style),
        _gate(gate, style),
        _limits(limits, style),
    )
    return "\n".join(line for part in parts for line in part) + "\n"


def share_text(tally: Tally) -> str:
    return _of_all(tally.share) if tally.share.n else "no decision of which it is known"


def _modes(record: Accuracy, style: Style) -> Iterator[str]:
    if not record.modes:
        yield "there is nothing to judge: no finding, no decision of a gate, no failure that was excused"
        return
    rows = [_row(mode, result.tally, result) for mode, result in record.modes.items()]
    lines = list(_table(_HEAD, rows))
    yield style.ink(lines[0], "bold")
    for line, (mode, result) in zip(lines[1:], record.modes.items(), strict=True):
        yield style.ink(line, "high") if result.below else line
        for ground, times in result.grounds[:_MAX_ROWS]:
            yield style.ink(f"    {times:>5,}  {ground.replace('_', ' ')}", "faint")
        if 0 < result.tally.share.n < _FEW:
            yield f"    so few labels say little of {mode}"


def _tallies(heading: str, tallies: Mapping[str, Tally], style: Style) -> Iterator[str]:
    if not tallies:
        return
    rows = [_row(one_line(name, 50), tally) for name, tally in list(tallies.items())[:_MAX_ROWS]]
    lines = list(_table((heading, *_HEAD[1:-1]), rows))
    yield ""
    yield style.ink(lines[0], "bold")
    yield from lines[1:]
    if len(tallies) > _MAX_ROWS:
        yield f"  and {len(tallies) - _MAX_ROWS:,} more"


def _row(name: str, tally: Tally, result: ModeAccuracy | None = None) -> tuple[str, ...]:
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
    if result is None:
        return row
    required = "" if result.threshold is None else f"{result.threshold:.0%}"
    return (*row, f"{required} BELOW" if result.below else required)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
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
    for limit in limits[:_MAX_ROWS]:
        yield from style.wrapped(limit, "", "  ")
    if len(limits) > _MAX_ROWS:
        yield f"and {count(len(limits) - _MAX_ROWS, 'more limit')}; `--format json` lists all"


def _gate(record: GateRecord | None, style: Style) -> Iterator[str]:
    if record is None:
        return
    yield ""
    by_word = ", ".join(f"{word} {number:,}" for word, number in record.decisions.items())
    yield style.ink(f"the gate's {count(record.n, 'decision')}: {by_word}", "bold")
    yield f"  in shadow, stopping nothing: {record.shadowed:,}"
    yield f"  holds that people lifted: {record.lifted:,}"
    if record.repeated:
        yield f"  told again, and counted once: {record.repeated:,}"
    yield from _ranking("stops", record.stops)
    yield from _ranking("signals that were red, missing or at fault", record.signals)
    yield from _errors(record, style)
    if record.undecided:
        yield f"  not known what became of {record.undecided:,} of {count(record.n, 'decision')}"


def _ranking(heading: str, rows: Sequence[tuple[str, int]]) -> Iterator[str]:
    if not rows:
        return
    yield f"  {heading}"
    longest = max(len(str(number)) for _, number in rows)
    for name, number in rows[:_MAX_ROWS]:
        yield f"    {number:>{longest}}  {one_line(name, 80)}"
    if len(rows) > _MAX_ROWS:
        yield f"    and {len(rows) - _MAX_ROWS:,} more"


def _errors(record: GateRecord, style: Style) -> Iterator[str]:
    holds = f"held in shadow, deployed all the same, and fine for {OUTCOME_DAYS} days"
    yield from _share("false holds", record.false_holds, holds, style)
    yield from _share("misses", record.misses, f"proceeded, and went wrong within {OUTCOME_DAYS} days", style)
    if record.missed_by:
        names = ", ".join(f"{name.replace('_', ' ')} {number:,}" for name, number in record.missed_by)
        yield f"    by {names}"


def _share(name: str, share: Share, meaning: str, style: Style) -> Iterator[str]:
    if not share.n:
        yield f"  {style.ink(name, 'bold')}  not known: no decision whose outcome is known could be one ({meaning})"
        return
    yield f"  {style.ink(name, 'bold')}  {_of_all(share)}: {meaning}"
    if share.n < _FEW:
        yield "    so few cases say little"


def _of_all(share: Share) -> str:
    interval = f"95 % interval {share.low:.0%}–{share.high:.0%}"
    return f"{share.times:,} of {share.n:,} ({share.times / share.n:.0%}, {interval})"
