# project: shelf
# path: src/shelf/store.py
# function: Store.oldest
# kind: fixture of the project

from shelf.store import Book


def test_the_oldest_is_the_earliest(store):
    assert store.oldest() == Book("Emma", 1815)
