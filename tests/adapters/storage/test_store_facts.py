"""Facts that modes leave for each other, in every kind of book."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from cicd_agent.adapters.storage.store import SqlStore
from cicd_agent.domain.facts import Fact, FactKind
from cicd_agent.domain.ports.storage import FactQuery, Store
from tests.adapters.storage.books import REPOSITORY, SHA, Book, run

Opening = Callable[[Book], Store]
ODD = "\x00 \ud800 \U0001f600 '"


def fact(at: int = 1, **told: object) -> Fact:
    usual = {"repository": REPOSITORY, "kind": FactKind.TESTS, "subject": SHA, "at": at, "mode": "route", "sha": SHA}
    return Fact(**{**usual, "values": {"failed": "0"}, **told})  # type: ignore[arg-type]


def test_facts_come_back_newest_first(book: Book, opening: Opening) -> None:
    store = opening(book)
    store.append(run(), [fact(1), fact(3, subject="b", ref="main", event_id="7.1"), fact(2, subject="c")])
    store.append(run(), [])
    store.close()
    found = opening(book).facts(FactQuery(REPOSITORY))
    assert [each.at for each in found] == [3, 2, 1]
    assert found[0] == fact(3, subject="b", ref="main", event_id="7.1")


def test_a_later_fact_replaces_an_earlier_one(store: Store) -> None:
    store.append(run(), [fact(5), fact(6, mode="review")])
    store.append(run(), [fact(7, values={"failed": "1"}), fact(4, values={"failed": "2"})])
    assert [(each.mode, each.at, each.values["failed"]) for each in store.facts(FactQuery(REPOSITORY))] == [
        ("review", 6, "0"),
        ("route", 4, "2"),
    ]


def test_facts_are_found_by_what_they_are_about(store: Store) -> None:
    store.append(
        run(),
        [
            fact(1),
            fact(2, kind=FactKind.DEPLOYMENT, subject="production"),
            fact(3, kind=FactKind.DEPLOYMENT, subject="staging", sha="f" * 40),
            fact(4, repository="b/two"),
        ],
    )

    def found(**about: object) -> list[int]:
        return [each.at for each in store.facts(FactQuery(**{"repository": REPOSITORY, **about}))]  # type: ignore[arg-type]

    assert found() == [3, 2, 1]
    assert found(kind=FactKind.DEPLOYMENT) == [3, 2]
    assert found(kind=FactKind.DEPLOYMENT, subject="production") == [2]
    assert found(sha=SHA) == [2, 1]
    assert found(limit=1) == [3]
    assert found(limit=0) == found(repository="") == found(subject="%") == []


def test_any_text_may_stand_in_a_fact(store: Store) -> None:
    store.append(run(), [fact(1, subject=ODD, ref=ODD, values={ODD: ODD}), fact(2, subject="s" * 9_000)])
    long, odd = store.facts(FactQuery(REPOSITORY))
    assert odd.values == {ODD: ODD}
    assert "\0" not in odd.subject
    assert (
        store.facts(FactQuery(REPOSITORY, subject=odd.subject))
        == store.facts(FactQuery(REPOSITORY, subject=ODD))
        == (odd,)
    )
    assert len(long.subject) == 512


@pytest.mark.parametrize(
    "changed",
    ["kind = 'odd'", "at = -1", "at = 9007199254740992", "\"values\" = '[]'", "\"values\" = '{'", "sha = x'ff'"],
)
def test_what_is_no_fact_is_none(tmp_path: Path, changed: str) -> None:
    path = tmp_path / "state.db"
    with closing(SqlStore.open(path)) as store:
        store.append(run(), [fact(1), fact(2, subject="b")])
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute(f"UPDATE cicd_agent_facts SET {changed} WHERE subject = 'b'")
        assert [each.at for each in store.facts(FactQuery(REPOSITORY))] == [1]
