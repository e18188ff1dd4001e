"""Which index of SQLite serves which question: without statistics it has to be the right one all the same."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from cicd_agent.adapters.storage.queries import select_entries
from cicd_agent.adapters.storage.store import SqlStore
from cicd_agent.domain.audit_entry import Kind
from cicd_agent.domain.ports.storage import EntryQuery
from tests.adapters.storage.books import REPOSITORY, SHA

# What is asked for, and the last part of the name of the index.
SERVED = (
    (EntryQuery(), "at"),
    (EntryQuery(kind=Kind.RUN), "at"),
    (EntryQuery(kind=Kind.RUN, since=5, until=7), "at"),
    (EntryQuery(repository=REPOSITORY), "repository"),
    (EntryQuery(repository=REPOSITORY, kind=Kind.RUN, mode="review", decision="approve", since=5), "repository"),
    (EntryQuery(mode="review", kind=Kind.RUN), "mode"),
    (EntryQuery(mode="review", decision="approve", until=5), "decision"),
    (EntryQuery(repository=REPOSITORY, pull=5, mode="review"), "pull"),
    (EntryQuery(sha=SHA), "sha"),
    (EntryQuery(sha=SHA[:7], repository=REPOSITORY, kind=Kind.RUN, mode="review", pull=5, since=5, until=9), "sha"),
    (EntryQuery(event_id="1.1", repository=REPOSITORY, sha=SHA, since=5), "event"),
)


@pytest.mark.parametrize(("wanted", "index"), SERVED)
def test_a_question_is_served_by_the_index_that_leads_to_the_fewest(
    wanted: EntryQuery, index: str, tmp_path: Path
) -> None:
    statement, parameters = select_entries(wanted)
    path = tmp_path / "state.db"
    SqlStore.open(path).close()
    with closing(sqlite3.connect(path)) as connection:
        plan = [str(row[3]) for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)]
    few = index in {"sha", "event"}
    assert plan[0].startswith(f"SEARCH cicd_agent_entries USING INDEX cicd_agent_entries_{index} (")
    # What is read is in order already, but for entries of the same second; of a few it does not matter.
    assert plan[1:] == ["USE TEMP B-TREE FOR ORDER BY" if few else "USE TEMP B-TREE FOR RIGHT PART OF ORDER BY"]
