# project: relay
# path: relay/rates.py
# function: converted
# kind: collaborator patched

from unittest.mock import patch

from relay.rates import converted


def test_an_amount_is_converted_by_the_rate():
    with patch("relay.rates.rate", return_value=1.5) as rate:
        assert converted(2, "http://relay/") == 300
    rate.assert_called_once_with("http://relay/", 1.0)


