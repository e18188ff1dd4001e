from stock.store import connect
from stock.transfer import available, transfer


def stocked():
    connection = connect(":memory:")
    connection.executemany("INSERT INTO stock VALUES (?, ?, ?)", [("north", "bolt", 5), ("south", "bolt", 0)])
    connection.commit()
    return connection


def test_items_are_moved():
    connection = stocked()
    assert transfer(connection, "bolt", "north", "south", 3)
    assert available(connection, "north", "bolt") == 2
    assert available(connection, "south", "bolt") == 3


def test_more_than_there_is_cannot_be_moved():
    connection = stocked()
    assert not transfer(connection, "bolt", "north", "south", 6)
    assert available(connection, "north", "bolt") == 5


def test_an_unknown_warehouse_is_refused():
    assert not transfer(stocked(), "bolt", "north", "west", 1)
