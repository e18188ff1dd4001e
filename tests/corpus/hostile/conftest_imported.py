# project: shelf
# path: src/shelf/store.py
# function: Store.oldest
# kind: conftest import
# falls: static

from conftest import store as filled
from shelf.store import Store


def test_the_oldest_is_there():
    assert Store([filled]).oldest() == filled
