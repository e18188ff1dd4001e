"""Where a run tries tests: in the sandbox, under the project's own Python, where the commit is checked out."""

import os
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, cast

from cicd_agent.adapters.runner.remote_files import FetchedLibrary
from cicd_agent.adapters.sandbox.sandbox import LocalSandbox
from cicd_agent.adapters.test_runner.offline_tools import offline_tools
from cicd_agent.adapters.test_runner.patch_trial import LocalPatchTester, Surroundings
from cicd_agent.adapters.test_runner.runner import LocalPytestRunner
from cicd_agent.adapters.toolchain.interpreter import find, preview
from cicd_agent.adapters.toolchain.location import surroundings, trusted
from cicd_agent.adapters.toolchain.overlay import PYPI, Packages
from cicd_agent.adapters.toolchain.style_check import StyleCheck
from cicd_agent.analysis.patches.syntax import PARSERS
from cicd_agent.analysis.python_tests.test_command import TestCommand, read_test_command
from cicd_agent.app.context import RunContext
from cicd_agent.domain.events.event import EventKind
from cicd_agent.domain.ports.actions import PatchTester
from cicd_agent.domain.ports.forge import Library
from cicd_agent.domain.ports.test_runner import (
    Interpreter,
    PytestRunner,
    PytestUnavailable,
)
from cicd_agent.domain.repository.change import Change, ChangeSource
from cicd_agent.domain.repository.diff import ChangeKind
from cicd_agent.domain.trials.sandbox import Limits, Sandbox
from cicd_agent.errors import ConfigError
from cicd_agent.settings.environment import Environment
from cicd_agent.settings.schema import path_denier

SHARE = 0.8
"""Of the run's time, for running tests."""
MAX_PARALLEL = 4
"""Runs at a time, each with a copy of its own: what there is of memory is shared, too."""
_OWN = Path(sys.prefix)


def pytest_runners(
    context: RunContext,
    environment: Environment,
    redact: Callable[[str], str],
    clock: Callable[[], float],
    minutes: float,
) -> Callable[[Change], PytestRunner | None]:
    """The test runner for a change, None where its commit is not checked out.

    Nothing is looked for before it is first used; what is missing then is said by PytestUnavailable.
    """
    made: dict[tuple[str, str], PytestRunner] = {}

    def of(change: Change) -> PytestRunner | None:
        top = context.top
        # After a run of another workflow nothing of its commit is checked out, and nothing of it is to be run.
        if top is None or context.event.kind is EventKind.WORKFLOW_RUN:
            return None
        # One for all that is asked of a change: the search for its Python costs as much as a test.
        if (change.base, change.head) in made:
            return made[change.base, change.head]
        ends = clock() + minutes * 60 * SHARE

        def seconds_left() -> float:
            return max(0.0, ends - clock())

        def make() -> LocalPytestRunner:
            head = after(change, top)
            sandbox = local_sandbox(environment, allow_unsandboxed=context.settings.allow_unsandboxed)
            packages = _packages(environment, top)
            try:
                toolchain = find(*_project(context, environment, top, sandbox), own=_OWN, packages=packages)
            except ConfigError as error:
                raise PytestUnavailable(error.what, why=redact(error.why), remedy=error.remedy) from error
            return LocalPytestRunner(
                top,
                toolchain,
                sandbox,
                clock,
                seconds_left(),
                base=before(change),
                head=head,
                limits=Limits(),
                redact=redact,
                style_checker=StyleCheck(top, toolchain, sandbox),
                width=min(MAX_PARALLEL, len(os.sched_getaffinity(0)) if sys.platform == "linux" else 1),
            )

        made[change.base, change.head] = cast("PytestRunner", LazyPytestRunner(make, seconds_left))
        return made[change.base, change.head]

    return of


def before(change: Change) -> dict[str, str | None]:
    """The changed files as they were, by path, None for what was not there; without those that were not read."""
    texts: dict[str, str | None] = {}
    for file in change.files:
        was_there = file.kind is not ChangeKind.ADDED
        if was_there and file.old_path in change.old_texts:
            texts[file.old_path] = change.old_texts[file.old_path]
        if file.kind in {ChangeKind.ADDED, ChangeKind.RENAMED, ChangeKind.COPIED} and not file.is_submodule:
            texts.setdefault(file.path, None)
    return texts


def after(change: Change, top: Path) -> dict[str, str]:
    """The changed files whose text in the checkout is another than after the change, as they are after it.

    What is checked out for a pull request is a merge with its base: there, lines may have other numbers than in the
    change. A text that was not read letter for letter is left as it is.
    """
    if change.source is ChangeSource.WORKTREE:
        return {}
    return {
        path: text
        for path, text in change.texts.items()
        if "\ufffd" not in text and _content(top / path) != text.encode("utf-8", "surrogatepass")
    }


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes() if path.is_file() and not path.is_symlink() else None
    except OSError:
        return None


def project_python(context: RunContext, top: Path, environment: Environment) -> Interpreter:
    """The Python that tests would run with, and what it lacks. Raises as a run would, and installs nothing."""
    sandbox = local_sandbox(environment, allow_unsandboxed=context.settings.allow_unsandboxed)
    return preview(*_project(context, environment, top, sandbox), own=_OWN)


def local_sandbox(environment: Environment, *, allow_unsandboxed: bool = False) -> LocalSandbox:
    """The sandbox of this machine, which calls sudo nowhere but on a runner that GitHub hosts."""
    sudo = Path("/usr/bin/sudo") if environment.hosted else None
    return LocalSandbox(scratch=environment.scratch, allow_unsandboxed=allow_unsandboxed, sudo=sudo)


def _project(
    context: RunContext, environment: Environment, top: Path, sandbox: LocalSandbox
) -> tuple[Path, str, TestCommand, Mapping[str, str], LocalSandbox]:
    """By what the project's Python is found."""
    settings = context.settings
    return top, settings.python, read_test_command(settings.test_command), environment.tools, sandbox


def _packages(environment: Environment, top: Path) -> Packages:
    """Where what the project's Python lacks comes from, and a folder of this user's for it."""
    location = environment.scratch or Path(tempfile.gettempdir())
    index = environment.inputs.get("index-url", "") or PYPI
    return Packages(location / f"cicd-agent-overlays-{os.geteuid()}", index, environment.system, trees=(top,))


class LazyPytestRunner:
    """One that is set up when it is first used, and says then what is missing; each time in the same words."""

    def __init__(self, make: Callable[[], PytestRunner], seconds_left: Callable[[], float]) -> None:
        self._make = make
        self._seconds_left = seconds_left

    @property
    def seconds_left(self) -> float:
        return self._seconds_left()

    def without(self, tests: Sequence[str]) -> "LazyPytestRunner":
        """One that is set up no earlier than this one."""
        return LazyPytestRunner(lambda: cast("PytestRunner", self.__getattr__("without")(tests)), self._seconds_left)

    def __getattr__(self, name: str) -> Any:
        if isinstance(self._made, PytestUnavailable):
            raise self._made
        return getattr(self._made, name)

    @cached_property
    def _made(self) -> PytestRunner | PytestUnavailable:
        try:
            return self._make()
        except PytestUnavailable as missing:
            return missing


PATCH_SHARE = 0.5
"""Of the run's time, for trials."""


def patch_testers(
    context: RunContext,
    environment: Environment,
    redact: Callable[[str], str],
    clock: Callable[[], float],
    minutes: float,
) -> Callable[[Change], PatchTester | None]:
    """The patch tester for a change's last commit, None where its files cannot be read at all."""

    def of(change: Change) -> PatchTester | None:
        library, top = _files(context, change), context.top
        if library is None:
            return None
        # After a run of another workflow nothing of its commit is checked out, and nothing of it is to be run.
        is_here = top is not None and context.event.kind is not EventKind.WORKFLOW_RUN
        tools = environment.tools if top is None else trusted(top, environment.tools)
        seconds = minutes * 60 * PATCH_SHARE
        around = patch_surroundings(local_sandbox(environment), clock, seconds, top or Path("/nonexistent"), tools)
        return LocalPatchTester(
            top if top is not None else Path("/"),
            library,
            context.settings.verify_command if is_here else "",
            around,
            parsers=PARSERS,
            denied=path_denier(context.settings.deny_paths),
            redact=redact,
        )

    return of


def patch_surroundings(
    sandbox: Sandbox, clock: Callable[[], float], seconds: float, top: Path, tools: Mapping[str, str]
) -> Surroundings:
    """Where the command that failed is run: with the job's tools, and room for what compiles all of a project."""
    readable, variables = surroundings(tools)
    more, offline = offline_tools(top, tools)
    # A directory of the tree on the PATH is in the copy; seen as it is, it would show .git, which can hold a token.
    readable = tuple(path for path in readable if not top.is_relative_to(path))
    limits = Limits(
        wall_seconds=seconds,
        cpu_seconds=max(120, int(seconds * 4)),
        memory_bytes=4 << 30,
        disk_bytes=4 << 30,
        files=400_000,
        processes=512,
        output_bytes=4 << 20,
    )
    return Surroundings(sandbox, clock, limits, seconds, (*readable, *more), {**offline, **variables})


def _files(context: RunContext, change: Change) -> Library | None:
    """The files of the commit: of the clone, else those that GitHub gives."""
    repository, forge = context.ports.repository, context.ports.forge
    if repository is not None and (not change.head or repository.resolve(change.head) is not None):
        try:
            return repository.library(change)
        except ConfigError:
            return None
    return FetchedLibrary(forge, change.head) if forge is not None and change.head else None
