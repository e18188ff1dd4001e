"""What each command does, from its options to its exit code."""

import json
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cicd_agent import putting
from cicd_agent.adapters.files import write_file
from cicd_agent.adapters.step import step
from cicd_agent.adapters.tape_cache import open_folder
from cicd_agent.affecting import affected_tests
from cicd_agent.asking import Asking, Keeping, asking
from cicd_agent.calibrating import calibrate
from cicd_agent.cli import Options
from cicd_agent.config.explain import explain, table
from cicd_agent.config.limits import minutes
from cicd_agent.config.schema import config_schema
from cicd_agent.core.change import Change
from cicd_agent.core.event import Event
from cicd_agent.core.evidence import Evidence
from cicd_agent.core.ports_tests import Laboratory
from cicd_agent.decision import MOST_BYTES, Decision, dump, load, schema
from cicd_agent.environment import Environment
from cicd_agent.errors import ConfigError, Exit
from cicd_agent.extracting import extract
from cicd_agent.fixing import apply, diff, require_working_tree
from cicd_agent.gate_reporting import gate_report
from cicd_agent.gating import OUTPUTS, gate_result
from cicd_agent.handover import look, read_evidence, take_over
from cicd_agent.laboratories import laboratories
from cicd_agent.modes import Mode, modes
from cicd_agent.outlet import Outlet, exit_of
from cicd_agent.replay import record, replay
from cicd_agent.run import Source, decide, observe, propose, resume
from cicd_agent.settings import Stage
from cicd_agent.trying import benches
from cicd_agent.world import Scene, answers_folder, inputs, prepare, read

_ALONE = frozenset(
    {
        "schema",
        "replay",
        "extract",
        "affected-tests",
        "serve-fake-model",
        "calibrate",
        "gate-report",
        "gate-result",
    }
)


@dataclass(frozen=True, slots=True)
class Clocks:
    """`elapsed` counts seconds and never goes back, `now` is in seconds since 1970."""

    elapsed: Callable[[], float]
    now: Callable[[], float]


def execute(
    options: Options,
    environment: Environment,
    outlet: Outlet,
    clocks: Clocks,
    limit: Callable[[float], None],
) -> int:
    """Do what was asked; the exit code. Raises AgentError when it cannot be done.

    `limit` is told after how many seconds the run has to end, as soon as that is known.
    """
    if options.command in _ALONE:
        return _alone(options, environment, outlet, clocks, limit)
    if options.fix:
        require_working_tree(options, environment)
    with ExitStack() as closing:

        def scene(mode: Mode[Any] | None, known: Event | None = None) -> Scene:
            found = prepare(mode, options, environment, Path.cwd(), closing=closing, known=known)
            most = minutes(found.settings, options.mode)
            limit(most * 60)
            bench = benches(found, environment, outlet.redact, clocks.elapsed, most)
            laboratory = laboratories(found, environment, outlet.redact, clocks.elapsed, most)
            world = replace(found.world, bench=bench, laboratory=laboratory, now=clocks.now)
            return replace(found, world=world)

        if options.command == "config":
            return _explain(scene(None), inputs(options, environment).get("mode", ""), outlet)

        def put(mode: Mode[Any], here: Scene) -> Asking:
            folder = answers_folder(options, environment, here.settings, Path.cwd())
            keeping = _keeping(folder, clocks, outlet, options) if folder else None
            plain = asking(mode, here.loaded, environment.workload, clocks.elapsed, outlet.redact, keeping=keeping)
            if options.dry_run:
                return plain
            return record(plain, mode.name, here, outlet.tape(), clock=clocks.elapsed, now=clocks.now)

        return _stage(modes()[options.mode], options, outlet, scene, put)


def _alone(
    options: Options, environment: Environment, outlet: Outlet, clocks: Clocks, limit: Callable[[float], None]
) -> int:
    """What is done without a mode, and without asking anybody."""

    def tests(scene: Scene) -> Callable[[Change], Laboratory | None]:
        most = minutes(scene.settings, "gen-tests")
        limit(most * 60)
        return laboratories(scene, environment, outlet.redact, clocks.elapsed, most)

    code: int = Exit.OK
    match options.command:
        case "schema":
            published = config_schema() if options.schema == "config" else schema(options.schema)
            outlet.print_json(json.dumps(published, indent=2))
        case "replay":
            code = replay(options, outlet)
        case "extract":
            code = extract(options, outlet, sys.stdin.buffer)
        case "affected-tests":
            code = affected_tests(options, environment, outlet, tests)
        case "calibrate":
            code = calibrate(options, environment, outlet, clocks.now)
        case "gate-report":
            code = gate_report(options, environment, outlet, clocks.now)
        case "gate-result":
            code = gate_result(options, environment, outlet, sys.stdin.buffer, step(environment, OUTPUTS))
        case "serve-fake-model":
            from cicd_agent.fake_model.server import serve  # noqa: PLC0415  nobody else pays for a server

            code = serve(Path(options.script), options.port, outlet.print)
        case command:
            raise AssertionError(command)
    return code


def _keeping(folder: Path, clocks: Clocks, outlet: Outlet, options: Options) -> Keeping:
    return Keeping(open_folder(folder), clocks.now, outlet.warn, remembers=not options.dry_run)


def _explain(scene: Scene, mode: str, outlet: Outlet) -> int:
    outlet.print(table(explain(scene.loaded, mode)))
    for problem in scene.loaded.problems:
        outlet.warn(str(problem))
    return Exit.OK


def _stage(
    mode: Mode[Any],
    options: Options,
    outlet: Outlet,
    scene: Callable[[Mode[Any], Event | None], Scene],
    put: Callable[[Mode[Any], Scene], Asking],
) -> int:
    """One stage of a mode, or with the command `run` all of them."""
    match options.command:
        case "run":
            here = scene(mode, None)
            if here.settings.stage is not Stage.ALL:
                return _part(mode, here, outlet, lambda: put(mode, here))
            decision = decide(mode, here, put(mode, here), outlet.progress, outlet.keep, source=_source(here))
            return _fix(mode, decision, here, options, outlet) if options.fix else outlet.deliver(mode, decision, here)
        case "gather":
            _write(options.write, dump(observe(mode, scene(mode, None), outlet.progress), indent=None))
            return Exit.OK
        case "ask":
            evidence = load(Evidence, read(Path(options.read), "--in", MOST_BYTES), options.read)
            here = scene(mode, evidence.event)
            evidence = take_over(mode, evidence, options.read, here, outlet.progress)
            _write(options.write, dump(propose(mode, evidence, here, put(mode, here), outlet.progress), indent=None))
            return Exit.OK
        case "decide":
            evidence = load(Evidence, read(Path(options.read), "--in", MOST_BYTES), options.read)
            here = scene(mode, evidence.event)
            evidence = take_over(mode, evidence, options.read, here, outlet.progress)
            # Beside the tape only when that is asked for: the evidence that was given may be the file of that name.
            keep = outlet.keep if options.keep_evidence else _not_kept
            decision = resume(mode, evidence, here, put(mode, here), outlet.progress, keep=keep)
            _write(options.write, dump(decision, indent=None))
            return Exit.OK
        case "perform":
            decision = _decision(mode, options.read, "--in")
            return outlet.deliver(mode, decision, scene(mode, decision.event))
        case command:
            raise AssertionError(command)


def _source(here: Scene) -> Source:
    """Where a run's evidence comes from: the world, or the file that another job wrote, as far as that is true."""
    if name := here.settings.evidence_file:
        brought = read_evidence(name, "`evidence-file`")
        return lambda mode, scene, progress: take_over(mode, brought, name, scene, progress)
    return look


def _part(mode: Mode[Any], here: Scene, outlet: Outlet, put: Callable[[], Asking]) -> int:
    """One stage of a workflow that is split into jobs, none of which holds two dangerous things."""
    stage, settings, progress = here.settings.stage, here.settings, outlet.progress
    match stage:
        case Stage.GATHER | Stage.ASK:
            name = _file(settings.evidence_file, "evidence-file", stage)
            if stage is Stage.ASK and Path(name).exists():
                evidence = take_over(mode, read_evidence(name, "`evidence-file`"), name, here, progress)
            else:
                evidence = observe(mode, here, progress)
            if stage is Stage.ASK:
                evidence = propose(mode, evidence, here, put(), progress)
            _write(name, dump(evidence, indent=None))
            return outlet.gathered(mode, evidence, here)
        case Stage.TRY:
            name = _file(settings.evidence_file, "evidence-file", stage)
            target = _file(settings.decision_file, "decision-file", stage)
            evidence = take_over(mode, read_evidence(name, "`evidence-file`"), name, here, progress)
            # Whatever key this job may hold: who runs what nobody has read asks nobody.
            asked = replace(put(), model=None, fast=None, fallback=None, silence="")
            decision = resume(mode, evidence, here, asked, progress, keep=outlet.keep)
            _write(target, dump(decision, indent=None))
            return outlet.deliver(mode, replace(decision, plan=decision.plan.here), here)
        case Stage.DELIVER:
            name = _file(settings.decision_file, "decision-file", stage)
            return outlet.deliver(mode, _decision(mode, name, "`decision-file`"), here)
        case Stage.ALL:
            raise AssertionError(stage)


def _file(name: str, setting: str, stage: Stage) -> str:
    if not name:
        raise ConfigError(f"`stage: {stage}` needs `{setting}`", remedy=f"Set `{setting}` to the path of a file")
    return name


def _decision(mode: Mode[Any], name: str, option: str) -> Decision:
    """The decision in a file, which must be one of this mode."""
    decision = load(Decision, read(Path(name), option, MOST_BYTES), name)
    if decision.mode != mode.name:
        raise ConfigError(f"{name} holds a decision of `{decision.mode}`, not of `{mode.name}`")
    return decision


def _not_kept(_evidence: Evidence) -> None:
    pass


def _fix(mode: Mode[Any], decision: Decision, here: Scene, options: Options, outlet: Outlet) -> int:
    """Deliver, then change the working tree; in a dry run show only what would be changed."""
    if not options.dry_run:
        code = outlet.deliver(mode, decision, here)
        change = putting.put if decision.generated is not None else apply
        lines = list(change(decision, here.top)) if here.top else []
    else:
        code = exit_of(decision)
        text, lines = putting.diff(decision) if decision.generated is not None else diff(decision)
        outlet.progress("")
        if text:
            outlet.print(text)
    for line in lines:
        outlet.warn(line)
    return code


def _write(name: str, text: str) -> None:
    try:
        write_file(Path(name), text)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{name} cannot be written", why=str(error), remedy="Give another path") from None
