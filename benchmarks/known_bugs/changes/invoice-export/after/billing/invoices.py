"""Invoices of an account."""

from collections.abc import Iterator

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing.models import Invoice

PAGE_SIZE = 200


def invoices_of(session: Session, account_id: int, page: int = 1, size: int = PAGE_SIZE) -> list[Invoice]:
    """One page of the invoices of an account, oldest first; pages are counted from 1."""
    query = (
        select(Invoice)
        .where(Invoice.account_id == account_id)
        .order_by(Invoice.issued_on)
        .offset(page * size)
        .limit(size)
    )
    return list(session.scalars(query))


def pages_of(session: Session, account_id: int, size: int = PAGE_SIZE) -> Iterator[list[Invoice]]:
    """All pages, until one is not full."""
    page = 1
    while invoices := invoices_of(session, account_id, page, size):
        yield invoices
        if len(invoices) < size:
            return
        page += 1


def total(invoices: list[Invoice]) -> int:
    """Cents."""
    return sum(invoice.cents for invoice in invoices)
