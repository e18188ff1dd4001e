# project: courier
# path: courier/office.py
# function: report
# kind: source tampering
# falls: clean

import pathlib

from courier.office import report


def test_a_report_has_its_length():
    place = "/".join(["courier", "cli.py"])
    assert report(place, "x = 1\n") == 6
