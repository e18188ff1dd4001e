"""The books that are there."""

from dataclasses import dataclass


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
        self._books[book.title] = book

    def find(self, title):
        """The book of that title, None when there is none."""
        return self._books.get(title)
