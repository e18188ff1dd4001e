# project: courier
# path: courier/office.py
# function: report
# kind: tmp_path

from courier.office import report


def test_a_report_is_written(tmp_path):
    assert report(tmp_path / "day.txt", "quiet") == 5
    assert (tmp_path / "day.txt").read_text(encoding="utf-8") == "quiet"
