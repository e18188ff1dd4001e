"""A gate over 150 checks takes few of the 1,000 requests that a repository's token has an hour; see the benchmark."""

from pathlib import Path

import pytest

from benchmarks.gate_requests import CASES, MOST, requests


@pytest.mark.parametrize("case", CASES)
def test_a_gate_over_150_checks_takes_at_most_40_requests(tmp_path: Path, case: str) -> None:
    counted, _ = requests(case, tmp_path)
    assert 0 < counted <= MOST
