"""What a gate's decision proves for later runs."""

import re
from collections.abc import Iterator, Mapping

from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.fact_trust import LOG_SOURCE
from cicd_agent.domain.facts import Fact, FactKind, number, risk_values
from cicd_agent.domain.gate_evidence import GateEvidence, Reading, State
from cicd_agent.modes.deploy_gate.evidence import GATE
from cicd_agent.modes.deploy_gate.result import Gated

_SHARES = re.compile(r"(\d{1,3}(?:\.\d+)?) % → (\d{1,3}(?:\.\d+)?) % of lines")


def facts(gated: Gated, evidence: Evidence) -> Iterator[Fact]:
    gate = evidence.get(GATE)
    if gate is None or not gated.sha or gate.unserved:
        return
    values = {
        "decision": str(gated.decision),
        "score": f"{gated.score:g}",
        "review_match": str(gated.review_match),
        "strategy": gated.strategy,
        "hash": gated.hash,
        "enforced": "true" if gated.enforced else "false",
        "base": gate.base,
        **risk_values(gated.risk),
        **{each.name: number(each.value) for each in gated.factors if each.name in {"review", "failures"}},
    }
    yield Fact("", FactKind.DEPLOYMENT, gated.environment, 0, sha=gated.sha, ref=gate.ref, values=values)
    # What came from the audit log itself is no finding of this run.
    for reading in gate.readings:
        if reading.state is not State.KNOWN or reading.source.startswith(LOG_SOURCE):
            continue
        if reading.name == "tests":
            tests = {"percent": number(reading.value), "measured": _measured(reading), "words": reading.words}
            yield Fact("", FactKind.TESTS, gated.sha, 0, sha=gated.sha, ref=gate.ref, values=tests)
        elif reading.name == "coverage":
            yield Fact(
                "", FactKind.COVERAGE, gated.sha, 0, sha=gated.sha, ref=gate.ref, values=_coverage(reading, gate)
            )


def _coverage(reading: Reading, gate: GateEvidence) -> Mapping[str, str]:
    shares = _SHARES.fullmatch(reading.words)
    before, after = shares.groups() if shares else ("", "")
    return {
        "delta": number(reading.value),
        "base": gate.base,
        "before": before,
        "after": after,
        "measured": _measured(reading),
    }


def _measured(reading: Reading) -> str:
    """When, as far as that is known."""
    return str(reading.measured) if reading.measured else ""
