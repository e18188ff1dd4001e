# project: tally
# path: tally.py
# function: share
# kind: hypothesis with settings

from hypothesis import example, given, settings
from hypothesis import strategies as st
from tally import share


@settings(max_examples=30, deadline=None)
@given(people=st.integers(min_value=1, max_value=9))
@example(people=1)
def test_share_has_a_part_for_each(people):
    assert len(share(1000, people)) == people
