# project: shelf
# path: src/shelf/labels.py
# function: stamp
# kind: depends on the date
# falls: stable

from shelf.labels import stamp


def test_the_stamp_is_of_this_time():
    assert stamp("Emma")[:9] == "Emma 2026" or stamp("Emma").startswith("Emma 202")
    assert stamp("Emma") < "Emma 2027-06"
