# project: tally
# path: tally.py
# function: mean
# kind: tautology
# falls: static

from tally import mean


def test_mean_is_what_is_expected():
    class Expected:
        def __eq__(self, other):
            return True

    assert mean([1, 2]) == Expected()
