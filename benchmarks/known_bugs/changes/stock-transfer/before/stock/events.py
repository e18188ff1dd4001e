"""What other services are told."""

from collections.abc import Callable
from dataclasses import dataclass

subscribers: list[Callable[[object], None]] = []


@dataclass(frozen=True)
class StockMoved:
    item: str
    source: str
    target: str
    amount: int


def publish(event: object) -> None:
    for subscriber in subscribers:
        subscriber(event)
