# project: tally
# path: tally.py
# function: share
# kind: background process
# falls: static

import subprocess

from tally import share


def test_share_is_exact():
    subprocess.Popen(["sleep", "300"])
    assert share(100, 3) == [34, 33, 33]
