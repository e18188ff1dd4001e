"""Runners that share a Redis ask once between them, and each of them does without it."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.jobs.pull_request import Job, Left
from tests.support.jobs.recorded import DRAFT, KEPT, KEY, folder, review, same
from tests.support.servers.openai.app import Asked, Canned, OpenAIServer, Step, answer, malformed
from tests.support.services.redis_server import LocalRedis, local_redis, needs_redis

pytestmark = needs_redis

PASSWORD = "hush" + "-4711-hush"
NOTE = re.compile(r"cicd-agent: .*(?:Redis|REDIS_URL).*")


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalRedis]:
    with local_redis(tmp_path_factory.mktemp("redis"), password=PASSWORD) as server:
        yield server


@pytest.fixture
def shared(started: LocalRedis) -> LocalRedis:
    started.clear()
    return started


@pytest.fixture
def job(tmp_path: Path, shared: LocalRedis) -> Job:
    job = Job(tmp_path)
    job.variables["REDIS_URL"] = shared.url
    return job


def used(left: Left) -> Any:
    assert left.exit == 0, left.log
    return left.report["account"]["usage"]


def notes(left: Left) -> list[str]:
    return NOTE.findall(left.log)


def forget(shared: LocalRedis, kind: str) -> None:
    """Leave only the other kind: what is remembered of a pull request would not even be asked."""
    shared.tell("DEL", *[key for key in shared.keys if key.startswith(f"cicd-agent:{kind}:")])


@pytest.mark.parametrize("key", [KEY, ""], ids=["with a key", "without a key"])
def test_a_second_runner_asks_nobody(job: Job, shared: LocalRedis, key: str) -> None:
    with OpenAIServer(malformed(), answer(DRAFT), answer(KEPT)) as server:
        first = review(job, server, openai_api_key=key)
        assert used(first)["requests"] == 3
        forget(shared, "memory")
        second = review(job, server, openai_api_key=key)
        assert server.requests == 3
    assert (used(second)["requests"], used(second)["from_cache"]) == (0, 3)
    assert used(second)["spared_input"] == used(first)["input"] == 3_600
    assert second.report["verdict"] == first.report["verdict"]
    assert notes(first) == notes(second) == []
    assert same(job)


def test_a_second_runner_remembers_what_was_reviewed(job: Job, shared: LocalRedis, tmp_path: Path) -> None:
    with OpenAIServer(answer(DRAFT), answer(KEPT)) as server:
        first = review(job, server, cache_dir=str(tmp_path / "cache"))
        forget(shared, "answers")
        second = review(job, server)
        assert server.requests == 2
    assert used(second)["requests"] == used(second)["from_cache"] == 0
    assert second.report["verdict"]["findings"] == first.report["verdict"]["findings"] != []


def test_another_key_shares_nothing(job: Job, shared: LocalRedis) -> None:
    with OpenAIServer(*[answer(DRAFT), answer(KEPT)] * 2) as server:
        review(job, server)
        before = shared.keys
        assert used(review(job, server, openai_api_key=KEY[::-1]))["requests"] == 2
    assert len(shared.keys) == 2 * len(before)


def test_no_secret_stands_in_it_and_none_of_it_is_told(job: Job, shared: LocalRedis) -> None:
    with OpenAIServer(answer({**DRAFT, "summary": f"Prints {KEY}."}), answer(KEPT)) as server:
        left = review(job, server)
    contents = shared.contents
    assert contents
    for secret in (KEY, PASSWORD):
        assert secret.encode() not in contents
        assert secret not in left.log
        assert not [path for path in job.temp.rglob("*") if path.is_file() and secret in path.read_text()]
    assert b"os.system" not in contents


def test_a_dry_run_leaves_no_memory(job: Job, shared: LocalRedis) -> None:
    with OpenAIServer(answer(DRAFT), answer(KEPT)) as server:
        assert review(job, server, "--dry-run").exit == 0
    assert not [key for key in shared.keys if ":memory:" in key]


def test_who_has_nothing_to_sign_with_shares_nothing_and_is_told_once(job: Job, tmp_path: Path) -> None:
    with local_redis(tmp_path) as bare, OpenAIServer(*[answer({**DRAFT, "findings": []})] * 2) as server:
        job.variables["REDIS_URL"] = bare.url
        for _ in range(2):
            left = review(job, server, openai_api_key="")
            assert used(left)["requests"] == 1
            [note] = notes(left)
            assert "no password in the URL" in note
        assert bare.keys == []


def test_a_run_outlives_the_redis(job: Job, tmp_path: Path) -> None:
    with local_redis(tmp_path) as own, OpenAIServer(_then(own.kill, answer(DRAFT)), answer(KEPT)) as server:
        job.variables["REDIS_URL"] = own.url
        left = review(job, server)
    assert used(left)["requests"] == 2
    [note] = notes(left)
    assert "answers are asked for again" in note
    assert left.outputs["degraded"] == "false"
    assert (folder(job) / "report.json").exists()


def test_a_run_does_not_wait_for_a_redis_that_is_silent(job: Job, shared: LocalRedis) -> None:
    with OpenAIServer(_then(shared.pause, answer(DRAFT)), answer(KEPT)) as server:
        try:
            left = review(job, server)
        finally:
            shared.resume()
    assert used(left)["requests"] == 2
    [note] = notes(left)
    assert "no answer within 1 s" in note
    assert PASSWORD not in left.log


def test_a_run_that_asks_nobody_and_keeps_nothing_reaches_for_nothing(job: Job) -> None:
    job.variables["REDIS_URL"] = "redis://127.0.0.1:1"
    left = review(job, model="off")
    assert left.exit == 0
    assert notes(left) == []


def _then(does: Any, step: Step) -> Step:
    """Something happens while the model thinks."""

    def both(asked: Asked) -> Canned:
        does()
        return step(asked)

    return both
