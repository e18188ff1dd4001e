"""What rules have found outlives every end of a run's time; `make attacks` makes every case."""

from pathlib import Path

import pytest

from tests.attacks.running_out import SOME, Case, complaints, judged
from tests.support.jobs.pull_request import Left
from tests.support.time_limit import strikes_anywhere


@strikes_anywhere
@pytest.mark.parametrize("case", SOME, ids=str)
def test_a_run_that_runs_out_loses_no_finding_and_is_not_green(tmp_path: Path, case: Case) -> None:
    assert list(complaints(case, tmp_path / "job")) == []


@pytest.mark.parametrize("case", SOME, ids=str)
def test_a_run_that_ended_in_silence_is_complained_about(case: Case) -> None:
    quiet = {"risk_level": "low", "degraded": "false", "tests": "none", "decision": "proceed"}
    found = list(judged(case, Left(0, "", quiet, "", {})))
    assert {"it does not say degraded", "the risk is 'low'"} < set(found)
