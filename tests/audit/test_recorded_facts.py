"""Facts for later runs are what entries have recorded: whoever changes, plants or removes one is found out."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from cicd_agent.audit.prune import prune_chain
from cicd_agent.audit.recorded_facts import check_chain
from cicd_agent.audit.tampering import Tampering, Verification
from cicd_agent.domain.audit_entry import Entry, Row, fact_digest, fact_key
from cicd_agent.domain.facts import Fact, FactKind
from tests.support.fakes.store import FakeStore
from tests.support.jobs.audit import NOW, ask
from tests.support.samples.chains import DAY, SHOP, START, receipts, run


def fact(number: int, **more: Any) -> Fact:
    usual = {"subject": "production", "mode": "deploy-gate", "sha": f"{number:08x}" * 5, "at": START + number * DAY}
    return Fact(SHOP, FactKind.DEPLOYMENT, **{**usual, "values": {"decision": "hold"}, **more})


def outcome(number: int, *facts: Fact) -> Entry:
    return receipts(number, 2 * number - 1, facts={fact_key(each): fact_digest(each) for each in facts})


def left(store: FakeStore, number: int, *facts: Fact) -> None:
    store.append(run(number))
    store.append(outcome(number, *facts), facts)


@pytest.fixture
def store() -> FakeStore:
    """Two runs, each of which has left a fact."""
    made = FakeStore()
    left(made, 1, fact(1))
    left(made, 2, fact(2))
    return made


def checked(store: FakeStore) -> Verification:
    return check_chain(store, SHOP, lambda _: None)


def places(found: Verification) -> list[tuple[int, Tampering]]:
    return [(each.seq, each.kind) for each in found.breaks]


def test_what_was_recorded_holds(store: FakeStore) -> None:
    found = checked(store)
    assert found.holds
    assert (found.entries, found.facts, found.notes) == (4, 2, ())


def test_a_later_fact_takes_the_place_of_an_earlier_one(store: FakeStore) -> None:
    left(store, 3, fact(2, at=START + 3 * DAY, values={"decision": "proceed"}))
    found = checked(store)
    assert (found.holds, found.facts) == (True, 2)
    earlier = fact(2)
    store.kept[(SHOP, earlier.kind, earlier.subject, earlier.sha, earlier.mode)] = earlier
    assert places(checked(store)) == [(6, Tampering.FACT)]


@pytest.mark.parametrize(
    "change",
    [{"values": {"decision": "proceed"}}, {"at": START}, {"ref": "main"}, {"event_id": "9.1"}],
)
def test_a_fact_that_was_changed_is_named_with_its_entry(store: FakeStore, change: dict[str, Any]) -> None:
    key = next(key for key, each in store.kept.items() if each == fact(2))
    store.kept[key] = replace(store.kept[key], **change)
    found = checked(store)
    assert places(found) == [(4, Tampering.FACT)]
    assert "deployment production" in found.breaks[0].words


def test_a_fact_that_no_entry_records_is_named(store: FakeStore) -> None:
    planted = fact(9)
    store.kept[(SHOP, planted.kind, planted.subject, planted.sha, planted.mode)] = planted
    found = checked(store)
    assert places(found) == [(4, Tampering.FACT)]
    assert "no entry" in found.breaks[0].words


def test_a_fact_that_is_gone_is_named(store: FakeStore) -> None:
    store.kept.pop(next(iter(store.kept)))
    assert places(checked(store)) == [(2, Tampering.FACT)]


def test_facts_from_before_they_were_recorded_are_counted_and_accuse_nobody() -> None:
    older = FakeStore()
    older.append(run(1))
    older.append(receipts(1, 1), [fact(1)])
    found = checked(older)
    assert found.holds
    assert [note for note in found.notes if note.startswith("1 fact from before")]
    # What is younger than the last such run cannot be from before.
    late = fact(2)
    older.kept[(SHOP, late.kind, late.subject, late.sha, late.mode)] = late
    assert places(checked(older)) == [(2, Tampering.FACT)]


def test_a_run_that_ends_meanwhile_is_no_break(store: FakeStore) -> None:
    class Busy(FakeStore):
        def rows(self, repository: str, first: int = 0) -> Iterator[Row]:
            yield from super().rows(repository, first)
            if first == 0:
                left(self, 3, fact(3), fact(2, at=START + 3 * DAY))

    busy = Busy()
    busy.chains, busy.heads, busy.kept = store.chains, store.heads, store.kept
    assert checked(busy).holds


def test_what_is_old_goes_with_its_entries_and_is_checked_before(store: FakeStore) -> None:
    result = prune_chain(store, SHOP, START + 2 * DAY, NOW, lambda _: None, is_dry=False)
    assert not result.broken
    assert [each.at for each in store.kept.values()] == [START + 2 * DAY]
    assert checked(store).holds
    key = next(iter(store.kept))
    store.kept[key] = replace(store.kept[key], values={})
    result = prune_chain(store, SHOP, START + 3 * DAY, NOW, lambda _: None, is_dry=False)
    assert [each.kind for each in result.broken] == [Tampering.FACT]


def test_the_command_is_red_and_says_which(store: FakeStore) -> None:
    assert ask(store, "verify").code == 0
    key = next(iter(store.kept))
    store.kept[key] = replace(store.kept[key], values={"decision": "proceed"})
    found = ask(store, "verify")
    assert found.code == 1
    assert "#2 fact: the fact `deployment production` of deploy-gate was changed since" in found.out
