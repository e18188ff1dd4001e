"""Ratings of products: one to five stars, one for each customer."""

from collections import defaultdict
from decimal import ROUND_HALF_UP, Decimal

_DIGIT = Decimal("0.1")


class Ratings:
    def __init__(self) -> None:
        self._stars: dict[str, dict[str, int]] = defaultdict(dict)

    def rate(self, product: str, customer: str, stars: int) -> None:
        if not 1 <= stars <= 5:
            raise ValueError("one to five stars")
        self._stars[product][customer] = stars

    def count(self, product: str) -> int:
        return len(self._stars.get(product, {}))

    def average(self, product: str) -> Decimal | None:
        """With one digit; None without a rating."""
        stars = self._stars.get(product, {}).values()
        if not stars:
            return None
        return (Decimal(sum(stars)) / len(stars)).quantize(_DIGIT, rounding=ROUND_HALF_UP)
