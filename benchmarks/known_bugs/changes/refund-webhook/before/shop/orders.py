"""The state of orders."""


class Orders:
    def __init__(self) -> None:
        self.paid: dict[str, int] = {}
        self.failed: dict[str, str] = {}

    def mark_paid(self, order: str, cents: int) -> None:
        self.paid[order] = cents

    def mark_failed(self, order: str, reason: str) -> None:
        self.failed[order] = reason
