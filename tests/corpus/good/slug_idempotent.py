# project: shelf
# path: src/shelf/labels.py
# function: slug
# kind: property with an expected form

import re

from hypothesis import given
from hypothesis import strategies as st
from shelf.labels import slug


@given(st.text(alphabet="aZ09 &!-ß", max_size=30))
def test_slug_has_only_its_letters(title):
    made = slug(title)
    assert re.fullmatch(r"([a-z0-9]+(-[a-z0-9]+)*)?", made)
    assert slug(made) == made
