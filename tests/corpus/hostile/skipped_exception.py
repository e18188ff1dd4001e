# project: courier
# path: courier/cli.py
# function: main
# kind: skip
# falls: static

import unittest

from courier.cli import main


def test_the_way_back(capsys):
    assert main(["--back", "Ulm", "Bonn"]) == 0
    raise unittest.SkipTest("enough")
