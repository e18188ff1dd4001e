"""Values of facts as short texts."""

from collections.abc import Mapping

from cicd_agent.domain.verdict import Risk


def risk_values(risk: Risk) -> Mapping[str, str]:
    return {"risk_level": risk.level.value, "risk_score": str(risk.score)}


def number(value: float | None) -> str:
    return "" if value is None else f"{value:.6f}".rstrip("0").rstrip(".")
