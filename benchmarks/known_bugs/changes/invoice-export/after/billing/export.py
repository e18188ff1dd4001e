"""Writes the invoices of an account to a CSV file."""

import csv
from typing import TextIO

from sqlalchemy.orm import Session

from billing.invoices import pages_of

COLUMNS = ("number", "issued_on", "cents")


def export(session: Session, account_id: int, out: TextIO) -> int:
    """Rows written."""
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    rows = 0
    for page in pages_of(session, account_id):
        for invoice in page:
            writer.writerow((invoice.number, invoice.issued_on.isoformat(), invoice.cents))
        out.flush()
        rows += len(page)
    return rows
