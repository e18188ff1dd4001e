"""What customers see on their dashboard."""

from reports import queries
from reports.caching import cached


@cached(seconds=300)
def revenue(tenant: str, month: str) -> int:
    """Cents."""
    return sum(row.cents for row in queries.payments(tenant, month))


@cached(seconds=300)
def customers(tenant: str, month: str) -> int:
    return len({row.customer for row in queries.payments(tenant, month)})


def average(tenant: str, month: str) -> float:
    count = customers(tenant, month)
    return revenue(tenant, month) / count if count else 0.0
