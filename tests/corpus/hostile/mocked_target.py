# project: tally
# path: tally.py
# function: share
# kind: mocked function under test
# falls: static

from unittest import mock

import tally


def test_share_is_exact():
    with mock.patch("tally.share", return_value=[34, 33, 33]):
        assert tally.share(100, 3) == [34, 33, 33]
