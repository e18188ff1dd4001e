"""The commands that are no mode: each is done by itself, and asks nobody."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

from cicd_agent.adapters.runner.step import step
from cicd_agent.app.context import Scene
from cicd_agent.app.decision import schema
from cicd_agent.app.replay import replay
from cicd_agent.app.reporter import Outlet
from cicd_agent.app.stages import Clocks
from cicd_agent.app.trials.test_runner import laboratories
from cicd_agent.cli.affected_tests import affected_tests
from cicd_agent.cli.calibrate import calibrate
from cicd_agent.cli.extract import extract
from cicd_agent.cli.gate_result import OUTPUTS, gate_result
from cicd_agent.cli.parser import Options
from cicd_agent.domain.change import Change
from cicd_agent.domain.ports.test_runner import Laboratory
from cicd_agent.errors import Exit
from cicd_agent.settings.environment import Environment
from cicd_agent.settings.json_schema import config_schema, organisation_schema
from cicd_agent.settings.limits import minutes


def stand_alone(
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
            settings = {"config": config_schema, "organisation": organisation_schema}
            published = settings[options.schema]() if options.schema in settings else schema(options.schema)
            outlet.print_json(json.dumps(published, indent=2))
        case "replay":
            code = replay(options, outlet)
        case "extract":
            code = extract(options, outlet, sys.stdin.buffer)
        case "affected-tests":
            code = affected_tests(options, environment, outlet, tests)
        case "calibrate":
            code = calibrate(options, environment, outlet, clocks.now)
        case "gate-result":
            code = gate_result(options, environment, outlet, sys.stdin.buffer, step(environment, OUTPUTS))
        case "serve-fake-model":
            from cicd_agent.fake_model.server import serve  # noqa: PLC0415  nobody else pays for a server

            code = serve(Path(options.script), options.port, outlet.print)
        case command:
            raise AssertionError(command)
    return code
