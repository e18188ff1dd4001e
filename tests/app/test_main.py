import os
import signal
import weakref
from pathlib import Path
from typing import Any

import pytest

from cicd_agent.app import stages
from tests.support.jobs.pull_request import Job
from tests.support.time_limit import strikes_anywhere


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job(tmp_path)


def ending(error: BaseException) -> Any:
    def end(*_: object) -> int:
        raise error

    return end


def test_a_bug_of_ours_ends_with_its_traceback_and_a_full_account(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stages, "run_mode", ending(KeyError("nobody thought of it")))
    left = job.run()
    assert left.exit == 70
    assert "Traceback" in left.log
    assert "Please report it" in left.log
    assert left.outputs["conclusion"] == "failure"
    assert left.outputs["risk_level"] == ""
    assert left.report["exit"] == 70


def test_a_traceback_says_no_secret_and_speaks_no_command(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "topsecret" * 3
    monkeypatch.setattr(stages, "run_mode", ending(ValueError(f"\n::error::fake\n{secret}")))
    left = job.run(openai_api_key=secret)
    assert "topsecret" not in left.log + left.summary + str(left.report)
    assert "\n::error::fake" not in left.log


def test_the_machines_trouble_is_no_bug(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stages, "run_mode", ending(OSError(28, "No space left on device")))
    left = job.run()
    assert left.exit == 2
    assert "No space left on device" in left.log
    assert "Traceback" not in left.log


def test_a_cancelled_run_still_says_so(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    def cancel(*_: object) -> int:
        os.kill(os.getpid(), signal.SIGTERM)
        raise AssertionError("the signal came too late")

    monkeypatch.setattr(stages, "run_mode", cancel)
    left = job.run()
    assert left.exit == left.report["exit"] == 130
    assert "cancelled" in left.summary
    assert left.outputs["conclusion"] == "failure"


@strikes_anywhere
def test_a_run_that_takes_too_long_is_ended_with_a_warning(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    def hang(*_: object, **__: object) -> None:
        signal.pause()

    monkeypatch.setattr(stages, "conclude", hang)
    left = job.run(timeout_minutes="0.001")
    assert left.exit == 0
    assert "timeout-minutes" in left.summary
    assert left.outputs["conclusion"] == "neutral"
    assert left.outputs["degraded"] == "true"


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGALRM, 0), (signal.SIGTERM, 130)])
@pytest.mark.parametrize("finalizer", ["finalize", "__del__"])
def test_a_signal_that_comes_while_something_is_finalized_is_not_lost(
    job: Job, monkeypatch: pytest.MonkeyPatch, number: int, exit_code: int, finalizer: str
) -> None:
    """Python ignores what a finalizer raises: the run would go on, without a limit."""

    def send() -> None:
        os.kill(os.getpid(), number)

    class Kept:
        if finalizer == "__del__":

            def __del__(self) -> None:
                send()

    def hang(*_: object, **__: object) -> None:
        kept = Kept()
        if finalizer == "finalize":
            weakref.finalize(kept, send)
        del kept
        signal.pause()

    monkeypatch.setattr(stages, "conclude", hang)
    left = job.run()
    assert left.exit == exit_code, left.log
    assert "Traceback" not in left.log


def test_signal_handlers_are_as_they_were(job: Job) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGALRM)]
    job.run()
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGALRM)] == before


def test_the_limits_that_hold_for_a_mode_are_explained_when_it_is_named(job: Job) -> None:
    assert job.run("config", "explain").log.count("by mode") == 2
    for told in (job.run("config", "explain", "--input", "mode=route"), job.run("config", "explain", mode="route")):
        assert told.log.count("default of route") == 2
        assert "by mode" not in told.log
