"""The commands on the books that there are: what is changed in the file itself is found, and told to whoever asks."""

import io
import json
import sqlite3
from pathlib import Path

import pytest

from cicd_agent.adapters.storage.store import SqlStore
from cicd_agent.app.console import Streams
from cicd_agent.app.storage import DATABASE
from cicd_agent.cli.parser import parse
from cicd_agent.settings.environment import Environment
from tests.support.jobs.audit import NOW, decided, done
from tests.support.sessions import session_of


def run(folder: Path, *arguments: str) -> tuple[int, str]:
    out = io.StringIO()
    invocation = parse(["audit", *arguments, "--state-dir", str(folder)])
    code = invocation.run(session_of(invocation, Environment(), Streams(out, io.StringIO()), lambda: NOW))
    return code, out.getvalue()


def change(folder: Path) -> None:
    database = sqlite3.connect(folder / DATABASE)
    for statement in (
        "update cicd_agent_entries set text = replace(text, 'approve', 'hold') where seq = 3",
        "delete from cicd_agent_entries where seq = 7",
        "update cicd_agent_entries set sha = 'f' where seq = 11",
        "delete from cicd_agent_entries where seq > 18",
    ):
        database.execute(statement)
    database.commit()
    database.close()


@pytest.fixture
def book(tmp_path: Path) -> Path:
    store = SqlStore.open(tmp_path / DATABASE)
    for number in range(1, 11):
        store.append(done(number, store.append(decided(number))))
    store.close()
    return tmp_path


def test_a_book_is_listed_shown_and_exported(book: Path) -> None:
    runs = json.loads(run(book, "list", "--most", "3", "--format", "json")[1])["runs"]
    assert [(each["seq"], each["finished"]) for each in runs] == [(19, True), (17, True), (15, True)]
    assert json.loads(run(book, "show", runs[0]["hash"][:10], "--format", "json")[1])["entry"]["seq"] == 19
    assert len(run(book, "export")[1].splitlines()) == 20
    assert len(run(book, "export", "--format", "csv", "--sha", "0000004")[1].splitlines()) == 2


def test_what_is_changed_in_the_file_is_found(book: Path) -> None:
    assert run(book, "verify")[0] == 0
    change(book)
    code, out = run(book, "verify", "--format", "json")
    assert code == 1
    (chain,) = json.loads(out)["chains"]
    assert [each["kind"] for each in chain["breaks"]] == ["text", "deleted", "column", "truncated"]
    assert [each["seq"] for each in chain["breaks"]] == [3, 7, 11, 19]


def test_a_removal_hides_no_tampering(book: Path) -> None:
    change(book)
    out = run(book, "prune", "--older-than", "495d")[1]
    assert "8 entries removed, #1 to #8" in out
    assert "#3 text: its text was changed" in out
    assert "#7 deleted: it is missing" in out
    code, out = run(book, "verify")
    assert code == 1
    assert "#3" not in out
    shown = run(book, "show", "#21")[1]
    assert "what did not hold of them\n  #3 text: its text was changed" in shown
