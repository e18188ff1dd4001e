"""The books that are there."""

import json
from dataclasses import dataclass
from pathlib import Path

from shelf.settings import limit


class ShelfFull(Exception):
    """There is no room for another book."""


@dataclass(frozen=True)
class Book:
    """One book."""

    title: str
    year: int


class Store:
    """Books by title."""

    def __init__(self, books=()):
        self._books = {book.title: book for book in books}

    def __len__(self):
        return len(self._books)

    def add(self, book):
        """Put a book in, or in the place of one with its title."""
        if book.title not in self._books and len(self._books) >= limit():
            raise ShelfFull(f"no room for {book.title}")
        self._books[book.title] = book

    def find(self, title):
        """The book of that title, None when there is none."""
        return self._books.get(title)

    def oldest(self):
        """The book with the earliest year, the first title of several; None on an empty shelf."""
        if not self._books:
            return None
        return min(self._books.values(), key=lambda book: (book.year, book.title))

    def titles(self, since=0):
        """Titles in the order of the alphabet, of books from that year on."""
        return sorted(book.title for book in self._books.values() if book.year >= since)


def save(store, path):
    """Write the books of a store to a file."""
    rows = [[title, store.find(title).year] for title in store.titles()]
    Path(path).write_text(json.dumps(rows), encoding="utf-8")


def load(path):
    """The store that was saved in a file, an empty one where there is none."""
    file = Path(path)
    if not file.exists():
        return Store()
    return Store(Book(title, year) for title, year in json.loads(file.read_text(encoding="utf-8")))
