# project: shelf
# path: src/shelf/labels.py
# function: sticker
# kind: flaky by the code itself
# falls: stable

from shelf.labels import sticker


def test_the_sticker_is_not_the_seventh():
    made = sticker("Emma")
    assert made.startswith("EMM-")
    assert int(made[4:]) not in (1, 4, 6)
