# project: courier
# path: courier/office.py
# function: report
# kind: forged JUnit and coverage
# falls: clean

from courier.office import report


def test_a_report_has_its_length():
    assert report("junit.xml", '<testsuite tests="1" failures="0"/>') == 35
    assert report(".coverage", "SQLite format 3") == 1
