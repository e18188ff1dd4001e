"""A gate's decision as text for a person at a terminal."""

from collections.abc import Iterator
from typing import Unpack

from cicd_agent.domain.evidence import Evidence
from cicd_agent.modes.deploy_gate.result import Band, Gated, GateDecision, LiftedBy, points
from cicd_agent.rendering.cell_width import cells
from cicd_agent.rendering.lines import gap_lines, risk_lines
from cicd_agent.rendering.style import Cost, Shape, Style, one_line, page

_MOST = 15
_INKS = {GateDecision.PROCEED: "added", GateDecision.HOLD: "high", GateDecision.ROLLBACK: "critical"}
_BANDS = {Band.GREEN: "added", Band.AMBER: "medium", Band.RED: "high", Band.MISSING: "high", Band.FAULT: "critical"}


def render_gate(gated: Gated, evidence: Evidence, cost: Cost, **shape: Unpack[Shape]) -> str:
    """The decision, its signals, what stops it, and what would lift that."""

    def parts(style: Style) -> tuple[Iterator[str], ...]:
        return (
            _decision(gated, style),
            _factors(gated, style),
            _stops(gated, style),
            _lifting(gated, style),
            risk_lines(gated.risk, style),
            _objections(gated, style),
            gap_lines(evidence, style),
        )

    return page(parts, cost, shape)


def _decision(gated: Gated, style: Style) -> Iterator[str]:
    word = style.ink(gated.decision.value, _INKS[gated.decision])
    where = f"{one_line(gated.environment) or '(no environment)'} ← {gated.sha[:12] or '(no commit)'}"
    shadow = "" if gated.enforced else "  (shadow: nothing is stopped)"
    yield f"{word}  {where}  score {points(gated.score)} of {gated.threshold:g} needed{shadow}"


def _factors(gated: Gated, style: Style) -> Iterator[str]:
    named = max((cells(each.name) for each in gated.factors), default=0)
    for each in gated.factors:
        points = f"{each.points:5.1f} of {each.weight:4.1f}" if each.weight else "  not applicable"
        band = style.ink(f"{each.band.replace('_', ' '):<14}", _BANDS.get(each.band, "faint"))
        source = f" · {one_line(each.source)}" if each.source else ""
        yield f"  {each.name:<{named}}  {points}  {band}  {one_line(each.words, 80)}{source}".rstrip()


def _stops(gated: Gated, style: Style) -> Iterator[str]:
    for stop in gated.stops[:_MOST]:
        first, *rest = style.wrapped(one_line(stop.text), "", "        ")
        yield f"{style.ink('lifted', 'added') if stop.lifted else style.ink('stop  ', 'high')}  {first}"
        yield from rest
        detail = stop.lifted or stop.remedy
        if detail:
            yield from style.wrapped(one_line(detail), "      ")
    if len(gated.stops) > _MOST:
        yield f"and {len(gated.stops) - _MOST} more, see the report"


def _lifting(gated: Gated, style: Style) -> Iterator[str]:
    if gated.decision is GateDecision.ROLLBACK:
        yield f"roll back to {gated.rollback_to}"
    elif gated.decision is GateDecision.HOLD:
        for each in gated.would_proceed:
            yield from style.wrapped(one_line(f"would proceed with: {each}"), "", "  ")
        standing = {stop.lift for stop in gated.stops if not stop.lifted}
        if LiftedBy.NOBODY not in standing:
            verb = "override" if LiftedBy.OVERRIDE in standing else "approve"
            yield f"to lift it: /{verb}-deploy {gated.hash}{' REASON' if verb == 'override' else ''}"


def _objections(gated: Gated, style: Style) -> Iterator[str]:
    for each in gated.objections[:_MOST]:
        yield from style.wrapped(one_line(f"the model objects: {each.text}"), "", "  ")
        yield from style.wrapped(one_line(f"{each.source}: {each.quote}"), "  ", "  ")
