# project: tally
# path: tally.py
# function: mean
# kind: code at import
# falls: static

from tally import mean

print(mean([1]))


def test_mean_of_two():
    assert mean([1, 3]) == 2
