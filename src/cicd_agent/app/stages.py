"""What a mode does at each of its stages, from its options to its exit code."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from cicd_agent.adapters.files import read_file, write_file
from cicd_agent.app.cache import CacheConfig
from cicd_agent.app.context import RunContext, answers_folder, first_settings, inputs, prepare
from cicd_agent.app.model_router import ModelRouter
from cicd_agent.app.options import RunOptions
from cicd_agent.app.pipeline import Source, decide, observe, propose, resume
from cicd_agent.app.quota import ration
from cicd_agent.app.replay import record
from cicd_agent.app.reporter import Reporter
from cicd_agent.app.run_record import Decision, exit_of
from cicd_agent.app.security.imported_evidence import look, read_evidence, require_one_job, take_over
from cicd_agent.app.serialization import MOST_BYTES, dump, load
from cicd_agent.app.session import Clocks, Session
from cicd_agent.domain.events.event import Event
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.ports.actions import PatchTester
from cicd_agent.domain.ports.test_runner import PytestRunner
from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.trials.test_run import AffectedTests
from cicd_agent.errors import ConfigError, Exit
from cicd_agent.modes import mode_named
from cicd_agent.modes.protocol import Mode
from cicd_agent.settings.environment import Environment
from cicd_agent.settings.explain import explain, table
from cicd_agent.settings.schema import Stage, minutes


@dataclass(frozen=True, slots=True)
class _Run:
    """One run of a session, until `closing` closes what it has opened."""

    session: Session
    closing: ExitStack

    def context(self, mode: Mode[Any] | None, known: Event | None = None) -> RunContext:
        session = self.session
        reporter, environment, clocks = session.reporter, session.environment, session.clocks
        found = prepare(mode, session.options, environment, Path.cwd(), closing=self.closing, known=known)
        limit = minutes(found.settings, session.options.mode)
        session.limit(limit * 60)
        with_it = _Equipment(found, environment, reporter.redact, clocks.elapsed, limit)
        ports = replace(
            found.ports, patch_tester=with_it.patch_tester, pytest_runner=with_it.pytest_runner, reach=with_it.reach
        )
        ports = replace(ports, now=clocks.now, state=reporter.recorder.state())
        return replace(found, ports=ports, timeline=reporter.timeline)

    def open_router(self, mode: Mode[Any], here: RunContext) -> ModelRouter:
        session, environment = self.session, self.session.environment
        reporter, clocks, is_dry = session.reporter, session.clocks, session.options.dry_run
        folder = answers_folder(session.options, environment, here.settings, Path.cwd())
        cache = _cache_config(folder, environment, clocks, reporter, closing=self.closing, saves_state=not is_dry)
        limits = ration(here.settings, reporter.recorder.store, reporter.recorder.chain, clocks.now)
        plain = router(
            mode, here.loaded, environment.workload, clocks.elapsed, reporter.redact, cache=cache, ration=limits
        )
        reporter.budget = plain.budget
        if is_dry:
            return plain
        plain = _watched(plain, here, environment)
        return record(plain, mode.name, here, reporter.tape(), clock=clocks.elapsed, now=clocks.now)


def run_mode(session: Session, *, source: str = "", target: str = "") -> int:
    """A mode from its event to its exit code, or one stage of it, from the file `source` to the file `target`."""
    options, environment = session.options, session.environment
    if options.fix:
        from cicd_agent.app.fix import require_working_tree  # noqa: PLC0415  only who changes it pays

        require_working_tree(options.base, options.head, environment)
    mode = mode_named(options.mode)
    if mode is None:
        raise AssertionError(options.mode)
    if environment.on_actions:
        require_one_job(mode, options.command, first_settings(options, environment))
    with ExitStack() as closing:
        return _stage(mode, _Run(session, closing), source, target)


def explain_config(session: Session) -> int:
    """Print each setting of the configuration in force, and where it is from."""
    mode = inputs(session.options, session.environment).get("mode", "")
    with ExitStack() as closing:
        loaded = _Run(session, closing).context(None).loaded
    session.reporter.print(table(explain(loaded, mode)))
    for line in (*map(str, loaded.problems), *loaded.notices):
        session.reporter.warn(line)
    return Exit.OK


def _watched(router: ModelRouter, here: RunContext, environment: Environment) -> ModelRouter:
    """The same, timed where somebody wants to know."""
    if not (environment.telemetry or here.settings.metrics_file):
        return router
    from cicd_agent.app.telemetry import timed  # noqa: PLC0415  nobody else pays for it

    return timed(router, here.timeline)


@dataclass
class _Equipment:
    """Where something is tried out. Most runs try nothing, and pay for none of it."""

    context: RunContext
    environment: Environment
    redact: Callable[[str], str]
    clock: Callable[[], float]
    minutes: float

    def patch_tester(self, change: Change) -> PatchTester | None:
        return self._benches(change)

    def pytest_runner(self, change: Change) -> PytestRunner | None:
        return self._pytest_runners(change)

    def reach(self, change: Change) -> AffectedTests | None:
        from cicd_agent.app.test_map_loader import reach  # noqa: PLC0415

        return reach(self.context, self.pytest_runner)(change)

    @cached_property
    def _benches(self) -> Callable[[Change], PatchTester | None]:
        from cicd_agent.app.test_runner import patch_testers  # noqa: PLC0415

        return patch_testers(self.context, self.environment, self.redact, self.clock, self.minutes)

    @cached_property
    def _pytest_runners(self) -> Callable[[Change], PytestRunner | None]:
        from cicd_agent.app.test_runner import pytest_runners  # noqa: PLC0415

        return pytest_runners(self.context, self.environment, self.redact, self.clock, self.minutes)


def _cache_config(
    folder: Path | None,
    environment: Environment,
    clocks: Clocks,
    reporter: Reporter,
    *,
    closing: ExitStack,
    saves_state: bool,
) -> CacheConfig | None:
    if folder is not None:
        from cicd_agent.adapters.cache.folder import open_folder  # noqa: PLC0415  who keeps nothing never pays for it

        folder = open_folder(folder)
    elif not environment.redis_url:
        return None
    return CacheConfig(
        folder,
        clocks.now,
        reporter.warn,
        saves_state=saves_state,
        redis_url=environment.redis_url,
        ca_bundle=environment.ca_bundle,
        on_close=closing.callback,
    )


def _stage(mode: Mode[Any], run: _Run, source: str, target: str) -> int:
    """One stage of a mode, or with the command `run` all of them."""
    options, reporter = run.session.options, run.session.reporter
    match options.command:
        case "run":
            here = run.context(mode)
            if here.settings.stage is not Stage.ALL:
                return _part(mode, here, run)
            decision = decide(
                mode,
                here,
                run.router(mode, here),
                reporter.progress,
                reporter.folder.save_evidence,
                source=_source(here),
            )
            return _deliver(mode, decision, here, options, reporter)
        case "gather":
            _write(target, dump(observe(mode, run.context(mode), reporter.progress), indent=None))
            return Exit.OK
        case "ask":
            evidence, here = _imported(mode, run, source)
            _write(target, dump(propose(mode, evidence, here, run.router(mode, here), reporter.progress), indent=None))
            return Exit.OK
        case "decide":
            evidence, here = _imported(mode, run, source)
            # Beside the tape only when that is asked for: the evidence that was given may be the file of that name.
            keep = reporter.folder.save_evidence if options.keep_evidence else _not_kept
            decision = resume(mode, evidence, here, run.router(mode, here), reporter.progress, keep=keep)
            _write(target, dump(decision, indent=None))
            return Exit.OK
        case "perform":
            decision = _decision(mode, source, "--in")
            return reporter.finish(mode, decision, run.context(mode, decision.event))
        case command:
            raise AssertionError(command)


def _imported(mode: Mode[Any], run: _Run, source: str) -> tuple[Evidence, RunContext]:
    """The evidence that another job wrote, as far as that is true, and what this job knows itself."""
    evidence = load(Evidence, read_file(Path(source), "--in", MOST_BYTES), source)
    here = run.context(mode, evidence.event)
    return take_over(mode, evidence, source, here, run.session.reporter.progress), here


def _deliver(mode: Mode[Any], decision: Decision, here: RunContext, options: RunOptions, reporter: Reporter) -> int:
    if not options.fix:
        return reporter.finish(mode, decision, here)
    from cicd_agent.app import fix  # noqa: PLC0415  only who changes it pays

    edits = mode.edits(decision.judgement, decision.evidence)
    if not options.dry_run:
        code = reporter.finish(mode, decision, here)
        lines = tuple(fix.apply(edits, here.top)) if here.top else ()
    else:
        code = exit_of(decision)
        text, lines = fix.diff(edits)
        reporter.progress("")
        if text:
            reporter.print(text)
    for line in lines:
        reporter.warn(line)
    return code


def _source(here: RunContext) -> Source:
    """Where a run's evidence comes from: the ports, or the file that another job wrote, as far as that is true."""
    if name := here.settings.evidence_file:
        brought = read_evidence(name, "`evidence-file`")
        return lambda mode, context, progress: take_over(mode, brought, name, context, progress)
    return look


def _part(mode: Mode[Any], here: RunContext, run: _Run) -> int:
    """One stage of a workflow that is split into jobs, none of which holds two dangerous things."""
    reporter = run.session.reporter
    stage, settings, progress = here.settings.stage, here.settings, reporter.progress
    match stage:
        case Stage.GATHER | Stage.ASK:
            name = _file(settings.evidence_file, "evidence-file", stage)
            if stage is Stage.ASK and Path(name).exists():
                evidence = take_over(mode, read_evidence(name, "`evidence-file`"), name, here, progress)
            else:
                evidence = observe(mode, here, progress)
            if stage is Stage.ASK:
                evidence = propose(mode, evidence, here, run.router(mode, here), progress)
            _write(name, dump(evidence, indent=None))
            return reporter.gathered(mode, evidence, here)
        case Stage.TRY:
            name = _file(settings.evidence_file, "evidence-file", stage)
            target = _file(settings.decision_file, "decision-file", stage)
            evidence = take_over(mode, read_evidence(name, "`evidence-file`"), name, here, progress)
            # Whatever key this job may hold: who runs what nobody has read asks nobody.
            asked = replace(run.router(mode, here), model=None, fast=None, fallback=None, silence="")
            decision = resume(mode, evidence, here, asked, progress, keep=reporter.folder.save_evidence)
            _write(target, dump(decision, indent=None))
            return reporter.finish(mode, replace(decision, plan=decision.plan.here), here)
        case Stage.DELIVER:
            name = _file(settings.decision_file, "decision-file", stage)
            return reporter.finish(mode, _decision(mode, name, "`decision-file`"), here)
        case Stage.ALL:
            raise AssertionError(stage)


def _file(name: str, setting: str, stage: Stage) -> str:
    if not name:
        raise ConfigError(f"`stage: {stage}` needs `{setting}`", remedy=f"Set `{setting}` to the path of a file")
    return name


def _decision(mode: Mode[Any], name: str, option: str) -> Decision:
    """The decision in a file, which must be one of this mode."""
    decision = load(Decision, read_file(Path(name), option, MOST_BYTES), name)
    if decision.mode != mode.name:
        raise ConfigError(f"{name} holds a decision of `{decision.mode}`, not of `{mode.name}`")
    return decision


def _not_kept(_evidence: Evidence) -> None:
    pass


def _write(name: str, text: str) -> None:
    try:
        write_file(Path(name), text)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{name} cannot be written", why=str(error), remedy="Give another path") from None
