"""A process that is killed while it writes: the chain holds, and nothing that was entered is lost."""

from collections.abc import Callable
from pathlib import Path

import pytest

from cicd_agent.adapters.storage.lines.heads import HEADS
from cicd_agent.adapters.storage.lines.store import LINES, LinesStore
from cicd_agent.domain.audit_entry import Entry
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


@pytest.fixture
def whole(tmp_path: Path) -> tuple[Path, bytes, int]:
    """A folder with a book of three entries, its file, and where the last of them begins."""
    store = LinesStore(tmp_path)
    for number in range(3):
        store.append(Entry.of(REPOSITORY, {"kind": "run", "at": number, "output": "ü\n"}))
    raw = (tmp_path / LINES).read_bytes()
    return tmp_path, raw, raw.rindex(b"\n", 0, -1) + 1


def test_a_line_that_was_cut_anywhere_is_healed_by_the_next_entry(whole: tuple[Path, bytes, int]) -> None:
    """As a kill leaves it: the line was never noted."""
    folder, raw, start = whole
    (folder / HEADS).unlink()
    for size in range(start, len(raw) + 1):
        (folder / LINES).write_bytes(raw[:size])
        (folder / HEADS).unlink(missing_ok=True)
        store = LinesStore(folder)
        # Whole, it lacks nothing but its end.
        kept = 3 if size >= len(raw) - 1 else 2
        assert unbroken(store.rows(REPOSITORY)) == kept
        assert store.append(run(9)).seq == kept + 1
        assert unbroken(store.rows(REPOSITORY)) == kept + 1


def test_what_was_noted_and_then_cut_off_leaves_a_gap(whole: tuple[Path, bytes, int]) -> None:
    folder, raw, start = whole
    (folder / LINES).write_bytes(raw[:start])
    store = LinesStore(folder)
    head = store.head(REPOSITORY)
    assert head is not None
    assert head.seq == 3
    link = store.append(run(9))
    assert link.seq == 4
    assert [row.seq for row in store.rows(REPOSITORY)] == [1, 2, 4]
    assert [row.prev for row in store.rows(REPOSITORY)][-1] == head.hash


def test_what_was_written_but_not_noted_is_found(whole: tuple[Path, bytes, int]) -> None:
    folder, _, _ = whole
    before = (folder / HEADS).read_bytes()
    LinesStore(folder).append(run(3))
    LinesStore(folder).append(run(3, "b/two"))
    (folder / HEADS).write_bytes(before)
    store = LinesStore(folder)
    head = store.head(REPOSITORY)
    assert head is not None
    assert head.seq == 4
    assert store.append(run(4)).seq == 5
    assert store.append(run(4, "b/two")).seq == 2
    assert unbroken(store.rows(REPOSITORY)) == 5


def test_a_removal_that_was_not_noted_does_no_harm(whole: tuple[Path, bytes, int]) -> None:
    folder, raw, _ = whole
    before = (folder / HEADS).read_bytes()
    first, *others = raw.splitlines(keepends=True)
    fresh = folder / "fresh"
    fresh.write_bytes(b"".join(others) + first)
    fresh.replace(folder / LINES)
    (folder / HEADS).write_bytes(before)
    assert LinesStore(folder).append(run(4)).seq == 4
