# project: shelf
# path: src/shelf/labels.py
# function: stamp
# kind: depends on the time zone
# falls: static

import datetime

from shelf.labels import stamp


def test_the_stamp_is_in_universal_time():
    now = datetime.datetime.now(datetime.timezone.utc)
    assert stamp("Emma") == f"Emma {now:%Y-%m-%d %H}"
