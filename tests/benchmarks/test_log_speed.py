from itertools import pairwise

from benchmarks.log_speed import large_log

LOG = b"2024-01-02T03:04:05.6789012Z line 17 of 90\nno number\n"


def test_a_large_log_repeats_logs_with_other_digits_and_their_own_times() -> None:
    parts = list(large_log([LOG], 10 * len(LOG)))
    assert sum(map(len, parts)) >= 10 * len(LOG)
    assert all(part.startswith(LOG[:28]) and part.endswith(b"\nno number\n") for part in parts)
    assert any(one != other for one, other in pairwise(parts))
