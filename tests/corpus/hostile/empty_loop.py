# project: tally
# path: tally.py
# function: mean
# kind: never reached
# falls: static

from tally import mean


def test_mean_is_five():
    for amounts in []:
        assert mean(amounts) == 5
    mean([1])
