from dataclasses import replace
from typing import Any

import pytest

from cicd_agent.audit.tampering import AnchorState, RecordedRemoval, Tampering
from cicd_agent.audit.verification import verify
from cicd_agent.domain.audit_entry import Entry, Kind, Link, Row
from tests.support.fakes.store import FakeStore
from tests.support.samples.chains import DAY, SHOP, START, book, edited, pruning, receipts, rehashed, rewritten, run


def pruned(*days: int, length: int = 12) -> FakeStore:
    """A chain from which everything before each of these days was removed, one after the other."""
    store = book(length)
    for number, day in enumerate(days):
        assert store.prune(SHOP, START + day * DAY, pruning(length + 1 + number))
    return store


def rows_of(store: FakeStore) -> list[Row]:
    return list(store.rows(SHOP))


def test_a_chain_without_its_beginning_holds_when_the_removal_is_entered() -> None:
    store = pruned(5)
    last = store.chains[SHOP][0].prev
    found = verify(rows_of(store), (), store.head(SHOP))
    assert found.holds
    assert found.first == 5
    assert found.pruned == RecordedRemoval(13, 1, 4, last)


@pytest.mark.parametrize("days", [(3, 7), (3, 7, 9), (2, 13), (3, 14)])
def test_a_chain_that_was_cut_several_times_holds(days: tuple[int, ...]) -> None:
    store = pruned(*days)
    found = verify(rows_of(store), (), store.head(SHOP))
    assert found.holds
    assert found.pruned is not None
    assert found.pruned.last == found.first - 1


def test_anchors_of_what_was_removed_are_neither_held_nor_broken() -> None:
    anchors = [row.link for row in rows_of(book())]
    store = pruned(3, 7)
    found = verify(rows_of(store), anchors, store.head(SHOP))
    assert found.holds
    assert [each.met for each in found.anchored] == [AnchorState.REMOVED] * 6 + [AnchorState.HELD] * 6
    assert [each.by for each in found.anchored[:6]] == [13, 13, 14, 14, 14, 14]


def test_an_anchor_of_the_last_that_was_removed_proves_the_removal() -> None:
    store = pruned(5)
    one = verify(rows_of(store), [Link(SHOP, 4, "a" * 64)], store.head(SHOP))
    assert [(each.seq, each.kind) for each in one.breaks] == [(13, Tampering.PRUNE)]
    assert one.anchored[0].met is AnchorState.FAILED


def test_what_became_of_a_run_that_was_removed_is_no_break() -> None:
    store = book(3)
    store.append(receipts(4, 3))
    store.prune(SHOP, START + 4 * DAY, pruning(5))
    assert [row.columns.kind for row in rows_of(store)] == [Kind.RECEIPTS, Kind.PRUNE]
    assert verify(rows_of(store), (), store.head(SHOP)).holds


def test_more_that_was_removed_than_was_entered_is_found() -> None:
    store = pruned(5)
    found = verify(rows_of(store)[2:], (), store.head(SHOP))
    (one,) = found.breaks
    assert (one.seq, one.kind) == (7, Tampering.BEHEADED)
    assert "#5 to #6 are missing" in one.words


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"last": 3}, "#4 is missing"),
        ({"last": 5}, "but #5 is here"),
        ({"hash": "a" * 64}, "with another hash"),
        ({"hash": None}, "but not which"),
        ({"first": "1"}, "but not which"),
        ({"first": 5}, "but not which"),
        ({"last": 2**60}, "but not which"),
    ],
)
def test_a_forged_removal_is_found_though_its_hash_is_right(change: dict[str, Any], words: str) -> None:
    store = pruned(5)
    rows = rows_of(store)
    rows[-1] = rehashed(edited(rows[-1], **change))
    found = verify(rows, (), rows[-1].link)
    assert {each.kind for each in found.breaks} <= {Tampering.PRUNE, Tampering.BEHEADED}
    assert any(words in each.words for each in found.breaks)


def test_a_second_removal_has_to_begin_where_the_first_has_ended() -> None:
    store = pruned(3, 7)
    rows = rows_of(store)
    rows[-1] = rehashed(edited(rows[-1], first=1))
    found = verify(rows, (), rows[-1].link)
    assert (14, Tampering.PRUNE) in [(each.seq, each.kind) for each in found.breaks]


def test_a_removal_that_nobody_made_is_found() -> None:
    store = book()
    told = {"kind": "prune", "first": 1, "last": 4, "hash": "a" * 64}
    store.append(Entry.of(SHOP, told))
    (one,) = verify(rows_of(store), (), store.head(SHOP)).breaks
    assert (one.seq, one.kind) == (13, Tampering.PRUNE)


def test_a_removal_made_up_with_everything_after_it_is_shown_by_an_anchor() -> None:
    store = book()
    anchor = rows_of(store)[9].link
    rows = rows_of(store)[5:]
    forgery = Entry.of(SHOP, {"kind": "prune", "first": 1, "last": 5, "hash": rows[0].prev})
    rows = rewritten([*rows[:2], replace(rows[2], text=forgery.text, columns=forgery.columns), *rows[3:]], 2)
    assert verify(rows, (), rows[-1].link).holds
    (one,) = verify(rows, [anchor], rows[-1].link).breaks
    assert (one.seq, one.kind) == (10, Tampering.REWRITTEN)


def test_what_is_entered_after_a_removal_goes_on_in_the_same_chain() -> None:
    store = pruned(14)
    assert [row.seq for row in rows_of(store)] == [13]
    store.append(run(20))
    found = verify(rows_of(store), (), store.head(SHOP))
    assert found.holds
    assert found.head == Link(SHOP, 14, rows_of(store)[-1].hash)
