"""Moves stock between warehouses."""

import logging
import sqlite3

from stock import store
from stock.events import StockMoved, publish

log = logging.getLogger(__name__)


def available(connection: sqlite3.Connection, warehouse: str, item: str) -> int:
    row = connection.execute(
        "SELECT amount FROM stock WHERE warehouse = ? AND item = ?", (warehouse, item)
    ).fetchone()
    return row[0] if row else 0


def transfer(connection: sqlite3.Connection, item: str, source: str, target: str, amount: int) -> bool:
    """Whether the items were moved."""
    if amount <= 0 or source == target:
        return False
    if available(connection, source, item) < amount:
        return False
    try:
        store.add(connection, source, item, -amount)
        store.add(connection, target, item, amount)
        publish(StockMoved(item, source, target, amount))
        connection.commit()
    except (sqlite3.Error, ValueError):
        log.exception("%s %s not moved from %s to %s", amount, item, source, target)
        return False
    return True
