"""Payments that succeeded or failed."""

from typing import Any

from shop.orders import Orders


class ChargeSucceededHandler:
    def handle(self, event: dict[str, Any], orders: Orders) -> None:
        orders.mark_paid(event["data"]["order"], event["data"]["amount"])


class ChargeFailedHandler:
    def handle(self, event: dict[str, Any], orders: Orders) -> None:
        orders.mark_failed(event["data"]["order"], event["data"].get("reason", ""))
