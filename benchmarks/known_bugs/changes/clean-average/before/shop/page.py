"""The page of a product."""

from shop.ratings import Ratings


def lines(product: str, ratings: Ratings) -> list[str]:
    return [product]
