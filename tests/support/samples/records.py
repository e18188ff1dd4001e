"""Records of runs as tests want them."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import PurePath

from cicd_agent.app.run_record import Decision, RunRecord, record_decision
from cicd_agent.domain.effects import Receipt
from cicd_agent.modes import mode_named
from cicd_agent.modes.protocol import BaseMode


def report(
    decision: Decision, *, exit_code: int, outputs: Mapping[str, str], receipts: tuple[Receipt, ...], tape: str = ""
) -> RunRecord:
    mode = mode_named(decision.mode) or BaseMode()
    record = record_decision(mode, decision, PurePath(), tape)  # type: ignore[arg-type]
    return replace(record, exit=exit_code, outputs=outputs, receipts=receipts)
