"""Lines that the pages of several modes have."""

from collections.abc import Iterator

from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.verdict import Risk, RiskLevel
from cicd_agent.rendering.style import Style, one_line

_MOST = 15


def risk_lines(risk: Risk, style: Style) -> Iterator[str]:
    above = f", above {risk.percentile} % of the last {risk.among:,} changes" if risk.percentile is not None else ""
    chance = f", {risk.probability:.0%} likely to need a repair" if risk.probability is not None else ""
    yield f"risk {style.ink(risk.level, risk.level)} ({risk.score}{above}{chance})"
    for reason in risk.reasons[:_MOST]:
        points = f"{reason.points:+3.0f}" if reason.points else "  ="
        yield f"  {points}  {one_line(reason.text, 120)}"
    if risk.mix:
        named = zip(RiskLevel, risk.mix, strict=False)
        yield f"  the last {sum(risk.mix)} changes: {', '.join(f'{number} {level}' for level, number in named)}"


def gap_lines(evidence: Evidence, style: Style) -> Iterator[str]:
    for gap in evidence.gaps[:_MOST]:
        what = f"{gap.what}: " if gap.what else ""
        yield from style.wrapped(one_line(f"not looked at: {what}{gap.why}"), "", "  ")
