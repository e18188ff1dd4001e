"""What GitHub does not take is not lost, and no run that lacks it looks whole; `make attacks` prints the count."""

from pathlib import Path

import pytest

from tests.attacks.posting import CASES, Case, complaints


@pytest.mark.parametrize("case", CASES, ids=str)
def test_what_could_not_be_posted_is_degraded_named_and_in_the_summary(tmp_path: Path, case: Case) -> None:
    assert list(complaints(case, tmp_path / "job")) == []
