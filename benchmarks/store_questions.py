"""What is asked of a large audit log, by its store alone and as `cicd-agent audit` does, and how long that takes."""

import random
import re
import resource
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.store_bulk import ENTRIES, REPOSITORIES, entry_of, event_of, place_of, pull_of, sha_of
from cicd_agent.adapters.storage.postgres import BoundedConnection
from cicd_agent.adapters.storage.queries import select_entries
from cicd_agent.audit.verification import verify
from cicd_agent.domain.audit_entry import Kind
from cicd_agent.domain.ports.storage import EntryQuery, Store
from tests.support.jobs.audit import ask

SHA_GOAL = 20.0
"""Milliseconds."""
_WHOLE, _PART = "by a commit, its whole SHA", "by a commit, 7 digits of it"
_EVENT = "show: by the id of its event"
QUESTIONS: dict[str, Callable[[int], EntryQuery]] = {
    "list: the newest 20": lambda _: EntryQuery(kind=Kind.RUN, limit=20),
    "list: of one repository": lambda run: EntryQuery(repository=place_of(run)[0], kind=Kind.RUN, limit=20),
    "list: of a mode and a decision": lambda _: EntryQuery(mode="deploy-gate", decision="rollback", limit=20),
    "list: of a pull request": lambda run: EntryQuery(repository=place_of(run)[0], pull=pull_of(run), limit=20),
    _WHOLE: lambda run: EntryQuery(sha=sha_of(run), limit=20),
    _PART: lambda run: EntryQuery(sha=sha_of(run)[:7], limit=20),
    _EVENT: lambda run: EntryQuery(event_id=event_of(run)),
}
"""What is asked about a run."""
_INDEX = re.compile(r"Index(?: Only)? Scan(?: Backward)?(?: using| on) (\w+)")
_MOST_BREAKS = 3
_SOME, _COMMANDS = 20, 5


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


def asking(store: Store, records: int) -> bool:
    """The questions that the store answers, to a book of so many entries; whether the goal was met."""
    chance = random.Random(1)  # noqa: S311  the same questions each time
    runs = [chance.randrange(records // 2) for _ in range(200)]

    medians = {}
    for what, wanted in QUESTIONS.items():
        asked, counts = iter(runs), list[int]()
        taken = milliseconds(lambda: counts.append(len(list(store.find(wanted(next(asked)))))), _SOME)  # noqa: B023
        pair = wanted is QUESTIONS[_WHOLE] or wanted is QUESTIONS[_EVENT]  # a run and what became of it
        expect(all(count == 2 if pair else count for count in counts), f"`{what}` finds what there is, not {counts}")
        medians[what] = told(what, taken)
    asked = iter(runs)
    told("show: by its number", milliseconds(lambda: _stands(store, next(asked)), _SOME))
    return max(medians[_WHOLE], medians[_PART]) <= SHA_GOAL


def planned(url: str) -> bool:
    """Whether a server answers every question by an index; each is named. Of SQLite the tests see to it."""
    unserved = []
    with BoundedConnection.connect(url) as connection:
        for what, wanted in QUESTIONS.items():
            statement, parameters = select_entries(wanted(7))
            plan = "\n".join(row[0] for row in connection.execute(f"EXPLAIN {statement}", parameters))
            used = sorted({name.removeprefix(f"{ENTRIES}_") for name in _INDEX.findall(plan)})
            print(f"  {what:<34}   index: {', '.join(used) or 'NONE'}")
            if not used or "Seq Scan" in plan:
                unserved.append(what)
    return not unserved


def _stands(store: Store, run: int) -> None:
    row = store.row(*place_of(run))
    expect(row is not None and row.text == entry_of(run * 2)[0].text, "every entry has its number")


def commanding(store: Store, records: int, folder: Path) -> None:
    """The same as people ask it: with what became of each run, redacted, as a table."""
    run = records // 4
    repository, seq = place_of(run)
    for words in (
        ("list", "--most", "20"),
        ("list", "--sha", sha_of(run)[:7]),
        ("list", "--repository", repository),
        ("show", f"{repository}#{seq}"),
        ("show", event_of(run)),
    ):
        shown = f"audit {' '.join(words)}"
        told(shown, milliseconds(lambda words=words: _answered(store, *words), _COMMANDS))  # type: ignore[misc]
    file = folder / "export.jsonl"
    begun = time.perf_counter()
    _answered(store, "export", "--repository", repository, "--out", str(file))
    with file.open(encoding="utf-8") as lines:
        count = sum(1 for _ in lines)
    file.unlink()
    _paced(f"audit export, of {repository}", count, time.perf_counter() - begun)


def _answered(store: Store, *words: str) -> None:
    printed = ask(store, *words)
    expect(printed.code == 0, f"`audit {' '.join(words)}` succeeds: {printed.err}")


def reading(store: Store, records: int, folder: Path) -> bool:
    """All of it, from the beginning to the end; whether every chain holds."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begun = time.perf_counter()
    expect(store.repositories() == tuple(sorted(REPOSITORIES)), "every repository has a chain")
    chains = [verify(store.rows(name), (), store.head(name)) for name in REPOSITORIES]
    verified = time.perf_counter()
    exported = 0
    with (folder / "export.jsonl").open("w", encoding="utf-8") as file:
        for name in REPOSITORIES:
            for row in store.rows(name):
                file.write(f"{row.text}\n")
                exported += 1
    ended = time.perf_counter()
    (folder / "export.jsonl").unlink()
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    _paced("verify, all chains", sum(each.entries for each in chains), verified - begun)
    _paced("export, the text of all entries", exported, ended - verified)
    print(f"  {'memory that both took':<34}{grown / 1024:>10.1f} MB")
    expect(exported == records == sum(each.entries for each in chains), "every entry is read")
    broken = [each for each in chains if not each.holds]
    for each in broken:
        print(f"  NOT WHOLE: {each.repository}, {[one.words for one in each.breaks[:_MOST_BREAKS]]}")
    if not broken:
        shares = sorted(each.entries for each in chains)
        print(f"  {'whole':<34}{len(chains):>10} chains of {shares[0]:,} to {shares[-1]:,} entries")
    return not broken


def _paced(what: str, count: int, seconds: float) -> None:
    print(f"  {what:<34}{seconds:>10.2f} s    {count / seconds:,.0f} entries a second")


def expect(holds: bool, words: str) -> None:  # noqa: FBT001
    """End it all where something is not so: what was measured would mean nothing."""
    if not holds:
        raise SystemExit(f"not so: {words}")
