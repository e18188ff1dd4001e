# project: tally
# path: tally.py
# function: share
# kind: raises in a helper's table

import pytest
from tally import share

NOBODY = (0, -1)


@pytest.mark.parametrize("people", NOBODY)
def test_share_needs_somebody(people):
    with pytest.raises(ValueError, match="nobody"):
        share(100, people)
