from dataclasses import replace

import pytest

from cicd_agent.domain.events.event import Event, EventKind, PullRequest, Ref
from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.repository.diff import ChangeKind, FileDiff
from cicd_agent.domain.repository.history import Past, PastCommit
from cicd_agent.errors import ForgeRefused
from cicd_agent.modes.protocol import Ports
from cicd_agent.modes.route.evidence import ROUTE_EVIDENCE, RouteEvidence
from cicd_agent.modes.route.gather import gather
from cicd_agent.settings.schema import Settings
from tests.modes.route.routing import BASE, CODE, HEAD, PROVED, PUSH
from tests.support.fakes.ports import FakeForge, FakeRepository
from tests.support.samples.changes import change_of

CHANGE = change_of(CODE)
PAST = Past((PastCommit("p" * 40, 1_000, "a", "Begin", ("src/app/api.py",), ((1, 0),)),))
PULL = replace(PUSH, kind=EventKind.PULL_REQUEST, name="pull_request", pull=PullRequest(7))


def repository(change: Change = CHANGE, past: Past = PAST) -> FakeRepository:
    return FakeRepository({"main": BASE, "topic": HEAD, "HEAD": HEAD}, {("", HEAD): change}, change, pasts={HEAD: past})


def doubts(event: Event = PUSH, world: Ports | None = None) -> tuple[str, ...]:
    found = gather(event, world or Ports(repository()), Settings())
    assert found.get(ROUTE_EVIDENCE) is not None
    return found[ROUTE_EVIDENCE].doubts


@pytest.mark.parametrize(
    "kind", [EventKind.PUSH, EventKind.PULL_REQUEST, EventKind.PULL_REQUEST_TARGET, EventKind.MERGE_GROUP]
)
def test_a_change_that_is_known_with_its_history_leaves_no_doubt(kind: EventKind) -> None:
    found = gather(replace(PUSH, kind=kind), Ports(repository()), Settings())
    assert found.change == CHANGE
    assert found.history is not None
    assert found.get(ROUTE_EVIDENCE) == RouteEvidence()


def test_uncommitted_work_is_routed_too() -> None:
    event = Event(EventKind.LOCAL, base=Ref("main", BASE))
    assert doubts(event, Ports(repository(replace(CHANGE, head="")))) == ()


def test_a_new_branch_is_compared_with_the_default_branch() -> None:
    world = Ports(FakeRepository({"main": BASE, "topic": HEAD}, {(BASE, HEAD): CHANGE}, pasts={HEAD: PAST}))
    assert gather(replace(PUSH, base=Ref("topic")), world, Settings()).change == CHANGE


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (replace(PUSH, kind=EventKind.WORKFLOW_DISPATCH), "a workflow_dispatch names no commit to compare with"),
        (replace(PUSH, kind=EventKind.SCHEDULE, name="schedule"), "the event schedule is unknown to routing"),
        (replace(PUSH, kind=EventKind.OTHER, name="gollum"), "the event gollum is unknown to routing"),
        (replace(PUSH, head=Ref("gone")), "the event names no commit (a branch or tag was deleted)"),
    ],
)
def test_an_event_without_a_change_is_a_doubt(event: Event, words: str) -> None:
    found = gather(event, Ports(repository()), Settings())
    assert (found.change, found.get(ROUTE_EVIDENCE)) == (None, RouteEvidence((words,)))


def test_what_cannot_be_read_is_a_doubt_with_its_remedy() -> None:
    (doubt,) = doubts(world=Ports(FakeRepository({"main": BASE}, missing="it is shallow")))
    assert doubt.startswith("the change could not be read: the commits of this change are not in this clone")
    assert "fetch-depth: 0" in doubt
    forge = FakeForge(refusals={"files": ForgeRefused("GitHub refused to list the files", why="403")})
    (doubt,) = doubts(PULL, Ports(None, forge))
    assert "GitHub refused to list the files (403)" in doubt


def test_a_shallow_clone_is_a_doubt() -> None:
    assert doubts(world=Ports(repository(past=replace(PAST, shallow=True)))) == (
        "the history is shallow: set `fetch-depth: 0` on actions/checkout",
    )


def test_limits_of_the_history_are_gaps() -> None:
    found = gather(PUSH, Ports(repository(past=replace(PAST, limits=("only 3 were read",)))), Settings())
    assert "only 3 were read" in [gap.why for gap in found.gaps]


def test_a_change_from_the_api_is_a_doubt_and_so_is_its_history() -> None:
    forge = FakeForge(diffs={7: CHANGE.files})
    first, second = doubts(PULL, Ports(None, forge))
    assert first.startswith("not all of the change is known: read from the API instead of git")
    assert second == "the history is not known: the history of the touched files: there is no checkout"


@pytest.mark.parametrize(
    ("file", "words"),
    [
        (
            FileDiff("a.py", "a.py", ChangeKind.MODIFIED, omitted="too large"),
            "the diff of a.py was not read: too large",
        ),
        (FileDiff("a.so", "a.so", ChangeKind.MODIFIED, binary=True, omitted="binary"), "the diff of a.so was not read"),
        (
            FileDiff("lib", "lib", ChangeKind.MODIFIED, new_mode="160000"),
            "what is in a submodule is not looked at: lib",
        ),
    ],
)
def test_what_was_not_read_of_the_diff_is_a_doubt(file: FileDiff, words: str) -> None:
    (doubt,) = doubts(world=Ports(repository(replace(CHANGE, files=(file,)))))
    assert doubt.startswith(words)


def test_a_picture_that_is_only_looked_at_is_none() -> None:
    picture = FileDiff("docs/a.png", "docs/a.png", ChangeKind.ADDED, binary=True, omitted="binary")
    assert doubts(world=Ports(repository(replace(CHANGE, files=(picture,))))) == ()


@pytest.mark.parametrize(
    ("note", "is_doubt"),
    [
        ("diff left out as too large: a.py", True),
        ("2 merge bases; compared with b", True),
        ("commit list cut at 250", False),
        ("not UTF-8, bytes replaced: a.py", False),
    ],
)
def test_notes_that_say_that_the_diff_is_not_whole_are_doubts(note: str, *, is_doubt: bool) -> None:
    expected = (f"not all of the change is known: {note}",) if is_doubt else ()
    assert doubts(world=Ports(repository(replace(CHANGE, notes=(note,))))) == expected


def test_a_configuration_that_is_not_in_force_is_a_doubt() -> None:
    problem = "line 3: unknown key `area`."
    assert doubts(world=Ports(repository(), problems=(problem,))) == (
        "not all of the configuration is in force: line 3: unknown key `area`",
    )
    assert len(doubts(replace(PUSH, kind=EventKind.OTHER), Ports(problems=(problem,)))) == 2


def test_the_tests_that_the_change_can_reach_are_asked_for_where_somebody_can_tell() -> None:
    found = gather(PUSH, Ports(repository(), reach=lambda change: PROVED if change is CHANGE else None), Settings())
    assert found.get(ROUTE_EVIDENCE) == RouteEvidence(affected=PROVED)
