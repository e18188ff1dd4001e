"""Which look-ups a change has: all of them in a checkout of its commit, else the diff alone and the reason."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import pytest

from cicd_agent.agent.tools.tool import NoSuchThing
from cicd_agent.agent.tools.visible_files import VisibleFiles
from cicd_agent.domain.events.event import Event, EventKind, Ref
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.repository.change import ChangeSource
from cicd_agent.domain.repository.diff import ChangeKind, FileDiff
from cicd_agent.modes.protocol import Ports
from cicd_agent.modes.shared.change_reader import change_tools, is_hidden, showable
from cicd_agent.settings.schema import Settings
from tests.support.fakes.library import FakeLibrary
from tests.support.fakes.ports import FakeForge, FakeRepository
from tests.support.samples.changes import change_of

HEAD = "h" * 40
CHANGE = change_of(("app.py", "old()\n", "new()\n"), (".env", None, "KEY=1\n"))
EVENT = Event(EventKind.PULL_REQUEST, base=Ref("main", "b" * 40), head=Ref("topic", HEAD))
EVIDENCE = Evidence(EVENT, CHANGE)
LIBRARY = FakeLibrary({"app.py": "new()\n", ".env": "KEY=1\n"})


def names(evidence: Evidence, world: Ports, event: Event = EVENT) -> tuple[list[str], str]:
    tools, limit = change_tools(evidence, event, world, Settings())
    return [tool.name for tool in tools], limit


def test_in_a_checkout_everything_can_be_looked_up_but_what_is_denied() -> None:
    world = Ports(FakeRepository(refs={"topic": HEAD}, shelves={HEAD: LIBRARY}))
    tools, limit = change_tools(EVIDENCE, EVENT, world, Settings())
    assert (len(tools), limit) == (5, "")
    read = tools[0]
    with pytest.raises(NoSuchThing, match="deny-paths"):
        read.run(read.arguments.model_validate({"path": ".env", "first_line": 1, "last_line": None}))


def test_look_ups_have_a_library_and_no_forge() -> None:
    forge = FakeForge()
    world = Ports(FakeRepository(refs={"topic": HEAD}, shelves={HEAD: LIBRARY}), forge)
    tools, _ = change_tools(EVIDENCE, EVENT, world, Settings())
    held = [each for tool in tools for each in closure(tool.run)]
    assert LIBRARY in [shelf.library for shelf in held if isinstance(shelf, VisibleFiles)]
    assert [one for one in held if one is forge or one is world or one is world.repository] == []


def closure(function: Callable[..., object]) -> Iterator[object]:
    """All that a function holds, and what the functions in it hold."""
    values = [cell.cell_contents for cell in getattr(function, "__closure__", None) or ()]
    if isinstance(function, partial):
        values += [function.func, *function.args, *function.keywords.values()]
    for value in values:
        yield value
        if callable(value):
            yield from closure(value)


@pytest.mark.parametrize(
    ("world", "why"),
    [
        (Ports(), "there is no checkout"),
        (Ports(FakeRepository()), "not of the event's commit"),
        (Ports(FakeRepository(refs={"topic": HEAD})), "cannot be had"),
    ],
)
def test_where_the_commit_is_not_there_the_diff_alone_can_be_looked_up(world: Ports, why: str) -> None:
    tools, limit = names(EVIDENCE, world)
    assert tools == ["file_diff"]
    assert limit.startswith("the model could look up nothing but the diff")
    assert why in limit


def test_evidence_of_another_commit_than_the_jobs_opens_nothing() -> None:
    other = "o" * 40
    world = Ports(FakeRepository(refs={"topic": HEAD, "other": other}, shelves={other: LIBRARY, HEAD: LIBRARY}))
    forged = Evidence(EVENT, replace(CHANGE, head=other))
    tools, limit = names(forged, world)
    assert tools == ["file_diff"]
    assert "not of the event's commit" in limit


def test_evidence_without_a_change_has_no_look_ups() -> None:
    assert names(Evidence(EVENT), Ports()) == ([], "")


def test_uncommitted_work_is_looked_up_as_it_is() -> None:
    work = replace(CHANGE, head="", source=ChangeSource.WORKTREE)
    event = Event(EventKind.LOCAL, base=Ref("main", "b" * 40))
    tools, limit = names(Evidence(event, work), Ports(FakeRepository(shelves={"": LIBRARY})), event)
    assert (len(tools), limit) == (5, "")


MOVED = FileDiff("notes.txt", "conf/.ENV", ChangeKind.RENAMED)
COVER = FileDiff("conf/secrets.yml", "conf/plain.yml", ChangeKind.RENAMED)


@pytest.mark.parametrize("ignored", [(), ("**", "!conf/**", "!*.txt")])
def test_neither_name_of_a_file_opens_what_the_other_closes(ignored: tuple[str, ...]) -> None:
    change = replace(CHANGE, files=(*CHANGE.files, MOVED, COVER, FileDiff("b.txt", "b.txt", ChangeKind.MODIFIED)))
    settings = Settings(paths_ignore=ignored)
    assert [file.path for file in showable(change, settings)] == [*(() if ignored else ("app.py",)), "b.txt"]
    hidden = [is_hidden(path, change, settings) for path in ("notes.txt", "conf/.ENV", "conf/plain.yml", "b.txt")]
    assert hidden == [True, True, True, False]
