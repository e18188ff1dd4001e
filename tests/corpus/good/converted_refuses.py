# project: relay
# path: relay/rates.py
# function: converted
# kind: raises with match

import pytest

from relay.rates import converted


def test_less_than_nothing_is_refused():
    with pytest.raises(ValueError, match="-1 is below nothing"):
        converted(-1, "http://relay/")
