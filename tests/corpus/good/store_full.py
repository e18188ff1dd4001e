# project: shelf
# path: src/shelf/store.py
# function: Store.add
# kind: environment as the existing tests set it

import pytest
from shelf.store import Book, ShelfFull


def test_a_full_shelf_takes_no_more(store, monkeypatch):
    monkeypatch.setenv("SHELF_LIMIT", "2")
    with pytest.raises(ShelfFull, match="no room for Ulysses"):
        store.add(Book("Ulysses", 1922))
    assert len(store) == 2
