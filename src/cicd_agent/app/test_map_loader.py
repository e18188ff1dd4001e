"""The test map and its proof where an earlier run has left them, and which tests a change can reach by them."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from cicd_agent.adapters.files import read_file, write_file
from cicd_agent.analysis.test_selection import proof as affected_proof
from cicd_agent.analysis.test_selection.proof import Proof
from cicd_agent.analysis.test_selection.selection import Selection, affected
from cicd_agent.analysis.test_selection.test_map import MAX_BYTES, TestMap, load
from cicd_agent.app.context import RunContext
from cicd_agent.app.run_folder import HIDDEN
from cicd_agent.domain.ports.forge import Repository
from cicd_agent.domain.ports.test_runner import PytestRunner, PytestUnavailable
from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.trials.test_run import AffectedTests
from cicd_agent.errors import ConfigError
from cicd_agent.settings.schema import Settings

MAP: Final = "test-map.json"
NOTHING: Final = "--collect-only"
"""What pytest is given when no test has to run: without an argument it would run them all."""

Warn = Callable[[str], None]


def map_path(named: str, settings: Settings, top: Path) -> Path:
    """Where the test map lies: as `named`, else in `cache-dir`, else in a folder that git does not see."""
    if named:
        return Path.cwd() / named
    if settings.cache_dir:
        return Path.cwd() / Path(settings.cache_dir).expanduser() / MAP
    return top / HIDDEN / MAP


def proof_path(location: Path) -> Path:
    return location.with_name(f"{location.stem}.proof.json")


def read_map(location: Path, top: Path, change: Change, warn: Warn) -> TestMap | None:
    """The map, None with a warning when there is none that may be used."""
    if not _is_trusted(location, top, change, "a test map", warn):
        return None
    if not location.exists():
        warn(f"there is no test map at {location}: make it with `affected-tests --record`")
        return None
    try:
        return load(read_file(location, "the test map", MAX_BYTES))
    except ConfigError as error:
        warn(str(error))
        return None


def read_proof(location: Path, top: Path, change: Change, warn: Warn) -> Proof:
    """The proof of the map at `location`; an empty one, with a warning where that is no good news."""
    path = proof_path(location)
    if not path.exists() or not _is_trusted(path, top, change, "the proof of a test map", warn):
        return Proof()
    try:
        return affected_proof.load(read_file(path, "the proof of the test map", affected_proof.MAX_BYTES))
    except ConfigError as error:
        warn(str(error))
        return Proof()


def _is_trusted(location: Path, top: Path, change: Change, what: str, warn: Warn) -> bool:
    tracked = {*change.paths, *(file.old_path for file in change.files)}
    for path in (location, location.resolve()):
        below = path.relative_to(top) if path.is_relative_to(top) else Path()
        if {str(below), *map(str, below.parents)} & tracked:
            # Whoever writes a change would say which tests it needs.
            warn(f"{below} is a file of the repository, which a change can bring: it is not used as {what}")
            return False
    return True


def write_beside(location: Path, text: str) -> None:
    """Put the map, or its proof, in its location. Raises ConfigError."""
    try:
        if location.parent.name == HIDDEN:
            if location.parent.is_symlink():
                raise ConfigError(f"{location.parent} is a link, perhaps the change's own", remedy="Give --map")
            location.parent.mkdir(exist_ok=True)
            write_file(location.parent / ".gitignore", "*\n")
        location.parent.mkdir(parents=True, exist_ok=True)
        write_file(location, text, mode=0o600)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{location} cannot be written", why=str(error), remedy="Give --map") from None


def changed_since(repository: Repository, base: str, head: str) -> Change:
    return repository.change(base, head) if head else repository.uncommitted(base)


def choose(
    repository: Repository, change: Change, head: str, test_map: TestMap | None, python: Callable[[], str]
) -> Selection:
    """The tests that a change can reach. Raises ConfigError when git does not know what has changed since the map."""
    since = change
    if test_map is not None and test_map.commit != change.base:
        if repository.resolve(test_map.commit) is None:
            reason = f"the test map was made at {test_map.commit[:12]}, which this clone does not have"
            return Selection(run_all=(reason,))
        since = changed_since(repository, test_map.commit, head)
    return affected(test_map, change, since, python() if test_map is not None else "")


def python_version(pytest_runner: PytestRunner | None, warn: Warn) -> str:
    """Of the Python that runs the tests, "" with a warning when that is not to be found."""
    try:
        return pytest_runner.interpreter.version if pytest_runner is not None else ""
    except PytestUnavailable as error:
        warn(str(error))
        return ""


def arguments(selection: Selection) -> tuple[str, ...]:
    return () if selection.run_all else (*selection.files, *selection.tests) or (NOTHING,)


def reach(
    context: RunContext, pytest_runner: Callable[[Change], PytestRunner | None]
) -> Callable[[Change], AffectedTests | None]:
    """What tells the tests that a change can reach: None where no earlier run has left a map that may be used."""

    def tests(change: Change) -> AffectedTests | None:
        repository, top = context.ports.repository, context.top
        if repository is None or top is None:
            return None
        location = map_path("", context.settings, top)
        notes: list[str] = []
        test_map = read_map(location, top, change, notes.append)
        if test_map is None:
            return AffectedTests(run_all=tuple(notes)) if location.exists() else None
        try:
            chosen = choose(
                repository,
                change,
                change.head,
                test_map,
                lambda: python_version(pytest_runner(change), notes.append),
            )
        except ConfigError as error:
            return AffectedTests(run_all=(str(error),))
        proof = read_proof(location, top, change, notes.append)
        return AffectedTests(arguments(chosen), chosen.run_all, chosen.skipped, proof.holds, proof.summary)

    return tests
