"""Records of runs as tests want them."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import PurePath

from cicd_agent.app.run_record import Decision, RunRecord, record_decision
from cicd_agent.domain.effects import Receipt
from cicd_agent.modes import mode_named


def report(
    decision: Decision, *, exit_code: int, outputs: Mapping[str, str], receipts: tuple[Receipt, ...], tape: str = ""
) -> RunRecord:
    mode = mode_named(decision.mode) or mode_named("review")
    assert mode is not None
    record = record_decision(mode, decision, PurePath(), tape)
    return replace(record, exit=exit_code, outputs=outputs, receipts=receipts)
