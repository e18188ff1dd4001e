"""Twenty processes at one audit log: nothing is lost, and there is one chain."""

import threading
from collections.abc import Callable

from cicd_agent.domain.audit_entry import Link
from cicd_agent.domain.facts import Fact, FactKind
from cicd_agent.domain.ports.storage import FactQuery, Store
from tests.adapters.storage.books import REPOSITORY, Book, removal, run, unbroken
from tests.adapters.storage.writing import started

WRITERS, EACH = 20, 8


def test_twenty_processes_lose_nothing_and_make_one_chain(book: Book, opening: Callable[[Book], Store]) -> None:
    """None of them finds the book made: they race for its tables and for the first entry, too."""
    process = started(book, "writer", EACH, WRITERS)
    output, errors = process.communicate(timeout=300)
    assert (process.returncode, errors) == (0, "")
    assert sorted(int(line) for line in output.split()) == list(range(1, WRITERS * EACH + 1))
    store = opening(book)
    rows = list(store.rows(REPOSITORY))
    assert unbroken(rows) == WRITERS * EACH
    wanted = {f"writer-{number}.{count}" for number in range(WRITERS) for count in range(1, EACH + 1)}
    assert {row.columns.event_id for row in rows} == wanted
    assert store.head(REPOSITORY) == rows[-1].link


def test_threads_may_share_a_store(store: Store) -> None:
    links: list[Link] = []

    def write(name: str) -> None:
        links.extend(store.append(run(number, event_id=f"{name}.{number}")) for number in range(10))
        store.append(
            run(repository="acme/other"),
            [Fact(REPOSITORY, FactKind.TESTS, name, 1), Fact(REPOSITORY, FactKind.TESTS, "shared", 1)],
        )

    threads = [threading.Thread(target=write, args=(f"thread-{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(link.seq for link in links) == list(range(1, 41))
    assert unbroken(store.rows(REPOSITORY)) == 40
    assert len(store.facts(FactQuery(REPOSITORY))) == 5


def test_a_chain_is_pruned_while_others_write_to_it(store: Store) -> None:
    for number in range(20):
        store.append(run(number))
    moments = range(1_790_000_000, 1_790_000_020, 4)
    threads = [
        threading.Thread(target=lambda: [store.append(run(100 + number)) for number in range(10)]),
        threading.Thread(target=lambda: [store.prune(REPOSITORY, before, removal) for before in moments]),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rows = list(store.rows(REPOSITORY))
    assert rows[0].seq == 17
    assert unbroken(rows, rows[0].prev, 16) == 4 + 10 + 4
    assert store.head(REPOSITORY) == rows[-1].link
