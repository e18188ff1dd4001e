"""Chains as somebody makes them who can write to the store, computes every hash anew, and knows how they are checked.

What only an anchor can show is shown by one, and where an anchor proves nothing that is said.
"""

from collections.abc import Sequence

import pytest

from cicd_agent.audit.tampering import AnchorState, Tampering, Verification
from cicd_agent.audit.verification import verify
from cicd_agent.domain.audit_entry import ZERO_HASH, Entry, Link, Row, entry_hash, parse_columns
from tests.support.fakes.store import FakeStore
from tests.support.jobs.audit import decided, done

REPOSITORY = "acme/shop"
RUNS = 6


def honest() -> tuple[Row, ...]:
    """Runs and what became of each, twelve entries."""
    store = FakeStore()
    for number in range(RUNS):
        store.append(done(number, store.append(decided(number, repository=REPOSITORY))))
    return tuple(store.rows(REPOSITORY))


def sealed(texts: Sequence[str], after: Link | None = None) -> tuple[Row, ...]:
    """Rows with these texts, their hashes right, as they would follow a place."""
    seq, prev, rows = (after.seq, after.hash, []) if after else (0, ZERO_HASH, list[Row]())
    for text in texts:
        seq += 1
        row = Row(REPOSITORY, seq, prev, entry_hash(REPOSITORY, seq, prev, text), text, parse_columns(text))
        rows.append(row)
        prev = row.hash
    return tuple(rows)


def going_on(rows: Sequence[Row], *texts: str) -> tuple[Row, ...]:
    return (*rows, *sealed(texts, rows[-1].link))


def removal(first: int, last: int, hashed: str) -> str:
    told = {"kind": "prune", "at": 1, "first": first, "last": last, "hash": hashed, "before": 1}
    return Entry.of(REPOSITORY, told).text


def checked(rows: Sequence[Row], *anchors: Link) -> Verification:
    """As the store has noted the end that the rows have: who changed them has changed that, too."""
    return verify(rows, anchors, rows[-1].link if rows else None)


def kinds(found: Verification) -> set[Tampering]:
    return {each.kind for each in found.breaks}


@pytest.mark.parametrize("anchored", [0, 3, RUNS * 2 - 1])
def test_a_chain_made_up_whole_is_shown_by_any_anchor(anchored: int) -> None:
    rows = honest()
    made = sealed([row.text.replace('"approve"', '"comment"') for row in rows])
    assert checked(made).holds
    assert kinds(checked(made, rows[anchored].link)) == {Tampering.REWRITTEN}


def test_an_end_cut_off_with_its_note_is_shown_by_a_later_anchor_alone() -> None:
    rows = honest()
    assert checked(rows[:8]).holds
    assert checked(rows[:8], rows[3].link).holds
    assert kinds(checked(rows[:8], rows[11].link)) == {Tampering.TRUNCATED}


def test_nothing_at_all_holds_no_anchor() -> None:
    for head in (None, Link(REPOSITORY, 0, ZERO_HASH)):
        found = verify((), [honest()[3].link], head)
        assert not found.holds
        assert [each.met for each in found.anchored] == [AnchorState.FAILED]


def test_anchors_of_a_past_that_is_said_to_be_removed_prove_nothing_and_that_is_said() -> None:
    rows = honest()
    anchors = [rows[3].link, rows[11].link]
    made = sealed([decided(1, repository=REPOSITORY).text, removal(1, 99, "a" * 64)], Link(REPOSITORY, 99, "a" * 64))
    found = checked(made, *anchors)
    assert {each.met for each in found.anchored} == {AnchorState.REMOVED}
    assert any("only against an anchor of what is left" in note for note in found.notes)


def test_a_removal_with_another_hash_than_an_anchor_is_shown() -> None:
    rows = honest()
    made = going_on(rows, removal(1, 4, "f" * 64))[4:]
    assert kinds(checked(made, rows[3].link)) == {Tampering.PRUNE}


def test_what_is_left_after_a_removal_is_shown_by_an_anchor_of_it() -> None:
    rows = honest()
    rest = sealed([row.text.replace('"approve"', '"comment"') for row in rows[4:]], rows[3].link)
    made = going_on(rest, removal(1, 4, rows[3].hash))
    assert any("only against an anchor" in note for note in checked(made, rows[3].link).notes)
    found = checked(made, rows[3].link, rows[5].link)
    assert kinds(found) == {Tampering.REWRITTEN}
    assert not any("only against an anchor" in note for note in found.notes)


@pytest.mark.parametrize(
    ("removals", "left_from", "kind"),
    [
        ([(1, 4)], 0, Tampering.PRUNE),  # nothing was removed
        ([(1, 4), (5, 6)], 4, Tampering.PRUNE),  # the second was not
        ([(1, 4), (5, 6)], 8, Tampering.BEHEADED),  # more than both
        ([(1, 6), (1, 6)], 6, Tampering.PRUNE),  # the same twice
        ([(1, 13)], 12, Tampering.PRUNE),  # itself
        ([(1, 2**60)], 4, Tampering.PRUNE),  # what is to come
    ],
)
def test_a_removal_that_was_not_as_it_says_is_named(
    removals: list[tuple[int, int]], left_from: int, kind: Tampering
) -> None:
    rows = honest()
    texts = [removal(first, last, rows[min(last, len(rows)) - 1].hash) for first, last in removals]
    assert kind in kinds(checked(going_on(rows, *texts)[left_from:]))


def test_what_became_of_a_run_is_entered_once_and_of_a_run_that_there_is() -> None:
    rows = honest()
    for of in (rows[0].link, rows[1].link, Link(REPOSITORY, 40, ZERO_HASH)):
        assert kinds(checked(going_on(rows, done(0, of).text))) == {Tampering.RECEIPTS}


def test_of_two_anchors_of_one_place_one_is_a_lie() -> None:
    rows = honest()
    found = checked(rows, rows[3].link, Link(REPOSITORY, 4, "a" * 64))
    assert not found.holds
    assert [each.met for each in found.anchored] == [AnchorState.HELD, AnchorState.FAILED]
