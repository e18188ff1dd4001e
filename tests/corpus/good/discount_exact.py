# project: tally
# path: tally.py
# function: discount
# kind: loop over a table

from tally import discount


def test_discount_takes_its_part():
    for amount, percent, expected in [(1000, 10, 900), (999, 0, 999), (250, 100, 0)]:
        assert discount(amount, percent) == expected
