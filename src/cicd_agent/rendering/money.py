"""Amounts of money as people read them."""

from decimal import Decimal, InvalidOperation
from typing import Final

NANO: Final = 10**9
"""Money is counted in billionths of a US dollar, as whole numbers: sums are exact in any order."""


def money(nano: int) -> str:
    """Billionths of a dollar: a small amount with more digits, and never 0 for what is not."""
    sign, whole = ("-" if nano < 0 else ""), abs(nano)
    if 0 < whole < NANO // 20_000:
        return f"{sign}<$0.0001"
    digits = 4 if 0 < whole < 100 * NANO else 2
    units = (whole * 10**digits + NANO // 2) // NANO
    return f"{sign}${units // 10**digits:,}.{units % 10**digits:0{digits}d}"


def dollars(text: str) -> str | None:
    """Dollars as an entry of the audit log has them, in text; None when that is no amount."""
    try:
        found = Decimal(text)
    except InvalidOperation:
        return None
    return money(int(found * NANO)) if found.is_finite() and abs(found) < NANO else None
