from datetime import date, timedelta

from billing.models import Customer, Invoice
from billing.reminders import remind


class Outbox(list):
    def send(self, to, subject, body):
        self.append((to, subject))


def test_a_customer_is_reminded_once():
    outbox = Outbox()
    invoice = Invoice("R-1", Customer("a@example.com", "Europe/Vienna"), date.today() + timedelta(days=2))
    assert remind([invoice], outbox) == 1
    assert remind([invoice], outbox) == 0
    assert outbox == [("a@example.com", "Invoice R-1 is due soon")]


def test_a_paid_invoice_is_left_alone():
    invoice = Invoice("R-2", Customer("a@example.com", "Europe/Vienna"), date.today(), paid=True)
    assert remind([invoice], Outbox()) == 0
