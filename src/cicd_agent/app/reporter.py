"""What becomes of a decision: recorded, carried out, recorded again, written, shown, and sent to whoever watches.

`finish` is the whole path from a decision to the exit code; `fail` is that of a run without one.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path, PurePath
from typing import Any, Final

from cicd_agent.adapters.files import write_file
from cicd_agent.adapters.performers.journal import JournalFile
from cicd_agent.adapters.performers.perform import perform
from cicd_agent.adapters.slack import connect
from cicd_agent.adapters.tape import TAPE
from cicd_agent.agent.budget import Budget
from cicd_agent.app.console import Console, Streams
from cicd_agent.app.context import RunContext, any_settings, in_shadow, settled
from cicd_agent.app.options import RunOptions
from cicd_agent.app.recorder import EntryContext, Recorder, anchor_summary
from cicd_agent.app.run_folder import JOURNAL, RunFolder
from cicd_agent.app.run_record import (
    COMMON_OUTPUTS,
    Audit,
    Decision,
    RunRecord,
    common_outputs,
    exit_of,
    own_outputs,
    record_decision,
    record_failure,
)
from cicd_agent.app.security.effect_policy import Permissions, permissions
from cicd_agent.app.serialization import dump
from cicd_agent.domain.effects import Annotation, Level, Output, Plan, Receipt, ReceiptState, Summary
from cicd_agent.domain.events.event import Event, EventKind
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.text.json_redaction import redact_json
from cicd_agent.domain.text.markdown import escape
from cicd_agent.domain.text.quote import shown
from cicd_agent.domain.timeline import Timeline
from cicd_agent.domain.verdict import ChatReply
from cicd_agent.errors import AgentError, Exit
from cicd_agent.modes import mode_named
from cicd_agent.modes.protocol import Account, Mode
from cicd_agent.settings.environment import Environment
from cicd_agent.settings.schema import Settings, Stage

ADVISORY: Final = frozenset({Exit.FORGE, Exit.MODEL, Exit.BUDGET, Exit.MISBEHAVED})
"""Failures that are warnings in a mode that does not fail closed."""


class Reporter(Console):
    """The console of one run, and the steps that follow its decision."""

    def __init__(
        self, options: RunOptions, environment: Environment, streams: Streams, now: Callable[[], float] = time.time
    ) -> None:
        super().__init__(options, environment, streams)
        self._options = options
        self._environment = environment
        self._now = now
        self._tape = ""
        self.timeline = Timeline(time.monotonic, now())
        self.budget: Budget | None = None
        self.folder = RunFolder(options, environment)

    @cached_property
    def recorder(self) -> Recorder:
        inputs = settled(self._options, self._environment)
        return Recorder(inputs, self._environment, redact=self.redact, warn=self.warn, now=self._now)

    def tape(self) -> Path:
        """Where the conversation with models is recorded; from now on the report names it."""
        path = self.folder.path / TAPE
        self._tape = str(path)
        return path

    def finish(self, mode: Mode[Any], decision: Decision, context: RunContext) -> int:
        """Carry the decision out and say so in every place; the exit code."""
        self.progress("")
        if self._options.dry_run:
            self._show_plan(decision)
            return exit_of(decision)
        folder = self.folder.path
        record = record_decision(mode, decision, folder, self._tape)
        plan = with_outputs(decision.plan, record)
        allowed = permissions(mode, decision, context, is_own=self._options.command == "run")
        entry = EntryContext(
            plan.effects, context.settings.stage if allowed.is_own else Stage.DELIVER, self.timeline, self._tape
        )
        required = context.settings.require_audit == "on" and mode.fails_closed and context.settings.enforce
        audit = self.recorder.record_decision(record, entry, required=required) if allowed.performs else Audit()
        with self.timeline.stage("perform"):
            receipts = self._perform(plan, audit, context.event, declared_outputs(mode, record), allowed)
        record = replace(record, receipts=receipts, audit=self.recorder.record_outcome(audit, record, receipts))
        self._write(record)
        self._show(mode, decision, record, context.top)
        if allowed.saves_facts:
            self.recorder.record_facts(mode, decision, record.outputs)
        self._export(record, context.settings)
        for note in context.ports.forge.notes if context.ports.forge else ():
            self.warn(note)
        return record.exit

    def gathered(self, mode: Mode[Any], evidence: Evidence, context: RunContext) -> int:
        """Say that the evidence is there and what it holds; the exit code."""
        self.progress("")
        declined = mode.declines(evidence.event) or ""
        account = Account(config_status=context.loaded.config_status, notices=context.notices)
        decision = Decision(mode.name, evidence.event, account, evidence=evidence, declined=declined)
        summary = mode.gathered(evidence) or f"nothing to do: {declined}"
        record = record_decision(mode, decision, self.folder.path, "")
        outputs = common_outputs(decision, str(self.folder.report)) | {"summary": summary}
        effects = (Summary("summary", f"**cicd-agent {mode.name}**: {escape(summary)}.\n"),)
        plan = with_outputs(Plan(effects), replace(record, outputs=outputs))
        receipts = self._perform(plan, Audit(), context.event, tuple(outputs))
        self._write(replace(record, outputs=outputs, receipts=receipts))
        for line in (*context.notices, summary):
            self.warn(line)
        return Exit.OK

    def fail(self, error: AgentError, trace: str = "") -> int:
        """Say what went wrong in every place where somebody or something would look for a result; the exit code."""
        mode = mode_named(self._options.mode)
        is_closed = mode is not None and mode.fails_closed and not in_shadow(self._options, self._environment)
        code = Exit.OK if error.exit in ADVISORY and not is_closed else error.exit
        line = self.redact(str(error))
        if trace:
            self.workflow().say(self.redact(trace))
        self.warn(line)
        if self._options.dry_run or not self._options.is_run:
            return code
        try:
            self._finish_failure(mode, line, code)
        except (AgentError, OSError) as worse:
            self.warn(str(worse))
            return code or Exit.CONFIG
        return code

    def _finish_failure(self, mode: Mode[Any] | None, line: str, code: int) -> None:
        folder = self.folder.path_or_any
        record = record_failure(
            mode, self._options.mode, line, code, budget=self.budget, folder=folder, tape=self._tape
        )
        level = Level.WARNING if code == Exit.OK else Level.ERROR
        summary = Summary("summary", f"### cicd-agent could not finish\n\n{escape(line)}\n")
        plan = with_outputs(Plan((Annotation("failure", level, "cicd-agent", line), summary)), record)
        entry = EntryContext(plan.effects, timeline=self.timeline, tape=self._tape)
        audit = self.recorder.record_failure(record, entry)
        receipts = self._perform(plan, audit, Event(EventKind.OTHER), tuple(record.outputs))
        record = replace(record, receipts=receipts, audit=self.recorder.record_outcome(audit, record, receipts))
        self._write(record)
        self._export(record, any_settings(self._options, self._environment))
        if self.format == "json":
            self.print_json(dump(record))

    def _perform(
        self, plan: Plan, audit: Audit, event: Event, outputs: tuple[str, ...], allowed: Permissions | None = None
    ) -> tuple[Receipt, ...]:
        """Carry the plan out, with the line that names its audit entry; without permissions in this job alone."""
        folder = self.folder.path_or_any
        return perform(
            Plan((*plan.effects, *anchor_summary(audit))),
            forge=allowed.forge if allowed else None,
            workflow=self.workflow(outputs),
            folder=folder,
            journal=JournalFile(folder / JOURNAL, self.redact),
            redact=self.redact,
            event=event,
            grant=allowed.grant if allowed else None,
            notifier=connect(allowed.notifies, self._environment.ca_bundle) if allowed and allowed.notifies else None,
        )

    def _write(self, record: RunRecord) -> None:
        write_file(self.folder.report, redact_json(dump(record), self.redact))

    def _show_plan(self, decision: Decision) -> None:
        if self.format == "json":
            self.print_json(dump(decision))
            return
        from cicd_agent.rendering.dry_run import dry_run  # noqa: PLC0415  only who asks for it pays

        self.print(dry_run(decision.plan))

    def _show(self, mode: Mode[Any], decision: Decision, record: RunRecord, top: Path | None) -> None:
        """The result for a person, or as JSON for a program."""
        if self.format == "json":
            self.print_json(dump(record))
            return
        if isinstance(decision.result, ChatReply):
            self.print(f"{decision.result.manner}: {shown(decision.result.text)}")
        elif decision.declined or decision.evidence is None:
            self.warn(f"nothing to do: {decision.declined}")
            return
        else:
            shape = self.shape(self.folder.report, record.outputs, top)
            page = mode.page(decision.result, decision.evidence, decision.account, shape)
            self.print_page(page, f"cicd-agent {decision.mode}: {record.outputs.get('summary', '')}")
        troubled = (each for each in record.receipts if each.state in {ReceiptState.DEGRADED, ReceiptState.FAILED})
        for detail in dict.fromkeys(receipt.detail for receipt in troubled):
            self.warn(detail)

    def _export(self, record: RunRecord, settings: Settings) -> None:
        """The run is over: send metrics and traces, where there is a collector."""
        self.recorder.close()
        if settings.metrics_file or self._environment.telemetry:
            from cicd_agent.app.telemetry import export_run  # noqa: PLC0415  nobody else pays for it

            export_run(record, self.timeline, settings, self._environment, self.warn, redact=self.redact, now=self._now)


def with_outputs(plan: Plan, record: RunRecord) -> Plan:
    """The plan with every output of the record that it does not set itself, the risk first."""
    own = own_outputs(plan, PurePath())
    missing = (Output(f"output-{name}", name, value) for name, value in record.outputs.items() if name not in own)
    return Plan((*missing, *plan.effects))


def declared_outputs(mode: Mode[Any], record: RunRecord) -> tuple[str, ...]:
    named = (name for name in record.outputs if any(fnmatchcase(name, pattern) for pattern in mode.outputs))
    return (*COMMON_OUTPUTS, *mode.outputs, *named)
