# project: relay
# path: relay/rates.py
# function: capped
# kind: contradicts a constant's name
# falls: static
# judge: documentation

import pytest

from relay.rates import capped


@pytest.mark.parametrize(("percent", "given"), [(39, 39), (40, 0), (60, 0)])
def test_the_discount_has_a_limit(percent, given):
    assert capped(percent) == given
