"""The audit log as text for a person: its runs in a table, what a check came to, and what a prune removed."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Final

from cicd_agent.audit.summary import RunSummary, utc_text
from cicd_agent.audit.tampering import AnchorState, Break, Verification
from cicd_agent.domain.audit_entry import Link
from cicd_agent.domain.ports.storage import Removal
from cicd_agent.domain.text.json_view import Node
from cicd_agent.domain.text.words import count
from cicd_agent.rendering.cell_width import cells, clip
from cicd_agent.rendering.money import dollars
from cicd_agent.rendering.style import LEVELS, Style, Tone, one_line

_WIDEST: Final = 28
_TONES: Final[dict[str, Tone]] = {
    "approve": "good",
    "proceed": "good",
    "request_changes": "high",
    "hold": "high",
    "rollback": "critical",
    "failed": "critical",
}
_MET: Final = {
    AnchorState.HELD: "holds",
    AnchorState.REMOVED: "is of an entry that was removed, as #{} records",
    AnchorState.FAILED: "does not hold",
}
_WIDTH: Final = 100
WIDE: Final = 1_000
"""Columns of a file: nothing is left out of it."""
_SPARED: Final = (8, 5, 7)
"""Columns of the table that go where there is no room: the model, the risk, the pull request."""


@dataclass(frozen=True, slots=True)
class PruneResult:
    repository: str
    removed: Removal | None
    head: Link | None
    broken: tuple[Break, ...] = ()

    def document(self) -> dict[str, object]:
        removed = self.removed
        return {
            "repository": self.repository,
            "removed": removed.last - removed.first + 1 if removed else 0,
            "first": removed.first if removed else None,
            "last": removed.last if removed else None,
            "hash": removed.hash if removed else None,
            "broken": [asdict(each) for each in self.broken],
            "anchor": self.head.anchor if self.head else None,
        }


def render_runs(
    runs: Sequence[RunSummary], location: str, *, is_more: bool, colour: bool = False, width: int = WIDE
) -> str:
    """A line for each run, newest first; what does not fit the width is left out, the least important first."""
    style = Style(colour, width)
    if not runs:
        return f"no run in {one_line(location)} is as asked\n"
    lines = list(_table(runs, style))
    if any(run.finished is False for run in runs):
        lines.append(style.ink("… it is not recorded what became of it: it was ended, or is still at work", "faint"))
    if is_more:
        lines.append(style.ink("there are more: --most, --since", "faint"))
    return "\n".join(lines) + "\n"


def render_verified(
    results: Sequence[Verification], lost: Sequence[Link], location: str, *, colour: bool = False, width: int = _WIDTH
) -> str:
    style = Style(colour, width)
    lines = [line for each in results for line in _chain(each, style)]
    for link in lost:
        lines.append(f"{style.ink('broken', 'critical')}  {_name(link.repository)}: there is no such chain any more")
        lines.append(f"  anchor {link.anchor} is of it")
    if not lines:
        lines.append(f"there is no chain in {one_line(location)}")
    return "\n".join(lines) + "\n"


def render_pruned(
    done: Sequence[PruneResult], before: int, *, dry_run: bool, colour: bool = False, width: int = _WIDTH
) -> str:
    style = Style(colour, width)
    lines = []
    for each in done:
        name, pruned = style.ink(_name(each.repository), "bold"), each.removed
        if pruned is None:
            lines.append(f"{name}  nothing is older than {utc_text(before)}")
            continue
        removed = entries(pruned.last - pruned.first + 1)
        verb = "would be removed" if dry_run else "removed"
        lines.append(f"{name}  {removed} {verb}, {span(pruned.first, pruned.last)}; it begins with #{pruned.last + 1}")
        if each.broken:
            lines.append(f"  {style.ink('broken', 'critical')}, which the entry of the removal says:")
            lines += [line for one in each.broken for line in _break(one, style)]
        if each.head is not None and not dry_run:
            lines.append(f"  recorded as #{each.head.seq}; keep this anchor: {_anchor(each.head)}")
    return "\n".join(lines or ["there is no chain"]) + "\n"


def entries(number: int) -> str:
    return f"{number:,} {'entry' if number == 1 else 'entries'}"


def span(first: int, last: int) -> str:
    return f"#{first} to #{last}" if first != last else f"#{first}"


def short(sha: str) -> str:
    return one_line(sha, 200)[:7]


def _table(runs: Sequence[RunSummary], style: Style) -> Iterator[str]:
    heads = ("", "repository", "when", "mode", "decision", "risk", "commit", "pull", "model", "cost")
    rows = [_row(run) for run in runs]
    shown = [at for at in range(len(heads)) if any(row[at] for row in rows)]
    if len({run.row.repository for run in runs}) == 1:
        shown.remove(1)
    widths = [max(cells(heads[at]), *(cells(row[at]) for row in rows)) for at in range(len(heads))]
    for spared in _SPARED:
        if spared in shown and sum(widths[at] + 2 for at in shown) - 2 > style.width:
            shown.remove(spared)
    yield style.ink(_line([heads[at].ljust(widths[at]) for at in shown]), "faint")
    for run, row in zip(runs, rows, strict=True):
        inked = {4: _TONES.get(run.row.columns.decision, ""), 5: LEVELS.get(run.row.columns.risk_level, "")}
        yield _line([_inked(row[at], widths[at], inked.get(at, ""), style) for at in shown])


def _row(run: RunSummary) -> tuple[str, ...]:
    columns, data = run.row.columns, run.data
    score = data["risk_score"].count
    models = run.models
    return (
        f"#{run.row.seq}{'…' if run.finished is False else ''}",
        _cell(run.row.repository),
        run.when[:16].replace("T", " "),
        _cell(columns.mode),
        _cell(columns.decision),
        _cell(columns.risk_level) + (f" {score}" if score is not None and columns.risk_level else ""),
        short(columns.sha),
        f"#{columns.pull}" if columns.pull else "",
        _cell(models[0] if models else "") + (f" +{len(models) - 1}" if len(models) > 1 else ""),
        _cost(data, models),
    )


def _cost(data: Node, models: Sequence[str]) -> str:
    usage, known_cost = data["usage"], data["cost_usd"].scalar
    is_failed = bool(data["error"].scalar)
    if not models and usage["requests"].count == 0 and not usage["from_cache"].count:
        # A run that failed may have ended before it could say what it had asked.
        return "not known" if is_failed and not known_cost else "–"
    if not known_cost:
        return "not known" if models or is_failed else ""
    return dollars(known_cost) or clip(one_line(known_cost), 10)


def _cell(text: str) -> str:
    return clip(one_line(text, 200), _WIDEST)


def _inked(text: str, width: int, ink: Tone, style: Style) -> str:
    padding = " " * (width - cells(text))
    return (style.ink(text, ink) if ink and text else text) + padding


def _line(parts: Sequence[str]) -> str:
    return "  ".join(parts).rstrip()


def _chain(result: Verification, style: Style) -> Iterator[str]:
    name = style.ink(_name(result.repository), "bold")
    last = result.head.seq if result.head else 0
    reach = f"{entries(result.entries)}, {span(result.first, last)}" if last else entries(result.entries)
    if result.holds:
        yield f"{style.ink('holds', 'good')}   {name}  {reach}"
    else:
        breaks = len(result.breaks) + result.more
        yield f"{style.ink('broken', 'critical')}  {name}  {reach}: {count(breaks, 'place')}"
    for each in result.breaks:
        yield from _break(each, style)
    if result.more:
        yield f"  and {result.more:,} more"
    if (pruned := result.pruned) is not None:
        yield f"  everything up to #{pruned.last} was removed, as #{pruned.by} records"
    for anchor in result.anchored:
        yield f"  the anchor of #{anchor.link.seq} {_MET[anchor.met].format(anchor.by)}"
    for note in result.notes:
        yield from style.wrapped(note, "  ", "  ")
    if result.holds and result.head is not None:
        yield f"  keep this anchor: {_anchor(result.head)}"


def _break(each: Break, style: Style) -> Iterator[str]:
    words = f"#{each.seq} {each.kind.replace('_', ' ')}: {one_line(each.words, 600)}"
    yield from style.wrapped(words, "  ", "    ")


def _name(repository: str) -> str:
    return one_line(repository, 140)


def _anchor(link: Link) -> str:
    return one_line(link.anchor, 300)
