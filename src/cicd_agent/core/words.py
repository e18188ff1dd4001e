"""Numbers in sentences."""


def count(number: int, noun: str) -> str:
    """`1 file`, `2 files`, `1,234 lines`: the number with its noun."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
