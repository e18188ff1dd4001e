from shop.page import lines
from shop.ratings import Ratings


def test_a_product_without_ratings_has_no_average():
    assert lines("lamp", Ratings()) == ["lamp"]


def test_an_average_is_rounded_half_up():
    ratings = Ratings()
    for customer, stars in enumerate((5, 4, 4, 4)):
        ratings.rate("lamp", str(customer), stars)
    assert lines("lamp", ratings) == ["lamp", "4.3 of 5 (4 ratings)"]


def test_a_second_rating_of_a_customer_replaces_the_first():
    ratings = Ratings()
    ratings.rate("lamp", "ann", 1)
    ratings.rate("lamp", "ann", 5)
    assert lines("lamp", ratings) == ["lamp", "5.0 of 5 (1 rating)"]
