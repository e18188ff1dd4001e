# project: tally
# path: tally.py
# function: mean
# kind: reads the source
# falls: static

import inspect

import tally


def test_mean_is_written_well():
    assert "len(amounts)" in inspect.getsource(tally.mean)
