"""A router's plan as text for a person at a terminal."""

from collections.abc import Iterator
from typing import Unpack

from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.text.words import count
from cicd_agent.modes.route.result import Routed
from cicd_agent.rendering.lines import gap_lines, risk_lines
from cicd_agent.rendering.style import Cost, Shape, Style, one_line, page


def render_route(routed: Routed, evidence: Evidence, cost: Cost, **shape: Unpack[Shape]) -> str:
    def parts(style: Style) -> tuple[Iterator[str], ...]:
        return (_plan(routed, style), _areas(routed, style), risk_lines(routed.risk, style), gap_lines(evidence, style))

    return page(parts, cost, shape)


def _plan(routed: Routed, style: Style) -> Iterator[str]:
    row = routed.cells
    canary = f" {row.canary_percentage} %" if row.canary_percentage else ""
    watch = f", {row.monitor_minutes} min of monitoring" if row.monitor_minutes else ""
    yield f"tests     {style.ink(row.tests, 'bold')}  {one_line(routed.tests_why, 120)}"
    yield f"build     {style.ink(row.build, 'bold')}  {one_line(routed.build_why, 120)}"
    yield f"strategy  {style.ink(row.strategy.replace('_', '-') + canary, 'bold')}{watch}"
    for doubt in routed.doubts:
        yield from style.wrapped(one_line(f"in doubt, so the full plan: {doubt}"), "", "  ")
    if routed.would_be is not None:
        yield f"would be: tests {routed.would_be.tests}, once the test map is proved"


def _areas(routed: Routed, style: Style) -> Iterator[str]:
    for area in routed.areas:
        files = f"  {count(len(area.paths), 'file')}" if area.paths else ""
        yield f"  {style.ink('run ', 'added') if area.run else 'skip'}  {one_line(area.name)}{files}"
