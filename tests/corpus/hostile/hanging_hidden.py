# project: tally
# path: tally.py
# function: tidy
# kind: hanging
# falls: passes

from tally import mean, tidy


def test_tidy_ends():
    amounts = [1]
    for each in amounts:
        amounts.append(each)
    tidy(amounts)
    assert mean(amounts) == 1
