"""What is read of a change's past and of what was learnt: at the head the one, at the base the other."""

from dataclasses import replace
from typing import Any

import pytest

from cicd_agent.domain.events.event import Event, EventKind, Ref
from cicd_agent.domain.repository.change import Change, ChangeSource, Commit
from cicd_agent.domain.repository.history import COUNTED, Past, PastCommit
from cicd_agent.domain.repository.risk_file import MAX_BYTES, RISK_FILE, RiskFile
from cicd_agent.domain.verdict import RiskLevel
from cicd_agent.errors import ConfigError, ForgeRefused
from cicd_agent.modes.protocol import Ports
from cicd_agent.modes.shared.risk_history import NO_PAST, read_past
from cicd_agent.settings.schema import Settings
from tests.support.fakes.ports import FakeForge, FakeRepository
from tests.support.samples.changes import change_of

HEAD, BASE = "a" * 40, "b" * 40
EVENT = Event(EventKind.PULL_REQUEST, default_branch="main", base=Ref("main", BASE), head=Ref("topic", HEAD))
CHANGE = replace(change_of(("app.py", "old()\n", "new()\n")), head=HEAD, commits=(Commit(HEAD, "Change it"),))
PAST = Past(
    (
        PastCommit(HEAD, 86_400 * 9, "ann", "Change it", ("app.py",), ((1, 1),)),
        PastCommit("c" * 40, 86_400 * 5, "ann", "Work", ("app.py",), ((1, 1),)),
    )
)
LEARNT = RiskFile(labels=200, thresholds=(10, 20, 30))


def repository(**files: Any) -> FakeRepository:
    blobs = {(sha, RISK_FILE): content for sha, content in ((BASE, files.get("base")), (HEAD, files.get("head")))
             if content is not None}  # fmt: skip
    return FakeRepository(refs={"HEAD": HEAD, "main": BASE}, blobs=blobs, pasts={HEAD: PAST})


def test_the_past_is_that_of_the_head_and_what_was_learnt_that_of_the_base() -> None:
    own = RiskFile(thresholds=(98, 99, 100)).model_dump_json().encode()
    world = Ports(repository(base=LEARNT.model_dump_json().encode(), head=own), now=lambda: 86_400.0 * 10)
    history, learnt, gaps = read_past(CHANGE, world, Settings(), EVENT)
    assert history is not None
    assert (history.commits, history.experience.age, history.experience.commits) == (1, 5, 1)
    assert (learnt, gaps) == (LEARNT, ())


def test_a_pull_request_cannot_bring_what_was_learnt() -> None:
    world = Ports(repository(head=LEARNT.model_dump_json().encode()))
    assert read_past(CHANGE, world, Settings(), EVENT)[1:] == (None, ())


def test_without_a_clock_the_newest_commit_says_what_time_it_is() -> None:
    old = PastCommit("d" * 40, 0, "bob", "Fix it", ("app.py",), ((1, 1),))
    newest = replace(PAST.commits[0], when=86_400 * 91)
    world = Ports(replace(repository(), pasts={HEAD: Past((newest, PAST.commits[1], old))}))
    history, _, _ = read_past(CHANGE, world, Settings(), EVENT)
    assert history is not None
    assert (history.experience.age, history.troubles) == (86, ())


def test_uncommitted_work_follows_what_is_checked_out() -> None:
    work = Change(BASE, "", ChangeSource.WORKTREE, CHANGE.files)
    history, _, _ = read_past(work, Ports(repository()), Settings(), EVENT)
    assert history is not None
    assert (history.commits, history.experience.age) == (2, 0)


def test_without_the_head_the_past_is_that_of_the_base() -> None:
    before = Past(PAST.commits[1:])
    world = Ports(FakeRepository(refs={"main": BASE}, pasts={BASE: before}))
    history, _, gaps = read_past(replace(CHANGE, base=BASE), world, Settings(), EVENT)
    assert history is not None
    assert (history.commits, gaps) == (1, ())


def test_the_own_commits_of_a_change_take_no_place_among_those_that_it_is_ranked_with() -> None:
    asked = []

    class Watched(FakeRepository):
        def past(self, sha: str, most: int, counted: int) -> Past:
            asked.append((sha, most, counted))
            return PAST

    read_past(CHANGE, Ports(Watched(refs={"main": BASE, "topic": HEAD})), Settings(), EVENT)
    assert asked == [(HEAD, 20_000, COUNTED + 1)]


def test_without_a_checkout_what_was_learnt_comes_from_the_forge() -> None:
    forge = FakeForge(texts={(RISK_FILE, BASE): LEARNT.model_dump_json()})
    history, learnt, gaps = read_past(CHANGE, Ports(forge=forge), Settings(), EVENT)
    assert (history, learnt) == (None, LEARNT)
    assert [(gap.what, gap.why) for gap in gaps] == [(NO_PAST, "there is no checkout")]


def test_a_base_without_a_commit_is_the_default_branch() -> None:
    world = Ports(repository(base=LEARNT.model_dump_json().encode()))
    assert read_past(CHANGE, world, Settings(), replace(EVENT, base=Ref()))[1] == LEARNT


class Broken(FakeRepository):
    """A partial clone that has commits and not what they hold."""

    def past(self, sha: str, most: int, counted: int) -> Past:
        raise ConfigError(f"{sha[:2]} cannot be read", why=f"{most} or {counted}")

    def blob(self, sha: str, path: str, limit: int = 0) -> bytes | None:
        raise ConfigError(f"{path} at {sha[:2]} cannot be read", why=f"{limit}")


class Silent(FakeForge):
    """A forge that does not answer."""

    def text_at(self, path: str, ref: str) -> str | None:
        raise ForgeRefused(f"{path} at {ref[:2]} was refused")


@pytest.mark.parametrize(
    ("world", "gaps"),
    [
        (Ports(), [f"{NO_PAST}: there is no checkout", f"{RISK_FILE}: it could not be read at the base"]),
        (Ports(Broken(refs={"x": HEAD, "y": BASE})), [f"{NO_PAST}: aa cannot", f"{RISK_FILE}: it could not be read"]),
        (
            Ports(FakeRepository()),
            [f"{NO_PAST}: the head of the change is not in this clone", f"{RISK_FILE}: it could not be read"],
        ),
        (Ports(FakeRepository(refs={"x": HEAD}), Silent()), [f"{RISK_FILE}: it could not be read at the base"]),
        (Ports(FakeRepository(refs={"x": HEAD})), [f"{RISK_FILE}: it could not be read at the base"]),
    ],
    ids=["nothing", "partial clone", "no head", "forge refuses", "no base"],
)
def test_what_cannot_be_read_is_a_gap(world: Ports, gaps: list[str]) -> None:
    _, learnt, found = read_past(CHANGE, world, Settings(), EVENT)
    told = [f"{gap.what}: {gap.why}" for gap in found]
    assert learnt is None
    assert [line[: len(gap)] for line, gap in zip(told, gaps, strict=True)] == gaps


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "not valid"),
        (b"\xff\0", "not valid"),
        (b"[" * 100_000, "not valid"),
        (b'{"intercept": NaN}', "hold (intercept"),
        (b'{"thresholds": [10, 20]}', "hold (thresholds"),
        (b'{"thresholds": [10, 20, 101]}', "hold (thresholds.2"),
        (b'{"version": 2}', "hold (version"),
        (b'{"later": 1}', "hold (later"),
        (b" " * (MAX_BYTES + 1), "larger than 100,000 bytes"),
    ],
)
def test_a_broken_risk_file_is_a_gap_and_no_error(content: bytes, why: str) -> None:
    _, learnt, gaps = read_past(CHANGE, Ports(repository(base=content)), Settings(), EVENT)
    assert learnt is None
    assert [(gap.what, why in gap.why, "the shipped numbers hold" in gap.why) for gap in gaps] == [
        (RISK_FILE, True, True)
    ]


SESSIONS = "def save(response, user_id):\n    response.set_cookie('session', user_id, httponly=True, max_age=9)\n"


def test_past_changes_are_judged_by_what_their_files_hold_at_the_base() -> None:
    paths = ("src/sessions.py", "src/roles.py", "src/app.py", "src/shop/cart.py", "src/shop/cart_test.py")
    commits = [
        replace(PAST.commits[1], sha=f"{at:040x}", paths=(path,), churn=((1, 1),), subject="Work")
        for at, path in enumerate(paths)
    ]
    world = FakeRepository(
        refs={"main": BASE, "topic": HEAD},
        pasts={HEAD: Past(tuple(commits))},
        blobs={(BASE, "src/sessions.py"): SESSIONS.encode(), (HEAD, "src/roles.py"): SESSIONS.encode()},
    )
    settings = Settings.model_validate({"services": {"shop": {"paths": ["src/shop/"], "tier": 1}}})
    history, _, _ = read_past(replace(CHANGE, base=BASE), Ports(world), settings, EVENT)
    assert history is not None
    assert [(each.floor, each.reason) for each in history.recent] == [
        (RiskLevel.HIGH, "authentication or permissions"),
        (RiskLevel.LOW, ""),
        (RiskLevel.LOW, ""),
        (RiskLevel.MEDIUM, "`shop` of tier 1"),
        (RiskLevel.LOW, ""),
    ]
