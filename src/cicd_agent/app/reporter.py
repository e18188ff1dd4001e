"""From a decision to the exit code: recorded, carried out, recorded again, written, shown, and sent to who watches."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path, PurePath
from typing import Any, Final

from cicd_agent.adapters.files import write_file
from cicd_agent.adapters.performers.local import JournalFile, ending
from cicd_agent.adapters.performers.perform import Performed, interrupted, perform
from cicd_agent.adapters.slack import connect
from cicd_agent.adapters.tape import TAPE
from cicd_agent.agent.budget import Budget
from cicd_agent.app.console import Console
from cicd_agent.app.context import RunContext, any_settings, in_shadow, settled
from cicd_agent.app.options import RunOptions
from cicd_agent.app.recorder import Recorder, anchor_summary
from cicd_agent.app.run_folder import JOURNAL, RunFolder
from cicd_agent.app.run_record import (
    COMMON_OUTPUTS,
    Audit,
    Decision,
    RunRecord,
    exit_of,
    own_outputs,
    record_decision,
    record_failure,
    record_gathering,
    record_outcome,
)
from cicd_agent.app.security.effect_policy import Permissions, permissions
from cicd_agent.app.serialization import dump
from cicd_agent.domain.effects import Annotation, Level, Output, Plan, Receipt, Summary
from cicd_agent.domain.events.event import Event, EventKind
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.text.json_redaction import redact_json
from cicd_agent.domain.text.markdown import escape
from cicd_agent.domain.text.quote import shown
from cicd_agent.domain.timeline import Timeline
from cicd_agent.domain.verdict import ChatReply
from cicd_agent.errors import AgentError, ConfigError, Exit, ForgeRefused, TimeLimitReached
from cicd_agent.modes import mode_named
from cicd_agent.modes.protocol import Account, Mode
from cicd_agent.settings.environment import Environment
from cicd_agent.settings.schema import Settings, Stage

ADVISORY: Final = frozenset({Exit.FORGE, Exit.MODEL, Exit.BUDGET, Exit.MISBEHAVED})
"""Failures that are warnings in a mode that does not fail closed."""


@dataclass
class Reporter:
    """The steps that follow the decision of one run, and what a run that fails has to report."""

    options: RunOptions
    environment: Environment
    console: Console
    now: Callable[[], float] = time.time
    budget: Budget | None = None
    settings: Settings | None = None
    """Those of the run, None until its configuration was read."""
    _tape: str = ""

    def __post_init__(self) -> None:
        self.timeline = Timeline(time.monotonic, self.now())

    @cached_property
    def folder(self) -> RunFolder:
        return RunFolder(self.options, self.environment)

    @cached_property
    def recorder(self) -> Recorder:
        inputs, console = settled(self.options, self.environment), self.console
        return Recorder(inputs, self.environment, self.timeline, redact=console.redact, warn=console.warn, now=self.now)

    def tape(self) -> Path:
        """Where the conversation with models is recorded; from now on the report names it."""
        path = self.folder.path / TAPE
        self._tape = str(path)
        return path

    def finish(self, mode: Mode[Any], decision: Decision, context: RunContext) -> int:
        """Carry the decision out and report it everywhere; the exit code."""
        self.console.progress("")
        if self.options.dry_run:
            self._show_plan(decision)
            return exit_of(decision)
        settings = context.settings
        record = record_decision(mode, decision, self.folder.path, self._tape)
        plan = with_outputs(decision.plan, record)
        allowed = permissions(mode, decision, context, is_own=self.options.command == "run")
        stage = settings.stage if allowed.is_own else Stage.DELIVER
        required = settings.require_audit == "on" and mode.fails_closed and settings.enforce != "shadow"
        audit = Audit()
        if allowed.performs:
            context.grant_grace()
            audit = self.recorder.record_decision(record, plan.effects, stage, required=required)
        context.grant_grace()
        with self.timeline.stage("perform"):
            outputs = declared_outputs(mode, record)
            try:
                performed = self._perform(plan, audit, context.event, outputs, allowed)
            except TimeLimitReached as over:
                context.grant_grace()  # it came while this machine was written to, which takes no time
                lost = interrupted(plan, str(over.failure))
                performed = self._perform(plan.here, audit, context.event, outputs, allowed, earlier=lost)
        context.grant_grace()
        record = self._ended(record, performed)
        facts = self.recorder.facts(mode, decision, record.outputs) if allowed.saves_facts else ()
        record = replace(record, audit=self.recorder.record_outcome(audit, record, facts))
        self._write(record)
        self._show(mode, decision, record, context)
        try:
            self._export(record, settings)
        except TimeLimitReached:
            self.console.warn("the run ended before its metrics could be left")
        for note in context.ports.forge.notes if context.ports.forge else ():
            self.console.warn(note)
        return record.exit

    def finish_gathering(self, mode: Mode[Any], evidence: Evidence, context: RunContext) -> int:
        """Report that the evidence is there and what it holds; the exit code."""
        self.console.progress("")
        declined = mode.declines(evidence.event) or ""
        account = Account(config_status=context.loaded.config_status, notices=context.notices)
        decision = Decision(mode.name, evidence.event, account, evidence=evidence, declined=declined)
        summary = mode.gathered(evidence) or f"nothing to do: {declined}"
        record = record_gathering(decision, summary, self.folder.path)
        plan = with_outputs(Plan((Summary("summary", f"**cicd-agent {mode.name}**: {escape(summary)}.\n"),)), record)
        record = self._ended(record, self._perform(plan, Audit(), context.event, tuple(record.outputs)))
        self._write(record)
        for line in (*context.notices, summary, *([record.error] if record.error else ())):
            self.console.warn(line)
        return record.exit

    @property
    def _is_shadow(self) -> bool:
        """Whether this is a gate that stops nothing."""
        mode = mode_named(self.options.mode)
        return mode is not None and mode.fails_closed and in_shadow(self.options, self.environment)

    def _ended(self, record: RunRecord, performed: Performed) -> RunRecord:
        receipts, failure = performed.receipts, performed.failure
        return record_outcome(record, receipts, ending(receipts, failure), failure)

    def _code(self, mode: Mode[Any] | None, error: AgentError) -> int:
        """The exit code of a failure: a warning where the mode does not fail closed, but for a token that is wrong."""
        if error.exit not in ADVISORY:
            return error.exit
        if mode is not None and mode.fails_closed:
            return Exit.OK if self._is_shadow else error.exit
        return error.exit if isinstance(error, ForgeRefused) and error.is_unauthorized else Exit.OK

    def fail(self, error: AgentError, trace: str = "") -> int:
        """Report what went wrong wherever somebody or something would look for a result; the exit code."""
        mode, console = mode_named(self.options.mode), self.console
        code = self._code(mode, error) or (error.exit if self._lacks_verdict(mode, error) else Exit.OK)
        line = console.redact(str(error))
        if trace:
            console.workflow().say(console.redact(trace))
        console.warn(line)
        # At a terminal a command line that is wrong says nothing of the change: the last report stays.
        is_usage = isinstance(error, ConfigError) and not self.environment.on_actions
        if self.options.dry_run or not self.options.is_run or is_usage:
            return code
        try:
            return self._finish_failure(mode, line, code)
        except (AgentError, OSError) as worse:
            console.warn(str(worse))
            return code or Exit.CONFIG
        except TimeLimitReached:
            console.warn("not all of this could be reported in time")
            return code

    def _lacks_verdict(self, mode: Mode[Any] | None, error: AgentError) -> bool:
        """Whether a failure before there was a result, which elsewhere is a warning, is none that may be overlooked."""
        if mode is None or mode.fails_closed:
            return False
        settings = self.settings or any_settings(self.options, self.environment)
        if mode.fails_on_findings and settings.fail_on != "off":
            return True  # nobody knows what the rules would have found
        return settings.on_unavailable == "fail" and error.exit is not Exit.FORGE

    def _finish_failure(self, mode: Mode[Any] | None, line: str, code: int) -> int:
        folder = self.folder.path_or_any
        record = record_failure(mode, self.options.mode, line, code, budget=self.budget, folder=folder, tape=self._tape)
        level = Level.WARNING if code == Exit.OK else Level.ERROR
        summary = Summary("summary", f"### cicd-agent could not finish\n\n{escape(line)}\n")
        plan = with_outputs(Plan((Annotation("failure", level, "cicd-agent", line), summary)), record)
        audit = self.recorder.record_decision(record, plan.effects, "all")
        record = self._ended(record, self._perform(plan, audit, Event(EventKind.OTHER), tuple(record.outputs)))
        record = replace(record, audit=self.recorder.record_outcome(audit, record))
        self._write(record)
        self._export(record, any_settings(self.options, self.environment))
        if self.console.format == "json":
            self.console.print_json(dump(record))
        return record.exit

    def _perform(
        self,
        plan: Plan,
        audit: Audit,
        event: Event,
        outputs: tuple[str, ...],
        allowed: Permissions | None = None,
        *,
        earlier: tuple[Receipt, ...] = (),
    ) -> Performed:
        """Carry the plan out, with the line that names its audit entry; without permissions in this job alone."""
        folder, redact = self.folder.path_or_any, self.console.redact
        return perform(
            Plan((*plan.effects, *anchor_summary(audit))),
            forge=allowed.forge if allowed else None,
            workflow=self.console.workflow(outputs),
            folder=folder,
            journal=JournalFile(folder / JOURNAL, redact),
            redact=redact,
            event=event,
            grant=allowed.policy if allowed else None,
            in_shadow=self._is_shadow,
            earlier=earlier,
            notifier=connect(allowed.notifies, self.environment.ca_bundle) if allowed and allowed.notifies else None,
        )

    def _write(self, record: RunRecord) -> None:
        write_file(self.folder.report, redact_json(dump(record), self.console.redact))

    def _show_plan(self, decision: Decision) -> None:
        if self.console.format == "json":
            self.console.print_json(dump(decision))
            return
        from cicd_agent.rendering.dry_run import dry_run  # noqa: PLC0415  only who asks for it pays

        self.console.print(dry_run(decision.plan))

    def _show(self, mode: Mode[Any], decision: Decision, record: RunRecord, context: RunContext) -> None:
        """The result for a person, or as JSON for a program."""
        console = self.console
        if console.format == "json":
            console.print_json(dump(record))
            return
        if isinstance(decision.result, ChatReply):
            console.print(f"{decision.result.manner}: {shown(decision.result.text)}")
        elif decision.declined or decision.evidence is None:
            console.warn(f"nothing to do: {decision.declined}")
            return
        else:
            from cicd_agent.rendering.terminal import terminal  # noqa: PLC0415  who reads JSON does not pay for it

            page = mode.page(decision.result, decision.evidence, decision.account, context.settings)
            shape = console.shape(self.folder.report, record.outputs, context.top)
            title = f"cicd-agent {decision.mode}: {record.outputs.get('summary', '')}"
            console.print_page(terminal(page, decision.account, **shape), title)
        troubled = (each for each in record.receipts if each.state.falls_short)
        for detail in dict.fromkeys(receipt.detail for receipt in troubled):
            console.warn(detail)

    def _export(self, record: RunRecord, settings: Settings) -> None:
        """The run is over: send metrics and traces, where there is a collector."""
        self.recorder.close()
        if settings.metrics_file or self.environment.telemetry:
            from cicd_agent.app.telemetry import export_run  # noqa: PLC0415  nobody else pays for it

            console = self.console
            export_run(
                record, self.timeline, settings, self.environment, console.warn, redact=console.redact, now=self.now
            )


def with_outputs(plan: Plan, record: RunRecord) -> Plan:
    """The plan with every output of the record that it does not set itself, the risk first."""
    own = own_outputs(plan, PurePath())
    missing = (Output(f"output-{name}", name, value) for name, value in record.outputs.items() if name not in own)
    return Plan((*missing, *plan.effects))


def declared_outputs(mode: Mode[Any], record: RunRecord) -> tuple[str, ...]:
    named = (name for name in record.outputs if any(fnmatchcase(name, pattern) for pattern in mode.outputs))
    return (*COMMON_OUTPUTS, *mode.outputs, *named)
