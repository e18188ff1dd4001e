"""`cicd-agent affected-tests`: the tests that a change can reach, for pytest to take, and the map that tells them."""

import json
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import click

from cicd_agent.adapters.files import write_file
from cicd_agent.analysis.test_selection.map_builder import build_map
from cicd_agent.analysis.test_selection.proof import dump as dump_proof
from cicd_agent.analysis.test_selection.proof import extended
from cicd_agent.analysis.test_selection.proof import shadow as compare
from cicd_agent.analysis.test_selection.selection import Selection
from cicd_agent.analysis.test_selection.test_map import TestMap, dump
from cicd_agent.app.console import Console
from cicd_agent.app.context import RunContext, prepare
from cicd_agent.app.session import Session
from cicd_agent.app.test_map_loader import (
    arguments,
    changed_since,
    choose,
    map_path,
    proof_path,
    python_version,
    read_map,
    read_proof,
    write_beside,
)
from cicd_agent.app.test_runner import pytest_runners
from cicd_agent.cli.options import command, format_option, input_option, out_option, repo_dir_option
from cicd_agent.domain.ports.forge import Repository
from cicd_agent.domain.ports.test_runner import PytestRunner, PytestUnavailable
from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.repository.library import EntryKind
from cicd_agent.domain.text.visible import visible_line
from cicd_agent.domain.text.words import count
from cicd_agent.domain.trials.test_run import PytestRun
from cicd_agent.errors import ConfigError, Exit
from cicd_agent.settings.schema import minutes

_MAX_TEXT = 2_000_000
_SHOWN = 20

Test = Callable[[RunContext], Callable[[Change], PytestRunner | None]]


@dataclass(frozen=True, slots=True)
class _Choice:
    """What was chosen for a change, by the map at `location`."""

    selection: Selection
    test_map: TestMap | None
    change: Change
    location: Path
    top: Path


@command
@repo_dir_option()
@click.option("--base", metavar="REF", help="the change is what is not in REF yet")
@click.option("--head", metavar="REF", help="the commit it ends in (default: HEAD and uncommitted work)")
@click.option(
    "--map",
    "map_file",
    metavar="FILE",
    help="the test map (default: test-map.json in `cache-dir`, else in .cicd-agent)",
)
@click.option("--record", is_flag=True, help="run all tests, and make the map of what each of them used")
@click.option("--shadow", is_flag=True, help="run all tests, and print what the choice would have missed")
@format_option(text="text: arguments for pytest, one a line; json for a program")
@out_option("where to write that (default: standard output)")
@input_option()
def affected_tests(
    session: Session,
    *,
    record: bool,
    shadow: bool,
    map_file: str = "",
    out: str = "",
    runners: Test | None = None,
) -> int:
    options, console = session.options, session.console
    if not (options.base or record):
        raise ConfigError("there is nothing to compare with", remedy="Say `--base main`, or --record to make the map")
    if record and (options.base or options.head or shadow):
        raise ConfigError("--record makes the map of what is checked out", remedy="Give it alone")
    if shadow and options.head:
        raise ConfigError("--shadow runs what is checked out", remedy="Leave --head out")
    based = options if options.base else replace(options, base="HEAD")
    with ExitStack() as closing:
        context = prepare(None, based, session.environment, Path.cwd(), closing=closing)
        repository, top = context.ports.repository, context.top
        if repository is None or top is None:
            raise ConfigError("there is no checkout", remedy="Give --repo-dir")
        for notice in context.notices:
            console.warn(notice)
        base, head = context.event.base.sha, context.event.head.sha
        change = changed_since(repository, base, head)
        location = map_path(map_file, context.settings, top)
        pytest_runner = (runners or partial(_pytest_runners, session))(context)(change)
        if record:
            return _record(repository, change, pytest_runner, location, console)
        test_map = read_map(location, top, change, console.warn)
        selection = choose(repository, change, head, test_map, lambda: python_version(pytest_runner, console.warn))
        if shadow:
            return _shadow(_Choice(selection, test_map, change, location, top), repository, pytest_runner, session)
        _print(selection, session, out)
    return Exit.OK


def _pytest_runners(session: Session, context: RunContext) -> Callable[[Change], PytestRunner | None]:
    limit = minutes(context.settings, "gen-tests")
    session.limit(limit * 60)
    return pytest_runners(context, session.environment, session.console.redact, session.elapsed, limit)


def _print(selection: Selection, session: Session, out: str) -> None:
    """The arguments for pytest, one a line, or all that is known as JSON; what was decided and why as warnings."""
    console = session.console
    is_json = session.options.format == "json"
    for note in selection.notes[:_SHOWN]:
        console.warn(f"not counted: {note}")
    if selection.run_all:
        _list([f"every test runs: {reason}" for reason in selection.run_all], console)
    else:
        chosen = (*selection.files, *selection.tests)
        _list([f"{each}: {selection.because[each]}" for each in chosen], console)
        run = " and ".join(
            count(len(those), noun) for those, noun in ((selection.files, "file"), (selection.tests, "test")) if those
        )
        console.warn(f"{run or 'no test'} to run, {count(selection.skipped, 'test')} of the map not")
    if is_json:
        text = json.dumps(document(selection), indent=1) + "\n"
    else:
        text = "".join(f"{line}\n" for line in arguments(selection))
    if out:
        try:
            write_file(Path.cwd() / out, text)
        except (OSError, ValueError) as error:
            raise ConfigError(f"{out} cannot be written", why=str(error), remedy="Give another path") from None
    elif is_json:
        console.print_json(text)
    elif text:
        console.print(text)


def document(selection: Selection) -> dict[str, object]:
    """The selection as JSON: `tests` is none, affected or full; `select` are arguments for pytest."""
    return {
        "version": 1,
        "tests": selection.scope,
        "select": [*selection.files, *selection.tests],
        "run_all": list(selection.run_all),
        "because": dict(selection.because),
        "skipped": selection.skipped,
        "notes": list(selection.notes),
    }


def _list(lines: list[str], console: Console) -> None:
    for line in lines[:_SHOWN]:
        console.warn(visible_line(line))
    if len(lines) > _SHOWN:
        console.warn(f"and {len(lines) - _SHOWN:,} more")


def _record(
    repository: Repository, change: Change, pytest_runner: PytestRunner | None, location: Path, console: Console
) -> int:
    if change.files:
        names = ", ".join(visible_line(file.path) for file in change.files[:3])
        why = f"uncommitted: {names}{' and more' if len(change.files) > 3 else ''}"  # noqa: PLR2004  a line's room
        raise ConfigError("a test map is made of a commit", why=why, remedy="Commit it, or let git ignore it")
    pytest_runner = _required(pytest_runner)
    texts = _texts(repository, change)
    (result,) = pytest_runner.run([PytestRun("traced", traced=True, seconds=_share(pytest_runner, 0.9))])
    test_map = build_map(result, texts, change.base, pytest_runner.interpreter.version)
    if not test_map.tests:
        raise ConfigError("pytest has found no tests", remedy="Run it in this folder to see why")
    write_beside(location, dump(test_map))
    tests, red = count(len(test_map.tests), "test"), count(len(result.failed), "test")
    unseen = count(sum(1 for test in test_map.tests.values() if test.unseen), "test")
    console.warn(
        f"{location}: {tests} of {test_map.commit[:12]}, {red} red, {unseen} that cannot be traced; "
        f"{result.seconds:.1f} s"
    )
    return Exit.OK


def _required(pytest_runner: PytestRunner | None) -> PytestRunner:
    if pytest_runner is None:
        raise PytestUnavailable("the tests cannot be run here", remedy="Check the commit out, and start again")
    return pytest_runner


def _share(pytest_runner: PytestRunner, share: float) -> float:
    return max(pytest_runner.seconds_left * share, 1.0)


def _texts(repository: Repository, change: Change) -> Mapping[str, str]:
    """Every Python file of the commit; one that is too large or no text is not known to the map."""
    library = repository.library(change)
    files = [
        entry
        for entry in library.entries.values()
        if entry.kind is EntryKind.FILE and entry.path.endswith(".py") and 0 <= entry.size <= _MAX_TEXT
    ]
    contents = zip(files, library.contents(files), strict=True)
    return {entry.path: content.decode("utf-8", "replace") for entry, content in contents}


def _shadow(choice: _Choice, repository: Repository, pytest_runner: PytestRunner | None, session: Session) -> int:
    """Run everything, print what would have come of running only what was selected, and keep that as a proof."""
    console = session.console
    pytest_runner = _required(pytest_runner)
    (result,) = pytest_runner.run([PytestRun("shadow", seconds=_share(pytest_runner, 0.9))])
    if not result.completed:
        why = result.problem or "the run did not come to its end"
        raise ConfigError("the suite could not be run", why=why, remedy="Run it by itself, and fix that")
    selection = choice.selection
    shadowed = compare(selection, choice.test_map, result)
    _list([f"every test runs: {reason}" for reason in selection.run_all], console)
    if not selection.run_all:
        # Where everything would have run, nothing was there to be missed: that says nothing about the map.
        known = read_proof(choice.location, choice.top, choice.change, console.warn)
        proof = extended(known, shadowed, commit=repository.resolve("HEAD") or "", tree=choice.change.tree)
        write_beside(proof_path(choice.location), dump_proof(proof))
        console.warn(proof.summary)
    if session.options.format == "json":
        console.print_json(json.dumps({**document(selection), "shadow": asdict(shadowed)}, indent=1))
    else:
        console.print(shadowed.summary)
    return Exit.OK
