# project: courier
# path: courier/send.py
# function: deliver
# kind: never reached
# falls: static

from courier.send import deliver


async def test_delivery_is_tried_five_times():
    assert await deliver("book", None) == 5
