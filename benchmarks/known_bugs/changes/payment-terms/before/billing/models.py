"""Customers and their invoices."""

from dataclasses import dataclass
from datetime import date


@dataclass
class Customer:
    email: str
    zone: str


@dataclass
class Invoice:
    number: str
    customer: Customer
    due_on: date
    paid: bool = False
