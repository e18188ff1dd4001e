"""What the account book costs: an entry beside a bare INSERT, twenty writers, and questions to a large book.

`python benchmarks/store.py [--records N] [--appends N] [--only lines,sqlite,postgresql]`

PostgreSQL is started in a temporary folder, where it is installed, and waits for the disk as it does by default. The
bare INSERT puts the same row into a table without indexes on the same disk, with the same waiting for it. Exit code 1
tells of a goal that was missed.
"""

import argparse
import os
import random
import resource
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import psycopg

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).resolve().parent.parent / part) for part in ("", "src")]

from benchmarks.store_bulk import REPOSITORIES, fill, repository_of, sha_of, sizes
from cicd_agent.core.audit import ZERO, Kind, Row, chained
from cicd_agent.core.ports_store import Store, Wanted
from tests.services.postgres import NoServerError, Server, start
from tests.stores.books import Book, run
from tests.stores.writing import started

ROOT = Path(__file__).resolve().parent.parent
APPEND_GOAL = 5.0
SHA_GOAL = 20.0
WRITERS, EACH = 20, 15
MOST_LINES = 20_000
"""JSON lines are for one job: a larger book belongs into a database."""
_OPENING = """
import sys, time
begun = time.perf_counter()
from cicd_agent.adapters.{module} import {name}
loaded = time.perf_counter()
store = {call}
opened = time.perf_counter()
from cicd_agent.core.audit import Entry
store.append(Entry.of("acme/new", {{"kind": "run", "at": 1}}))
entered = time.perf_counter()
store.close()
print(*((b - a) * 1000 for a, b in ((begun, loaded), (loaded, opened), (opened, entered))))
"""


def milliseconds(action: Callable[[], object], times: int) -> list[float]:
    """Of each run, in order."""
    found = []
    for _ in range(times):
        begun = time.perf_counter()
        action()
        found.append((time.perf_counter() - begun) * 1000)
    return found


def told(what: str, found: list[float], more: str = "") -> float:
    """Print the median and the 95th percentile; the median."""
    middle = statistics.median(found)
    late = sorted(found)[int(len(found) * 0.95)] if len(found) > 1 else middle
    print(f"  {what:<34}{middle:>10.2f} ms   p95 {late:>9.2f} ms{more}")
    return middle


def opening(book: Book) -> None:
    """What a run pays for it in a process of its own."""
    module, name = ("store_lines", "LinesStore") if book.kind == "lines" else ("store_sql", "SqlStore")
    path = f"__import__('pathlib').Path({book.place!r})"
    place = {"lines": f"LinesStore({path})", "sqlite": f"SqlStore.open({path})"}.get(
        book.kind, f"SqlStore.open({book.place!r})"
    )
    code = _OPENING.format(module=module, name=name, call=place)
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
        self.name = "bare INSERT" if book.kind != "lines" else "bare write and fsync"
        self._book = book
        match book.kind:
            case "lines":
                self._lines = book.file.open("ab", buffering=0)
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
            case "lines":
                self._lines.write(text.encode() + b"\n")
                os.fsync(self._lines.fileno())
            case "sqlite":
                self._sqlite.execute("INSERT INTO bare (text) VALUES (?)", (text,))
            case _:
                self._server.execute("INSERT INTO bare (text) VALUES (%s)", (text,))

    def close(self) -> None:
        """Let go of it."""
        match self._book.kind:
            case "lines":
                self._lines.close()
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


def asking(store: Store, records: int) -> bool:
    """The questions of `audit`, to a book of so many entries."""
    chance = random.Random(1)  # noqa: S311  the same questions each time
    numbers = [chance.randrange(records) for _ in range(200)]
    some = 20 if records > MOST_LINES or not store.place.endswith("jsonl") else 3

    def each(what: str, wanted: Callable[[int], Wanted]) -> float:
        asked = iter(numbers)
        return told(what, milliseconds(lambda: list(store.find(wanted(next(asked)))), some))

    each("list: the newest 20", lambda _: Wanted(kind=Kind.RUN, most=20))
    each("list: of a repository", lambda n: Wanted(repository=repository_of(n), kind=Kind.RUN, most=20))
    each("list: of a mode and a decision", lambda _: Wanted(mode="deploy-gate", decision="rollback", most=20))
    each("list: of a pull request", lambda n: Wanted(pull=n % 5_000 + 1, most=20))
    each("show: by the id of its event", lambda n: Wanted(event_id=f"{n}.1"))
    found = store.find(Wanted(sha=sha_of(numbers[0])))
    expect(any(row.columns.event_id == f"{numbers[0] // 2 * 2}.1" for row in found), "what is asked for is there")
    whole = each("by a commit, its whole SHA", lambda n: Wanted(sha=sha_of(n), most=20))
    part = each("by a commit, 7 digits of it", lambda n: Wanted(sha=sha_of(n)[:7], most=20))
    asked = iter(numbers)
    told("show: by its number", milliseconds(lambda: _row(store, next(asked)), some))
    return max(whole, part) <= SHA_GOAL


def _row(store: Store, number: int) -> None:
    expect(
        store.row(repository_of(number), number // 20 * 2 + number % 2 + 1) is not None, "every entry has its number"
    )


def reading(store: Store, folder: Path) -> None:
    """All of it, from the beginning to the end."""
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begun = time.perf_counter()
    count = sum(_verified(store, name) for name in store.repositories())
    verified = time.perf_counter()
    with (folder / "export.jsonl").open("w", encoding="utf-8") as file:
        exported = 0
        for row in store.find(Wanted(most=10**12)):
            file.write(f"{row.text}\n")
            exported += 1
    ended = time.perf_counter()
    (folder / "export.jsonl").unlink()
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - grown
    for what, seconds in (("verify, all chains", verified - begun), ("export, all entries", ended - verified)):
        rate = f"{count / seconds:,.0f} entries a second"
        print(f"  {what:<34}{seconds:>10.2f} s    {rate}")
    print(f"  {'memory that it took':<34}{grown / 1024:>10.1f} MB")
    expect(exported == count, "every entry is exported")


def expect(holds: bool, words: str) -> None:  # noqa: FBT001
    """End it all where something is not so: what was measured would mean nothing."""
    if not holds:
        raise SystemExit(f"not so: {words}")


def _verified(store: Store, repository: str) -> int:
    head = store.head(repository)
    rows = store.rows(repository)
    if find_spec("cicd_agent.core.chain"):
        found = import_module("cicd_agent.core.chain").verify(rows, (), head)
        expect(not found.breaks, f"{repository} holds: {found.breaks[:3]}")
        return int(found.entries)
    return _recomputed(rows)


def _recomputed(rows: Iterable[Row]) -> int:
    prev, count = ZERO, 0
    for row in rows:
        count += 1
        expect((row.prev, row.hash) == (prev, chained(row.repository, count, prev, row.text)), f"#{row.seq} holds")
        prev = row.hash
    return count


def main() -> int:
    """Measure each kind that there is, and tell."""
    parser = argparse.ArgumentParser(description="Measure the account book.")
    parser.add_argument("--records", type=int, default=100_000, help="entries of the large book")
    parser.add_argument("--appends", type=int, default=300)
    parser.add_argument("--only", default="lines,sqlite,postgresql")
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
    print(f"goals: append ≤ {APPEND_GOAL:.0f} ms, by a commit ≤ {SHA_GOAL:.0f} ms: {'met' if good else 'MISSED'}")
    return 0 if good else 1


def measured(kind: str, folder: Path, server: Server | None, records: int, appends: int) -> bool:
    """All of it for one kind of book; whether it met the goals."""

    def book(name: str) -> Book:
        if server:
            return Book(kind, server.database(name))
        place = folder / name
        place.mkdir(parents=True)
        return Book(kind, str(place if kind == "lines" else place / "state.db"))

    print(kind)
    small = book("small")
    opening(small)
    good = appending(small, Bare(book("bare")), appends)
    writing(book("writers"))
    large = book("large")
    count = min(records, MOST_LINES) if kind == "lines" else records
    large.open().close()
    begun = time.perf_counter()
    fill(large, count)
    print(f"  {count:,} entries, made in {time.perf_counter() - begun:.0f} s: {sizes(large)}")
    with closing(large.open()) as store:
        good &= asking(store, count) or kind == "lines"
        reading(store, folder if kind != "postgresql" else Path(tempfile.gettempdir()))
        told("append to it", milliseconds(lambda: store.append(run(1, REPOSITORIES[0])), 50))
    return good


if __name__ == "__main__":
    sys.exit(main())
