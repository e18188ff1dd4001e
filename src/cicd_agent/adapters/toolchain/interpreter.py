"""Finds the Python that a project's tests run with, and sees to it that pytest, coverage and Hypothesis are there."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cicd_agent.adapters.toolchain.import_roots import project_name, pyproject, roots
from cicd_agent.adapters.toolchain.location import ENVIRONMENTS, Location, locate, view
from cicd_agent.adapters.toolchain.overlay import NotInstalled, Packages, overlay
from cicd_agent.adapters.toolchain.probe import InterpreterInfo, probe
from cicd_agent.analysis.python_tests.test_command import TestCommand
from cicd_agent.domain.ports.test_runner import Interpreter, PytestUnavailable
from cicd_agent.domain.trials.sandbox import Sandbox

NEEDED = ("pytest", "coverage")
"""Without these no test can be judged."""
WANTED = (*NEEDED, "hypothesis")

_HIDING = {"poetry": "$(poetry env info --executable)", "hatch": "$(hatch env find)/bin/python"}
"""Tools that keep environments where only they know, and how they say it."""
_OTHER_ENVIRONMENTS = (".tox", ".nox")


@dataclass(frozen=True, slots=True)
class Toolchain:
    """`overlay` is a directory of packages that the interpreter lacks, found after its own; None when it lacks none.

    `readable` are the directories that the sandbox has to show (the interpreter's, its environment's, the overlay),
    `environment` is what the runs get beside the sandbox's own. `path_entry` says whether the test command puts the top
    of the tree on the module path, as `python -m pytest` does and `pytest` does not. `roots` are directories of the
    tree, by path from its top ("." is the top), that a session puts first on the module path, in this order: what an
    editable installation would find in the checkout has to be found in the copy. `without` are names at the top of the
    tree that are not copied: virtual environments, of which the interpreter's own is readable where it is.
    """

    interpreter: Interpreter
    python: Path
    overlay: Path | None = None
    readable: tuple[Path, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()
    """Of the test command, after `pytest`."""
    path_entry: bool = True
    roots: tuple[str, ...] = ()
    without: tuple[str, ...] = ()


def find(
    top: Path,
    given: str,
    command: TestCommand,
    variables: Mapping[str, str],
    sandbox: Sandbox,
    *,
    own: Path,
    packages: Packages,
) -> Toolchain:
    """The project's toolchain. Raises PytestUnavailable, with the remedy, where there is none.

    `given` is the setting `python`, `variables` are those of the job that say where its tools are, `own` is the
    environment that this process runs in.
    """
    result, readable, environment, info = _examined(top, given, command, variables, sandbox, own)
    lacking = [name for name in WANTED if name not in info.versions]
    added, lacks = _added(result, info, lacking, packages)
    return Toolchain(
        Interpreter(str(result.python), info.number, _provided(info), lacks),
        result.python,
        added,
        (*readable, added) if added else readable,
        {**environment, **command.environment},
        command.arguments,
        command.path_entry,
        roots(top, pyproject(top), info),
        tuple(_uncopied(top, result)),
    )


def preview(
    top: Path, given: str, command: TestCommand, variables: Mapping[str, str], sandbox: Sandbox, *, own: Path
) -> Interpreter:
    """The project's Python as it is, `lacks` being what `find` would add. Raises as `find` does; adds nothing."""
    result, _, _, info = _examined(top, given, command, variables, sandbox, own)
    lacking = tuple(name for name in WANTED if name not in info.versions)
    return Interpreter(str(result.python), info.number, _provided(info), lacking)


def _provided(info: InterpreterInfo) -> dict[str, str]:
    return {name: version for name, version in info.versions.items() if name in WANTED}


def _examined(  # noqa: PLR0917  as its callers were given them
    top: Path, given: str, command: TestCommand, variables: Mapping[str, str], sandbox: Sandbox, own: Path
) -> tuple[Location, tuple[Path, ...], dict[str, str], InterpreterInfo]:
    """The interpreter, what has to be readable for it, its environment, and what it reports."""
    result = locate(top, given or command.python, variables, own)
    readable, environment = view(top, result, variables)
    info = probe(result.python, sandbox, readable, environment, requested=WANTED, name=project_name(pyproject(top)))
    # Where a tool hides the project's environment, a Python of the machine is not the one that was meant.
    how = _HIDING.get(command.runner)
    if how is not None and "pytest" not in info.versions:
        raise PytestUnavailable(
            f"the environment of `{command.runner}` is not found",
            why=f"`{result.python}` has no pytest",
            remedy=f"Name its interpreter with `python`, as `{how}` prints it",
        )
    return result, readable, environment, info


def _added(
    result: Location, info: InterpreterInfo, lacking: list[str], packages: Packages
) -> tuple[Path | None, tuple[str, ...]]:
    """The overlay with what is lacking, and what could not be had."""
    if not lacking:
        return None, ()
    try:
        return overlay(info, lacking, packages), ()
    except NotInstalled as failure:
        missing = [name for name in NEEDED if name in lacking]
        if not missing:
            return None, tuple(lacking)
        raise PytestUnavailable(
            f"`{result.python}` has no {' and no '.join(missing)}",
            why=str(failure),
            remedy="Install pytest and coverage in the job, or allow the package index",
        ) from failure


def _uncopied(top: Path, result: Location) -> list[str]:
    """Environments at the top of the tree: that of the interpreter is readable in place, the others serve nothing."""
    names = {*_OTHER_ENVIRONMENTS, *ENVIRONMENTS}
    if result.inside and result.python.parent.parent.name == result.inside:
        names.add(result.inside)
    return sorted(name for name in names if name in _OTHER_ENVIRONMENTS or (top / name / "pyvenv.cfg").is_file())
