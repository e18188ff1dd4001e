"""Ratings of products: one to five stars, one for each customer."""

from collections import defaultdict


class Ratings:
    def __init__(self) -> None:
        self._stars: dict[str, dict[str, int]] = defaultdict(dict)

    def rate(self, product: str, customer: str, stars: int) -> None:
        if not 1 <= stars <= 5:
            raise ValueError("one to five stars")
        self._stars[product][customer] = stars
