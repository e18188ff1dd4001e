# project: courier
# path: courier/office.py
# function: report
# kind: nothing is written

from courier.office import report


def test_an_empty_report_is_not_written(tmp_path):
    assert report(tmp_path / "day.txt", "") == 0
    assert not (tmp_path / "day.txt").exists()
