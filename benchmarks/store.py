"""What the audit log costs: an entry beside a bare INSERT, twenty writers, and questions to a large book.

`python benchmarks/store.py [--records N] [--appends N] [--only sqlite,postgresql]`

PostgreSQL is started in a temporary folder, where it is installed, and waits for the disk as it does by default. The
bare INSERT puts the same row into a table without indexes on the same disk, with the same waiting for it. Exit code 1
tells of a goal that was missed.
"""

import argparse
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from multiprocessing import get_context
from pathlib import Path

import psycopg

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).resolve().parent.parent / part) for part in ("", "src")]

from benchmarks.store_bulk import REPOSITORIES, analyse, fill, sizes
from benchmarks.store_questions import SHA_GOAL, asking, commanding, milliseconds, planned, reading, told
from tests.adapters.storage.books import Book, run
from tests.adapters.storage.writing import started
from tests.support.services.postgres import NoServerError, Server, start

ROOT = Path(__file__).resolve().parent.parent
APPEND_GOAL = 5.0
WRITERS, EACH = 20, 15
_OPENING = """
import sys, time
begun = time.perf_counter()
from cicd_agent.adapters.storage.store import SqlStore
loaded = time.perf_counter()
store = {call}
opened = time.perf_counter()
from cicd_agent.domain.audit_entry import Entry
store.append(Entry.of("acme/new", {{"kind": "run", "at": 1}}))
entered = time.perf_counter()
store.close()
print(*((b - a) * 1000 for a, b in ((begun, loaded), (loaded, opened), (opened, entered))))
"""


def opening(book: Book) -> None:
    """What a run pays for it in a process of its own."""
    place = f"__import__('pathlib').Path({book.place!r})" if book.kind == "sqlite" else repr(book.place)
    code = _OPENING.format(call=f"SqlStore.open({place})")
    env = {"PATH": os.defpath, "PYTHONPATH": str(ROOT / "src")}
    found = []
    for _ in range(6):
        done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
        found.append([float(each) for each in done.stdout.split()])
    names = ("import, in a new process", "open", "the first entry")
    for what, times in zip(names, zip(*found[1:], strict=True), strict=True):
        told(what, list(times), f"   on a new book {found[0][1]:.1f} ms" if what == "open" else "")


def appending(book: Book, bare: "Bare", times: int) -> bool:
    """Ours and theirs by turns: what the disk does meanwhile happens to both."""
    with closing(book.open()) as store, closing(bare):
        entries = iter([run(number, output="x" * 2_000) for number in range(2 * times + 20)])
        for _ in range(10):
            store.append(next(entries))
            bare.insert(next(entries).text)
        ours, theirs = [], []
        for _ in range(times):
            ours += milliseconds(lambda: store.append(next(entries)), 1)
            theirs += milliseconds(lambda: bare.insert(next(entries).text), 1)
    middle = told("append", ours)
    other = told(bare.name, theirs)
    print(f"  {'ratio':<34}{middle / other:>10.2f}")
    return middle <= APPEND_GOAL


class Bare:
    """The same text put where nobody asks for it, by the driver alone."""

    def __init__(self, book: Book) -> None:
        self.name = "bare INSERT"
        self._book = book
        match book.kind:
            case "sqlite":
                self._sqlite = sqlite3.connect(book.place, isolation_level=None)
                for pragma in ("journal_mode=WAL", "synchronous=FULL"):
                    self._sqlite.execute(f"PRAGMA {pragma}")
                self._sqlite.execute("CREATE TABLE bare (seq INTEGER PRIMARY KEY, text TEXT NOT NULL)")
            case _:
                self._server = psycopg.connect(book.place, autocommit=True)
                self._server.execute("CREATE TABLE bare (seq BIGSERIAL PRIMARY KEY, text TEXT NOT NULL)")

    def insert(self, text: str) -> None:
        """One, on the disk when this returns."""
        match self._book.kind:
            case "sqlite":
                self._sqlite.execute("INSERT INTO bare (text) VALUES (?)", (text,))
            case _:
                self._server.execute("INSERT INTO bare (text) VALUES (%s)", (text,))

    def close(self) -> None:
        """Let go of it."""
        match self._book.kind:
            case "sqlite":
                self._sqlite.close()
            case _:
                self._server.close()


def writing(book: Book) -> None:
    """Twenty processes at once, their start with it."""
    begun = time.perf_counter()
    process = started(book, "writer", EACH, WRITERS)
    output, errors = process.communicate()
    seconds = time.perf_counter() - begun
    if process.returncode or len(set(output.split())) != WRITERS * EACH:
        raise SystemExit(f"writers failed: {errors}")
    print(f"  {f'{WRITERS} writers, {EACH} entries each':<34}{seconds:>10.2f} s    with the start of Python")


def main() -> int:
    """Measure each kind that there is, and tell."""
    parser = argparse.ArgumentParser(description="Measure the audit log.")
    parser.add_argument("--records", type=int, default=100_000, help="entries of the large book")
    parser.add_argument("--appends", type=int, default=300)
    parser.add_argument("--only", default="sqlite,postgresql")
    given = parser.parse_args()
    good = True
    # Not where temporary files are: that may be no disk at all.
    place = ROOT / ".cicd-agent"
    place.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="store-", dir=place) as name:
        for kind in given.only.split(","):
            try:
                server = start("fsync=on", "autovacuum=on", "max_wal_size=4GB") if kind == "postgresql" else None
            except NoServerError as error:
                print(f"{kind}: not measured, {error}")
                continue
            try:
                good &= measured(kind, Path(name, kind), server, given.records, given.appends)
            finally:
                if server:
                    server.stop()
    goals = f"append ≤ {APPEND_GOAL:.0f} ms, by a commit ≤ {SHA_GOAL:.0f} ms, each question by an index, chains whole"
    print(f"goals: {goals}: {'met' if good else 'MISSED'}; {os.cpu_count()} cores, load {os.getloadavg()[1]:.1f}")
    return 0 if good else 1


def measured(kind: str, folder: Path, server: Server | None, records: int, appends: int) -> bool:
    """All of it for one kind of book; whether it met the goals."""

    def book(name: str) -> Book:
        if server:
            return Book(kind, server.database(name))
        place = folder / name
        place.mkdir(parents=True)
        return Book(kind, str(place / "state.db"))

    print(kind)
    small = book("small")
    opening(small)
    good = appending(small, Bare(book("bare")), appends)
    writing(book("writers"))
    large = book("large")
    large.open().close()
    begun = time.perf_counter()
    _made(large, records)
    filled = time.perf_counter()
    words = analyse(large)
    print(f"  {records:,} entries, made in {filled - begun:.0f} s: {sizes(large)}")
    if words:
        print(f"  {words}: {time.perf_counter() - filled:.0f} s")
    shelf = folder if kind != "postgresql" else Path(tempfile.gettempdir())
    with closing(large.open()) as store:
        good &= asking(store, records)
        good &= kind != "postgresql" or planned(large.place)
        good &= reading(store, records, shelf)
        commanding(store, records, shelf)
        told("append to it", milliseconds(lambda: store.append(run(1, REPOSITORIES[0])), 50))
    return good


def _made(book: Book, count: int) -> None:
    """By another process: what that needs is not what reading takes."""
    process = get_context("spawn").Process(target=fill, args=(book, count))
    process.start()
    process.join()
    if process.exitcode:
        raise SystemExit("the large book could not be made")


if __name__ == "__main__":
    sys.exit(main())
