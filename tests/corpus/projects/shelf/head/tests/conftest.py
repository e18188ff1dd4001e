import pytest

from shelf.store import Book, Store


@pytest.fixture
def store():
    return Store([Book("Emma", 1815), Book("Persuasion", 1817)])
