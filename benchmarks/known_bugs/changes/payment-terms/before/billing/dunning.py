"""Invoices that are overdue."""

from collections.abc import Iterable, Iterator

from billing.clock import today_in
from billing.models import Invoice


def overdue(invoices: Iterable[Invoice]) -> Iterator[Invoice]:
    for invoice in invoices:
        if not invoice.paid and invoice.due_on < today_in(invoice.customer.zone):
            yield invoice
