"""What every audit log does alike, in SQLite and in PostgreSQL."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest

from cicd_agent.domain.audit_entry import Columns, Entry, Kind, Link
from cicd_agent.domain.ports.storage import EntryQuery, Removal, Store
from cicd_agent.errors import StoreRefused
from tests.adapters.storage.books import REPOSITORY, SHA, Book, database_of, removal, run, unbroken

Opening = Callable[[Book], Store]

# Every plane of Unicode, what SQL and JSON treat specially, what UTF-8 lacks, and NUL.
ODD = "plain Ünïcödé \U0001f600 \U0010ffff \u2028 '\"; DROP TABLE x; -- %s :name \\ \x01 \x7f \x00 \ud800 end"
HOSTILE = (
    "../../etc/passwd",
    "a/b'; DROP TABLE cicd_agent_entries; --",
    "ü/\U0001f600",
    "a\nb/c",
    "A/B",
    "a/b",
    "%",
    "_",
)


def told(rows: object) -> list[str]:
    return [row.columns.event_id for row in rows]  # type: ignore[attr-defined]


def test_an_entry_stands_at_the_end_of_its_chain(store: Store) -> None:
    assert store.head(REPOSITORY) is None
    links = [store.append(run(number)) for number in range(3)]
    assert [link.seq for link in links] == [1, 2, 3]
    assert store.head(REPOSITORY) == links[-1]
    rows = list(store.rows(REPOSITORY))
    assert [row.link for row in rows] == links
    assert [row.text for row in rows] == [run(number).text for number in range(3)]
    assert unbroken(rows) == 3


def test_what_was_entered_is_there_when_it_is_opened_again(book: Book, opening: Opening) -> None:
    first = opening(book)
    link = first.append(run(1))
    first.close()
    first.close()
    again = opening(book)
    assert again.head(REPOSITORY) == link
    again.append(run(2))
    assert unbroken(again.rows(REPOSITORY)) == 2


def test_each_repository_has_a_chain_of_its_own(store: Store) -> None:
    for number in range(6):
        store.append(run(number, ("b/two", "a/one", "c/three")[number % 3]))
    assert store.repositories() == ("a/one", "b/two", "c/three")
    assert [unbroken(store.rows(name)) for name in store.repositories()] == [2, 2, 2]
    assert store.head("c/three") == list(store.rows("c/three"))[-1].link
    assert list(store.rows("d/four")) == []


def test_names_of_repositories_are_names_and_nothing_else(store: Store) -> None:
    for name in HOSTILE:
        store.append(run(1, name))
    assert store.repositories() == tuple(sorted(HOSTILE))
    for name in HOSTILE:
        assert unbroken(store.rows(name)) == 1
        assert [row.repository for row in store.find(EntryQuery(repository=name))] == [name]


@pytest.mark.parametrize("name", ["", "a\0b", "a\ud800b", "x" * 513])
def test_a_name_that_not_every_book_can_hold_is_refused(store: Store, name: str) -> None:
    with pytest.raises(StoreRefused, match="the name of its repository"):
        store.append(Entry(name, run().text, Columns()))


def test_any_text_comes_back_as_it_was_hashed(store: Store) -> None:
    entry = run(1, decision=ODD, output={"text": ODD, ODD: [ODD]})
    store.append(entry)
    (row,) = store.rows(REPOSITORY)
    assert row.text == entry.text
    assert row.columns == entry.columns
    assert unbroken([row]) == 1
    assert "\0" not in row.columns.decision
    assert [found.seq for found in store.find(EntryQuery(decision=ODD))] == [1]
    assert [found.seq for found in store.find(EntryQuery(decision=entry.columns.decision))] == [1]


def test_a_large_text_comes_back_whole(store: Store) -> None:
    entry = run(1, output="".join(chr(65 + number % 50) for number in range(4_000_000)))
    store.append(entry)
    store.append(run(2))
    first, _ = store.rows(REPOSITORY)
    assert first.text == entry.text
    assert unbroken(store.rows(REPOSITORY)) == 2


def test_words_that_no_index_holds_are_found_by_their_beginning(store: Store) -> None:
    entry = run(1, event_id="\U0001f600" * 5_000, sha="f" * 5_000, mode="m" * 5_000, decision="d" * 5_000)
    store.append(entry)
    assert len(entry.columns.event_id) == 512
    assert [row.columns for row in store.find(EntryQuery(event_id=entry.columns.event_id))] == [entry.columns]
    assert unbroken(store.rows(REPOSITORY)) == 1


def test_rows_begin_where_they_are_wanted(store: Store) -> None:
    for number in range(5):
        store.append(run(number))
    assert [row.seq for row in store.rows(REPOSITORY, 3)] == [3, 4, 5]
    assert list(store.rows(REPOSITORY, 10**30)) == []
    assert [row.seq for row in store.rows(REPOSITORY, -1)] == [1, 2, 3, 4, 5]


def test_one_entry_is_found_by_its_number(store: Store) -> None:
    store.append(run(1))
    store.append(run(2))
    row = store.row(REPOSITORY, 2)
    assert row is not None
    assert (row.seq, row.text) == (2, run(2).text)
    assert [store.row(REPOSITORY, seq) for seq in (0, -1, 3, 10**30)] == [None] * 4
    assert store.row("other/one", 1) is None


def test_entries_are_found_by_what_is_known_of_them(store: Store) -> None:
    store.append(run(1, decision="comment"))
    store.append(run(2, mode="route", decision="full", pull=0))
    store.append(run(3, sha="f" * 40, pull=6))
    store.append(run(4, "b/two"))
    store.append(run(5, kind="receipts"))

    def found(**wanted: object) -> list[str]:
        return told(store.find(EntryQuery(**wanted)))  # type: ignore[arg-type]

    assert found() == ["5.1", "4.1", "3.1", "2.1", "1.1"]
    assert found(repository=REPOSITORY) == ["5.1", "3.1", "2.1", "1.1"]
    assert found(kind=Kind.RECEIPTS) == ["5.1"]
    assert found(event_id="2.1") == ["2.1"]
    assert found(sha="f" * 7) == found(sha="f" * 40) == ["3.1"]
    assert found(sha=SHA[:7]) == found(sha=SHA) == ["5.1", "4.1", "2.1", "1.1"]
    assert found(sha=SHA[1:8]) == found(sha=SHA + "0") == found(sha="%") == found(sha="_" * 7) == []
    assert found(mode="route") == found(decision="full") == ["2.1"]
    assert found(pull=6) == ["3.1"]
    assert found(since=1_790_000_003) == ["5.1", "4.1", "3.1"]
    assert found(until=1_790_000_003) == ["2.1", "1.1"]
    assert found(since=1_790_000_002, until=1_790_000_004, mode="review") == ["3.1"]
    assert found(limit=2) == ["5.1", "4.1"]
    assert found(limit=0) == found(limit=-1) == found(pull=10**30) == found(since=10**30) == []
    assert found(until=10**30, limit=10**30) == found()
    assert found(decision="\0") == found(mode="\ud800") == []


def test_of_the_same_time_the_later_entry_comes_first(store: Store) -> None:
    for number in range(4):
        store.append(run(number, at=7))
    assert [row.seq for row in store.find(EntryQuery(limit=3))] == [4, 3, 2]


def test_an_entry_may_be_made_while_others_are_read(store: Store) -> None:
    for number in range(3):
        store.append(run(number))
    for row in store.find(EntryQuery()):
        store.append(run(row.seq + 10))
    assert unbroken(store.rows(REPOSITORY)) == 6


def test_what_is_old_is_removed_and_the_removal_is_entered(book: Book, opening: Opening) -> None:
    store = opening(book)
    for number in range(6):
        store.append(run(number))
        store.append(run(number, "b/two"))
    fourth = store.row(REPOSITORY, 4)
    assert fourth is not None
    pruned = store.prune(REPOSITORY, 1_790_000_004, removal)
    assert pruned == Removal(REPOSITORY, 1, 4, fourth.hash, 1_790_000_004)
    store.append(run(9))
    for each in (store, opening(book)):
        rows = list(each.rows(REPOSITORY))
        assert [row.seq for row in rows] == [5, 6, 7, 8]
        assert unbroken(rows, fourth.hash, 4) == 4
        assert rows[2].columns.kind is Kind.PRUNE
        assert each.head(REPOSITORY) == rows[-1].link
        assert unbroken(each.rows("b/two")) == 6


def test_a_removal_ends_at_the_first_entry_that_is_young_enough(store: Store) -> None:
    for at in (10, 30, 10, 20):
        store.append(run(at=at))
    pruned = store.prune(REPOSITORY, 30, removal)
    assert pruned is not None
    assert (pruned.first, pruned.last) == (1, 1)
    assert store.prune(REPOSITORY, 30, removal) is None
    assert store.prune(REPOSITORY, 0, removal) is None


def test_a_whole_chain_may_be_removed_and_goes_on(store: Store) -> None:
    links = [store.append(run(number)) for number in range(3)]
    pruned = store.prune(REPOSITORY, 1_800_000_000, removal)
    assert pruned == Removal(REPOSITORY, 1, 3, links[-1].hash, 1_800_000_000)
    store.append(run(5, at=1_800_000_001))
    assert unbroken(store.rows(REPOSITORY), links[-1].hash, 3) == 2
    again = store.prune(REPOSITORY, 1_800_000_001, removal)
    assert again is not None
    assert (again.first, again.last) == (4, 4)


def test_of_nothing_nothing_is_removed(store: Store) -> None:
    assert store.prune(REPOSITORY, 1_800_000_000, removal) is None
    assert store.repositories() == ()
    assert store.head(REPOSITORY) is None


def test_a_removal_that_cannot_be_entered_does_not_happen(store: Store) -> None:
    for number in range(3):
        store.append(run(number))

    def broken(pruned: Removal) -> Entry:
        return replace(removal(pruned), text="\ud800")

    with pytest.raises(StoreRefused):
        store.prune(REPOSITORY, 1_800_000_000, broken)
    assert unbroken(store.rows(REPOSITORY)) == 3
    assert store.append(run(4)).seq == 4


def test_a_place_is_told_and_guarded_where_it_takes_a_password(book: Book, store: Store) -> None:
    assert store.is_authenticated is (book.kind == "postgresql")
    assert store.location
    assert "postgres@" not in store.location


def test_a_link_names_its_place_for_people(store: Store) -> None:
    assert store.append(run()).anchor.startswith(f"{REPOSITORY}#1:")
    assert isinstance(store.head(REPOSITORY), Link)


VIEW = "SELECT event_id, event_type, decision, confidence, iterations, escalated, sha, pr_number FROM agent_audit_log"


def test_the_database_shows_each_run_by_the_names_that_people_look_for(book: Book, opening: Opening) -> None:
    store = opening(book)
    told: dict[str, Any] = {"confidence": "0.62", "iterations": 3, "escalated": True, "actions": [{"kind": "comment"}]}
    store.append(run(1, **told, output={"text": "a\0b"}))
    store.append(run(2, pull=None, escalated=False))
    store.append(Entry.of(REPOSITORY, {"kind": "receipts", "of": 1}))
    # Whoever looks into the file does so with a connection of their own.
    database = database_of(book)
    with closing(sqlite3.connect(book.place)) if book.kind == "sqlite" else database.transaction() as connection:
        rows = connection.execute(f"{VIEW} ORDER BY event_id").fetchall()
        shown = "SELECT \"timestamp\", actions_taken, full_output FROM agent_audit_log WHERE event_id = '1.1'"
        [(when, actions, output)] = connection.execute(shown).fetchall()
    database.close()
    assert rows == [
        ("1.1", "review", "approve", 0.62, 3, True, SHA, 5),
        ("2.1", "review", "approve", None, None, False, SHA, None),
    ]
    assert str(when).replace(" ", "T").startswith("2026-09-21T")
    assert json.loads(actions) == [{"kind": "comment"}]
    assert json.loads(output)["text"] in {"a\0b", "a\ufffdb"}
