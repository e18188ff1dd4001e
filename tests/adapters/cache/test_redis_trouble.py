"""A Redis that is gone, silent, full, locked or something else costs a question, and one line that says so."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.servers.authority import certificate
from tests.support.services.fleet import Machine, machine
from tests.support.services.redis_server import LocalRedis, free_port, local_redis, needs_redis

pytestmark = needs_redis

PASSWORD = "hush" + "-4711-hush"


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalRedis]:
    with local_redis(tmp_path_factory.mktemp("redis"), password=PASSWORD) as server:
        yield server


@pytest.fixture
def shared(started: LocalRedis) -> LocalRedis:
    started.clear()
    return started


def goes_on(one: Machine, *words: str) -> None:
    """Whatever the run asks is asked of the model, and one line says why."""
    assert all(one.ask(f"answer {number}") for number in range(3))
    one.states.write("a", ["b"])
    assert one.states.read("a") == ()
    [note] = one.notes
    assert all(word in note for word in ("Redis at 127.0.0.1:", "answers are asked for again", *words)), note
    assert PASSWORD not in note


def test_one_that_nobody_started() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with machine(f"redis://:{PASSWORD}@127.0.0.1:{taken.getsockname()[1]}") as one:
            goes_on(one, "Connection refused")


def test_one_that_is_killed_while_the_run_goes_on(tmp_path: Path) -> None:
    with local_redis(tmp_path) as server, machine(server.url) as one:
        assert one.ask("one")
        assert not one.ask("one")
        server.kill()
        goes_on(one)


def test_one_that_stops_answering_while_the_run_goes_on(shared: LocalRedis) -> None:
    with machine(shared.url) as one:
        assert one.ask("one")
        shared.pause()
        try:
            goes_on(one, "no answer within 1 s")
        finally:
            shared.resume()


def test_many_questions_at_once_are_told_once(shared: LocalRedis) -> None:
    shared.pause()
    try:
        with machine(shared.url) as one:
            threads = [threading.Thread(target=one.ask, args=(f"answer {number}",)) for number in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert len(one.notes) == 1
    finally:
        shared.resume()


@pytest.mark.parametrize("user", ["", ":wrong@", "nobody:wrong@"])
def test_one_that_wants_another_password(shared: LocalRedis, user: str) -> None:
    with machine(f"redis://{user}127.0.0.1:{shared.port}") as one:
        goes_on(one, "another user or password")
        assert "wrong" not in one.notes[0]


def test_one_without_that_database(shared: LocalRedis) -> None:
    with machine(shared.url.removesuffix("0") + "99") as one:
        goes_on(one)


def test_one_that_is_full_is_read_and_gets_nothing_more(shared: LocalRedis) -> None:
    with machine(shared.url) as one, machine(shared.url) as two:
        one.ask("one")
        shared.tell("CONFIG", "SET", "maxmemory", 1)
        assert two.ask("two")
        assert two.ask("three")
        assert not two.ask("one")
        [note] = two.notes
        assert "takes nothing more (it is full)" in note
    shared.tell("CONFIG", "SET", "maxmemory", 0)
    assert len(shared.keys) == 1


def test_one_that_forgets_is_asked_again(shared: LocalRedis) -> None:
    used = int(shared.tell("INFO", "memory")["used_memory"])
    shared.tell("CONFIG", "SET", "maxmemory-policy", "allkeys-lru", "maxmemory", used + 300_000)
    texts = [f"{number} " + "x" * 20_000 for number in range(40)]
    with machine(shared.url) as one:
        assert all(one.ask(text) for text in texts)
        assert 0 < len(shared.keys) < len(texts)
        assert 0 < sum(one.ask(text) for text in texts) <= len(texts)
        assert one.notes == []


def test_one_that_can_only_be_read(shared: LocalRedis) -> None:
    with machine(shared.url) as one, machine(shared.url) as two:
        one.ask("one")
        shared.tell("REPLICAOF", "127.0.0.1", 1)
        try:
            assert not two.ask("one")
            assert two.ask("two")
        finally:
            shared.tell("REPLICAOF", "NO", "ONE")
        assert ["can only be read" in note for note in two.notes] == [True]


def test_one_where_this_user_may_only_read(shared: LocalRedis) -> None:
    shared.tell("ACL", "SETUSER", "reader", "on", ">pw", "~*", "+getrange")
    with machine(shared.url) as one, machine(f"redis://reader:pw@127.0.0.1:{shared.port}") as two:
        one.ask("one")
        assert not two.ask("one")
        assert two.ask("two")
        assert ["may not" in note for note in two.notes] == [True]


def test_one_where_this_user_may_do_nothing(shared: LocalRedis) -> None:
    shared.tell("ACL", "SETUSER", "guest", "on", ">pw", "~*")
    with machine(f"redis://guest:pw@127.0.0.1:{shared.port}") as one:
        goes_on(one, "this user may not")


def test_a_run_writes_no_more_than_the_directory_may_hold(shared: LocalRedis) -> None:
    with machine(shared.url, most=2_500) as one:
        assert all(one.ask(f"{number} " + "x" * 600) for number in range(6))
        assert 0 < len(shared.keys) < 6
        assert ["cache-max-mb" in note for note in one.notes] == [True]


@contextmanager
def answering(reply: bytes | None) -> Iterator[str]:
    """Something on this machine that answers anything with this, None for what it was sent; its URL."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                with connection:
                    while heard := connection.recv(9_999):
                        connection.sendall(heard if reply is None else reply)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"redis://:{PASSWORD}@127.0.0.1:{listening.getsockname()[1]}"
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()


@pytest.mark.parametrize(
    "reply",
    [b"HTTP/1.1 400 Bad Request\r\n\r\n", None, b"\xff\xfe\x00\r\n", b"-ERR " + PASSWORD.encode() + b"\r\n"],
    ids=["http", "an echo", "noise", "an error that repeats the password"],
)
def test_something_else_in_its_place(reply: bytes | None) -> None:
    with answering(reply) as url, machine(url) as one:
        goes_on(one)


def test_one_that_says_yes_to_everything_is_not_believed() -> None:
    with answering(b"+OK\r\n") as url, machine(url) as one:
        assert one.ask("one")
        assert one.ask("one")
        assert all("damaged or not ours" in note for note in one.notes)


def test_one_that_speaks_tls_is_known_by_the_authority_of_the_runner(tmp_path: Path) -> None:
    authority, port = str(certificate(tmp_path)), str(free_port())
    given = ("--tls-port", port, "--tls-auth-clients", "no", "--tls-cert-file", authority, "--tls-key-file", authority)
    with local_redis(tmp_path, *given, "--tls-ca-cert-file", authority, password=PASSWORD) as server:
        url = f"rediss://:{PASSWORD}@127.0.0.1:{port}"
        with machine(url, ca_bundle=authority) as one:
            assert one.ask("one")
            assert not one.ask("one")
            assert one.notes == []
        with machine(url) as one:
            goes_on(one, "certificate verify failed")
        with machine(url, ca_bundle=str(tmp_path / "nowhere")) as one:
            goes_on(one)
        with machine(url.replace("127.0.0.1", "localhost"), ca_bundle=authority) as one:
            assert one.ask("one")
            assert ["certificate verify failed" in note for note in one.notes] == [True]
        assert len(server.keys) == 1
