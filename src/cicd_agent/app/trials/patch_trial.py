"""Where a run tries what its model proposes: in the sandbox, where the commit is checked out; else by reading alone."""

from collections.abc import Callable
from pathlib import Path

from cicd_agent.adapters.runner.remote_files import FetchedLibrary
from cicd_agent.adapters.sandbox.sandbox import LocalSandbox
from cicd_agent.adapters.test_runner.patch_trial import Commands, LocalPatchTester, Surroundings
from cicd_agent.adapters.toolchain.location import surroundings, trusted
from cicd_agent.analysis.patches.syntax import PARSERS
from cicd_agent.app.context import RunContext
from cicd_agent.domain.events.event import EventKind
from cicd_agent.domain.ports.actions import PatchTester
from cicd_agent.domain.ports.forge import Library
from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.repository.paths import matcher
from cicd_agent.domain.trials.sandbox import Limits
from cicd_agent.errors import ConfigError
from cicd_agent.settings.environment import Environment

SHARE = 0.5
"""Of the run's time, for trials."""


def patch_testers(
    scene: RunContext,
    environment: Environment,
    redact: Callable[[str], str],
    clock: Callable[[], float],
    minutes: float,
) -> Callable[[Change], PatchTester | None]:
    """The patch tester for a change's last commit, None where its files cannot be read at all."""

    def of(change: Change) -> PatchTester | None:
        library, top = _files(scene, change), scene.top
        if library is None:
            return None
        # After a run of another workflow nothing of its commit is checked out, and nothing of it is to be run.
        is_here = top is not None and scene.event.kind is not EventKind.WORKFLOW_RUN
        tools = environment.tools if top is None else trusted(top, environment.tools)
        readable, variables = surroundings(tools)
        seconds = minutes * 60 * SHARE
        scratch = Path(environment.runner_temp) if environment.runner_temp else None
        around = Surroundings(
            LocalSandbox(scratch=scratch),
            clock,
            Limits(wall_seconds=seconds),
            seconds,
            readable,
            variables,
        )
        return LocalPatchTester(
            top if top is not None else Path("/"),
            library,
            Commands(scene.settings.verify_command if is_here else ""),
            around,
            parsers=PARSERS,
            denied=matcher(scene.settings.deny_paths).match_file,
            redact=redact,
        )

    return of


def _files(scene: RunContext, change: Change) -> Library | None:
    """The files of the commit: of the clone, else those that GitHub gives."""
    repository, forge = scene.world.repository, scene.world.forge
    if repository is not None and (not change.head or repository.resolve(change.head) is not None):
        try:
            return repository.library(change)
        except ConfigError:
            return None
    return FetchedLibrary(forge, change.head) if forge is not None and change.head else None
