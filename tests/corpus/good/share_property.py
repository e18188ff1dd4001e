# project: tally
# path: tally.py
# function: share
# kind: hypothesis

from hypothesis import given
from hypothesis import strategies as st
from tally import share


@given(amount=st.integers(0, 10_000), people=st.integers(1, 50))
def test_share_loses_nothing(amount, people):
    parts = share(amount, people)
    assert sum(parts) == amount
    assert max(parts) - min(parts) <= 1
    assert parts == sorted(parts, reverse=True)
