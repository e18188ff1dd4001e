"""Reminds customers of invoices that are due soon."""

import logging
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from typing import Protocol

from billing.models import Invoice

BEFORE_DUE = timedelta(days=3)

log = logging.getLogger(__name__)


class Mailer(Protocol):
    def send(self, to: str, subject: str, body: str) -> None: ...


def due_soon(invoices: Iterable[Invoice]) -> Iterator[Invoice]:
    """Invoices whose reminder is to go out on this day of the customer."""
    today = date.today()
    for invoice in invoices:
        if invoice.paid or invoice.reminded:
            continue
        if invoice.due_on - BEFORE_DUE <= today < invoice.due_on:
            yield invoice


def remind(invoices: Iterable[Invoice], mailer: Mailer) -> int:
    """Reminders sent."""
    sent = 0
    for invoice in due_soon(invoices):
        try:
            mailer.send(
                invoice.customer.email,
                f"Invoice {invoice.number} is due soon",
                f"Invoice {invoice.number} is due on {invoice.due_on:%d %B %Y}.",
            )
        except OSError:
            log.exception("no reminder of invoice %s", invoice.number)
            continue
        invoice.reminded = True
        sent += 1
    return sent
