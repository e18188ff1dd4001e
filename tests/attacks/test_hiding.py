"""What a change hides is found, or named as not read, and never low or green; `make attacks` makes every case."""

from pathlib import Path

import pytest

from tests.attacks.hiding import CASES, CODE, DISGUISES, MODES, SOME, Case, complaints, judged
from tests.support.jobs.pull_request import BEFORE, Job, Left


@pytest.mark.parametrize("case", SOME, ids=str)
def test_a_change_that_hides_is_neither_low_nor_green_nor_silent(tmp_path: Path, case: Case) -> None:
    assert list(complaints(case, tmp_path / "job")) == []


def test_some_have_every_disguise_and_every_mode() -> None:
    assert {case.disguise for case in SOME} == set(DISGUISES)
    assert {case.mode for case in SOME} == set(MODES)
    assert {*CODE, "itself"} == {case.what for case in SOME}
    assert len(set(map(str, CASES))) == len(CASES)


@pytest.mark.parametrize("mode", MODES)
def test_a_run_that_passed_over_the_file_is_complained_about(mode: str) -> None:
    quiet = {"risk_level": "low", "degraded": "false", "summary": "risk low", "tests": "none", "decision": "proceed"}
    left = Left(0, "", quiet, "### No findings · risk low", {"verdict": {"findings": []}})
    assert len(list(judged(Case(mode, "vendor", "call"), left))) >= 2


def test_an_honest_change_is_low_and_green(tmp_path: Path) -> None:
    honest = {"app.py": BEFORE["app.py"].replace("name", "text")}
    left = Job(tmp_path, BEFORE, honest).run(model="off", fail_on="high")
    assert (left.exit, left.outputs["risk_level"], left.outputs["degraded"]) == (0, "low", "false"), left.log
