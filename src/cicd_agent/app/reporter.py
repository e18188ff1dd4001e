"""Where a run's results go: the plan is carried out, outputs and report are written, and people are told."""

import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import Any, TextIO

from cicd_agent.adapters.files import write_file
from cicd_agent.adapters.performers.journal import JournalFile
from cicd_agent.adapters.performers.perform import perform
from cicd_agent.adapters.recording.tape import TAPE
from cicd_agent.adapters.runner.workflow import Workflow, quiet
from cicd_agent.adapters.slack import connect
from cicd_agent.agent.budget import Budget
from cicd_agent.app import outputs as results
from cicd_agent.app.context import Scene, any_settings, in_shadow, settled
from cicd_agent.app.decision import Audit, Decision, Report, dump, outputs, report, spending
from cicd_agent.app.options import RunOptions
from cicd_agent.app.recording.entry import Telling, anchored
from cicd_agent.app.recording.recorder import Book
from cicd_agent.app.security.effect_policy import grant
from cicd_agent.app.security.secrets import secrets
from cicd_agent.domain.effect_policy import Grant
from cicd_agent.domain.effects import Annotation, Level, Plan, Receipt, ReceiptState, Summary
from cicd_agent.domain.event import Event, EventKind
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.ports.actions import Notifier
from cicd_agent.domain.ports.forge import Forge
from cicd_agent.domain.text.json_redaction import redact_json
from cicd_agent.domain.text.markdown import escape
from cicd_agent.domain.text.quote import shown
from cicd_agent.domain.text.redaction import Redactor
from cicd_agent.domain.text.visible import visible_line
from cicd_agent.domain.timeline import Timeline
from cicd_agent.domain.verdict import ChatReply, Conclusion
from cicd_agent.errors import AgentError, ConfigError, Exit
from cicd_agent.modes import mode_named
from cicd_agent.modes.protocol import Account, Mode
from cicd_agent.modes.review.terminal import progress
from cicd_agent.rendering.style import Shape
from cicd_agent.settings.environment import Environment
from cicd_agent.settings.schema import Settings, Stage

HIDDEN = ".cicd-agent"
EVIDENCE = "evidence.json"
ADVISORY = frozenset({Exit.FORGE, Exit.MODEL, Exit.BUDGET, Exit.MISBEHAVED})
"""Failures that are warnings in a mode that does not fail closed."""


@dataclass(frozen=True, slots=True)
class Streams:
    """Results go to `out`, everything about the run to `err`."""

    out: TextIO
    err: TextIO


class Outlet:
    """One run's way to the outside. Everything that leaves through it is redacted."""

    def __init__(
        self, options: RunOptions, environment: Environment, streams: Streams, now: Callable[[], float] = time.time
    ) -> None:
        self._options = options
        self._environment = environment
        self._streams = streams
        self.timeline = Timeline(time.monotonic, now())
        self._now = now
        self.shown: list[str] = []
        self.budget: Budget | None = None
        self._format = options.format or ("github" if environment.on_actions else "text")
        self.redact = Redactor(secrets(options, environment)).redact
        self.progress = progress(
            streams.err, enabled=self._format == "text", width=lambda: shutil.get_terminal_size().columns
        )
        self._tape = ""

    @cached_property
    def book(self) -> Book:
        """The account book of this run."""
        asked = settled(self._options, self._environment)
        return Book(asked, self._environment, redact=self.redact, warn=self.warn, now=self._now)

    @property
    def coloured(self) -> bool:
        """Whether a result for a person is seen on a terminal that may be given colours."""
        return self._streams.out.isatty() and self._format == "text" and not self._environment.no_color

    @property
    def width(self) -> int:
        """Columns of a page for a person: those of the terminal that it is seen on."""
        return shutil.get_terminal_size().columns if self._streams.out.isatty() and self._format == "text" else 100

    def print(self, text: str) -> None:
        """A result for a person. On a runner nothing in it is a command, whatever the format."""
        text = self.redact(text)
        self.shown.append(text)
        self._put(quiet(text) if self._environment.on_actions else text)

    def print_json(self, text: str) -> None:
        """A result for a program. A runner that reads along finds no command: no line of ours begins with one."""
        self._put(redact_json(text, self.redact).replace("##[", "#\\u0023["))

    def _put(self, text: str) -> None:
        encoding = self._streams.out.encoding or "utf-8"
        # Blanks at the end stay: the last line of a diff may be one.
        line = text.rstrip("\n") + "\n"
        self._streams.out.write(line.encode(encoding, "replace").decode(encoding))
        self._streams.out.flush()

    def warn(self, text: str) -> None:
        """One line about the run."""
        self.progress("")
        self._workflow(()).say(visible_line(self.redact(f"cicd-agent: {text}")))

    def tape(self) -> Path:
        """Where the account of what is asked goes; from now on the report names it."""
        path = self._folder / TAPE
        self._tape = str(path)
        return path

    def keep(self, evidence: Evidence) -> None:
        """Write down what a replay needs beside the tape. It holds the diff: on Actions only when that is asked for."""
        if self._options.dry_run:
            return
        path = self._folder / EVIDENCE
        if self._options.keep_evidence or not self._environment.on_actions:
            write_file(path, dump(evidence, indent=None), mode=0o600)
        else:
            path.unlink(missing_ok=True)  # an earlier run's does not belong to this tape

    def deliver(self, mode: Mode[Any], decision: Decision, scene: Scene) -> int:
        """Carry the decision out and tell everybody; the exit code."""
        self.progress("")
        code = results.exit_of(decision)
        if self._options.dry_run:
            if self._format == "json":
                self.print_json(dump(decision))
            else:
                from cicd_agent.rendering.dry_run import dry_run  # noqa: PLC0415  only who asks for it pays

                self.print(dry_run(decision.plan))
            return code
        folder = self._folder
        every, own = results.all_outputs(decision, folder, mode.unproved), results.own_outputs(decision.plan, folder)
        missing = {name: value for name, value in every.items() if name not in own}
        plan = Plan((*results.as_effects(missing), *decision.plan.effects))
        # Some are named in the config: what action.yml cannot declare, a step of one's own can read.
        declared = (name for name in own if any(fnmatchcase(name, each) for each in mode.outputs))
        names = (*outputs(decision, ""), *mode.outputs, *declared)
        # At a terminal GitHub is only read, where it is asked at all.
        is_own = self._options.command == "run"
        # Of a mode by which others go, a decision from a file is only looked at.
        is_shown = bool(mode.unproved) and not is_own
        forge = None if is_shown or scene.event.kind is EventKind.LOCAL else scene.world.forge
        pulls = mode.pulls(decision.evidence) if decision.evidence and is_own else frozenset()
        granted = replace(grant(scene, is_own=is_own, mode=mode.name), pulls=pulls)
        slack = None if is_shown else connect(scene.settings, self._environment.ca_bundle)
        before = results.written_report(decision, folder, (), self._tape, mode.unproved)
        telling = Telling(plan.effects, scene.settings.stage if is_own else Stage.DELIVER, self.timeline, self._tape)
        demanded = scene.settings.require_audit == "on" and mode.fails_closed and scene.settings.enforce
        audit = Audit() if is_shown else self.book.enter(before, telling, demanded=demanded)
        plan = Plan((*plan.effects, *anchored(audit)))
        with self.timeline.stage("perform"):
            receipts = self._perform(plan, scene.event, forge, names, folder, granted=granted, notifier=slack)
        written = replace(before, receipts=receipts, audit=self.book.close(audit, before, receipts))
        self._write(folder, written)
        self._tell(mode, decision, written, folder, scene.top)
        if is_own and scene.settings.stage is Stage.ALL and not scene.settings.evidence_file:
            # Of a decision that came by a file, others may have written any part.
            self.book.leave(mode, decision, written.outputs)
        self._end(written, scene.settings)
        for note in scene.world.forge.notes if scene.world.forge else ():
            self.warn(note)
        return code

    def gathered(self, mode: Mode[Any], evidence: Evidence, scene: Scene) -> int:
        """Tell that the evidence is there and what it holds; the exit code."""
        self.progress("")
        folder = self._folder
        declined = mode.declines(evidence.event) or ""
        account = Account(config_status=scene.loaded.config_status, notices=scene.notices)
        found = Decision(mode.name, evidence.event, account, evidence=evidence, declined=declined)
        words = mode.gathered(evidence) or f"nothing to do: {declined}"
        values = outputs(found, str(folder / results.REPORT)) | {"summary": words}
        plan = Plan(
            (*results.as_effects(values), Summary("summary", f"**cicd-agent {mode.name}**: {escape(words)}.\n"))
        )
        receipts = self._perform(plan, scene.event, None, tuple(values), folder)
        self._write(folder, report(found, exit_code=Exit.OK, outputs=values, receipts=receipts))
        for line in (*scene.notices, words):
            self.warn(line)
        return Exit.OK

    def fail(self, error: AgentError, trace: str = "") -> int:
        """Say what went wrong in every place where somebody or something would look for a result; the exit code."""
        mode = mode_named(self._options.mode)
        is_closed = mode is not None and mode.fails_closed and not in_shadow(self._options, self._environment)
        code = Exit.OK if error.exit in ADVISORY and not is_closed else error.exit
        line = self.redact(str(error))
        if trace:
            self._workflow(()).say(self.redact(trace))
        self.warn(line)
        if self._options.dry_run or not self._options.is_run:
            return code
        values = dict.fromkeys(outputs(results.nothing_decided(event := Event(EventKind.OTHER)), ""), "") | dict(
            mode.unproved if mode else {}
        )
        try:
            folder = self._folder_or_any()
            values |= {
                "conclusion": Conclusion.NEUTRAL if code == Exit.OK else Conclusion.FAILURE,
                "degraded": "true",
                "summary": line,
                "report_file": str(folder / results.REPORT),
            }
            level = Level.WARNING if code == Exit.OK else Level.ERROR
            words = f"### cicd-agent could not finish\n\n{escape(line)}\n"
            effects = (Annotation("failure", level, "cicd-agent", line), Summary("summary", words))
            account = results.spent(self.budget)
            values |= spending(account) if account.usage.requests else {}
            plan = Plan((*effects, *results.as_effects(values)))
            written = Report(self._options.mode, code, line, account=account, outputs=values, tape=self._tape)
            audit = self.book.enter_at_last(written, Telling(plan.effects, timeline=self.timeline, tape=self._tape))
            receipts = self._perform(Plan((*plan.effects, *anchored(audit))), event, None, tuple(values), folder)
            written = replace(written, receipts=receipts, audit=self.book.close(audit, written, receipts))
            self._write(folder, written)
            self._end(written, any_settings(self._options, self._environment))
            if self._format == "json":
                self.print_json(dump(written))
        except (AgentError, OSError) as worse:
            self.warn(str(worse))
            return code or Exit.CONFIG
        return code

    def _perform(
        self,
        plan: Plan,
        event: Event,
        forge: Forge | None,
        names: tuple[str, ...],
        folder: Path,
        *,
        granted: Grant | None = None,
        notifier: Notifier | None = None,
    ) -> tuple[Receipt, ...]:
        workflow = self._workflow(names)
        journal = JournalFile(folder / "journal.jsonl", self.redact)
        return perform(
            plan,
            forge=forge,
            workflow=workflow,
            folder=folder,
            journal=journal,
            redact=self.redact,
            event=event,
            grant=granted,
            notifier=notifier,
        )

    def _workflow(self, names: tuple[str, ...]) -> Workflow:
        env = self._environment
        return Workflow(
            self._streams.out if self._format == "github" else self._streams.err,
            output_file=Path(env.output_file) if env.output_file else None,
            summary_file=Path(env.summary_file) if env.summary_file else None,
            names=names,
            spoken=self._format == "github" or env.on_actions,
        )

    @cached_property
    def _folder(self) -> Path:
        """Where files go; at a terminal a folder that git does not see."""
        env = self._environment
        if self._options.output_dir:
            folder = Path.cwd() / self._options.output_dir
        elif env.runner_temp:
            folder = Path(env.runner_temp) / "cicd-agent" / (self._options.mode or "run")
        else:
            folder = Path.cwd() / HIDDEN
        try:
            if folder.name == HIDDEN and folder.is_symlink():
                raise ConfigError(f"{folder} is a link, perhaps the change's own", remedy="Give --output-dir")
            folder.mkdir(parents=True, exist_ok=True)
            if folder.name == HIDDEN:
                write_file(folder / ".gitignore", "*\n")
        except OSError as error:
            raise ConfigError(f"{folder} cannot be written to", why=str(error), remedy="Give --output-dir") from None
        return folder

    def _folder_or_any(self) -> Path:
        """Where a failure is reported, even when the failure is that nothing can be written to the right place."""
        try:
            return self._folder
        except ConfigError:
            return Path(tempfile.mkdtemp(prefix="cicd-agent-"))

    def _write(self, folder: Path, written: Report) -> None:
        write_file(folder / results.REPORT, redact_json(dump(written), self.redact))

    def _end(self, written: Report, settings: Settings) -> None:
        """The run is over: tell whoever watches over runs, where there is such."""
        self.book.shut()
        if settings.metrics_file or settings.fleet_url.get_secret_value() or self._environment.telemetry:
            from cicd_agent.app.telemetry import tell  # noqa: PLC0415  nobody else pays for it

            tell(written, self.timeline, settings, self._environment, self.warn, redact=self.redact, now=self._now)

    def _tell(self, mode: Mode[Any], decision: Decision, written: Report, folder: Path, top: Path | None) -> None:
        if self._format == "json":
            self.print_json(dump(written))
            return
        if isinstance(decision.result, ChatReply):
            self.print(f"{decision.result.manner}: {shown(decision.result.text)}")
            self._trouble(written)
            return
        if decision.declined or decision.evidence is None:
            self.warn(f"nothing to do: {decision.declined}")
            return
        page = mode.page(decision.result, decision.evidence, decision.account, self._shape(written, folder, top))
        if self._format == "github":
            workflow = self._workflow(())
            with workflow.group(self.redact(f"cicd-agent {decision.mode}: {written.outputs.get('summary', '')}")):
                workflow.say(self.redact(page))
        else:
            self.print(page)
        self._trouble(written)

    def _shape(self, written: Report, folder: Path, top: Path | None) -> Shape:
        """How the result looks to a person here."""
        links = top.absolute().as_uri() if top and self.coloured else ""
        report = str(folder / results.REPORT)
        return Shape(report=report, outputs=written.outputs, colour=self.coloured, width=self.width, links=links)

    def _trouble(self, written: Report) -> None:
        """What could not be done as it was meant."""
        troubled = (each for each in written.receipts if each.state in {ReceiptState.DEGRADED, ReceiptState.FAILED})
        for detail in dict.fromkeys(receipt.detail for receipt in troubled):
            self.warn(detail)
