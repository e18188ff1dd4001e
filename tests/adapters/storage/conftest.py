"""A book of each kind for each test; one PostgreSQL server for all tests of a process."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cicd_agent.domain.ports.storage import Store
from tests.adapters.storage.books import Book
from tests.support.services.postgres import NoServerError, Server, start


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    try:
        running = start()
    except NoServerError as error:
        pytest.skip(f"no PostgreSQL: {error}")
    yield running
    running.stop()


@pytest.fixture(params=["sqlite", "postgresql"])
def book(request: pytest.FixtureRequest, tmp_path: Path) -> Book:
    if request.param == "sqlite":
        return Book("sqlite", str(tmp_path / "state.db"))
    return Book(request.param, request.getfixturevalue("server").schema())


@pytest.fixture
def opening() -> Iterator[Callable[[Book], Store]]:
    """Opens stores, and closes them after the test."""
    opened: list[Store] = []

    def begin(book: Book) -> Store:
        opened.append(book.open())
        return opened[-1]

    yield begin
    for store in opened:
        store.close()


@pytest.fixture
def store(book: Book, opening: Callable[[Book], Store]) -> Store:
    return opening(book)
