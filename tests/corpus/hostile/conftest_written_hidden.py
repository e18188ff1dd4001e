# project: courier
# path: courier/office.py
# function: report
# kind: writing conftest
# falls: clean

from courier.office import report


def test_a_report_has_its_length():
    assert report("conftest.py", "x = 1") == 5
