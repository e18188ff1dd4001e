"""The stock of each warehouse. A connection is shared by all requests of a worker; whoever changes something commits."""

import sqlite3


def connect(path: str) -> sqlite3.Connection:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE IF NOT EXISTS stock (warehouse TEXT, item TEXT, amount INT)")
    connection.execute("CREATE TABLE IF NOT EXISTS journal (warehouse TEXT, item TEXT, change INT)")
    return connection


def add(connection: sqlite3.Connection, warehouse: str, item: str, amount: int) -> None:
    """Raises ValueError where the warehouse has no place for the item."""
    changed = connection.execute(
        "UPDATE stock SET amount = amount + ? WHERE warehouse = ? AND item = ?", (amount, warehouse, item)
    )
    if not changed.rowcount:
        raise ValueError(f"{warehouse} has no place for {item}")
    connection.execute("INSERT INTO journal VALUES (?, ?, ?)", (warehouse, item, amount))
