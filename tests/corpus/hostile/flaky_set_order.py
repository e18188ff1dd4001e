# project: shelf
# path: src/shelf/labels.py
# function: words
# kind: depends on hash order
# falls: stable

from shelf.labels import words


def test_the_words_in_order():
    made = words("To be or not to be that is the question")
    assert made[0] == "to"
    assert len(made) == 8
