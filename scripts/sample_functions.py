"""A small change with a mistake in it that its documentation gives away: what gen-tests is shown at work on."""

from pathlib import Path

from scripts.sample_pull_request import BASE, HEAD, commit, git

MISTAKEN = "weights"
"""The function whose documentation says otherwise."""

_BEFORE = {
    "parcels.py": '''"""Prices of parcels."""


def price(grams):
    """What a parcel costs, in cents.

    >>> price(500)
    499
    """
    if grams <= 1000:
        return 499
    return 899
''',
    "tests/test_parcels.py": """from parcels import price


def test_a_small_parcel():
    assert price(1) == 499


def test_a_large_parcel():
    assert price(5000) == 899
""",
}
_AFTER = {
    "parcels.py": '''"""Prices of parcels."""


def price(grams):
    """What a parcel costs, in cents.

    >>> price(500)
    499
    >>> price(20_001)
    Traceback (most recent call last):
    ValueError: too heavy
    """
    if grams > 20_000:
        raise ValueError("too heavy")
    if grams <= 1000:
        return 499
    return 899


def weights(text):
    """The weights in a text, with commas between them.

    >>> weights("5, 20")
    [5, 20]
    >>> weights("")
    []
    """
    return [int(part) for part in text.split(",")]
''',
}


def build(place: Path) -> None:
    """Make a repository of it, with the branches BASE and HEAD."""
    place.mkdir(parents=True)
    git(place, "init", "--quiet", "--template=", f"--initial-branch={BASE}")
    commit(place, _BEFORE, "Price parcels", day=1)
    git(place, "checkout", "--quiet", "-b", HEAD)
    commit(place, _AFTER, "Refuse what is too heavy, and read weights", day=2)
