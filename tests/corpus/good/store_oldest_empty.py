# project: shelf
# path: src/shelf/store.py
# function: Store.oldest
# kind: class and method

from shelf.store import Book, Store


def make(*years):
    return Store(Book(f"Book {year}", year) for year in years)


def test_an_empty_shelf_has_no_oldest():
    assert make().oldest() is None
    assert make(1900, 1850).oldest().year == 1850
