# project: courier
# path: courier/send.py
# function: deliver
# kind: asyncio and raises

import asyncio

import pytest
from courier.send import deliver


def test_delivery_gives_up():
    class Sender:
        def __init__(self):
            self.calls = 0

        async def __call__(self, parcel):
            self.calls += 1
            raise ConnectionError(parcel)

    sender = Sender()
    with pytest.raises(ConnectionError, match="book was not delivered in 2 attempts"):
        asyncio.run(deliver("book", sender, attempts=2))
    assert sender.calls == 2
