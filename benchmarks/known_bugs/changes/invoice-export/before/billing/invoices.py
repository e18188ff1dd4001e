"""Invoices of an account."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing.models import Invoice


def invoices_of(session: Session, account_id: int) -> list[Invoice]:
    """All invoices of an account."""
    query = select(Invoice).where(Invoice.account_id == account_id)
    return list(session.scalars(query))


def total(invoices: list[Invoice]) -> int:
    """Cents."""
    return sum(invoice.cents for invoice in invoices)
