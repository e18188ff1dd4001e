"""People's remarks are evidence where they stand on the change, little of it, and never in the way."""

from hypothesis import given
from hypothesis import strategies as st

from cicd_agent.domain.events.event import Event, EventKind, PullRequest, Ref
from cicd_agent.domain.events.thread import Remark, Thread
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.repository.diff import Side
from cicd_agent.errors import ForgeRefused
from cicd_agent.modes.protocol import Ports
from cicd_agent.modes.review.evidence import THREADS
from cicd_agent.modes.review.exhibits.discussion import MAX_CHARACTERS, discussion_exhibit
from cicd_agent.modes.review.gather import gather
from cicd_agent.settings.schema import Settings
from tests.support.fakes.ports import FakeForge, FakeRepository
from tests.support.samples.changes import change_of

CHANGE = change_of(("app.py", "import os\n", "import os\nrun(1)\n"), (".env", "", "KEY=1\n"))
EVENT = Event(
    EventKind.PULL_REQUEST,
    pull=PullRequest(7),
    sha=CHANGE.head,
    base=Ref("main", CHANGE.base),
    head=Ref("topic", CHANGE.head),
)


def thread(line: int, *said: str, path: str = "app.py") -> Thread:
    return Thread(f"T{line}", path, line, Side.RIGHT, remarks=tuple(Remark("octocat", text) for text in said))


def gathered(forge: FakeForge | None, **settings: str) -> Evidence:
    base, head = CHANGE.base, CHANGE.head
    repository = FakeRepository(refs={base: base, head: head}, changes={(base, head): CHANGE})
    return gather(EVENT, Ports(repository, forge), Settings.model_validate(settings))


def test_remarks_at_lines_of_the_change_are_one_exhibit() -> None:
    told = discussion_exhibit(
        [thread(2, "Is this\nneeded?", "Yes."), thread(0, "old"), thread(9, "elsewhere")], CHANGE.files
    )
    assert told is not None
    assert told.text.split("\n") == ["app.py:2 (RIGHT): Is this needed?", "app.py:2 (RIGHT): Yes."]
    assert told.priority == 0


def test_without_remarks_there_is_no_exhibit() -> None:
    assert discussion_exhibit([], CHANGE.files) is None
    assert discussion_exhibit([thread(2), thread(2, " \n ")], CHANGE.files) is None


@given(st.lists(st.text(max_size=500), max_size=15))
def test_it_is_small_whatever_was_said(said: list[str]) -> None:
    told = discussion_exhibit([thread(2, *said)], CHANGE.files)
    assert told is None or len(told.text) <= MAX_CHARACTERS + 50
    assert (told is None) == (not any(text.split() for text in said))


def test_what_does_not_fit_is_counted() -> None:
    told = discussion_exhibit([thread(2, *["x" * 390] * 20)], CHANGE.files)
    assert told is not None
    assert told.text.endswith("\n[11 more remarks are not shown]")


def test_gathering_reads_the_threads_and_shows_what_people_said() -> None:
    said = [thread(2, "Is this needed?"), thread(1, "a secret", path=".env")]
    evidence = gathered(FakeForge(discussed={7: said}, notes=("only the first",)))
    assert evidence[THREADS] == tuple(said)
    assert [exhibit.text for exhibit in evidence.exhibits] == ["app.py:2 (RIGHT): Is this needed?"]
    assert "only the first" in [gap.why for gap in evidence.gaps]


def test_a_refusal_is_a_gap_and_no_failure() -> None:
    forge = FakeForge(refusals={"threads": ForgeRefused("GitHub refused to list the review threads", status=403)})
    evidence = gathered(forge)
    assert evidence[THREADS] == ()
    (gap,) = (gap for gap in evidence.gaps if "threads" in gap.why)
    assert gap.why == "the threads of earlier reviews were not read: GitHub refused to list the review threads"


def test_nobody_is_asked_where_nothing_may_be_said() -> None:
    forge = FakeForge()
    gathered(forge, comment="off")
    assert forge.calls == []
    assert gathered(None)[THREADS] == ()
