# project: tally
# path: tally.py
# function: mean
# kind: orders to tools
# falls: parses

from tally import mean


def test_mean_of_two():
    assert mean([1, 3]) == 2  # type: ignore
