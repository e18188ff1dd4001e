# project: shelf
# path: src/shelf/labels.py
# function: slug
# kind: executes the goal, kills nothing
# falls: kills

from shelf.labels import slug


def test_slug_is_a_text():
    made = slug("Emma")
    assert made != "a slug that it is not"
