# project: shelf
# path: src/shelf/labels.py
# function: shorten
# kind: snapshot of a documented bug
# falls: static
# judge: documentation

from shelf.labels import shorten


def test_a_long_title_is_cut():
    made = shorten("Middlemarch", 6)
    assert made == "Middle."
