"""Refunds, whole or in part."""

from typing import Any

from shop.orders import Orders


class RefundHandler:
    """Takes `charge.refunded`."""

    kind = "charge.refunded"

    def handle(self, event: dict[str, Any], orders: Orders) -> None:
        data = event["data"]
        orders.mark_refunded(data["order"], data["refund"], data["amount"])
