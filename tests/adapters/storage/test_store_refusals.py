"""What a book that cannot be used says: one line, what to do about it, and no secret."""

import os
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from cicd_agent.adapters.storage.store import SqlStore
from cicd_agent.domain.ports.storage import Store
from cicd_agent.errors import StoreRefused
from tests.adapters.storage.books import REPOSITORY, removal, run, unbroken
from tests.support.services.postgres import NoServerError, Server, start

PASSWORD = "pa" + "ss w%rd/" + "1234"
QUOTED = PASSWORD.replace("%", "%25").replace(" ", "%20").replace("/", "%2F")


def refused(action: Callable[[], object]) -> str:
    with pytest.raises(StoreRefused) as caught:
        action()
    line = str(caught.value)
    assert "\n" not in line
    assert len(line) < 500
    assert not any(secret in line for secret in (PASSWORD, QUOTED, PASSWORD[:9]))
    return line


@contextmanager
def as_nobody() -> Iterator[Path]:
    """A folder of nobody's, and nobody's rights to it: root may write everywhere."""
    folder = Path(tempfile.mkdtemp(dir="/tmp"))
    root = os.geteuid() == 0
    try:
        if root:
            os.chown(folder, 65534, 65534)
            os.seteuid(65534)
        yield folder
    finally:
        if root:
            os.seteuid(0)
        shutil.rmtree(folder)


def opened(folder: Path, patience: float = 0.05) -> Store:
    return SqlStore.open(folder / "state.db", patience=patience)


def test_a_book_that_another_process_holds(tmp_path: Path) -> None:
    store = opened(tmp_path)
    store.append(run())
    with closing(sqlite3.connect(tmp_path / "state.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        line = refused(lambda: store.append(run()))
        assert "another process holds it" in line
        assert "Try again" in line
    store.append(run())
    assert unbroken(store.rows(REPOSITORY)) == 2
    store.close()


def test_a_folder_that_may_not_be_written_to() -> None:
    with as_nobody() as folder:
        folder.chmod(0o500)
        line = refused(lambda: opened(folder).append(run()))
        assert "Let this user write there" in line
        folder.chmod(0o700)


def test_a_file_that_may_not_be_written_to() -> None:
    with as_nobody() as folder:
        store = opened(folder)
        store.append(run())
        store.close()
        (folder / "state.db").chmod(0o400)
        folder.chmod(0o500)
        line = refused(lambda: opened(folder).append(run()))
        assert re.search(r"read-only|no permission|cannot be opened", line)
        folder.chmod(0o700)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    assert "No such file" in refused(lambda: opened(tmp_path / "nowhere").append(run()))


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("")
    (tmp_path / "state.db").symlink_to(tmp_path / "elsewhere")
    assert "it is a link" in refused(lambda: opened(tmp_path).append(run()))
    assert (tmp_path / "elsewhere").read_text() == ""


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo])
def test_what_is_no_file_is_none(make: Callable[[Path], None], tmp_path: Path) -> None:
    make(tmp_path / "state.db")
    assert "cannot be used" in refused(lambda: opened(tmp_path).append(run()))


_FILLING = """
import resource, signal, sys
from cicd_agent.errors import StoreRefused
from tests.adapters.storage.books import Book, REPOSITORY, run, unbroken
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
store = Book("sqlite", sys.argv[1]).open(1)
resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, resource.RLIM_INFINITY))
entered = 0
try:
    while entered < 1_000:
        store.append(run(entered, output="x" * 10_000))
        entered += 1
except StoreRefused as error:
    print(error)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
assert unbroken(store.rows(REPOSITORY)) == entered, entered
assert store.append(run()).seq == entered + 1
store.close()
"""


def test_a_disk_that_is_full_loses_nothing_that_was_entered(tmp_path: Path) -> None:
    """A file may not grow beyond a limit, which is as near to a full disk as anybody may come."""
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run(
        [sys.executable, "-c", _FILLING, str(tmp_path / "state.db")],
        env={"PATH": os.defpath, "PYTHONPATH": f"{root / 'src'}:{root}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == 1
    assert re.search(r"full.*Give another|full.*give another", done.stdout)


GARBAGE = (b"no database" * 1_000, b"SQLite format 3\0" + b"\xff" * 4_096, b"{}\n")


@pytest.mark.parametrize("raw", GARBAGE, ids=range(len(GARBAGE)))
def test_a_file_that_is_no_database(raw: bytes, tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    path.write_bytes(raw)
    assert re.search(r"no database|damaged", refused(lambda: SqlStore.open(path)))
    assert path.read_bytes() == raw


def test_a_database_that_was_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    store = SqlStore.open(path)
    for number in range(30):
        store.append(run(number, output="x" * 5_000))
    store.close()
    raw = path.read_bytes()
    for size in range(1_000, len(raw), 30_000):
        path.write_bytes(raw[:size])

        def use() -> None:
            with closing(SqlStore.open(path)) as store:
                list(store.rows(REPOSITORY))
                store.append(run(0, output="x" * 50_000))

        assert re.search(r"no database|damaged|disk", refused(use)), size


def test_a_database_whose_pages_were_changed(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    with closing(SqlStore.open(path)) as store:
        for number in range(30):
            store.append(run(number, output="x" * 5_000))
    raw = bytearray(path.read_bytes())
    for place in range(8_192, len(raw) - 64, 4_096):
        raw[place : place + 64] = os.urandom(64)
    path.write_bytes(bytes(raw))

    def use() -> None:
        with closing(SqlStore.open(path)) as store:
            list(store.rows(REPOSITORY))

    assert re.search(r"no database|damaged", refused(use))


@pytest.mark.parametrize(
    "url",
    [
        f"mysql://user:{QUOTED}@localhost/db",
        f"sqlite:///{QUOTED}.db",
        f"postgresql+asyncpg://user:{QUOTED}@localhost/db",
        f"postgresql://user:{QUOTED}@localhost:port/db",
        f"://{QUOTED}",
        f"user:{QUOTED}@localhost/db",
        "state.db",
        f"postgres//user:{QUOTED}@host/db://",
    ],
)
def test_a_url_of_something_else(url: str) -> None:
    assert "postgresql://USER:PASSWORD@HOST/DATABASE" in refused(lambda: SqlStore.open(url))


def test_a_server_that_is_not_there() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        line = refused(lambda: SqlStore.open(f"postgres://user:{QUOTED}@127.0.0.1:{port}/db"))
    assert f"postgresql://127.0.0.1:{port}/db cannot be used (nothing listens there). Check DATABASE_URL" in line


def test_a_server_that_never_answers() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"postgresql+psycopg2://user:{QUOTED}@127.0.0.1:{silent.getsockname()[1]}/db?connect_timeout=2"
        assert "it does not answer" in refused(lambda: SqlStore.open(url))


def test_options_that_there_are_not_are_told_without_their_values(server: Server) -> None:
    url = server.url("postgres") + f"&sslpassword={QUOTED}&nonsense={QUOTED}"
    assert "DATABASE_URL" in refused(lambda: SqlStore.open(url))


def test_a_database_that_there_is_not(server: Server) -> None:
    assert "no such database" in refused(lambda: SqlStore.open(server.url("nowhere")))


def test_a_user_that_there_is_not(server: Server) -> None:
    url = server.url("postgres", user="stranger", password=QUOTED)
    assert "user or the password is wrong" in refused(lambda: SqlStore.open(url))


def test_a_password_that_is_wrong(server: Server) -> None:
    """The rule about passwords is for one user alone: the server serves other tests."""
    rules = server.folder / "data" / "pg_hba.conf"
    rules.write_text("local all guarded scram-sha-256\n" + rules.read_text())
    server.run(f"CREATE ROLE guarded LOGIN PASSWORD '{PASSWORD}'", "SELECT pg_reload_conf()")
    wrong = server.url("postgres", user="guarded", password=f"{QUOTED}x")
    assert "user or the password is wrong" in refused(lambda: SqlStore.open(wrong))
    right = server.url("postgres", user="guarded", password=QUOTED)
    # From PostgreSQL 15 on, nobody but its owner may make tables in a database.
    line = refused(lambda: SqlStore.open(right))
    assert "no permission" in line
    assert "Grant" in line


def test_a_chain_that_another_process_holds_on_a_server(server: Server) -> None:
    url = server.schema()
    with closing(SqlStore.open(url, patience=0.2)) as store, closing(SqlStore.open(url)) as other:
        store.append(run())
        with other._database.transaction(writes=True) as connection:
            other._end(connection, REPOSITORY)
            assert "another process holds it" in refused(lambda: store.append(run()))
            assert store.append(run(repository="b/two")).seq == 1
        assert store.append(run()).seq == 2


def test_a_database_that_is_read_only(server: Server) -> None:
    url = server.database("frozen")
    with closing(SqlStore.open(url)) as store:
        store.append(run())
    server.run("ALTER DATABASE frozen SET default_transaction_read_only = on")
    with closing(SqlStore.open(url)) as store:
        assert unbroken(store.rows(REPOSITORY)) == 1
        assert "read-only" in refused(lambda: store.append(run()))


def test_a_database_that_cannot_hold_every_text(server: Server) -> None:
    server.run("CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'")
    with closing(SqlStore.open(server.url("latin"))) as store:
        assert store.append(run(output="ü")).seq == 1
        assert "UTF-8" in refused(lambda: store.append(run(output="\U0001f600")))
        assert store.append(run()).seq == 2


def test_a_server_that_stops_and_comes_back() -> None:
    """An entry that nobody acknowledged is not entered a second time: whoever asked is told."""
    try:
        server = start()
    except NoServerError as error:
        pytest.skip(f"no PostgreSQL: {error}")
    try:
        with closing(SqlStore.open(server.schema())) as store:
            store.append(run())
            server.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
            assert store.append(run()).seq == 2
            server.halt()
            assert re.search(r"nothing listens|connection broke", refused(lambda: store.append(run())))
            server.resume()
            assert store.append(run()).seq == 3
            assert store.prune(REPOSITORY, 1, removal) is None
    finally:
        server.stop()
