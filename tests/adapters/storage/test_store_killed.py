"""A process that is killed while it writes: the chain holds, and nothing that was entered is lost."""

from collections.abc import Callable

from cicd_agent.domain.ports.storage import Store
from tests.adapters.storage.books import REPOSITORY, Book, run, unbroken
from tests.adapters.storage.writing import started

KILLS = 4


def test_a_killed_writer_loses_at_most_what_it_was_about_to_enter(book: Book, opening: Callable[[Book], Store]) -> None:
    known: set[str] = set()
    for kill in range(KILLS):
        process = started(book, f"killed-{kill}")
        assert process.stdout is not None
        with process:
            # Each is killed at another place of its work.
            for _ in range(3 + 5 * kill):
                assert process.stdout.readline()
            process.kill()
            told = 3 + 5 * kill + len(process.stdout.read().split())
        known |= {f"killed-{kill}.{number}" for number in range(1, told + 1)}
        store = opening(book)
        rows = list(store.rows(REPOSITORY))
        assert unbroken(rows) == len(rows)
        found = {row.columns.event_id for row in rows}
        assert found >= known
        # It may have entered one more than it came to say.
        assert found - known <= {f"killed-{kill}.{told + 1}"}
        known = found
        assert store.append(run(1, event_id=f"after-{kill}")).seq == len(rows) + 1
        known.add(f"after-{kill}")
        store.close()
    assert unbroken(opening(book).rows(REPOSITORY)) == len(known)
