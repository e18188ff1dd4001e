"""Which handler takes which kind of webhook."""

import logging
from typing import Any, Protocol

from shop.orders import Orders
from shop.webhooks.payments import ChargeFailedHandler, ChargeSucceededHandler

log = logging.getLogger(__name__)


class Handler(Protocol):
    def handle(self, event: dict[str, Any], orders: Orders) -> None: ...


HANDLERS: dict[str, Handler] = {
    "charge.succeeded": ChargeSucceededHandler(),
    "charge.failed": ChargeFailedHandler(),
}


def dispatch(event: dict[str, Any], orders: Orders) -> bool:
    """Whether somebody took it; kinds that nobody knows are acknowledged, or the provider sends them for days."""
    kind = event.get("type", "")
    handler = HANDLERS.get(kind)
    if handler is None:
        log.debug("ignored webhook %s", kind)
        return False
    handler.handle(event, orders)
    return True
