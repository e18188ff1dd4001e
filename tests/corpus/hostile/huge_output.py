# project: tally
# path: tally.py
# function: share
# kind: huge output
# falls: covers

from tally import total


def test_total_says_much():
    for _ in range(2000):
        print("x" * 100_000)
    assert total([1, 2]) == 3
