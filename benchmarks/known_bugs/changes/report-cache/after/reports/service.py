"""What customers see on their dashboard."""

from reports import queries
from reports.caching import cached


class Reports:
    """The reports of one tenant."""

    def __init__(self, tenant: str) -> None:
        self.tenant = tenant

    @cached(seconds=300)
    def revenue(self, month: str) -> int:
        """Cents."""
        return sum(row.cents for row in queries.payments(self.tenant, month))

    @cached(seconds=300)
    def customers(self, month: str) -> int:
        return len({row.customer for row in queries.payments(self.tenant, month)})

    def average(self, month: str) -> float:
        count = self.customers(month)
        return self.revenue(month) / count if count else 0.0
