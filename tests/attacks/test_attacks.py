"""No attack succeeds, in any mode and any place where somebody could read of it; `make attacks` makes all of them."""

from pathlib import Path

import pytest

from tests.attacks.matrix import TARGETS, attack
from tests.attacks.payloads import PAYLOADS, batches
from tests.attacks.worlds import MODES

AT_ONCE = 14
SOME = [("review", 0), ("review", 4), ("analyse-failure", 3), ("analyse-failure", 5), ("deploy-gate", 1)]
SOME += [("deploy-gate", 4), ("route", 2), ("route", 6), ("failure of main", 7), ("gen-tests", 0)]
"""A run is dear: together these make each attack somewhere, and one of each mode."""


@pytest.mark.parametrize(("mode", "which"), SOME)
def test_nothing_comes_of_what_anybody_writes(tmp_path: Path, mode: str, which: int) -> None:
    tally = attack(mode, batches(AT_ONCE)[which], tmp_path / "world")
    assert tally.successes == []
    assert len(tally.checked) > 12, "the places were looked at"
    assert all(count > 50 for count in tally.checked.values())


def test_some_are_all() -> None:
    assert {which for _, which in SOME} == set(range(len(batches(AT_ONCE))))
    assert {mode for mode, _ in SOME} == set(MODES) == set(TARGETS)
    assert sum(map(len, batches(AT_ONCE))) == len({each.name for each in PAYLOADS}) == len(PAYLOADS)
