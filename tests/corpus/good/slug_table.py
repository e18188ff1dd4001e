# project: shelf
# path: src/shelf/labels.py
# function: slug
# kind: parametrize with ids

import pytest
from shelf.labels import slug


@pytest.mark.parametrize(
    "title, expected",
    [("War & Peace", "war-peace"), ("  Emma!", "emma"), ("1984", "1984")],
    ids=["sign", "edges", "digits"],
)
def test_slug_keeps_letters_and_digits(title, expected):
    assert slug(title) == expected
