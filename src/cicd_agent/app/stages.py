"""What a mode does at each of its stages, from its options to its exit code."""

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import cache
from math import inf
from pathlib import Path
from typing import Any, Final

from cicd_agent.adapters.files import NOFOLLOW, read_file, replace_text, write_file
from cicd_agent.app.cache import CacheConfig
from cicd_agent.app.context import RunContext, answers_folder, first_settings, prepare
from cicd_agent.app.model_router import ModelRouter, open_router, used_up
from cicd_agent.app.pipeline import conclude, observe, propose
from cicd_agent.app.replay import record
from cicd_agent.app.run_record import Decision, exit_of
from cicd_agent.app.security.imported_evidence import (
    observe_remotely,
    read_evidence,
    require_one_job,
    verified_evidence,
)
from cicd_agent.app.serialization import MAX_BYTES, dump, load
from cicd_agent.app.session import Session
from cicd_agent.domain.events.event import Event
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.ports.actions import PatchTester
from cicd_agent.domain.ports.test_runner import PytestRunner
from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.text.visible import visible
from cicd_agent.domain.trials.test_run import AffectedTests
from cicd_agent.errors import ConfigError, Exit
from cicd_agent.modes import mode_named
from cicd_agent.modes.protocol import Edits, Mode, Ports
from cicd_agent.settings.environment import Environment
from cicd_agent.settings.schema import Stage, minutes

GRACE_SECONDS: Final = 60.0
"""For each of judging and posting, when the questions have used up the time limit of the run."""


def run_mode(session: Session, *, source: str = "", target: str = "") -> int:
    """A mode from its event to its exit code, or one stage of it, from the file `source` to the file `target`."""
    options, environment = session.options, session.environment
    if options.fix:
        require_working_tree(options.base, options.head, environment)
    mode = mode_named(options.mode)
    if mode is None:
        raise AssertionError(options.mode)
    if environment.on_actions:
        require_one_job(mode, options.command, first_settings(options, environment))
    with ExitStack() as closing:
        run = _Run(mode, session, closing)
        return _run_all(run) if options.command == "run" else _run_stage(run, source, target)


@dataclass(frozen=True, slots=True)
class _Run:
    """One run of a mode, until `closing` closes what it has opened."""

    mode: Mode[Any]
    session: Session
    closing: ExitStack
    waited: list[float] = field(default_factory=list)
    """The seconds that were spent waiting for others, where the default time limit does not count them."""

    def context(self, known: Event | None = None) -> RunContext:
        session, reporter = self.session, self.session.reporter
        options, environment = session.options, session.environment
        session.limit(minutes(first_settings(options, environment), options.mode) * 60)
        context = prepare(self.mode, options, environment, Path.cwd(), closing=self.closing, known=known)
        reporter.settings = context.settings
        limit = minutes(context.settings, options.mode)
        ends = session.elapsed() + limit * 60
        session.limit(limit * 60)
        is_default = context.settings.timeout_minutes is None

        def left() -> float:
            return ends + sum(self.waited) - session.elapsed()

        def wait(seconds: float) -> None:
            if is_default:
                self.waited.append(seconds)
                session.limit(left())
            time.sleep(seconds)

        ports = _with_trials(context, session, limit)
        ports = replace(
            ports,
            now=session.now,
            state=reporter.recorder.state(),
            wait=wait,
            seconds_left=lambda: inf if is_default else ends - session.elapsed(),
            progress=session.console.warn,
        )
        return replace(
            context,
            ports=ports,
            timeline=reporter.timeline,
            progress=session.console.progress,
            grant_grace=lambda: session.limit(max(left(), GRACE_SECONDS)),
        )

    def router(self, context: RunContext) -> ModelRouter:
        session, environment = self.session, self.session.environment
        reporter, console = session.reporter, session.console
        settings, recorder, is_dry = context.settings, session.reporter.recorder, session.options.dry_run
        router = open_router(
            self.mode,
            context.loaded,
            environment.workload,
            lambda: session.elapsed() - sum(self.waited),
            console.redact,
            cache=self._cache(context),
            account=environment.account,
            quota=lambda models: used_up(models, settings, recorder.store, recorder.chain, session.now),
        )
        reporter.budget = router.budget
        if is_dry:
            return router
        if environment.telemetry or settings.metrics_file:
            from cicd_agent.app.telemetry import traced  # noqa: PLC0415  nobody else pays for it

            router = traced(router, context.timeline)
        return record(router, self.mode.name, context, reporter.tape(), clock=session.elapsed, now=session.now)

    def _cache(self, context: RunContext) -> CacheConfig | None:
        session, environment = self.session, self.session.environment
        folder = answers_folder(session.options, environment, context.settings, Path.cwd())
        if folder is not None:
            from cicd_agent.adapters.cache.folder import open_folder  # noqa: PLC0415  who stores nothing never pays

            folder = open_folder(folder)
        elif not environment.redis_url:
            return None
        return CacheConfig(
            folder,
            session.now,
            session.console.warn,
            saves_state=not session.options.dry_run,
            redis_url=environment.redis_url,
            ca_bundle=environment.ca_bundle,
            on_close=self.closing.callback,
        )

    def decide(
        self, evidence: Evidence, context: RunContext, router: ModelRouter, *, saves_evidence: bool = True
    ) -> Decision:
        """The decision on evidence that others may have written: incremental state is never taken from it."""
        evidence = router.incremental_state.load(evidence, self.mode.state_key(evidence, context.event))
        folder = self.session.reporter.folder
        if saves_evidence:
            folder.save_evidence(evidence)
        decision = conclude(self.mode, evidence, context, router)
        if saves_evidence and decision.evidence is not None and decision.evidence != evidence:
            folder.save_evidence(decision.evidence)  # a replay runs nothing again
        return decision

    def imported(self, name: str, context: RunContext) -> Evidence:
        return verified_evidence(self.mode, read_evidence(name, "`evidence-file`"), name, context)

    def finish(self, decision: Decision, context: RunContext) -> int:
        return self.session.reporter.finish(self.mode, decision, context)


def _with_trials(context: RunContext, session: Session, limit: float) -> Ports:
    """The ports with what tries something out. Most runs try nothing, and pay for none of it."""
    environment, redact, clock = session.environment, session.console.redact, session.elapsed

    def patch_tester(change: Change) -> PatchTester | None:
        from cicd_agent.app.test_runner import patch_testers  # noqa: PLC0415

        return patch_testers(context, environment, redact, clock, limit)(change)

    @cache
    def pytest_runners() -> Any:
        from cicd_agent.app import test_runner  # noqa: PLC0415

        return test_runner.pytest_runners(context, environment, redact, clock, limit)

    def pytest_runner(change: Change) -> PytestRunner | None:
        runner: PytestRunner | None = pytest_runners()(change)
        return runner

    def reach(change: Change) -> AffectedTests | None:
        from cicd_agent.app import test_map_loader  # noqa: PLC0415

        return test_map_loader.reach(context, pytest_runner)(change)

    return replace(context.ports, patch_tester=patch_tester, pytest_runner=pytest_runner, reach=reach)


def _run_stage(run: _Run, source: str, target: str) -> int:
    """One stage between two files, as a command of its own."""
    options = run.session.options
    if options.command == "gather":
        _write(target, dump(observe(run.mode, run.context()), indent=None))
        return Exit.OK
    if options.command == "perform":
        decision = _read_decision(run.mode, source, "--in")
        return run.finish(decision, run.context(decision.event))
    imported = load(Evidence, read_file(Path(source), "--in", MAX_BYTES), source)
    context = run.context(imported.event)
    evidence = verified_evidence(run.mode, imported, source, context)
    if options.command == "ask":
        result: Evidence | Decision = propose(run.mode, evidence, context, run.router(context))
    else:
        # Beside the tape only on request: the evidence that was given may be the file of that name.
        result = run.decide(evidence, context, run.router(context), saves_evidence=options.keep_evidence)
    _write(target, dump(result, indent=None))
    return Exit.OK


def _run_all(run: _Run) -> int:
    """All stages, or the one of this job in a workflow that is split, so that no job holds two dangerous things."""
    mode, reporter, context = run.mode, run.session.reporter, run.context()
    settings, stage = context.settings, context.settings.stage
    match stage:
        case Stage.ALL:
            name, router = settings.evidence_file, run.router(context)
            evidence = run.imported(name, context) if name else observe_remotely(mode, context)
            decision = run.decide(evidence, context, router)
            return (
                _finish_with_fix(run, decision, context) if run.session.options.fix else run.finish(decision, context)
            )
        case Stage.GATHER | Stage.ASK:
            name = _file(settings.evidence_file, "evidence-file", stage)
            is_imported = stage is Stage.ASK and Path(name).exists()
            evidence = run.imported(name, context) if is_imported else observe(mode, context)
            if stage is Stage.ASK:
                evidence = propose(mode, evidence, context, run.router(context))
            _write(name, dump(evidence, indent=None))
            return reporter.finish_gathering(mode, evidence, context)
        case Stage.TRY:
            name = _file(settings.evidence_file, "evidence-file", stage)
            target = _file(settings.decision_file, "decision-file", stage)
            evidence = run.imported(name, context)
            # Whatever key this job may hold: who runs what nobody has read asks nobody.
            router = replace(run.router(context), model=None, fast=None, fallback=None, silence="")
            decision = run.decide(evidence, context, router)
            _write(target, dump(decision, indent=None))
            return run.finish(replace(decision, plan=decision.plan.here), context)
        case Stage.DELIVER:
            name = _file(settings.decision_file, "decision-file", stage)
            return run.finish(_read_decision(mode, name, "`decision-file`"), context)


def _finish_with_fix(run: _Run, decision: Decision, context: RunContext) -> int:
    console = run.session.console
    edits = run.mode.edits(decision.judgement, decision.evidence)
    if not run.session.options.dry_run:
        code = run.finish(decision, context)
        lines = tuple(apply_edits(edits, context.top)) if context.top else ()
    else:
        code = exit_of(decision)
        text, lines = _diff(edits)
        console.progress("")
        if text:
            console.print(text)
    for line in lines:
        console.warn(line)
    return code


def _file(name: str, setting: str, stage: Stage) -> str:
    if not name:
        raise ConfigError(f"`stage: {stage}` needs `{setting}`", remedy=f"Set `{setting}` to the path of a file")
    return name


def _read_decision(mode: Mode[Any], name: str, option: str) -> Decision:
    """The decision in a file, which must be one of this mode."""
    decision = load(Decision, read_file(Path(name), option, MAX_BYTES), name)
    if decision.mode != mode.name:
        raise ConfigError(f"{name} holds a decision of `{decision.mode}`, not of `{mode.name}`")
    return decision


def _write(name: str, text: str) -> None:
    try:
        write_file(Path(name), text)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{name} cannot be written", why=str(error), remedy="Give another path") from None


def require_working_tree(base: str, head: str, environment: Environment) -> None:
    """Raise ConfigError unless what is reviewed is the working tree of somebody at a terminal."""
    if environment.on_actions:
        raise ConfigError("--fix is for a terminal", why="a job does not change what it reviews", remedy="Leave it out")
    if not base or head:
        why = "what is reviewed is not the working tree"
        raise ConfigError("--fix has nothing to change", why=why, remedy="Say `--base main`, without --head")


def apply_edits(edits: Edits, top: Path) -> Iterator[str]:
    """Write the edits below `top`; lines for each, and for what is left out."""
    if not edits.edits and not edits.left_out:
        yield edits.nothing
    for edit in edits.edits:
        problem = (
            _create(top, edit.path, edit.after)
            if edit.before is None
            else replace_text(top, edit.path, edit.before, edit.after)
        )
        yield from (f"{line}: {problem}" for line in edit.failed) if problem else edit.done
    yield from edits.left_out


def _diff(edits: Edits) -> tuple[str, tuple[str, ...]]:
    text = visible(edits.patch)
    return text, edits.left_out if text or edits.left_out else (edits.nothing,)


def _create(top: Path, path: str, text: str) -> str:
    """Write a file that is not there yet; why that was not possible, "" when it was."""
    file = top / path
    try:
        if not file.parent.resolve().is_relative_to(top.resolve()):
            return "it lies outside of the working tree"
        file.parent.mkdir(parents=True, exist_ok=True)
        # A link or a file that came meanwhile is not written over.
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | NOFOLLOW, 0o644)
    except OSError as error:
        return error.strerror or str(error)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(text.encode())
    return ""
