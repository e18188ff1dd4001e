"""The state of orders."""


class Orders:
    def __init__(self) -> None:
        self.paid: dict[str, int] = {}
        self.failed: dict[str, str] = {}
        self.refunds: dict[str, dict[str, int]] = {}

    def mark_paid(self, order: str, cents: int) -> None:
        self.paid[order] = cents

    def mark_failed(self, order: str, reason: str) -> None:
        self.failed[order] = reason

    def mark_refunded(self, order: str, refund: str, cents: int) -> None:
        """Once for each refund: the provider may send it again. Raises ValueError for more than was paid."""
        known = self.refunds.setdefault(order, {})
        if refund in known:
            return
        if sum(known.values()) + cents > self.paid.get(order, 0):
            raise ValueError(f"more is refunded of {order} than was paid")
        known[refund] = cents

    def balance(self, order: str) -> int:
        """Cents that were paid and not refunded."""
        return self.paid.get(order, 0) - sum(self.refunds.get(order, {}).values())
