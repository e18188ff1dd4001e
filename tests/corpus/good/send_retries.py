# project: courier
# path: courier/send.py
# function: deliver
# kind: asyncio.run with a stand-in

import asyncio

from courier.send import deliver


def test_delivery_is_tried_again():
    answers = [ConnectionError("down"), None]

    async def sender(parcel):
        answer = answers.pop(0)
        if answer is not None:
            raise answer

    assert asyncio.run(deliver("book", sender)) == 2
    assert answers == []
