"""Answers are kept between runs: a second one asks nobody, a killed one leaves its trace."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from cicd_agent.adapters.tape import load_tape
from tests.support.jobs.pull_request import Job, Left
from tests.support.jobs.recorded import DRAFT, KEPT, KEY, ROOT, folder, review, same
from tests.support.servers.openai.app import OpenAIServer, answer, hang, malformed


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job(tmp_path)


def test_a_killed_run_leaves_what_was_said(job: Job) -> None:
    with OpenAIServer(malformed(), hang()) as server:
        given = {"INPUT_BASE_URL": server.url, "INPUT_OPENAI_API_KEY": KEY, "PYTHONPATH": str(ROOT / "src")}
        command = [sys.executable, "-m", "cicd_agent", "review"]
        run = subprocess.Popen(command, env=job.variables | given, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while server.requests < 2 and run.poll() is None:
            time.sleep(0.02)
        run.send_signal(signal.SIGKILL)
        run.wait()
    assert not [*job.temp.rglob("report.json")]
    [exchange] = load_tape((folder(job) / "tape.jsonl").read_bytes(), "t")[1]
    assert exchange.reply
    assert exchange.reply.text == '{"summary": "an answer with'
    assert "os.system" in exchange.request.evidence


def kept(left: Left) -> Any:
    assert left.exit == 0, left.log
    return left.report["account"]["usage"]


def forget(cache: Path) -> None:
    """Leave the answers alone: what is remembered of a pull request would not even be asked."""
    for path in cache.glob("memory-*.json"):
        path.unlink()


@pytest.mark.parametrize("key", [KEY, ""], ids=["with a key", "without a key"])
def test_a_second_run_asks_nobody(job: Job, tmp_path: Path, key: str) -> None:
    inputs = {"cache_dir": str(tmp_path / "cache"), "openai_api_key": key}
    with OpenAIServer(malformed(), answer(DRAFT), answer(KEPT)) as server:
        first = review(job, server, **inputs)
        assert server.requests == 3
        forget(tmp_path / "cache")
        second = review(job, server, **inputs)
        assert server.requests == 3
    assert (kept(first)["requests"], kept(first)["from_cache"]) == (3, 0)
    nothing = dict.fromkeys(("requests", "input", "output", "cached", "reasoning"), 0)
    spared = {f"spared_{name}": kept(first)[name] for name in ("input", "output")}
    assert kept(second) == nothing | spared | {"from_cache": 3}
    assert spared["spared_input"] > spared["spared_output"] > 0
    assert second.outputs["cost_usd"] == "0.0000"
    assert second.report["account"]["model"] == first.report["account"]["model"]
    assert "0 requests, 3 answers from the cache" in second.summary
    assert second.report["verdict"] == first.report["verdict"]
    assert same(job)


def test_another_change_is_asked_about(job: Job, tmp_path: Path) -> None:
    with OpenAIServer(*[answer({**DRAFT, "findings": []})] * 2) as server:
        review(job, server, cache_dir=str(tmp_path / "cache"))
        job.repo.commit({"app.py": b"print(1)\n"})
        payload = job.payload()
        payload["pull_request"]["head"]["sha"] = job.repo.head
        job.event.write_text(json.dumps(payload))
        assert kept(review(job, server, cache_dir=str(tmp_path / "cache")))["requests"] == 1


def test_an_answer_that_failed_is_asked_for_again(job: Job, tmp_path: Path) -> None:
    with OpenAIServer(*[malformed()] * 3, answer(DRAFT), answer(KEPT)) as server:
        assert review(job, server, cache_dir=str(tmp_path / "cache")).outputs["degraded"] == "true"
        assert review(job, server, cache_dir=str(tmp_path / "cache")).outputs["degraded"] == "false"


def test_without_a_key_the_checkout_is_no_place_for_answers(job: Job) -> None:
    inside = str(job.repo.path / ".cache")
    with OpenAIServer(answer(DRAFT), answer(KEPT)) as server:
        left = review(job, server, cache_dir=inside, openai_api_key="")
        assert left.exit == 2
        assert "lies in the checkout" in left.log
        assert not server.requests
        assert review(job, server, cache_dir=inside).exit == 0


def test_a_cache_that_is_no_directory_is_an_error(job: Job) -> None:
    left = review(job, None, cache_dir=str(job.event), openai_api_key=KEY)
    assert left.exit == 2
    assert "`cache-dir`" in left.log


def test_two_runs_at_the_same_time_share_a_cache(job: Job, tmp_path: Path) -> None:
    with OpenAIServer(*[answer({**DRAFT, "findings": []})] * 2) as server:
        given = {"INPUT_BASE_URL": server.url, "INPUT_CACHE_DIR": str(tmp_path / "cache")}
        given |= {"PYTHONPATH": str(ROOT / "src")}
        runs = [
            subprocess.Popen(
                [sys.executable, "-m", "cicd_agent", "review", "--output-dir", str(tmp_path / name)],
                env=job.variables | given,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
            for name in ("one", "two")
        ]
        logs = [run.communicate()[0].decode() for run in runs]
        assert [run.returncode for run in runs] == [0, 0], logs
        before = server.requests
        forget(tmp_path / "cache")
        left = review(job, server, cache_dir=str(tmp_path / "cache"), openai_api_key="")
        assert server.requests == before
        assert kept(left)["from_cache"] == 1
        server.steps.clear()
