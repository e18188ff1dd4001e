# project: shelf
# path: src/shelf/labels.py
# function: words
# kind: order made firm

from shelf.labels import words


def test_words_are_said_once():
    assert sorted(words("To be or not to be")) == ["be", "not", "or", "to"]
