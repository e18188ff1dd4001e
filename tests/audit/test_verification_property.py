"""Whatever one hand does to a chain is found, and a chain that nobody touched is clean, however often it was cut."""

from collections.abc import Callable
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from cicd_agent.audit.verification import verify
from cicd_agent.domain.audit_entry import Row
from tests.support.fakes.store import FakeStore
from tests.support.samples.chains import DAY, SHOP, START, edited, pruning, receipts, rehashed, run


@st.composite
def books(draw: st.DrawFn) -> FakeStore:
    """A chain as runs leave it: in any order of runs and what became of them, cut now and then."""
    store, open_runs = FakeStore(), list[int]()
    store.append(run(0))
    for number in range(1, draw(st.integers(4, 14)) + 1):
        what = draw(st.sampled_from(["run", "run", "receipts", "prune"]))
        if what == "receipts" and open_runs:
            store.append(receipts(number, open_runs.pop(draw(st.integers(0, len(open_runs) - 1)))))
        elif what == "prune":
            store.prune(SHOP, START + draw(st.integers(1, number)) * DAY, pruning(number))
        else:
            open_runs.append(store.append(run(number)).seq)
    return store


def edit_text(rows: list[Row], at: int, draw: Callable[[st.SearchStrategy[int]], int]) -> None:
    text = rows[at].text
    place = draw(st.integers(0, len(text) - 1))
    rows[at] = replace(rows[at], text=text[:place] + ("x" if text[place] != "x" else "y") + text[place + 1 :])


def edit_told(rows: list[Row], at: int, _: object) -> None:
    rows[at] = edited(rows[at], actor="somebody else")


def edit_with_hash(rows: list[Row], at: int, _: object) -> None:
    rows[at] = rehashed(edited(rows[at], actor="somebody else"))


def edit_hash(rows: list[Row], at: int, draw: Callable[[st.SearchStrategy[int]], int]) -> None:
    place = draw(st.integers(0, 63))
    old = rows[at].hash
    rows[at] = replace(rows[at], hash=old[:place] + ("0" if old[place] != "0" else "1") + old[place + 1 :])


def edit_prev(rows: list[Row], at: int, _: object) -> None:
    rows[at] = replace(rows[at], prev=rows[at].prev[::-1] if rows[at].prev != rows[at].prev[::-1] else "a" * 64)


def edit_column(rows: list[Row], at: int, _: object) -> None:
    rows[at] = replace(rows[at], columns=replace(rows[at].columns, decision="hold"))


def edit_number(rows: list[Row], at: int, draw: Callable[[st.SearchStrategy[int]], int]) -> None:
    rows[at] = replace(rows[at], seq=rows[at].seq + draw(st.integers(1, 100)))


def drop(rows: list[Row], at: int, _: object) -> None:
    del rows[at]


def swap(rows: list[Row], at: int, draw: Callable[[st.SearchStrategy[int]], int]) -> None:
    other = (at + draw(st.integers(1, max(1, len(rows) - 1)))) % len(rows)
    if other == at:
        del rows[at]
        return
    rows[at], rows[other] = rows[other], rows[at]


def swap_texts(rows: list[Row], at: int, draw: Callable[[st.SearchStrategy[int]], int]) -> None:
    numbers = [row.seq for row in rows]
    swap(rows, at, draw)
    rows[:] = [replace(row, seq=seq) for row, seq in zip(rows, numbers, strict=False)]


def twice(rows: list[Row], at: int, draw: Callable[[st.SearchStrategy[int]], int]) -> None:
    rows.insert(draw(st.integers(0, len(rows))), rows[at])


def truncate(rows: list[Row], at: int, _: object) -> None:
    del rows[at:]


def behead(rows: list[Row], at: int, _: object) -> None:
    del rows[: at + 1]


HANDS = [edit_text, edit_hash, edit_prev, edit_column, edit_number, drop, swap, swap_texts, twice]


@given(books())
def test_a_chain_that_nobody_touched_is_clean(store: FakeStore) -> None:
    rows = list(store.rows(SHOP))
    found = verify(rows, [row.link for row in rows], store.head(SHOP))
    assert found.holds
    assert not found.notes


@settings(max_examples=300)
@given(books(), st.sampled_from([*HANDS, edit_told, edit_with_hash, truncate, behead]), st.data())
def test_whatever_one_hand_does_is_found(store: FakeStore, hand: Callable[..., None], data: st.DataObject) -> None:
    rows = list(store.rows(SHOP))
    hand(rows, data.draw(st.integers(0, len(rows) - 1)), data.draw)
    found = verify(rows, (), store.head(SHOP))
    assert not found.holds
    assert len(found.breaks) <= 5  # what stands elsewhere may also name what is not there yet


@given(books(), st.lists(st.tuples(st.sampled_from(HANDS), st.integers(0, 20)), max_size=4), st.data())
def test_no_number_of_hands_breaks_the_check(
    store: FakeStore, hands: list[tuple[Callable[..., None], int]], data: st.DataObject
) -> None:
    rows = list(store.rows(SHOP))
    for hand, at in hands:
        if rows:
            hand(rows, at % len(rows), data.draw)
    found = verify(rows, [row.link for row in store.rows(SHOP)], store.head(SHOP))
    assert found.holds == (rows == list(store.rows(SHOP)))
