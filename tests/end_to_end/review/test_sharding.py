"""A large change is asked about in several questions at once: one review comes of them, the same in every replay."""

import json
import os
import re
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.jobs.pull_request import Job
from tests.support.jobs.recorded import CLAIM, DRAFT, folder, review, same
from tests.support.servers.openai.app import Asked, OpenAIServer, Step, answer, malformed, status

NAMES = [f"src/part_{number}.py" for number in range(12)]
LINES = "".join(f"    total_{number} = rows.amount({number}) + rows.fee({number})\n" for number in range(290))
BEFORE = dict.fromkeys(NAMES, "def total(rows):\n") | {"README.md": "An app.\n"}
AFTER = {name: f"def total(rows):\n{LINES}    return {number}\n" for number, name in enumerate(NAMES)}
KEPT = {"ruling": "keep", "reason": "It is so.", "quote": "rows.amount(289)", "severity": None, "confidence": None}
MONEY = "5"


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job(tmp_path, BEFORE, AFTER)


def part(asked: Asked) -> str:
    """Which part a request is about, as 1/3."""
    found = re.search(r'part \\+"(\d/\d): ', asked.text)
    return found[1] if found else ""


def drafted(asked: Asked) -> dict[str, Any]:
    """A finding about the last file that a request shows."""
    name = re.findall(r"src/part_\d+\.py", asked.text)[-1]
    quote = f"return {NAMES.index(name)}"
    return {**DRAFT, "findings": [{**CLAIM, "path": name, "line": 292, "quote": quote, "title": f"Bad {name}"}]}


def reviewed(instead: dict[str, Step] | None = None) -> Step:
    """What any request is answered: a draft of its own for each part, then a ruling for each claim."""

    def step(asked: Asked) -> Any:
        name = part(asked)
        if not name:
            claims = dict.fromkeys(re.findall(r"\bC\d\b", json.dumps(asked.body["messages"][1])))
            return answer({"rulings": [{"id": claim, **KEPT} for claim in claims]})(asked)
        return ((instead or {}).get(name) or answer(drafted(asked)))(asked)

    return step


def titles(left: Any) -> list[str]:
    return [each["title"] for each in left.report["verdict"]["findings"] if each["origin"] == "model"]


def test_three_questions_make_one_review_and_a_replay_gives_it_to_the_byte(job: Job) -> None:
    together = threading.Barrier(3)

    def meeting(asked: Asked) -> Any:
        # Each waits for the two others: asked one after the other, none would be answered.
        if part(asked):
            together.wait(30)
        return reviewed()(asked)

    with OpenAIServer(*[meeting] * 4) as server:
        left = review(job, server, max_cost_usd=MONEY)
        first = [each for each in server.asked if part(each)]
    assert left.exit == 0, left.log
    assert [each["question"] for each in left.report["asked"]] == ["review 1/3", "review 2/3", "review 3/3", "judge"]
    assert len(titles(left)) == 3
    assert left.outputs["degraded"] == "false"
    assert left.report["account"]["left_out"] == []
    systems = {json.dumps([each.body["messages"][0], each.body["tools"]]) for each in first}
    assert len(systems) == 1, "the parts share their prefix"
    evidence = "".join(each.body["messages"][1]["content"] for each in first)
    assert [name for name in NAMES if f'"{name}"' not in evidence] == []
    assert same(job)


def test_whatever_order_they_end_in_the_report_is_the_same(job: Job) -> None:
    done = {name: threading.Event() for name in ("1/3", "2/3", "3/3")}
    orders = (("3/3", "2/3", "1/3"), ("2/3", "3/3", "1/3"))

    def after(order: tuple[str, ...]) -> Callable[[Asked], Any]:
        def step(asked: Asked) -> Any:
            name = part(asked)
            if name and order.index(name):
                assert done[order[order.index(name) - 1]].wait(30)
            said = reviewed()(asked)
            if name:
                done[name].set()
            return said

        return step

    found = []
    for order in orders:
        for event in done.values():
            event.clear()
        with OpenAIServer(*[after(order)] * 4) as server:
            left = review(job, server, max_cost_usd=MONEY)
        found.append((titles(left), [{**each, "usage": None} for each in left.report["asked"]]))
        assert same(job)
    assert found[0] == found[1]


@pytest.mark.parametrize("trouble", [status(401, "Incorrect API key"), malformed(), answer("no")])
def test_one_part_that_fails_takes_nothing_from_the_others(job: Job, trouble: Step) -> None:
    with OpenAIServer(*[reviewed({"2/3": trouble})] * 12) as server:
        left = review(job, server, max_cost_usd=MONEY)
        server.steps.clear()
    assert left.exit == 0, left.log
    assert len(titles(left)) == 2
    assert left.outputs["degraded"] == "true"
    assert "No answer to `review 2/3`, the others stand" in left.report["account"]["degraded"]
    assert left.outputs["decision"] != "approve"
    assert any(name.startswith("src/part_") for name in left.report["account"]["left_out"])
    assert "not all of the model's answers are there" in left.log
    assert same(job)


def test_a_clean_answer_to_some_parts_is_no_approval(job: Job) -> None:
    clean = answer({**DRAFT, "findings": []})
    parts = {"1/3": clean, "2/3": status(400, "no"), "3/3": clean}
    with OpenAIServer(*[reviewed(parts)] * 12) as server:
        left = review(job, server, max_cost_usd=MONEY)
        server.steps.clear()
    assert left.outputs["decision"] == "comment"
    assert left.outputs["conclusion"] == "neutral"
    assert "No findings" in left.summary
    assert "Nothing found" not in left.summary


def test_what_the_budget_has_no_room_for_is_listed_and_nobody_says_that_there_are_no_issues(job: Job) -> None:
    with OpenAIServer(answer({**DRAFT, "findings": []})) as server:
        left = review(job, server)  # $0.50 buys one question and no more
    assert [each["question"] for each in left.report["asked"]] == ["review"]
    left_out = left.report["account"]["left_out"]
    assert left_out[-1].startswith("src/part_")
    assert all(re.fullmatch(r"src/part_\d+\.py lines [\d to,]+", each) for each in left_out)
    assert left_out[-1].partition(" ")[0] in left.summary
    assert left.outputs["decision"] == "comment"
    assert left.outputs["conclusion"] == "neutral"
    assert left.outputs["summary"].startswith("No findings in the part of the change that the model was shown")
    assert "No findings in the part of the change" in left.outputs["summary"]
    assert "Not shown to the model for lack of room" in left.summary
    assert same(job)


def test_answers_to_parts_are_kept_and_only_the_part_that_failed_is_asked_again(job: Job, tmp_path: Path) -> None:
    kept = str(tmp_path / "answers")
    with OpenAIServer(*[reviewed({"2/3": answer("no")})] * 6) as server:
        review(job, server, max_cost_usd=MONEY, cache_dir=kept)
        for memory in (tmp_path / "answers").glob("memory-*"):
            memory.unlink()  # else nothing would be asked of what the other parts have seen
        before = len(server.asked)
        server.steps[:] = [reviewed()] * 2
        left = review(job, server, max_cost_usd=MONEY, cache_dir=kept)
        assert [part(each) for each in server.asked[before:]] == ["2/3", ""]
    assert len(titles(left)) == 3
    assert left.outputs["degraded"] == "false"
    assert same(job)


def test_the_next_run_asks_only_about_the_files_of_the_part_that_failed(job: Job, tmp_path: Path) -> None:
    kept = str(tmp_path / "answers")
    with OpenAIServer(*[reviewed({"2/3": answer("no")})] * 6) as server:
        first = review(job, server, max_cost_usd=MONEY, cache_dir=kept)
        unheard = {each.partition(" ")[0] for each in first.report["account"]["left_out"]}
        before = len(server.asked)
        server.steps[:] = [answer(DRAFT | {"findings": []})]
        left = review(job, server, max_cost_usd=MONEY, cache_dir=kept)
        (asked,) = server.asked[before:]
        assert set(re.findall(r"src/part_\d+\.py", asked.body["messages"][1]["content"])) == unheard
        server.steps.clear()
        again = review(job, server, max_cost_usd=MONEY, cache_dir=kept)
    assert 0 < len(unheard) < len(NAMES)
    assert titles(left) == titles(again) == titles(first)
    assert again.report["account"]["usage"]["requests"] == 0
    assert again.outputs["degraded"] == "false"


def test_a_run_that_is_cancelled_does_not_wait_for_what_it_asked(job: Job) -> None:
    go = threading.Event()

    def hanging(asked: Asked) -> Any:
        if part(asked) == "3/3":
            os.kill(os.getpid(), signal.SIGTERM)
        go.wait(20)
        return reviewed()(asked)

    with OpenAIServer(*[hanging] * 12) as server:
        serving = set(threading.enumerate())
        left = review(job, server, max_cost_usd=MONEY)
        ended = not go.is_set()
        asking = set(threading.enumerate()) - serving
        assert all(thread.daemon for thread in asking)
        go.set()
        # Outside of a test the process ends with the run; here what it left behind may still try again.
        for thread in asking:
            thread.join(60)
        server.steps.clear()
    assert ended
    assert left.exit == 130
    assert folder(job).exists()
