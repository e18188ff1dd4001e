"""Writes the invoices of an account to a CSV file."""

import csv
from typing import TextIO

from sqlalchemy.orm import Session

from billing.invoices import invoices_of

COLUMNS = ("number", "issued_on", "cents")


def export(session: Session, account_id: int, out: TextIO) -> int:
    """Rows written."""
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    invoices = invoices_of(session, account_id)
    for invoice in invoices:
        writer.writerow((invoice.number, invoice.issued_on.isoformat(), invoice.cents))
    return len(invoices)
