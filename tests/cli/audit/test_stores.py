"""The commands on the books that there are: what is changed in the file itself is found, and told to whoever asks."""

import io
import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from cicd_agent.adapters.storage.lines.store import LINES, LinesStore
from cicd_agent.adapters.storage.sql.store import SqlStore
from cicd_agent.app.reporter import Outlet, Streams
from cicd_agent.app.storage import DATABASE
from cicd_agent.cli.account_parser import parsed
from cicd_agent.cli.audit.list import audit
from cicd_agent.domain.ports.storage import Store
from cicd_agent.settings.environment import Environment
from tests.support.jobs.audit import NOW, decided, done


def run(folder: Path, *arguments: str) -> tuple[int, str]:
    out = io.StringIO()
    options, environment = parsed(["audit", *arguments, "--state-dir", str(folder)]), Environment()
    code = audit(options, environment, Outlet(options, environment, Streams(out, io.StringIO())), lambda: NOW)
    return code, out.getvalue()


def in_sqlite(folder: Path) -> None:
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


def in_lines(folder: Path) -> None:
    path = folder / LINES
    lines = path.read_bytes().splitlines(keepends=True)
    lines[2] = lines[2].replace(b"approve", b"hold")
    lines[10], lines[11] = lines[11], lines[10]
    del lines[6]
    path.write_bytes(b"".join(lines[:17]))


@pytest.fixture(params=["sqlite", "lines"])
def book(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, Callable[[Path], None], str]:
    is_lines = request.param == "lines"
    store: Store = LinesStore(tmp_path) if is_lines else SqlStore.open(tmp_path / DATABASE)
    for number in range(1, 11):
        store.append(done(number, store.append(decided(number))))
    store.close()
    return tmp_path, in_lines if is_lines else in_sqlite, "misplaced" if is_lines else "column"


def test_a_book_is_listed_shown_and_exported(book: tuple[Path, Callable[[Path], None], str]) -> None:
    folder, _, _ = book
    runs = json.loads(run(folder, "list", "--most", "3", "--format", "json")[1])["runs"]
    assert [(each["seq"], each["finished"]) for each in runs] == [(19, True), (17, True), (15, True)]
    assert json.loads(run(folder, "show", runs[0]["hash"][:10], "--format", "json")[1])["entry"]["seq"] == 19
    assert len(run(folder, "export")[1].splitlines()) == 20
    assert len(run(folder, "export", "--format", "csv", "--sha", "0000004")[1].splitlines()) == 2


def test_what_is_changed_in_the_file_is_found(book: tuple[Path, Callable[[Path], None], str]) -> None:
    folder, change, other = book
    assert run(folder, "verify")[0] == 0
    change(folder)
    code, out = run(folder, "verify", "--format", "json")
    assert code == 1
    (chain,) = json.loads(out)["chains"]
    assert [each["kind"] for each in chain["breaks"]] == ["text", "deleted", other, "truncated"]
    assert [each["seq"] for each in chain["breaks"]] in ([3, 7, 11, 19], [3, 7, 12, 19])


def test_a_removal_hides_no_tampering(book: tuple[Path, Callable[[Path], None], str]) -> None:
    folder, change, _ = book
    change(folder)
    out = run(folder, "prune", "--older-than", "495d")[1]
    assert "8 entries removed, #1 to #8" in out
    assert "#3 text: its text was changed" in out
    assert "#7 deleted: it is missing" in out
    code, out = run(folder, "verify")
    assert code == 1
    assert "#3" not in out
    shown = run(folder, "show", "#21")[1]
    assert "what did not hold of them\n  #3 text: its text was changed" in shown
