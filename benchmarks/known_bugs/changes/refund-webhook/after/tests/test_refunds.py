import pytest

from shop.orders import Orders
from shop.webhooks.refunds import RefundHandler

EVENT = {"type": "charge.refunded", "data": {"order": "o1", "refund": "r1", "amount": 300}}


@pytest.fixture
def orders():
    orders = Orders()
    orders.mark_paid("o1", 1000)
    return orders


def test_a_refund_is_taken_from_the_balance_once(orders):
    RefundHandler().handle(EVENT, orders)
    RefundHandler().handle(EVENT, orders)
    assert orders.balance("o1") == 700


def test_no_more_is_refunded_than_was_paid(orders):
    with pytest.raises(ValueError):
        RefundHandler().handle({"data": {"order": "o1", "refund": "r2", "amount": 1001}}, orders)
