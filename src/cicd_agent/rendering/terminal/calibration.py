"""What was learnt of a repository's own outcomes as text: on how much it rests, and what is better for it."""

from collections.abc import Iterator, Sequence
from typing import Final

from cicd_agent.analysis.risk.calibration import Calibration
from cicd_agent.analysis.risk.outcome_labels import MATURED_DAYS
from cicd_agent.domain.risk_file import RiskFile
from cicd_agent.domain.text.words import count
from cicd_agent.domain.verdict import RiskLevel
from cicd_agent.rendering.style import Style

_MODEST: Final = 10
"""With fewer bad ones among those that are judged, the quality is a guess."""


def render_calibration(told: Calibration, limits: Sequence[str], *, colour: bool = False, width: int = 100) -> str:
    """The whole page; without `colour` for a file or a log."""
    style = Style(colour, width)
    parts = (_state(told, style), _table(told.file, style), _notes(told, limits, style))
    return "\n".join(line for part in parts for line in part) + "\n"


def _state(told: Calibration, style: Style) -> Iterator[str]:
    file = told.file
    outcome = f"{count(file.labels, 'change')}, {file.matured:,} of them {MATURED_DAYS} days old or older"
    yield style.ink(f"{outcome}; {file.positives:,} of these were bad", "bold")
    for source, number in file.sources.items():
        yield f"  {number:>6,}  {source.replace('_', ' ')}"
    if told.judged:
        yield f"learnt from the {told.fitted:,} oldest, judged by the {told.judged:,} newest ({told.judged_bad:,} bad)"
        if min(told.judged_bad, told.judged - told.judged_bad) < _MODEST:
            yield "  so few of one kind say little of the quality"
    kept = "own weights" if file.weights else "the shipped weights"
    probability = "a probability" if file.slope is not None else "no probability"
    yield f"result: {kept}, own thresholds, {probability}"


def _table(file: RiskFile, style: Style) -> Iterator[str]:
    """What the risk was worth with what is shipped, and is with what was learnt."""
    none = (None,) * len(RiskLevel)
    shares = zip(RiskLevel, file.shares_before or none, file.shares_after or none, strict=True)
    rows = (
        ("area under the curve", _number(file.before.auc), _number(file.after.auc)),
        ("calibration error", _number(file.before.calibration_error), _number(file.after.calibration_error)),
        *((level.value, _percent(before), _percent(after)) for level, before, after in shares),
    )
    yield f"{'':<22}{'before':>8}{'after':>8}"
    for name, before, after in rows:
        yield f"{style.ink(f'{name:<22}', _ink(name))}{before:>8}{after:>8}"
    if file.thresholds:
        medium, high, critical = file.thresholds
        yield f"medium begins at {medium}, high at {high}, critical at {critical}"


def _ink(name: str) -> str:
    return name if name in set(RiskLevel) else "bold"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.1%}"


def _notes(told: Calibration, limits: Sequence[str], style: Style) -> Iterator[str]:
    for note in (*told.notes, *limits):
        yield from style.wrapped(note, "", "  ")
