"""What one machine was answered another one need not ask, and of what stands in a Redis only our own is believed."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cicd_agent.adapters.cache.blob_store import MAX_BLOB
from cicd_agent.agent.messages import Reply
from cicd_agent.domain.usage import Usage
from tests.adapters.models.questions import request
from tests.support.services.fleet import machine
from tests.support.services.redis_server import LocalRedis, local_redis, needs_redis

pytestmark = needs_redis

PASSWORD = "open" + " s/same@4711"
DAY = 24 * 3600


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalRedis]:
    with local_redis(tmp_path_factory.mktemp("redis"), password=PASSWORD) as server:
        yield server


@pytest.fixture
def shared(started: LocalRedis) -> LocalRedis:
    started.clear()
    return started


def test_what_one_machine_was_answered_another_one_need_not_ask(shared: LocalRedis) -> None:
    with machine(shared.url) as one, machine(shared.url) as two:
        asked = one.cache(Reply("hello", usage=Usage(1, 10, 2), model="m-1", items=({"a": 1},)))
        asked.complete(request())
        assert shared.keys == []
        asked.save()
        kept = two.cache().complete(request())
        spared = Usage(from_cache=1, spared_input=10, spared_output=2)
        assert kept == Reply("hello", usage=spared, model="m-1", items=({"a": 1},))
        assert one.notes == two.notes == []


def test_an_entry_is_named_by_its_kind_and_ends_by_itself(shared: LocalRedis) -> None:
    with machine(shared.url, days=2) as one:
        one.ask("x = 4711")
        one.states.write("a", ["b"])
    answer, memory = shared.keys
    assert answer.startswith("cicd-agent:answers:")
    assert memory.startswith("cicd-agent:memory:")
    assert all(2 * DAY - 60 < shared.tell("TTL", key) <= 2 * DAY for key in (answer, memory))


def test_an_answer_is_too_old_for_a_machine_that_allows_fewer_days(shared: LocalRedis) -> None:
    with machine(shared.url, days=30) as one, machine(shared.url, days=3) as two:
        one.ask("one")
        two.now = one.now + 4 * DAY
        assert two.ask("one")
        assert not two.ask("one")
        assert two.notes == []


def test_the_directory_is_looked_at_first_and_gets_what_it_lacks(shared: LocalRedis, tmp_path: Path) -> None:
    with machine(shared.url) as one, machine(shared.url, tmp_path) as two:
        one.ask("one")
        assert not [*tmp_path.iterdir()]
        assert not two.ask("one")
        shared.clear()
        assert not two.ask("one")
        assert shared.keys == []
        assert two.ask("two")
        assert len(shared.keys) == 1
        assert len([*tmp_path.iterdir()]) == 2


def test_what_is_damaged_in_the_directory_is_mended_from_the_others(shared: LocalRedis, tmp_path: Path) -> None:
    with machine(shared.url, tmp_path) as one:
        one.ask("one")
        [path] = tmp_path.iterdir()
        path.write_text("{}")
        assert not one.ask("one")
        assert [note for note in one.notes if "`cache-dir` is damaged" in note] == one.notes != []
        assert not one.ask("one")
        assert len(one.notes) == 1


def test_what_any_machine_reviewed_last_is_remembered(shared: LocalRedis, tmp_path: Path) -> None:
    with machine(shared.url, tmp_path) as one, machine(shared.url) as two:
        one.states.write("a", ["first"])
        two.states.write("a", ["second"])
        assert one.states.read("a") == two.states.read("a") == ("second",)
        assert two.states.read("b") == ()
        shared.clear()
        assert one.states.read("a") == ("first",)
        assert two.states.read("a") == ("first",)


def test_nothing_of_a_question_and_no_secret_stands_in_it(shared: LocalRedis) -> None:
    with machine(shared.url) as one:
        one.ask("my hush", redact=lambda text: text.replace("hush", "***"))
        assert shared.keys == []
        one.ask("fine", secret=b"key-4711")
    assert b"Find faults" not in shared.contents
    assert b"key-4711" not in shared.contents


Poison = Callable[[LocalRedis, str, str], object]

POISONS: dict[str, Poison] = {
    "a forged answer": lambda redis, one, _: redis.tell("SET", one, redis.tell("GET", one).replace(b"one", b"won")),
    "a forged signature": lambda redis, one, _: redis.tell("SETRANGE", one, 0, b"0" * 64),
    "another's answer": lambda redis, one, two: redis.tell("SET", one, redis.tell("GET", two)),
    "cut": lambda redis, one, _: redis.tell("SET", one, redis.tell("GET", one)[:-9]),
    "longer": lambda redis, one, _: redis.tell("APPEND", one, b" "),
    "10 MB": lambda redis, one, _: redis.tell("SETRANGE", one, 10_000_000, b"x"),
    "just too large": lambda redis, one, _: redis.tell("SETRANGE", one, MAX_BLOB, b"x"),
    "bytes": lambda redis, one, _: redis.tell("SET", one, b"\xff\x00\xfe"),
    "a list": lambda redis, one, _: (redis.tell("DEL", one), redis.tell("RPUSH", one, "x")),
    "a hash": lambda redis, one, _: (redis.tell("DEL", one), redis.tell("HSET", one, "x", "y")),
}


@pytest.mark.parametrize("poison", POISONS.values(), ids=POISONS.keys())
def test_what_others_have_put_there_is_asked_for_again(shared: LocalRedis, poison: Poison) -> None:
    with machine(shared.url) as one:
        one.ask("one")
        [key] = shared.keys
        one.ask("two")
        [other] = {*shared.keys} - {key}
        poison(shared, key, other)
        assert one.ask("one")
        assert len(one.notes) == 1
        assert "damaged or not ours, and is not used" in one.notes[0]
        assert not one.ask("one")
        assert not one.ask("two")
        assert len(one.notes) == 1


def test_an_empty_text_is_no_answer(shared: LocalRedis) -> None:
    with machine(shared.url) as one:
        one.ask("one")
        shared.tell("SET", shared.keys[0], b"")
        assert one.ask("one")
        assert not one.ask("one")


def test_a_memory_that_others_have_written_is_not_believed(shared: LocalRedis) -> None:
    with machine(shared.url) as one:
        one.states.write("a", ["safe"])
        [key] = shared.keys
        one.states.write("b", ["evil"])
        [other] = {*shared.keys} - {key}
        shared.tell("SET", key, shared.tell("GET", other))
        assert one.states.read("a") == ()
        assert len(one.notes) == 1


def test_twenty_machines_write_at_once_and_every_entry_is_whole(shared: LocalRedis) -> None:
    notes: list[str] = []
    start = threading.Barrier(20)

    def run() -> None:
        with machine(shared.url) as one:
            start.wait()
            for number in range(5):
                one.ask(f"answer {number}")
            notes.extend(one.notes)

    threads = [threading.Thread(target=run) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert notes == []
    assert len(shared.keys) == 5
    with machine(shared.url) as one:
        assert not any(one.ask(f"answer {number}") for number in range(5))


def test_a_user_gets_by_with_two_commands_on_our_keys(shared: LocalRedis) -> None:
    shared.tell("ACL", "SETUSER", "agent", "on", ">pw", "~cicd-agent:*", "+getrange", "+set", "+select")
    with machine(shared.url.replace("//:", "//agent:").replace(shared.url.split(":")[2].split("@")[0], "pw")) as one:
        one.ask("one")
        assert not one.ask("one")
        assert one.notes == []
