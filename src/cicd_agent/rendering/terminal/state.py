"""What is known of a commit as text: what, value, age and source in a table, and what could not be read."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from cicd_agent.insights.pipeline_state import Answered, PipelineState
from cicd_agent.rendering.cell_width import cells, fold
from cicd_agent.rendering.style import Style, one_line

_MARK: Final = " *"
_FOOT: Final = "* other steps could have written it: only what PostgreSQL keeps may speak for a change"
_LONGEST: Final = 300
_VALUE: Final = 44
"""Columns of a value at most, in as many lines as it takes: the source has to fit beside it."""
_AGE: Final = 8


@dataclass(frozen=True, slots=True)
class Explained:
    """A failure of the commit that a run of ours explained `at` (seconds since the epoch)."""

    fingerprint: str
    cause: str
    root_cause: str
    at: int
    trusted: bool


def render_state(
    told: PipelineState,
    explained: Sequence[Explained],
    limits: Sequence[str],
    *,
    colour: bool = False,
    width: int = 100,
) -> str:
    """The whole page; without `colour` for a file or a log."""
    style = Style(colour, width)
    parts = (
        _head(told, style),
        _table(told, style),
        _failures(told, explained, style),
        _foot(told, explained),
        _limits(_untold(limits, told), style),
    )
    return "\n".join(line for part in parts for line in part) + "\n"


def ago(seconds: float | None) -> str:
    """How old something is, in the largest unit that fits."""
    if seconds is None:
        return "unknown"
    minutes = int(seconds // 60)
    if minutes < 120:  # noqa: PLR2004  two hours
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // (24 * 60)} d"


def _head(told: PipelineState, style: Style) -> Iterator[str]:
    where = one_line(told.environment, 100)
    yield style.ink(f"commit {told.sha[:12]}, environment {where}", "bold")


def _table(told: PipelineState, style: Style) -> Iterator[str]:
    rows = [(each, _value(each)) for each in told.answers]
    topic = max((len(each.topic) for each, _ in rows), default=0)
    value = min(max((cells(words) for _, words in rows), default=0), _VALUE)
    yield style.ink(f"{'what':<{topic}}  {_padded('value', value)}  {'age':<{_AGE}}  source", "faint")
    for each, words in rows:
        source = one_line(each.source, 60) or "-"
        source += _MARK if each.is_known and not each.trusted else ""
        age = ago(each.age(told.at)) if each.is_known else "-"
        first, *rest = list(fold(words, value)) or [""]
        head = f"{each.topic:<{topic}}  {_padded(first, value)}  {age:<{_AGE}}  {source}"
        yield head if each.is_known else style.ink(head, "faint")
        for line in rest:
            yield f"{'':<{topic}}  {line}"
    problems: dict[str, list[str]] = {}
    for each, _ in rows:
        if not each.is_known and each.problem:
            problems.setdefault(one_line(each.problem, _LONGEST), []).append(each.topic)
    for problem, topics in problems.items():
        yield from style.wrapped(f"not known: {', '.join(topics)} ({problem})", "", "  ")


def _failures(told: PipelineState, explained: Sequence[Explained], style: Style) -> Iterator[str]:
    for each in explained:
        cause = one_line(each.cause, 40).replace("_", " ") or "unknown"
        age = ago(max(0, told.at - each.at))
        mark = "" if each.trusted else _MARK
        text = f"failed {age} ago, cause {cause}: {one_line(each.root_cause, _LONGEST)}{mark}"
        yield from style.wrapped(text, "", "  ")


def _foot(told: PipelineState, explained: Sequence[Explained]) -> Iterator[str]:
    trusted = [each.trusted for each in told.answers if each.is_known] + [each.trusted for each in explained]
    if not all(trusted):
        yield _FOOT


def _untold(limits: Sequence[str], told: PipelineState) -> list[str]:
    """Less those that say, after the name of what was read, only why something in the table is not known."""
    shown = {each.problem for each in told.answers if not each.is_known and each.problem}
    return [limit for limit in limits if limit.partition(": ")[2] not in shown]


def _limits(limits: Sequence[str], style: Style) -> Iterator[str]:
    for limit in limits:
        yield from style.wrapped(limit, "", "  ")


def _value(each: Answered) -> str:
    return one_line(each.words, _LONGEST) if each.is_known else "unknown"


def _padded(text: str, width: int) -> str:
    return text + " " * max(0, width - cells(text))
