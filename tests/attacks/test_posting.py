"""What GitHub does not take is not lost, and no run that lacks it looks whole; `make attacks` makes every case."""

from pathlib import Path

import pytest

from tests.attacks.posting import FAULTS, PLACES, SOME, Case, complaints


@pytest.mark.parametrize("case", SOME, ids=str)
def test_what_could_not_be_posted_is_degraded_named_and_in_the_summary(tmp_path: Path, case: Case) -> None:
    assert list(complaints(case, tmp_path / "job")) == []


def test_some_have_every_fault_and_every_place() -> None:
    assert {(case.mode, case.place) for case in SOME} == {(mode, place) for mode in PLACES for place in PLACES[mode]}
    assert {(case.mode, case.fault) for case in SOME} == {(mode, fault) for mode in PLACES for fault in FAULTS}
