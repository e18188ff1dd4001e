# project: shelf
# path: src/shelf/labels.py
# function: shorten
# kind: boundary

from shelf.labels import shorten


def test_a_title_that_fits_stays():
    assert shorten("Emma", 4) == "Emma"
    assert shorten("Emma", 9) == "Emma"
