from collections.abc import Iterable
from dataclasses import replace

import pytest

from cicd_agent.audit.tampering import MAX_BREAKS, AnchorState, Break, Tampering, Verification
from cicd_agent.audit.verification import parse_anchor, verify
from cicd_agent.domain.audit_entry import ZERO_HASH, Link, Row, entry_hash
from tests.support.fakes.store import FakeStore
from tests.support.samples.chains import SHOP, book, edited, forged, receipts, rehashed, rewritten, run


def rows_of(store: FakeStore) -> list[Row]:
    return list(store.rows(SHOP))


def checked(rows: Iterable[Row], *anchors: Link, head: Link | None = None) -> Verification:
    return verify(rows, anchors, head)


def kinds(found: Verification) -> list[tuple[int, Tampering]]:
    return [(each.seq, each.kind) for each in found.breaks]


def only(found: Verification) -> Break:
    (one,) = found.breaks
    assert not found.more
    return one


@pytest.fixture
def store() -> FakeStore:
    return book()


def test_a_chain_that_nobody_touched_holds(store: FakeStore) -> None:
    rows = rows_of(store)
    found = checked(rows, rows[4].link, rows[-1].link, head=store.head(SHOP))
    assert found.holds
    assert not found.notes
    assert (found.repository, found.entries, found.first, found.head) == (SHOP, 12, 1, store.head(SHOP))
    assert [each.met for each in found.anchored] == [AnchorState.HELD, AnchorState.HELD]


def test_nothing_is_a_chain_without_breaks() -> None:
    assert checked([]).holds


def test_a_changed_text_is_found_and_what_its_columns_still_say(store: FakeStore) -> None:
    rows = rows_of(store)
    rows[4] = replace(rows[4], text=edited(rows[4], decision="request_changes").text)
    one = only(checked(rows, head=store.head(SHOP)))
    assert (one.seq, one.kind) == (5, Tampering.TEXT)
    assert "column `decision` is `approve`, its text says `request_changes`" in one.words


def test_a_changed_text_of_the_last_entry_is_told_by_the_noted_end(store: FakeStore) -> None:
    rows = rows_of(store)
    rows[-1] = edited(rows[-1], exit=1)
    one = only(checked(rows, head=store.head(SHOP)))
    assert (one.seq, one.kind) == (12, Tampering.TEXT)
    assert "still that of what it said" in one.words


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"decision": "hold"}, "column `decision` is `hold`, its text says `approve`"),
        ({"sha": "", "pull": 7}, "column `sha` is empty"),
        ({"at": 1}, "column `at` is `1`"),
    ],
)
def test_a_changed_column_is_found_though_the_text_is_right(
    store: FakeStore, columns: dict[str, object], words: str
) -> None:
    rows = rows_of(store)
    rows[4] = replace(rows[4], columns=replace(rows[4].columns, **columns))  # type: ignore[arg-type]
    one = only(checked(rows, head=store.head(SHOP)))
    assert (one.seq, one.kind) == (5, Tampering.COLUMN)
    assert words in one.words


@pytest.mark.parametrize("place", [0, 4, 11])
def test_a_changed_hash_is_told_from_a_changed_text(store: FakeStore, place: int) -> None:
    rows = rows_of(store)
    rows[place] = replace(rows[place], hash="f" * 64)
    one = only(checked(rows, head=store.head(SHOP)))
    assert (one.seq, one.kind) == (place + 1, Tampering.HASH)


@pytest.mark.parametrize("place", [0, 1, 4, 11])
def test_a_changed_hash_before_is_told_from_a_changed_text(store: FakeStore, place: int) -> None:
    rows = rows_of(store)
    rows[place] = replace(rows[place], prev="e" * 64)
    one = only(checked(rows, head=store.head(SHOP)))
    assert (one.seq, one.kind) == (place + 1, Tampering.PREV)


@pytest.mark.parametrize("place", [0, 4, 10])
def test_a_changed_text_with_its_hash_is_shown_by_the_next_entry(store: FakeStore, place: int) -> None:
    rows = rows_of(store)
    rows[place] = rehashed(edited(rows[place], risk_level="high"))
    one = only(checked(rows, head=store.head(SHOP)))
    assert (one.seq, one.kind) == (place + 1, Tampering.REWRITTEN)


def test_a_changed_last_text_with_its_hash_is_shown_by_the_noted_end(store: FakeStore) -> None:
    rows = rows_of(store)
    rows[-1] = rehashed(edited(rows[-1], exit=1))
    one = only(checked(rows, head=store.head(SHOP)))
    assert (one.seq, one.kind) == (12, Tampering.REWRITTEN)
    assert "the end that the store has noted" in one.words


def test_a_forged_entry_beside_a_real_one_is_told_from_it(store: FakeStore) -> None:
    rows = rows_of(store)
    for at, which in ((4, "first"), (5, "second")):
        forgery = forged(5, rows[3].hash)
        one = only(checked([*rows[:at], forgery, *rows[at:]], head=store.head(SHOP)))
        assert (one.seq, one.kind) == (5, Tampering.INSERTED)
        assert f"the {which} was inserted" in one.words


def test_a_forged_entry_that_pushes_the_others_on_is_said_once(store: FakeStore) -> None:
    rows = rows_of(store)
    for forgery in (forged(5, rows[3].hash), forged(5, "a" * 64), replace(forged(5), hash="b" * 64)):
        pushed = [*rows[:4], forgery, *(replace(row, seq=row.seq + 1) for row in rows[4:])]
        one = only(checked(pushed, head=store.head(SHOP)))
        assert (one.seq, one.kind) == (5, Tampering.INSERTED)


def test_an_entry_appended_by_hand_is_shown_by_an_anchor_only() -> None:
    store = book(4)
    rows = rows_of(store)
    rows.append(forged(5, rows[-1].hash))
    found = checked(rows, head=store.head(SHOP))
    assert found.holds
    assert found.notes == ("the store has noted #4 as the end, and the chain goes on to #5",)


@pytest.mark.parametrize("place", [0, 4, 11])
def test_an_entry_that_stands_twice_is_found(store: FakeStore, place: int) -> None:
    rows = rows_of(store)
    rows.insert(place, rows[place])
    one = only(checked(rows, head=store.head(SHOP)))
    assert (one.seq, one.kind) == (place + 1, Tampering.DUPLICATED)


def test_a_copy_under_a_new_number_is_known_again(store: FakeStore) -> None:
    rows = rows_of(store)
    at_the_end = [*rows, replace(rows[2], seq=13)]
    assert kinds(checked(at_the_end, head=store.head(SHOP))) == [(3, Tampering.DUPLICATED)]
    between = [*rows[:7], replace(rows[2], seq=8), *(replace(row, seq=row.seq + 1) for row in rows[7:])]
    assert kinds(checked(between, head=store.head(SHOP))) == [(3, Tampering.DUPLICATED)]


@pytest.mark.parametrize(("one", "other"), [(4, 5), (2, 9), (0, 1), (10, 11), (0, 11)])
def test_two_entries_that_changed_places_are_named(store: FakeStore, one: int, other: int) -> None:
    rows = rows_of(store)
    rows[one], rows[other] = rows[other], rows[one]
    by_place = checked(rows, head=store.head(SHOP))
    numbered = [replace(row, seq=number) for number, row in enumerate(rows, 1)]
    by_number = checked(numbered, head=store.head(SHOP))
    for found in (by_place, by_number):
        assert {kind for _, kind in kinds(found)} == {Tampering.MISPLACED}
        assert {seq for seq, _ in kinds(found)} <= {one + 1, other + 1}
        assert len(found.breaks) <= 2


def test_a_deleted_entry_is_said_once(store: FakeStore) -> None:
    rows = rows_of(store)
    gap = [*rows[:4], *rows[5:]]
    closed = [*rows[:4], *(replace(row, seq=row.seq - 1) for row in rows[5:])]
    for left in (gap, closed):
        assert kinds(checked(left, head=store.head(SHOP)))[0] == (5, Tampering.DELETED)
        assert len(checked(left, head=store.head(SHOP)).breaks) == 1


def test_several_deleted_entries_are_one_gap(store: FakeStore) -> None:
    rows = rows_of(store)
    one = only(checked([*rows[:3], *rows[9:]], head=store.head(SHOP)))
    assert (one.seq, one.kind) == (4, Tampering.DELETED)
    assert one.words == "the 6 entries from it to #9 are missing"


def test_a_changed_number_is_found(store: FakeStore) -> None:
    rows = rows_of(store)
    rows[4] = replace(rows[4], seq=70)
    assert only(checked(rows, head=store.head(SHOP))) == Break(
        5, Tampering.NUMBER, "it bears the number 70, its hash is that of #5"
    )


def test_a_removed_beginning_is_found(store: FakeStore) -> None:
    one = only(checked(rows_of(store)[3:], head=store.head(SHOP)))
    assert (one.seq, one.kind) == (4, Tampering.BEHEADED)
    assert "#1 to #3 are missing" in one.words


def test_a_cut_end_is_shown_by_the_noted_end_and_by_an_anchor(store: FakeStore) -> None:
    rows = rows_of(store)
    for found in (checked(rows[:9], head=store.head(SHOP)), checked(rows[:9], rows[-1].link, head=rows[8].link)):
        one = only(found)
        assert (one.seq, one.kind) == (10, Tampering.TRUNCATED)
        assert "#10 to #12 are missing" in one.words
    assert found.anchored[0].met is AnchorState.FAILED


def test_a_chain_of_which_nothing_is_left_is_cut_at_its_beginning(store: FakeStore) -> None:
    assert kinds(checked([], head=store.head(SHOP))) == [(1, Tampering.TRUNCATED)]


def test_what_was_rewritten_to_the_end_lies_between_two_anchors(store: FakeStore) -> None:
    rows = rows_of(store)
    made = rewritten([*rows[:4], edited(rows[4], decision="request_changes"), *rows[5:]], 4)
    assert checked(made, head=made[-1].link).holds
    found = checked(made, rows[1].link, rows[7].link, rows[9].link, head=made[-1].link)
    one = only(found)
    assert (one.seq, one.kind) == (8, Tampering.REWRITTEN)
    assert "after #2, whose anchor holds" in one.words
    assert [each.met for each in found.anchored] == [AnchorState.HELD, AnchorState.FAILED, AnchorState.FAILED]


def test_an_entry_of_another_repository_is_named(store: FakeStore) -> None:
    rows, other = rows_of(store), list(book(12, "acme/other").rows("acme/other"))
    as_it_was, claimed = [*rows], [*rows]
    as_it_was[4] = replace(other[4], prev=rows[3].hash)
    claimed[4] = rehashed(replace(other[4], repository=SHOP, prev=rows[3].hash))
    for found in (checked(as_it_was, head=store.head(SHOP)), checked(claimed, head=store.head(SHOP))):
        one = only(found)
        assert (one.seq, one.kind) == (5, Tampering.FOREIGN)
        assert "`acme/other`" in one.words


@pytest.mark.parametrize(
    ("of", "words"),
    [
        (3, "of which another entry says that already"),
        (2, "which is no run"),
        (5, "which is not before it"),
        (99, "which is not before it"),
        (None, "not of which"),
        ("3", "not of which"),
        (-1, "not of which"),
    ],
)
def test_receipts_of_no_run_are_found(of: object, words: str) -> None:
    store = book(4)
    store.append(receipts(5, of))
    one = only(checked(rows_of(store), head=store.head(SHOP)))
    assert (one.seq, one.kind) == (5, Tampering.RECEIPTS)
    assert words in one.words


def test_a_row_that_is_no_entry_is_placed(store: FakeStore) -> None:
    rows = rows_of(store)
    rows.insert(4, Row(SHOP, 0, "", "", "{torn", rows[0].columns))
    one = only(checked(rows, head=store.head(SHOP)))
    assert (one.seq, one.kind) == (4, Tampering.NO_ENTRY)
    assert "after #4" in one.words


NONE = ["", "{", "[]", '{"kind":"nonsense"}', "[" * 100_000, "\x00", '{"kind":"run","at":-1}', '{"kind":[]}']


@pytest.mark.parametrize("text", NONE)
def test_an_entry_with_a_text_that_is_none_is_found_though_its_hash_is_right(text: str) -> None:
    store = book(2)
    before = rows_of(store)
    row = Row(SHOP, 3, before[-1].hash, entry_hash(SHOP, 3, before[-1].hash, text), text, before[0].columns)
    one = only(checked([*before, row], head=row.link))
    assert (one.seq, one.kind) == (3, Tampering.NO_ENTRY)


def test_breaks_that_have_nothing_to_do_with_each_other_are_all_found() -> None:
    store = book(40)
    rows = rows_of(store)
    rows[4] = edited(rows[4], exit=1)
    rows[9] = replace(rows[9], hash="d" * 64)
    rows[14] = rehashed(edited(rows[14], exit=1))
    rows[19] = replace(rows[19], prev="c" * 64)
    del rows[29:32]
    assert kinds(checked(rows[:35], head=store.head(SHOP))) == [
        (5, Tampering.TEXT),
        (10, Tampering.HASH),
        (15, Tampering.REWRITTEN),
        (20, Tampering.PREV),
        (30, Tampering.DELETED),
        (39, Tampering.TRUNCATED),
    ]


def test_of_very_many_breaks_most_are_counted() -> None:
    rows = [edited(row, exit=1) for row in rows_of(book(250))]
    found = checked(rows)
    assert len(found.breaks) == MAX_BREAKS
    assert found.more == 150


def test_a_chain_begun_with_something_before_it_is_no_beginning() -> None:
    rows = [rehashed(replace(forged(1), prev="a" * 64))]
    assert kinds(checked(rows)) == [(1, Tampering.REWRITTEN)]
    assert checked([forged(1, ZERO_HASH)]).holds


def test_a_number_beyond_all_measure_costs_nothing() -> None:
    store = FakeStore()
    store.append(run(1))
    rows = [*rows_of(store), *(replace(forged(2), seq=2**62 + more, hash=f"{more}" * 64) for more in (0, 1))]
    assert (2, Tampering.DELETED) in kinds(checked(rows, head=store.head(SHOP)))


def test_an_anchor_is_read_as_it_is_written(store: FakeStore) -> None:
    link = rows_of(store)[3].link
    assert parse_anchor(f" {link.anchor}\n") == link
    assert parse_anchor(f"local#7:{'A' * 64}") == Link("local", 7, "a" * 64)
    there = Link("github.acme.test:8443/acme/shop", 7, "a" * 64)
    assert parse_anchor(there.anchor) == there


@pytest.mark.parametrize(
    "text", ["", "acme/shop", "a/b#0:" + "a" * 64, "a/b#4:" + "a" * 63, "a b#1:" + "a" * 64, "#1:"]
)
def test_what_is_no_anchor_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="OWNER/NAME#NUMBER:HASH"):
        parse_anchor(text)
