"""Amounts of money, in cents."""

import re
from collections.abc import Iterable, Sequence

_AMOUNT = re.compile(r"([+-]?)(\d+)(?:\.(\d{2}))?")


def total(amounts: Iterable[int]) -> int:
    """The sum of amounts."""
    return sum(amounts)


def parse_amount(text: str) -> int:
    """Cents of an amount written as "12", "12.34" or "-12.34".

    >>> parse_amount("-0.50")
    -50

    Raises ValueError for anything else.
    """
    match = _AMOUNT.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"no amount: {text!r}")
    cents = int(match[2]) * 100 + int(match[3] or 0)
    return -cents if match[1] == "-" else cents


def share(amount: int, people: int) -> list[int]:
    """Parts of an amount that differ by at most one cent, the larger ones first.

    >>> share(100, 3)
    [34, 33, 33]
    """
    if people < 1:
        raise ValueError("there is nobody to share with")
    part, rest = divmod(amount, people)
    return [part + 1] * rest + [part] * (people - rest)


def discount(amount: int, percent: int) -> int:
    """The amount less a discount, never below zero.

    >>> discount(1000, 10)
    900
    >>> discount(500, 120)
    0
    """
    return amount - amount * percent // 100


def tidy(amounts: list[int]) -> None:
    """Take out zeros and sort, in place."""
    amounts[:] = sorted(each for each in amounts if each != 0)


def mean(amounts: Sequence[int]) -> float:
    """The arithmetic mean, 0.0 of nothing."""
    if not amounts:
        return 0.0
    return total(amounts) / len(amounts)
