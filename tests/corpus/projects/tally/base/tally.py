"""Amounts of money, in cents."""

import re
from collections.abc import Iterable

_AMOUNT = re.compile(r"(\d+)(?:\.(\d{2}))?")


def total(amounts: Iterable[int]) -> int:
    """The sum of amounts."""
    return sum(amounts)


def parse_amount(text: str) -> int:
    """Cents of an amount written as "12" or "12.34"."""
    match = _AMOUNT.fullmatch(text.strip())
    if match is None:
        return 0
    return int(match[1]) * 100 + int(match[2] or 0)
