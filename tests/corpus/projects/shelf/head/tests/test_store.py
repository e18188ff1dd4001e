from shelf.labels import upper
from shelf.settings import limit
from shelf.store import Book, Store


def test_a_book_is_found_by_its_title(store):
    assert store.find("Emma") == Book("Emma", 1815)


def test_what_is_not_there_is_not_found(store):
    assert store.find("Ulysses") is None


def test_a_book_is_added():
    store = Store()
    store.add(Book("Emma", 1815))
    assert len(store) == 1


def test_the_limit_is_set_from_outside(monkeypatch):
    monkeypatch.setenv("SHELF_LIMIT", "7")
    assert limit() == 7


def test_upper():
    assert upper("Emma") == "EMMA"
