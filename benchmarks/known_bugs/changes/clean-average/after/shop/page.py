"""The page of a product."""

from shop.ratings import Ratings


def lines(product: str, ratings: Ratings) -> list[str]:
    average = ratings.average(product)
    if average is None:
        return [product]
    count = ratings.count(product)
    return [product, f"{average} of 5 ({count} rating{'s' if count > 1 else ''})"]
